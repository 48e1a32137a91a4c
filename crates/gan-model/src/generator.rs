//! The generator: dense layers with LeakyReLU, with or without batch normalisation.

use burn::module::{Module, Param, ParamId};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use gan_kernels::{Activation, batch_norm, dense};

use crate::config::{ModelConfig, Normalisation};
use crate::init::{glorot_uniform, parameter, renumber};
use gan_core::stream::{Purpose, stream};

/// What follows every hidden layer of both nets.
pub(crate) const HIDDEN: Activation = Activation::LeakyRelu(0.2);
/// What keeps a normalised layer from dividing by zero.
const EPSILON: f32 = 1e-5;

/// Latent vectors to images.
///
/// A normalised layer sees its own batch in training ([`forward_batch`](Self::forward_batch))
/// and the statistics of a population otherwise ([`forward`](Self::forward)). These belong to
/// the weights they were taken with, and those change with every step, the averaged ones in a
/// way of their own: [`settled`](Self::settled) takes them anew whenever weights are kept or
/// drawn with, from always the same latent vectors. So they are no state of a training.
///
/// The default has no layers: it is what `std::mem::take` leaves behind.
#[derive(Module, Debug, Default)]
pub struct Generator {
    layers: Vec<Linear>,
    /// One for each hidden layer, or none at all.
    norms: Vec<Norm>,
}

/// What batch normalisation learns of each unit, and the population's statistics.
#[derive(Module, Debug)]
struct Norm {
    gamma: Param<Tensor<1>>,
    beta: Param<Tensor<1>>,
    mean: Param<Tensor<1>>,
    variance: Param<Tensor<1>>,
}

impl Norm {
    fn new(units: usize, id: u64, device: &Device) -> Self {
        let fixed = |id, value| parameter(id, value).set_require_grad(false);
        Self {
            gamma: parameter(id, Tensor::ones([units], device)),
            beta: parameter(id + 1, Tensor::zeros([units], device)),
            mean: fixed(id + 2, Tensor::zeros([units], device)),
            variance: fixed(id + 3, Tensor::ones([units], device)),
        }
    }

    /// The layer that does the same as `layer` and this behind it (the inference form of
    /// Ioffe and Szegedy 2015, algorithm 2, steps 10 and 11).
    fn folded_into(&self, layer: &Linear) -> (Tensor<2>, Tensor<1>) {
        let scale = self.gamma.val() / (self.variance.val() + EPSILON).sqrt();
        let shift = self.beta.val() + (bias(layer) - self.mean.val()) * scale.clone();
        (layer.weight.val() * scale.unsqueeze(), shift)
    }
}

impl Generator {
    /// The generator that `seed` starts a training with.
    #[must_use]
    pub fn init(config: &ModelConfig, seed: u64, device: &Device) -> Self {
        let widths = config.generator_widths();
        let layers = widths.windows(2).zip(0_u64..).map(|(pair, layer)| {
            let mut rng = stream(seed, Purpose::GeneratorWeights, layer);
            glorot_uniform([pair[0], pair[1]], 1_000 + 2 * layer, &mut rng, device)
        });
        Self { layers: layers.collect(), norms: Vec::new() }.normalised(config, device)
    }

    /// A generator of the right sizes whose weights a record will fill.
    pub(crate) fn empty(config: &ModelConfig, device: &Device) -> Self {
        // Burn makes these weights when they are first read, which a record forestalls.
        let layer = |pair: &[usize]| LinearConfig::new(pair[0], pair[1]).init(device);
        let layers = config.generator_widths().windows(2).map(layer).collect();
        Self { layers, norms: Vec::new() }.normalised(config, device)
    }

    /// With the identities that [`init`](Self::init) gives.
    pub(crate) fn numbered(mut self) -> Self {
        for (layer, id) in self.layers.iter_mut().zip((1_000..).step_by(2)) {
            renumber(layer, id);
        }
        for (norm, id) in self.norms.iter_mut().zip((1_500..).step_by(4)) {
            norm.gamma.id = ParamId::from(id);
            norm.beta.id = ParamId::from(id + 1);
            norm.mean.id = ParamId::from(id + 2);
            norm.variance.id = ParamId::from(id + 3);
        }
        self
    }

    fn normalised(mut self, config: &ModelConfig, device: &Device) -> Self {
        if config.generator_norm == Normalisation::Batch {
            let hidden = config.generator_hidden.iter().zip(0_u64..);
            self.norms =
                hidden.map(|(&units, layer)| Norm::new(units, 1_500 + 4 * layer, device)).collect();
            // A mean is subtracted right behind it: a bias would do nothing.
            let before = self.layers.iter_mut().zip(&self.norms);
            before.for_each(|(layer, _)| layer.bias = None);
        }
        self
    }

