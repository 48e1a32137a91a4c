//! The operations of this crate on Burn's CPU back ends, each with its own backward pass.

#![cfg_attr(
    feature = "ndarray",
    expect(deprecated, reason = "ndarray is supported as long as Burn ships it")
)]

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Device, Tensor};

use crate::Activation;
use crate::host::{Host, matrix, tensor};
use crate::log_sigmoid::log_sigmoid_lane as log_sigmoid;
use crate::matmul::product;

/// What Burn must be taught: the operations by back end.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff: cfg(feature = "autodiff")
)]
trait HostOps: Backend {
    fn host_dense(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    fn host_log_sigmoid(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

macro_rules! impl_host_ops {
    ($backend:ty) => {
        impl HostOps for $backend {
            fn host_dense(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                activation: Activation,
            ) -> FloatTensor<Self> {
                dense_forward::<Self>(input, weight, bias, activation)
            }

            fn host_log_sigmoid(x: FloatTensor<Self>) -> FloatTensor<Self> {
                Self::edit(Self::contiguous(x), |x| x.iter_mut().for_each(|x| *x = log_sigmoid(*x)))
            }
        }
    };
}

#[cfg(feature = "flex")]
impl_host_ops!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
impl_host_ops!(burn::backend::NdArray);

/// Whether a tensor is of the kind that these operations are written for.
pub(crate) fn can_run(tensor: &Tensor<2>) -> bool {
    if crate::plain::is_on() {
        return false;
    }
    let device = tensor.device();
    #[cfg(feature = "flex")]
    let on_host = device == Device::flex();
    #[cfg(not(feature = "flex"))]
    let on_host = false;
    #[cfg(feature = "ndarray")]
    let on_host = on_host || device == Device::ndarray();
    on_host && tensor.dtype() == DType::F32
}

/// The fused form of [`crate::dense`].
pub(crate) fn dense(
    input: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<2> {
    let [input, weight] = [input, weight].map(Tensor::into_dispatch);
    let output = <Dispatch as HostOps>::host_dense(input, weight, bias.into_dispatch(), activation);
    Tensor::from_dispatch(output)
}

/// This crate's form of [`crate::log_sigmoid`].
pub(crate) fn log_sigmoid_of(x: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as HostOps>::host_log_sigmoid(x.into_dispatch()))
}

fn dense_forward<B: Host>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    activation: Activation,
) -> FloatTensor<B> {
    let [input, weight, bias] = [input, weight, bias].map(B::contiguous);
    let (input, weight) = (matrix::<B>(&input), matrix::<B>(&weight));
    let arch = pulp::Arch::new();
    let output = product(input, weight, Some(B::floats(&bias)), |row| {
        arch.dispatch(|| activation.apply(row));
    });
    tensor::<B, 2>(output, [input.rows, weight.columns])
}

#[cfg(feature = "autodiff")]
mod backward {
    use burn::backend::Autodiff;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

    use super::{Activation, FloatTensor, Host, HostOps, dense_forward, matrix, product, tensor};
    use crate::log_sigmoid::log_sigmoid_slope;
    use crate::matmul::rows_then_sums;

    impl<B: Host + HostOps, C: CheckpointStrategy> HostOps for Autodiff<B, C> {
        fn host_dense(
            input: FloatTensor<Self>,
            weight: FloatTensor<Self>,
            bias: FloatTensor<Self>,
            activation: Activation,
        ) -> FloatTensor<Self> {
            let [(input, input_node), (weight, weight_node), (bias, bias_node)] =
                [input, weight, bias].map(FloatTensor::<Self>::into_parts);
            let nodes = [input_node, weight_node, bias_node];
            let [input, weight] = [input, weight].map(B::contiguous);
            let output = dense_forward::<B>(input.clone(), weight.clone(), bias, activation);
            match DenseBackward.prepare::<C>(nodes).compute_bound().stateful() {
                OpsKind::Tracked(prep) => {
                    let state = State::<B> { input, weight, output: output.clone(), activation };
                    prep.finish(state, output)
                }
                OpsKind::UnTracked(prep) => prep.finish(output),
            }
        }

        fn host_log_sigmoid(x: FloatTensor<Self>) -> FloatTensor<Self> {
            let (x, node) = x.into_parts();
            let x = B::contiguous(x);
            let output = B::host_log_sigmoid(x.clone());
            match LogSigmoidBackward.prepare::<C>([node]).compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish(x, output),
                OpsKind::UnTracked(prep) => prep.finish(output),
            }
        }
    }

    #[derive(Debug)]
    struct LogSigmoidBackward;

    impl<B: Host> Backward<B, 1> for LogSigmoidBackward {
        type State = FloatTensor<B>;

        fn backward(
            self,
            ops: Ops<FloatTensor<B>, 1>,
            gradients: &mut Gradients,
            _checkpointer: &mut Checkpointer,
        ) {
            let gradient = B::contiguous(gradients.consume::<B>(&ops.node));
            let [node] = ops.parents;
            let Some(node) = node else { return };
            let gradient = B::edit(gradient, |gradient| {
                let pairs = gradient.iter_mut().zip(B::floats(&ops.state));
                pairs.for_each(|(gradient, &x)| *gradient *= log_sigmoid_slope(x));
            });
            gradients.register::<B>(node.id, gradient);
        }
    }

    #[derive(Debug)]
    struct DenseBackward;

    /// What the forward pass leaves for the backward one.
    #[derive(Clone, Debug)]
    struct State<B: Host> {
        input: FloatTensor<B>,
        weight: FloatTensor<B>,
        output: FloatTensor<B>,
        activation: Activation,
    }

    impl<B: Host> Backward<B, 3> for DenseBackward {
        type State = State<B>;

        fn backward(
            self,
            ops: Ops<State<B>, 3>,
            gradients: &mut Gradients,
            _checkpointer: &mut Checkpointer,
        ) {
            let State { input, weight, output, activation } = ops.state;
            let [input_node, weight_node, bias_node] = ops.parents;
            let (input, weight) = (matrix::<B>(&input), matrix::<B>(&weight));
            let columns = weight.columns;

            // From the gradient of the output to that of the sum, in place.
            let mut sums = Vec::new();
            let gradient = B::edit(B::contiguous(gradients.consume::<B>(&ops.node)), |gradient| {
                sums = rows_then_sums(gradient, B::floats(&output), columns, |g, y| {
                    activation.differentiate(g, y);
                });
            });
            let gradient = matrix::<B>(&gradient);

            // None is computed that nobody asked for.
            if let Some(node) = weight_node {
                let data = product(input.transposed(), gradient, None, |_| ());
                gradients.register::<B>(node.id, tensor::<B, 2>(data, [input.columns, columns]));
            }
            if let Some(node) = input_node {
                let data = product(gradient, weight.transposed(), None, |_| ());
                gradients.register::<B>(node.id, tensor::<B, 2>(data, [input.rows, weight.rows]));
            }
            if let Some(node) = bias_node {
                gradients.register::<B>(node.id, tensor::<B, 1>(sums, [columns]));
            }
        }
    }
}
