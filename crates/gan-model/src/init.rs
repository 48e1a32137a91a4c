//! Initial weights, drawn on the host.

use burn::module::{Param, ParamId};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A layer `[inputs, outputs]` with weights from `rng`, and `id` and `id + 1` as the
/// identities of its weight and bias.
///
/// Weights are uniform in ±√(6 / (inputs + outputs)), biases zero: Glorot and Bengio
/// 2010, equation 16, and what Keras gives a dense layer unasked.
pub(crate) fn glorot_uniform(
    [inputs, outputs]: [usize; 2],
    id: u64,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Linear {
    let limit = (6.0 / (inputs + outputs) as f64).sqrt() as f32;
    let weight: Vec<f32> = (0..inputs * outputs).map(|_| rng.random_range(-limit..limit)).collect();
    let weight = Tensor::<2>::from_data(TensorData::new(weight, [inputs, outputs]), device);
    let bias = Tensor::<1>::zeros([outputs], device);
    Linear { weight: parameter(id, weight), bias: Some(parameter(id + 1, bias)) }
}

/// Gives a layer the identities that [`glorot_uniform`] would have.
pub(crate) fn renumber(layer: &mut Linear, id: u64) {
    layer.weight.id = ParamId::from(id);
    if let Some(bias) = &mut layer.bias {
        bias.id = ParamId::from(id + 1);
    }
}

pub(crate) fn parameter<const D: usize>(id: u64, value: Tensor<D>) -> Param<Tensor<D>> {
    Param::initialized(ParamId::from(id), value).set_require_grad(true)
}