    /// `[batch, latent]`, standard normal, to `[batch, height * width]` in [−1, 1]; normalised
    /// layers use the statistics that [`settled`](Self::settled) took.
    #[must_use]
    pub fn forward(&self, latent: Tensor<2>) -> Tensor<2> {
        let mut x = latent;
        for (index, layer) in self.layers.iter().enumerate() {
            let activation = self.activation(index);
            x = match self.norms.get(index) {
                None => dense(x, layer.weight.val(), bias(layer), activation),
                Some(norm) => {
                    let (weight, bias) = norm.folded_into(layer);
                    dense(x, weight, bias, activation)
                }
            };
        }
        x
    }

    /// As [`forward`](Self::forward), but normalised layers use the statistics of this very
    /// batch, so that a picture depends on its companions. What a training step sees.
    #[must_use]
    pub fn forward_batch(&self, latent: Tensor<2>) -> Tensor<2> {
        let mut x = latent;
        for (index, layer) in self.layers.iter().enumerate() {
            x = match self.norms.get(index) {
                None => dense(x, layer.weight.val(), bias(layer), self.activation(index)),
                Some(Norm { gamma, beta, .. }) => {
                    let sums = dense(x, layer.weight.val(), bias(layer), Activation::None);
                    batch_norm(sums, gamma.val(), beta.val(), HIDDEN, EPSILON)
                }
            };
        }
        x
    }

    /// These weights with the statistics that their normalised layers have over `latent`,
    /// `[n, latent]`: layer by layer, each behind those before it.
    #[must_use]
    pub fn settled(mut self, latent: &Tensor<2>) -> Self {
        let mut x = latent.clone();
        for (layer, norm) in self.layers.iter().zip(&mut self.norms) {
            let sums = dense(x.clone(), layer.weight.val(), bias(layer), Activation::None);
            let mean = sums.clone().mean_dim(0);
            let variance = (sums - mean.clone()).square().mean_dim(0);
            norm.mean = norm.mean.clone().map(|_| mean.squeeze_dim(0));
            norm.variance = norm.variance.clone().map(|_| variance.squeeze_dim(0));
            let (weight, bias) = norm.folded_into(layer);
            x = dense(x, weight, bias, HIDDEN);
        }
        self
    }

    /// Whether there are statistics to be settled.
    #[must_use]
    pub fn is_normalised(&self) -> bool {
        !self.norms.is_empty()
    }

    fn activation(&self, layer: usize) -> Activation {
        if layer + 1 < self.layers.len() { HIDDEN } else { Activation::Tanh }
    }
}

/// A layer's biases, zero where it has none.
pub(crate) fn bias(layer: &Linear) -> Tensor<1> {
    let none = || Tensor::zeros([layer.weight.dims()[1]], &layer.weight.device());
    layer.bias.as_ref().map_or_else(none, Param::val)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tolerance;

    use super::*;
    use gan_core::stream::normal;

    fn small() -> ModelConfig {
        ModelConfig { latent: 3, generator_hidden: vec![8, 1], ..ModelConfig::default() }
    }

    fn latents(count: usize, device: &Device) -> Tensor<2> {
        let numbers = normal(&mut stream(4, Purpose::Picture, 0), count * 3);
        Tensor::<1>::from_floats(&numbers[..], device).reshape([count, 3])
    }

    #[test]
    fn shapes_ranges_and_parameters_are_as_stated() {
        let device = Device::flex();
        let config = ModelConfig::default();
        let generator = Generator::init(&config, 1, &device);
        assert_eq!(generator.num_params(), 1_486_352);
        let images = generator.forward(Tensor::ones([2, 100], &device).mul_scalar(50));
        assert_eq!(images.dims(), [2, 784]);
        let pixels: Vec<f32> = images.into_data().try_into_vec().unwrap();
        assert!(pixels.iter().all(|x| (-1.0..=1.0).contains(x)));
        assert!(pixels.iter().any(|x| x.abs() > 0.9), "large noise reaches tanh's ends");

        let config = ModelConfig { generator_norm: Normalisation::Batch, ..config };
        let generator = Generator::init(&config, 1, &device);
        assert_eq!(generator.num_params(), config.generator_parameters());
        assert_eq!(generator.num_params(), 1_486_352 + 3 * (256 + 512 + 1024));
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
    fn settled_on_a_batch_a_net_draws_it_as_in_training() {
        let device = Device::flex();
        let config = ModelConfig { generator_norm: Normalisation::Batch, ..small() };
        let latent = latents(40, &device);
        let fresh = Generator::init(&config, 1, &device);
        let settled = fresh.clone().settled(&latent);
        let expected = fresh.forward_batch(latent.clone()).into_data();
        let close = Tolerance::rel_abs(1e-3, 1e-4);
        settled.forward(latent.clone()).into_data().assert_approx_eq::<f32>(&expected, close);

        // And draws each picture alike in any company.
        let all = settled.forward(latent.clone()).narrow(0, 7, 1).into_data();
        assert_eq!(settled.forward(latent.narrow(0, 7, 1)).into_data(), all);
    }
}
