//! One model in training: its nets, its optimisers, and the step.

use std::mem;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use gan_kernels::{buffer, join, stack, tensor_data};
use gan_model::checkpoint::{Checkpoint, CheckpointError, Header, Sections, Weights, pack};
use gan_model::device::is_cpu;
use gan_model::stream::{Purpose, fill_normal, stream};
use gan_model::{
    DatasetInfo, Discriminator, Generator, ModelConfig, TrainingConfig, loss, probability,
};

use crate::adam::{Adam, Average};

/// A GAN in training.
///
/// What it computes depends on the two configurations and the real images alone.
pub struct Trainer {
    model: ModelConfig,
    config: TrainingConfig,
    device: Device,
    generator: Generator,
    discriminator: Discriminator,
    averaged: Generator,
    generator_adam: Adam,
    discriminator_adam: Adam,
    epoch: u64,
}

/// What one step measured, still on its device: reading it waits for the device.
pub struct StepReport {
    discriminator_loss: Tensor<1>,
    generator_loss: Tensor<1>,
    real_logits: Tensor<2>,
    fake_logits: Tensor<2>,
}

/// What one step measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readings {
    /// Binary cross-entropy over real and generated images; log 2 at chance.
    pub discriminator_loss: f32,
    /// The generator's objective.
    pub generator_loss: f32,
    /// D(real): mean probability that the real images are real.
    pub real: f32,
    /// D(fake): mean probability that the generated images are real.
    pub fake: f32,
}

impl Trainer {
    /// A model before its first step, with weights from `config.seed`.
    #[must_use]
    pub fn new(model: ModelConfig, config: TrainingConfig, device: &Device) -> Self {
        let generator = Generator::init(&model, config.seed, device);
        Self {
            averaged: generator.valid(),
            generator: generator.train(),
            discriminator: Discriminator::init(&model, config.seed, device).train(),
            generator_adam: Adam::new(&config, is_cpu(device)),
            discriminator_adam: Adam::new(&config, is_cpu(device)),
            epoch: 0,
            device: device.clone(),
            model,
            config,
        }
    }

    /// A model as a checkpoint left it.
    ///
    /// # Errors
    /// When the checkpoint's tensors are not those of the nets it describes.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self, CheckpointError> {
        let Header { model, training, step, .. } = checkpoint.header().clone();
        let generator_moments = checkpoint.generator_moments(device)?;
        let discriminator_moments = checkpoint.discriminator_moments(device)?;
        Ok(Self {
            averaged: checkpoint.generator(Weights::Averaged, device)?.valid(),
            generator: checkpoint.generator(Weights::Raw, device)?.train(),
            discriminator: checkpoint.discriminator(device)?.train(),
            generator_adam: Adam::resume(&training, is_cpu(device), &generator_moments),
            discriminator_adam: Adam::resume(&training, is_cpu(device), &discriminator_moments),
            epoch: step,
            device: device.clone(),
            model,
            config: training,
        })
    }

    /// One alternation on real images `[batch, height * width]` in [−1, 1], row-major:
    /// the discriminator learns to tell them from generated ones, then the
    /// generator learns to be taken for real.
    ///
    /// # Panics
    /// When `real` is not whole images of the model's size, or none.
    pub fn step(&mut self, real: Vec<f32>) -> StepReport {
        let batch = real.len() / self.model.image_len();
        let real = self.tensor(real, batch);
        let time = self.epoch + 1;
        let (seed, count) = (self.config.seed, batch * self.model.latent);
        let noise = |purpose| noise(seed, purpose, time - 1, count);
        let (noise, generator_noise) =
            join(|| noise(Purpose::DiscriminatorNoise), || noise(Purpose::GeneratorNoise));

        // The discriminator's fakes carry no graph: its loss does not teach the generator.
        let fake = self.generator.valid().forward(self.tensor(noise, batch));
        let logits = self.discriminator.forward(stack(real, fake).autodiff());
        let real_logits = logits.clone().narrow(0, 0, batch);
        let fake_logits = logits.narrow(0, batch, batch);
        let discriminator_loss = loss::discriminator(real_logits.clone(), fake_logits.clone());
        let gradients = discriminator_loss.backward();
        replace(&mut self.discriminator, |d| {
            self.discriminator_adam.update(d, gradients, None, time)
        });

        // The discriminator's weights get no gradient here: they only judge.
        let noise = self.tensor(generator_noise, batch).autodiff();
        let judge = self.discriminator.clone().no_grad();
        let verdict = judge.forward(self.generator.forward(noise));
        let generator_loss = loss::generator(verdict, self.config.loss);
        let gradients = generator_loss.backward();
        // Early on, a long average would be of little but the initial weights.
        let decay = self.config.ema.min((1.0 + time as f64) / (10.0 + time as f64));
        let mut average = Average::of(mem::take(&mut self.averaged), decay);
        replace(&mut self.generator, |g| {
            self.generator_adam.update(g, gradients, Some(&mut average), time)
        });
        self.averaged = average.place(&self.generator);
        self.epoch = time;
        StepReport {
            discriminator_loss: discriminator_loss.inner(),
            generator_loss: generator_loss.inner(),
            real_logits: real_logits.inner(),
            fake_logits: fake_logits.inner(),
        }
    }

    /// A tensor of `rows` rows on the training's device.
    fn tensor(&self, numbers: Vec<f32>, rows: usize) -> Tensor<2> {
        let shape = [rows, numbers.len() / rows];
        Tensor::from_data(tensor_data(numbers, shape), &self.device)
    }

    /// Epochs done.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The training's settings.
    #[must_use]
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// Sets the total number of epochs and the intervals of a resumed training.
    pub fn reschedule(&mut self, epochs: u64, sample_every: u64, checkpoint_every: u64) {
        self.config =
            TrainingConfig { epochs, sample_every, checkpoint_every, ..self.config.clone() };
    }

    /// The sizes of the nets.
    #[must_use]
    pub fn model(&self) -> &ModelConfig {
        &self.model
    }

    /// The generator to draw with: averaged weights, no graph.
    #[must_use]
    pub fn averaged_generator(&self) -> &Generator {
        &self.averaged
    }

    /// Everything that the training is at this epoch, ready to be written.
    ///
    /// # Errors
    /// When tensors cannot be read back from the device.
    pub fn checkpoint(&self, dataset: DatasetInfo) -> Result<(Header, Sections), CheckpointError> {
        let header = Header {
            model: self.model.clone(),
            training: self.config.clone(),
            dataset,
            step: self.epoch,
        };
        let sections = Sections {
            averaged_generator: pack(&self.averaged)?,
            generator: pack(&self.generator)?,
            discriminator: pack(&self.discriminator)?,
            generator_moments: pack(&self.generator_adam.moments(&self.generator))?,
            discriminator_moments: pack(&self.discriminator_adam.moments(&self.discriminator))?,
        };
        Ok((header, sections))
    }
}

