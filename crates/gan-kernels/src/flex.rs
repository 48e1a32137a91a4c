//! The fused dense layer on Burn's flex back end: one forward and one backward operation.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{DType, Device, Tensor, TensorData};
use burn_flex::FlexTensor;

use crate::Activation;
use crate::matmul::{Matrix, product};

/// What Burn must be taught: the operation by back end.
#[backend_extension(Flex, Autodiff: cfg(feature = "autodiff"))]
trait DenseBackend: Backend {
    fn dense(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;
}

/// Whether both tensors are of the kind that the fused form is written for.
pub(crate) fn can_run(input: &Tensor<2>, weight: &Tensor<2>) -> bool {
    input.device() == Device::flex() && input.dtype() == DType::F32 && weight.dtype() == DType::F32
}

/// The fused form of [`crate::dense`].
pub(crate) fn dense(
    input: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<2> {
    let [input, weight] = [input, weight].map(Tensor::into_dispatch);
    let output = <Dispatch as DenseBackend>::dense(input, weight, bias.into_dispatch(), activation);
    Tensor::from_dispatch(output)
}

impl DenseBackend for Flex {
    fn dense(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let [input, weight, bias] = [input, weight, bias].map(contiguous);
        let (input, weight) = (matrix(&input), matrix(&weight));
        let arch = pulp::Arch::new();
        let output = product(input, weight, Some(bias.storage()), |row| {
            arch.dispatch(|| activation.apply(row));
        });
        tensor(output, input.rows, weight.columns)
    }
}

fn contiguous(tensor: FlexTensor) -> FlexTensor {
    let whole = tensor.is_contiguous()
        && tensor.layout().start_offset() == 0
        && tensor.storage::<f32>().len() == tensor.layout().num_elements();
    if whole { tensor } else { FlexTensor::from_data(tensor.into_data()) }
}

/// A contiguous tensor `[rows, columns]` as a matrix.
fn matrix(tensor: &FlexTensor) -> Matrix<'_> {
    let shape = tensor.layout().shape();
    Matrix::new(tensor.storage(), shape[0], shape[1])
}

fn tensor(data: Vec<f32>, rows: usize, columns: usize) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(data, [rows, columns]))
}

#[cfg(feature = "autodiff")]
mod backward {
    use burn::backend::Autodiff;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

    use super::{
        Activation, DenseBackend, Flex, FlexTensor, FloatTensor, TensorData, contiguous, matrix,
        product, tensor,
    };
    use crate::matmul::rows_then_sums;

    impl<C: CheckpointStrategy> DenseBackend for Autodiff<Flex, C> {
        fn dense(
            input: FloatTensor<Self>,
            weight: FloatTensor<Self>,
            bias: FloatTensor<Self>,
            activation: Activation,
        ) -> FloatTensor<Self> {
            let [(input, input_node), (weight, weight_node), (bias, bias_node)] =
                [input, weight, bias].map(FloatTensor::<Self>::into_parts);
            let nodes = [input_node, weight_node, bias_node];
            let [input, weight] = [input, weight].map(contiguous);
            let output = Flex::dense(input.clone(), weight.clone(), bias, activation);
            match DenseBackward.prepare::<C>(nodes).compute_bound().stateful() {
                OpsKind::Tracked(prep) => {
                    let state = State { input, weight, output: output.clone(), activation };
                    prep.finish(state, output)
                }
                OpsKind::UnTracked(prep) => prep.finish(output),
            }
        }
    }

    #[derive(Debug)]
    struct DenseBackward;

    /// What the forward pass leaves for the backward one.
    #[derive(Clone, Debug)]
    struct State {
        input: FlexTensor,
        weight: FlexTensor,
        output: FlexTensor,
        activation: Activation,
    }

    impl Backward<Flex, 3> for DenseBackward {
        type State = State;

        fn backward(
            self,
            ops: Ops<State, 3>,
            gradients: &mut Gradients,
            _checkpointer: &mut Checkpointer,
        ) {
            let State { input, weight, output, activation } = ops.state;
            let [input_node, weight_node, bias_node] = ops.parents;
            let mut gradient = contiguous(gradients.consume::<Flex>(&ops.node));

            // From the gradient of the output to that of the sum, in place.
            let (input, weight) = (matrix(&input), matrix(&weight));
            let columns = weight.columns;
            let sums = rows_then_sums(gradient.storage_mut(), output.storage(), columns, |g, y| {
                activation.differentiate(g, y);
            });
            let gradient = matrix(&gradient);

            // None is computed that nobody asked for.
            if let Some(node) = weight_node {
                let data = product(input.transposed(), gradient, None, |_| ());
                gradients.register::<Flex>(node.id, tensor(data, input.columns, columns));
            }
            if let Some(node) = input_node {
                let data = product(gradient, weight.transposed(), None, |_| ());
                gradients.register::<Flex>(node.id, tensor(data, input.rows, weight.rows));
            }
            if let Some(node) = bias_node {
                let data = TensorData::new(sums, [columns]);
                gradients.register::<Flex>(node.id, FlexTensor::from_data(data));
            }
        }
    }
}
