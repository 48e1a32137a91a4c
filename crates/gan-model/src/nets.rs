//! The generator and the discriminator: dense nets with LeakyReLU.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use gan_kernels::{Activation, dense};

use crate::config::ModelConfig;
use crate::init::glorot_uniform;
use crate::stream::{Purpose, stream};

/// What follows every hidden layer.
const HIDDEN: Activation = Activation::LeakyRelu(0.2);

/// Latent vectors to images.
///
/// The default has no layers: it is what `std::mem::take` leaves behind.
#[derive(Module, Debug, Default)]
pub struct Generator {
    layers: Vec<Linear>,
}

impl Generator {
    /// The generator that `seed` starts a training with.
    #[must_use]
    pub fn init(config: &ModelConfig, seed: u64, device: &Device) -> Self {
        Self { layers: layers(&config.generator_widths(), Purpose::GeneratorWeights, seed, device) }
    }

    /// A generator of the right sizes whose weights a record will fill.
    pub(crate) fn empty(config: &ModelConfig, device: &Device) -> Self {
        Self { layers: empty(&config.generator_widths(), device) }
    }

    /// `[batch, latent]`, standard normal, to `[batch, height * width]` in [−1, 1].
    #[must_use]
    pub fn forward(&self, latent: Tensor<2>) -> Tensor<2> {
        forward(&self.layers, latent, Activation::Tanh)
    }
}

/// Images to one logit each.
///
/// The default has no layers: it is what `std::mem::take` leaves behind.
#[derive(Module, Debug, Default)]
pub struct Discriminator {
    layers: Vec<Linear>,
}

impl Discriminator {
    /// The discriminator that `seed` starts a training with.
    #[must_use]
    pub fn init(config: &ModelConfig, seed: u64, device: &Device) -> Self {
        let widths = config.discriminator_widths();
        Self { layers: layers(&widths, Purpose::DiscriminatorWeights, seed, device) }
    }

    /// A discriminator of the right sizes whose weights a record will fill.
    pub(crate) fn empty(config: &ModelConfig, device: &Device) -> Self {
        Self { layers: empty(&config.discriminator_widths(), device) }
    }

    /// `[batch, height * width]` in [−1, 1] to logits `[batch, 1]`; above zero says real.
    #[must_use]
    pub fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        forward(&self.layers, images, Activation::None)
    }
}

/// The probability of being real that a logit stands for: the sigmoid.
#[must_use]
pub fn probability(logits: Tensor<2>) -> Tensor<2> {
    sigmoid(logits)
}

fn forward(layers: &[Linear], mut x: Tensor<2>, last: Activation) -> Tensor<2> {
    for (index, Linear { weight, bias }) in layers.iter().enumerate() {
        let activation = if index + 1 < layers.len() { HIDDEN } else { last };
        let bias = bias.as_ref().map_or_else(|| no_bias(weight), Param::val);
        x = dense(x, weight.val(), bias, activation);
    }
    x
}

/// Our layers have biases; this stands in where Burn's type allows for none.
fn no_bias(weight: &Param<Tensor<2>>) -> Tensor<1> {
    Tensor::zeros([weight.dims()[1]], &weight.device())
}

fn layers(widths: &[usize], purpose: Purpose, seed: u64, device: &Device) -> Vec<Linear> {
    // Identities are fixed, so that equal trainings write equal files.
    let first_id = if purpose == Purpose::GeneratorWeights { 1_000 } else { 2_000 };
    let pairs = widths.windows(2).zip(0_u64..);
    pairs
        .map(|(pair, layer)| {
            let mut rng = stream(seed, purpose, layer);
            glorot_uniform([pair[0], pair[1]], first_id + 2 * layer, &mut rng, device)
        })
        .collect()
}

fn empty(widths: &[usize], device: &Device) -> Vec<Linear> {
    // Burn makes these weights when they are first read, which a record forestalls.
    widths.windows(2).map(|pair| LinearConfig::new(pair[0], pair[1]).init(device)).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tolerance;

    use super::*;

    fn small() -> ModelConfig {
        ModelConfig {
            latent: 3,
            generator_hidden: vec![8, 5],
            discriminator_hidden: vec![6],
            ..ModelConfig::default()
        }
    }

    #[test]
    fn shapes_ranges_and_parameters_are_as_stated() {
        let device = Device::flex();
        let config = ModelConfig::default();
        let generator = Generator::init(&config, 1, &device);
        let discriminator = Discriminator::init(&config, 1, &device);
        assert_eq!(generator.num_params(), 1_486_352);
        assert_eq!(discriminator.num_params(), 533_505);
        let images = generator.forward(Tensor::ones([2, 100], &device).mul_scalar(50));
        assert_eq!(images.dims(), [2, 784]);
        let pixels: Vec<f32> = images.clone().into_data().try_into_vec().unwrap();
        assert!(pixels.iter().all(|x| (-1.0..=1.0).contains(x)));
        assert!(pixels.iter().any(|x| x.abs() > 0.9), "large noise reaches tanh's ends");
        assert_eq!(discriminator.forward(images).dims(), [2, 1]);
    }

    #[test]
    fn weights_follow_the_seed_and_glorot() {
        let device = Device::flex();
        let weights = |seed| {
            let net = Generator::init(&small(), seed, &device);
            net.layers[0].weight.val().into_data().try_into_vec::<f32>().unwrap()
        };
        assert_eq!(weights(1), weights(1));
        assert_ne!(weights(1), weights(2));
        let limit = (6.0_f32 / (3.0 + 8.0)).sqrt();
        let largest = weights(1).iter().fold(0.0_f32, |a, w| a.max(w.abs()));
        assert!(largest <= limit && largest > 0.7 * limit, "{largest} of {limit}");
    }

    #[test]
    fn a_net_is_what_its_equations_say() {
        let device = Device::flex();
        let config = ModelConfig { height: 1, width: 2, ..small() };
        let net = Discriminator::init(&config, 7, &device);
        let at = |layer: usize| -> Vec<f32> {
            net.layers[layer].weight.val().into_data().try_into_vec().unwrap()
        };
        let (first, second, x) = (at(0), at(1), [0.3, -0.8]);
        let mut logit = 0.0;
        for unit in 0..6 {
            let sum = x[0] * first[unit] + x[1] * first[6 + unit];
            logit += second[unit] * if sum > 0.0 { sum } else { 0.2 * sum };
        }
        let output = net.forward(Tensor::from_floats([x], &device));
        let expected = Tensor::<2>::from_floats([[logit]], &device).into_data();
        output.clone().into_data().assert_approx_eq::<f32>(&expected, Tolerance::default());
        let p: f32 = probability(output).into_scalar();
        assert!((p - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-6);
    }
}
