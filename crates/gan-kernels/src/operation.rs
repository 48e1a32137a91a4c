//! How an operation of this crate becomes one of Burn's CPU back ends, with its backward pass.

#![cfg_attr(
    feature = "ndarray",
    expect(deprecated, reason = "ndarray is supported as long as Burn ships it")
)]

use std::fmt::Debug;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, ExtensionType, backend_extension};
use burn::tensor::{DType, Device, Tensor};

use crate::buffer_pool::tensor_data;
use crate::host::{Host, matrix};
use crate::matrix::Matrix;
use crate::reference;

/// An operation on `N` matrices in the host's memory; a vector counts as one row.
pub(crate) trait Operation<const N: usize>: Clone + Debug + Send + 'static {
    /// What the forward pass keeps for the backward pass besides its inputs and its output.
    type Saved: Clone + Debug + Send;

    /// Columns of the output, which has as many rows as the first input.
    fn columns(&self, inputs: &[Matrix; N]) -> usize;

    /// The output, row by row, in a buffer of the pool.
    fn forward(&self, inputs: [Matrix; N]) -> (Vec<f32>, Self::Saved);

    /// The gradients of the inputs from that of the output, which may be overwritten. Those that
    /// are not `wanted` need not be computed.
    fn backward(
        &self,
        gradient: &mut [f32],
        inputs: [Matrix; N],
        output: &[f32],
        saved: &Self::Saved,
        wanted: [bool; N],
    ) -> [Gradient; N];
}

/// The gradient of one input of an [`Operation`].
pub(crate) enum Gradient {
    NotComputed,
    /// It has replaced the gradient of the output.
    InPlace,
    /// Its numbers.
    New(Vec<f32>),
}

impl Gradient {
    pub(crate) fn compute(wanted: bool, gradient: impl FnOnce() -> Vec<f32>) -> Self {
        if wanted { Self::New(gradient()) } else { Self::NotComputed }
    }
}

/// The inputs of an [`Operation`].
#[derive(ExtensionType)]
pub(crate) enum Inputs<B: Backend> {
    One(FloatTensor<B>),
    Three(FloatTensor<B>, FloatTensor<B>, FloatTensor<B>),
}

impl<B: Backend> Inputs<B> {
    fn map<T, const N: usize>(self, function: impl FnMut(FloatTensor<B>) -> T) -> [T; N] {
        let inputs = match self {
            Self::One(x) => vec![x],
            Self::Three(x, y, z) => vec![x, y, z],
        };
        let mapped: Vec<T> = inputs.into_iter().map(function).collect();
        let Ok(mapped) = mapped.try_into() else { panic!("the operation takes {N} inputs") };
        mapped
    }
}

/// Extends Burn's dispatch by all operations of this crate.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff: cfg(feature = "autodiff")
)]
trait HostOperations: Backend {
    fn run<const N: usize, O: Operation<N>>(
        operation: O,
        #[extension_type] inputs: Inputs<Self>,
    ) -> FloatTensor<Self>;
}

#[cfg(feature = "flex")]
impl HostOperations for burn::backend::Flex {
    fn run<const N: usize, O: Operation<N>>(o: O, inputs: Inputs<Self>) -> FloatTensor<Self> {
        forward::<Self, O, N>(&o, &inputs.map(Self::contiguous)).0
    }
}

#[cfg(feature = "ndarray")]
impl HostOperations for burn::backend::NdArray {
    fn run<const N: usize, O: Operation<N>>(o: O, inputs: Inputs<Self>) -> FloatTensor<Self> {
        forward::<Self, O, N>(&o, &inputs.map(Self::contiguous)).0
    }
}

fn forward<B: Host, O: Operation<N>, const N: usize>(
    operation: &O,
    inputs: &[FloatTensor<B>; N],
) -> (FloatTensor<B>, O::Saved) {
    let matrices = inputs.each_ref().map(matrix::<B>);
    let shape = [matrices[0].rows, operation.columns(&matrices)];
    let (output, saved) = operation.forward(matrices);
    (B::tensor(tensor_data(output, shape)), saved)
}