impl StepReport {
    /// Waits for the device and reads the numbers.
    #[must_use]
    pub fn read(self) -> Readings {
        Readings {
            discriminator_loss: self.discriminator_loss.into_scalar(),
            generator_loss: self.generator_loss.into_scalar(),
            real: probability(self.real_logits).mean().into_scalar(),
            fake: probability(self.fake_logits).mean().into_scalar(),
        }
    }
}

impl Readings {
    /// Whether both losses are numbers.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.discriminator_loss.is_finite() && self.generator_loss.is_finite()
    }
}

/// `count` numbers of a step's noise.
fn noise(seed: u64, purpose: Purpose, step: u64, count: usize) -> Vec<f32> {
    let mut noise = buffer(count);
    fill_normal(&mut stream(seed, purpose, step), &mut noise);
    noise
}

/// Burn's updates take a module and give one back. It is moved, not cloned: a
/// tensor that nothing shares is updated in place.
fn replace<M: Module + Default>(place: &mut M, update: impl FnOnce(M) -> M) {
    *place = update(mem::take(place));
}

#[cfg(test)]
mod tests {
    use gan_kernels::plain::plainly;

    use super::*;
    use crate::Recipe;

    /// What `count` steps on images of noise read.
    fn run(count: usize, model: &ModelConfig, epsilon: f64) -> Vec<Readings> {
        let config = TrainingConfig { batch: 32, epsilon, ..Recipe::Plain.training() };
        let mut trainer = Trainer::new(model.clone(), config, &Device::flex());
        (0..count as u64)
            .map(|step| {
                let mut rng = stream(1, Purpose::Batch, step);
                let mut real = vec![0.0; 32 * model.image_len()];
                fill_normal(&mut rng, &mut real);
                for x in &mut real {
                    *x = x.tanh();
                }
                trainer.step(real).read()
            })
            .collect()
    }

    /// The largest difference of a reading, relative to readings of about 1.
    fn difference(fast: &[Readings], plain: &[Readings]) -> f32 {
        let all = |r: &Readings| [r.discriminator_loss, r.generator_loss, r.real, r.fake];
        let pairs = fast.iter().flat_map(all).zip(plain.iter().flat_map(all));
        pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max)
    }

    #[test]
    fn a_hundred_fast_steps_are_a_hundred_plain_ones() {
        // Adam's own epsilon makes the first updates little more than signs of gradients, and
        // the sign of almost nothing is rounding: a larger one leaves only what is computed.
        let model = ModelConfig {
            generator_hidden: vec![64, 96],
            discriminator_hidden: vec![80, 48],
            ..ModelConfig::default()
        };
        let (fast, plain) = (run(100, &model, 1e-3), plainly(|| run(100, &model, 1e-3)));
        let worst = difference(&fast, &plain);
        assert!(worst < 1e-4, "{worst:e}");
        assert_ne!(fast, plain, "they round differently, or one of them did not run");
        let moved = (fast[0].generator_loss - fast[99].generator_loss).abs();
        assert!(moved > 0.01, "nothing was learnt: {moved}");
    }

    #[test]
    fn first_steps_of_the_published_nets_agree_with_plain_burn() {
        let model = ModelConfig::default();
        let (fast, plain) = (run(3, &model, 1e-8), plainly(|| run(3, &model, 1e-8)));
        let worst = difference(&fast, &plain);
        assert!(worst < 1e-4, "{worst:e}");
    }
}
