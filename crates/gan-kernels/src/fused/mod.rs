//! The operations of this crate on Burn's CPU back ends, each with its own backward pass.

#![cfg_attr(
    feature = "ndarray",
    expect(deprecated, reason = "ndarray is supported as long as Burn ships it")
)]

#[cfg(feature = "autodiff")]
mod backward;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Device, Tensor};

use crate::Activation;
use crate::batch_norm::normalise;
use crate::host::{Host, matrix, tensor};
use crate::log_sigmoid::log_sigmoid_lane as log_sigmoid;
use crate::matmul::product;
use crate::recycle::buffer;

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

    fn host_dense_jvp(
        tangent: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        output: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    fn host_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        activation: Activation,
        epsilon: f32,
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

            fn host_dense_jvp(
                tangent: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                output: FloatTensor<Self>,
                activation: Activation,
            ) -> FloatTensor<Self> {
                tangent_forward::<Self>(tangent, weight, &Self::contiguous(output), activation)
            }

            fn host_batch_norm(
                x: FloatTensor<Self>,
                gamma: FloatTensor<Self>,
                beta: FloatTensor<Self>,
                activation: Activation,
                epsilon: f32,
            ) -> FloatTensor<Self> {
                norm_forward::<Self>(x, &Self::contiguous(gamma), beta, activation, epsilon).output
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
    if crate::reference::is_active() {
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

/// The fused form of [`crate::dense_jvp`].
pub(crate) fn dense_jvp(
    tangent: Tensor<2>,
    weight: Tensor<2>,
    output: Tensor<2>,
    activation: Activation,
) -> Tensor<2> {
    let [tangent, weight, output] = [tangent, weight, output].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as HostOps>::host_dense_jvp(
        tangent, weight, output, activation,
    ))
}

/// The fused form of [`crate::batch_norm`].
pub(crate) fn batch_norm(
    x: Tensor<2>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    activation: Activation,
    epsilon: f32,
) -> Tensor<2> {
    let [gamma, beta] = [gamma, beta].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as HostOps>::host_batch_norm(
        x.into_dispatch(),
        gamma,
        beta,
        activation,
        epsilon,
    ))
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

fn tangent_forward<B: Host>(
    tangent: FloatTensor<B>,
    weight: FloatTensor<B>,
    output: &FloatTensor<B>,
    activation: Activation,
) -> FloatTensor<B> {
    let [tangent, weight] = [tangent, weight].map(B::contiguous);
    let (tangent, weight) = (matrix::<B>(&tangent), matrix::<B>(&weight));
    let mut slope = product(tangent, weight, None, |_| ());
    pulp::Arch::new().dispatch(|| activation.differentiate(&mut slope, B::floats(output)));
    tensor::<B, 2>(slope, [tangent.rows, weight.columns])
}

/// A normalised batch, and what its backward pass needs.
struct Normalised<B: Host> {
    output: FloatTensor<B>,
    #[cfg_attr(not(feature = "autodiff"), expect(dead_code, reason = "for the backward pass"))]
    normal: FloatTensor<B>,
    #[cfg_attr(not(feature = "autodiff"), expect(dead_code, reason = "for the backward pass"))]
    inverse: Vec<f32>,
}

fn norm_forward<B: Host>(
    x: FloatTensor<B>,
    gamma: &FloatTensor<B>,
    beta: FloatTensor<B>,
    activation: Activation,
    epsilon: f32,
) -> Normalised<B> {
    let [x, beta] = [x, beta].map(B::contiguous);
    let shape = matrix::<B>(&x);
    let (shape, columns) = ([shape.rows, shape.columns], shape.columns);
    let (mut normal, mut output) = (buffer(shape[0] * columns), buffer(shape[0] * columns));
    normal.copy_from_slice(B::floats(&x));
    let (gamma, beta) = (B::floats(gamma), B::floats(&beta));
    let inverse = pulp::Arch::new().dispatch(|| {
        let inverse = normalise(&mut normal, columns, epsilon);
        for (y, x) in output.chunks_exact_mut(columns).zip(normal.chunks_exact(columns)) {
            for ((y, x), (gamma, beta)) in y.iter_mut().zip(x).zip(gamma.iter().zip(beta)) {
                *y = gamma * x + beta;
            }
            activation.apply(y);
        }
        inverse
    });
    let [normal, output] = [normal, output].map(|numbers| tensor::<B, 2>(numbers, shape));
    Normalised { output, normal, inverse }
}