/// Whether operations of this crate can run on a tensor: on `f32` in the memory of a CPU back
/// end, unless the reference implementation is active.
pub(crate) fn can_run(tensor: &Tensor<2>) -> bool {
    let devices: &[Device] = &[
        #[cfg(feature = "flex")]
        Device::flex(),
        #[cfg(feature = "ndarray")]
        Device::ndarray(),
    ];
    devices.contains(&tensor.device()) && tensor.dtype() == DType::F32 && !reference::is_active()
}

/// Runs an operation on one matrix that [`can_run`].
pub(crate) fn run_1(operation: impl Operation<1>, x: Tensor<2>) -> Tensor<2> {
    let inputs = Inputs::One(x.into_dispatch());
    Tensor::from_dispatch(<Dispatch as HostOperations>::run(operation, inputs))
}

/// Runs an operation on three inputs of which the first two [`can_run`].
pub(crate) fn run_3<const D: usize, const E: usize>(
    operation: impl Operation<3>,
    x: Tensor<2>,
    y: Tensor<D>,
    z: Tensor<E>,
) -> Tensor<2> {
    let inputs = Inputs::Three(x.into_dispatch(), y.into_dispatch(), z.into_dispatch());
    Tensor::from_dispatch(<Dispatch as HostOperations>::run(operation, inputs))
}

#[cfg(feature = "autodiff")]
mod autodiff {
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::backend::{Autodiff, TensorMetadata};

    use super::{
        FloatTensor, Gradient, Host, HostOperations, Inputs, Operation, forward, matrix,
        tensor_data,
    };

    impl<B: Host, C: CheckpointStrategy> HostOperations for Autodiff<B, C> {
        fn run<const N: usize, O: Operation<N>>(
            operation: O,
            inputs: Inputs<Self>,
        ) -> FloatTensor<Self> {
            let mut nodes = Vec::with_capacity(N);
            let inputs = inputs.map(|input| {
                let (input, node) = input.into_parts();
                nodes.push(node);
                B::contiguous(input)
            });
            let Ok(nodes) = nodes.try_into() else { unreachable!("a node for each input") };
            let (output, saved) = forward::<B, O, N>(&operation, &inputs);
            match BackwardPass(operation).prepare::<C>(nodes).compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish((inputs, output.clone(), saved), output),
                OpsKind::UnTracked(prep) => prep.finish(output),
            }
        }
    }

    #[derive(Debug)]
    struct BackwardPass<O>(O);

    impl<B: Host, O: Operation<N>, const N: usize> Backward<B, N> for BackwardPass<O> {
        type State = ([FloatTensor<B>; N], FloatTensor<B>, O::Saved);

        fn backward(
            self,
            ops: Ops<Self::State, N>,
            gradients: &mut Gradients,
            _checkpointer: &mut Checkpointer,
        ) {
            let (inputs, output, saved) = &ops.state;
            let wanted = ops.parents.each_ref().map(Option::is_some);
            let mut results = None;
            let gradient = B::contiguous(gradients.consume::<B>(&ops.node));
            let mut gradient = Some(B::edit(gradient, |gradient| {
                let (inputs, output) = (inputs.each_ref().map(matrix::<B>), B::floats(output));
                results = Some(self.0.backward(gradient, inputs, output, saved, wanted));
            }));
            let results = results.into_iter().flatten();
            for ((parent, input), result) in ops.parents.iter().zip(inputs).zip(results) {
                let result = match result {
                    Gradient::NotComputed => None,
                    Gradient::InPlace => gradient.take(),
                    Gradient::New(data) => Some(B::tensor(tensor_data(data, input.shape()))),
                };
                if let (Some(parent), Some(result)) = (parent, result) {
                    gradients.register::<B>(parent.id, result);
                }
            }
        }
    }
}
