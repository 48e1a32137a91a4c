//! The generator: a stack of layers from latent vectors to images.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use gan_core::stream::Purpose;

use crate::config::ModelConfig;
use crate::layers::{Init, Labels, Layer, build};

/// Maps latent vectors to images.
///
/// Batch normalisation uses the statistics of the batch in training
/// ([`forward_batch`](Self::forward_batch)) and those of a population otherwise
/// ([`forward`](Self::forward)). The latter depend on the weights, which change with every step, and
/// those of the moving average have statistics of their own; so [`calibrate`](Self::calibrate)
/// computes them, always from the same latent vectors, whenever weights are saved or sampled from.
/// They are not part of a training's state.
///
/// The default has no layers: it is what `std::mem::take` leaves behind.
#[derive(Module, Debug, Default)]
pub struct Generator {
    layers: Vec<Layer>,
}

impl Generator {
    /// A generator with the initial weights of `seed`.
    pub fn init(config: &ModelConfig, seed: u64, device: &Device) -> Self {
        let init = Init { seed, weights: Purpose::GeneratorWeights };
        Self { layers: build(&config.generator_layers(), Some(init), device) }
    }

    /// A generator of the right sizes whose weights a record will replace.
    pub(crate) fn empty(config: &ModelConfig, device: &Device) -> Self {
        Self { layers: build(&config.generator_layers(), None, device) }
    }

    /// Latent vectors `[batch, latent]`, standard normal, to images
    /// `[batch, height * width * channels]` in [−1, 1]. `labels` are the classes to generate, for a
    /// model with classes. Every row depends on its own latent vector and label alone.
    pub fn forward(&self, latent: Tensor<2>, labels: Option<&Labels>) -> Tensor<2> {
        self.layers.iter().fold(latent, |x, layer| layer.forward(x, labels))
    }

    /// As [`forward`](Self::forward), but batch normalisation uses the statistics of this batch, so
    /// that an image depends on the others: what a training step computes.
    pub fn forward_batch(&self, latent: Tensor<2>, labels: Option<&Labels>) -> Tensor<2> {
        self.layers.iter().fold(latent, |x, layer| layer.forward_batch(x, labels))
    }

    /// Sets the population statistics of batch normalisation to those over `latent`,
    /// `[n, latent]`: layer by layer, each after those before it.
    #[must_use]
    pub fn calibrate(mut self, latent: &Tensor<2>, labels: Option<&Labels>) -> Self {
        let normalised = self.layers.iter().rposition(Layer::has_batch_norm);
        let end = normalised.map_or(0, |last| last + 1);
        self.layers[..end].iter_mut().fold(latent.clone(), |x, layer| layer.calibrate(x, labels));
        self
    }

    /// Whether there are population statistics to compute.
    pub fn has_batch_norm(&self) -> bool {
        self.layers.iter().any(Layer::has_batch_norm)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tolerance;
    use gan_core::ImageShape;
    use gan_core::stream::{normal, stream};

    use super::*;
    use crate::{DenseConfig, Normalisation};

    fn latents(count: usize, device: &Device) -> Tensor<2> {
        let numbers = normal(&mut stream(4, Purpose::Sample, 0), count * 3);
        Tensor::<1>::from_floats(&numbers[..], device).reshape([count, 3])
    }

    #[test]
    fn shapes_ranges_and_parameter_counts_are_as_documented() {
        let device = Device::flex();
        let published = ModelConfig::default();
        let generator = Generator::init(&published, 1, &device);
        assert_eq!(generator.num_params(), 1_486_352);
        let latent = Tensor::ones([2, 100], &device).mul_scalar(50);
        let images = generator.forward(latent, None);
        assert_eq!(images.dims(), [2, 784]);
        let pixels: Vec<f32> = images.into_data().try_into_vec().unwrap();
        assert!(pixels.iter().all(|x| (-1.0..=1.0).contains(x)));
        assert!(pixels.iter().any(|x| x.abs() > 0.9), "large noise reaches the ends of tanh");

        let colour = ImageShape { channels: 3, height: 8, width: 6 };
        let dense = DenseConfig { generator_norm: Normalisation::Batch, ..DenseConfig::default() };
        for image in [published.image, colour] {
            let config = ModelConfig { image, ..ModelConfig::dense(dense.clone()) };
            let generator = Generator::init(&config, 1, &device);
            assert_eq!(generator.num_params(), config.generator_parameters());
            let images = generator.forward(Tensor::ones([2, 100], &device), None);
            assert_eq!(images.dims(), [2, image.len()]);
        }
    }

    #[test]
    fn calibrated_on_a_batch_a_generator_gives_the_images_of_training() {
        let device = Device::flex();
        let dense = DenseConfig {
            generator_hidden: vec![8, 1],
            generator_norm: Normalisation::Batch,
            ..DenseConfig::default()
        };
        let config = ModelConfig { latent: 3, ..ModelConfig::dense(dense) };
        let latent = latents(40, &device);
        let fresh = Generator::init(&config, 1, &device);
        let calibrated = fresh.clone().calibrate(&latent, None);
        let expected = fresh.forward_batch(latent.clone(), None).into_data();
        let close = Tolerance::rel_abs(1e-3, 1e-4);
        let all = calibrated.forward(latent.clone(), None);
        all.clone().into_data().assert_approx_eq::<f32>(&expected, close);

        // And an image does not depend on the others.
        let alone = calibrated.forward(latent.narrow(0, 7, 1), None);
        assert_eq!(alone.into_data(), all.narrow(0, 7, 1).into_data());
    }
}
