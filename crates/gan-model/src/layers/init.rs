//! Initial weights, drawn on the host.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Weights uniform in ±√(6 / `fans`), where `fans` are the inputs of an output and the outputs of an
/// input, added: Glorot and Bengio 2010, equation 16, the default in Keras.
pub(super) fn glorot_uniform(
    size: [usize; 2],
    fans: usize,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<2> {
    let limit = (6.0 / fans as f64).sqrt() as f32;
    let weight: Vec<f32> =
        (0..size[0] * size[1]).map(|_| rng.random_range(-limit..limit)).collect();
    Tensor::from_data(TensorData::new(weight, size), device)
}

/// A trained parameter; its identity is set when the net is complete.
pub(super) fn parameter<const D: usize>(value: Tensor<D>) -> Param<Tensor<D>> {
    Param::initialized(ParamId::from(0), value).set_require_grad(true)
}

/// A parameter that no gradient changes.
pub(super) fn statistic<const D: usize>(value: Tensor<D>) -> Param<Tensor<D>> {
    parameter(value).set_require_grad(false)
}
