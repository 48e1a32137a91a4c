//! One model in training: its nets, its optimisers, and the step.

use std::mem;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use gan_core::stream::{Purpose, fill_dropout, fill_normal, stream};
use gan_kernels::{buffer, concat_rows, join, tensor_data};
use gan_model::checkpoint::{Checkpoint, CheckpointError, Header, Sections, Weights, pack};
use gan_model::device::is_cpu;
use gan_model::{Adam, AdamConfig, Ema};
use gan_model::{
    DatasetInfo, Discriminator, DiscriminatorOutput, Generator, Loss, ModelConfig, TrainingConfig,
    loss,
};

use crate::penalty::gradient_penalty;
use crate::report::{DiscriminatorUpdate, StepReport};

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

/// Latent vectors that a normalised generator's statistics are taken from.
const POPULATION: usize = 2_048;

impl Trainer {
    /// A model before its first step, with weights from `config.seed`.
    #[must_use]
    pub fn new(model: ModelConfig, config: TrainingConfig, device: &Device) -> Self {
        let generator = Generator::init(&model, config.seed, device);
        Self {
            averaged: generator.valid(),
            generator: generator.train(),
            discriminator: Discriminator::init(&model, config.seed, device).train(),
            generator_adam: Adam::new(betas(&config), is_cpu(device)),
            discriminator_adam: Adam::new(betas(&config), is_cpu(device)),
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
            generator_adam: Adam::resume(betas(&training), is_cpu(device), &generator_moments),
            discriminator_adam: Adam::resume(
                betas(&training),
                is_cpu(device),
                &discriminator_moments,
            ),
            epoch: step,
            device: device.clone(),
            model,
            config: training,
        })
    }

    /// One alternation on real images `[d_steps * batch, height * width]` in [−1, 1], row-major:
    /// the discriminator learns to tell them from generated ones, then the
    /// generator learns to be taken for real.
    ///
    /// # Panics
    /// When `real` is not `d_steps` batches of images of the model's size.
    pub fn step(&mut self, real: Vec<f32>) -> StepReport {
        let updates = self.config.d_steps;
        let batch = real.len() / self.model.image_len() / updates;
        let (seed, count) = (self.config.seed, batch * self.model.latent);
        let first = self.epoch * updates as u64;
        let (noises, generator_noise) = join(
            || {
                let each = first..first + updates as u64;
                let noise = |update| noise(seed, Purpose::DiscriminatorNoise, update, count);
                each.map(noise).collect::<Vec<_>>()
            },
            || noise(seed, Purpose::GeneratorNoise, self.epoch, count),
        );
        let mut taught = None;
        for ((real, noise), update) in split(real, updates).into_iter().zip(noises).zip(first..) {
            let real = self.tensor(real, batch);
            let noise = self.tensor(noise, batch);
            taught = Some(self.teach_discriminator(real, noise, update));
        }
        let Some(taught) = taught else { unreachable!("there is an update a step") };
        let noise = self.tensor(generator_noise, batch);
        let generator_loss = self.teach_generator(noise, &taught.seen);
        self.epoch += 1;
        StepReport { taught, generator_loss }
    }

    /// One update of the discriminator; `update` counts them from 0.
    fn teach_discriminator(
        &mut self,
        real: Tensor<2>,
        noise: Tensor<2>,
        update: u64,
    ) -> DiscriminatorUpdate {
        // The fakes carry no graph: this loss does not teach the generator.
        let fake = self.generator.valid().forward_batch(noise);
        let images = concat_rows(real, fake);
        let seen = self.blurred(images.clone(), Purpose::DiscriminatorImages, update);
        let both = seen.clone().autodiff();
        if self.model.spectral_norm {
            replace(&mut self.discriminator, Discriminator::refined);
        }
        let rows = both.dims()[0] / self.model.pack;
        let masks = self.dropout(Purpose::DiscriminatorDropout, update, rows);
        let DiscriminatorOutput { logits, hidden } = self.discriminator.judge(both, &masks);
        let real_logits = logits.clone().narrow(0, 0, rows / 2);
        let fake_logits = logits.narrow(0, rows / 2, rows / 2);
        let config = &self.config;
        let loss = loss::discriminator(
            config.loss,
            real_logits.clone(),
            fake_logits.clone(),
            config.label_smoothing,
        );
        let mut total = loss.clone();
        let every = config.penalty_every as u64;
        if update.is_multiple_of(every) {
            let half = |x: &Tensor<2>, which| {
                let rows = x.dims()[0] / 2;
                x.clone().narrow(0, which * rows, rows)
            };
            for (gamma, which) in [(config.r1, 0), (config.r2, 1)] {
                if gamma > 0.0 {
                    let halves = |all: &[Tensor<2>]| all.iter().map(|x| half(x, which)).collect();
                    let (hidden, masks): (_, Vec<_>) = (halves(&hidden), halves(&masks));
                    let gamma = gamma * every as f64;
                    total = total + gradient_penalty(&self.discriminator, hidden, &masks, gamma);
                }
            }
        }
        let gradients = total.backward();
        let rate = config.d_lr.unwrap_or(config.lr) * config.rate(self.epoch);
        let clip = config.clip;
        replace(&mut self.discriminator, |d| {
            let d = self.discriminator_adam.update(d, gradients, None, update + 1, rate);
            if clip > 0.0 { d.clipped(clip) } else { d }
        });
        DiscriminatorUpdate {
            loss: loss.inner(),
            logits: [real_logits, fake_logits].map(Tensor::inner),
            images,
            hidden: hidden.into_iter().map(Tensor::inner).collect(),
            seen,
        }
    }

    /// One update of the generator, and of the average after it.
    /// The first half of `seen` are real images.
    fn teach_generator(&mut self, noise: Tensor<2>, seen: &Tensor<2>) -> Tensor<1> {
        let batch = noise.dims()[0];
        let rows = batch / self.model.pack;
        let images = self.generator.forward_batch(noise.autodiff());
        let images = self.blurred(images, Purpose::GeneratorImages, self.epoch);
        // The discriminator's weights get no gradient here: they only judge.
        let judge = self.discriminator.clone().no_grad();
        let masks = self.dropout(Purpose::GeneratorDropout, self.epoch, rows);
        let real = (self.config.loss == Loss::Relativistic)
            .then(|| judge.judge(seen.clone().narrow(0, 0, batch).autodiff(), &masks).logits);
        let verdict = judge.judge(images, &masks).logits;
        let loss = loss::generator(self.config.loss, verdict, real);
        let gradients = loss.backward();
        let time = self.epoch + 1;
        let rate = self.config.lr * self.config.rate(self.epoch);
        // Early on, a long average would be of little but the initial weights.
        let decay = self.config.ema.min((1.0 + time as f64) / (10.0 + time as f64));
        let mut average = Ema::of(mem::take(&mut self.averaged), decay);
        replace(&mut self.generator, |g| {
            self.generator_adam.update(g, gradients, Some(&mut average), time, rate)
        });
        self.averaged = average.place(&self.generator);
        loss.inner()
    }

    /// A mask for each hidden layer of the discriminator, `[rows, units]`: zero for the units
    /// that drop out, and for the others what keeps the layer's mean. None without dropout.
    fn dropout(&self, purpose: Purpose, index: u64, rows: usize) -> Vec<Tensor<2>> {
        if self.config.dropout == 0.0 {
            return Vec::new();
        }
        let mut rng = stream(self.config.seed, purpose, index);
        let hidden = self.model.discriminator_hidden.iter();
        hidden
            .map(|units| {
                let mut mask = buffer(rows * units);
                fill_dropout(&mut rng, self.config.dropout, &mut mask);
                self.tensor(mask, rows).autodiff()
            })
            .collect()
    }

    /// Images as the discriminator sees them: with noise, as long as there is any.
    fn blurred(&self, images: Tensor<2>, purpose: Purpose, index: u64) -> Tensor<2> {
        let deviation = self.config.image_noise(self.epoch);
        if deviation == 0.0 {
            return images;
        }
        let [rows, pixels] = images.dims();
        let noise = noise(self.config.seed, purpose, index, rows * pixels);
        let noise = self.tensor(noise, rows) * deviation;
        if images.is_autodiff() { images + noise.autodiff() } else { images + noise }
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

    /// Takes from `plan` what a resumed training may do otherwise: the total of epochs, and when
    /// it is looked at.
    pub fn reschedule(&mut self, plan: &TrainingConfig) {
        self.config = TrainingConfig {
            epochs: plan.epochs,
            sample_every: plan.sample_every,
            checkpoint_every: plan.checkpoint_every,
            eval_every: plan.eval_every,
            eval_count: plan.eval_count,
            ..self.config.clone()
        };
    }

    /// The sizes of the nets.
    #[must_use]
    pub fn model(&self) -> &ModelConfig {
        &self.model
    }

    /// The generator to draw with: averaged weights, settled, no graph.
    #[must_use]
    pub fn averaged_generator(&self) -> Generator {
        self.settled(self.averaged.clone())
    }

    /// A generator with the statistics of its own weights.
    fn settled(&self, generator: Generator) -> Generator {
        if !generator.is_normalised() {
            return generator;
        }
        let count = POPULATION * self.model.latent;
        let latent = noise(self.config.seed, Purpose::Population, 0, count);
        generator.settled(&self.tensor(latent, POPULATION))
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
            averaged_generator: pack(&self.averaged_generator())?,
            generator: pack(&self.settled(self.generator.valid()))?,
            discriminator: pack(&self.discriminator)?,
            generator_moments: pack(&self.generator_adam.moments(&self.generator))?,
            discriminator_moments: pack(&self.discriminator_adam.moments(&self.discriminator))?,
        };
        Ok((header, sections))
    }
}

fn betas(config: &TrainingConfig) -> AdamConfig {
    let TrainingConfig { beta1, beta2, epsilon, .. } = *config;
    AdamConfig { beta1, beta2, epsilon }
}

/// `count` numbers of a step's noise.
fn noise(seed: u64, purpose: Purpose, step: u64, count: usize) -> Vec<f32> {
    let mut noise = buffer(count);
    fill_normal(&mut stream(seed, purpose, step), &mut noise);
    noise
}

/// As many equal parts; the whole itself if it is one.
fn split(numbers: Vec<f32>, parts: usize) -> Vec<Vec<f32>> {
    if parts == 1 {
        return vec![numbers];
    }
    let part = |from: &[f32]| {
        let mut part = buffer(from.len());
        part.copy_from_slice(from);
        part
    };
    numbers.chunks_exact(numbers.len() / parts).map(part).collect()
}

/// Burn's updates take a module and give one back. It is moved, not cloned: a
/// tensor that nothing shares is updated in place.
fn replace<M: Module + Default>(place: &mut M, update: impl FnOnce(M) -> M) {
    *place = update(mem::take(place));
}

#[cfg(test)]
mod tests {
    use gan_kernels::reference::with_reference;

    use super::*;
    use crate::{Readings, Recipe};

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
        let (fast, plain) = (run(100, &model, 1e-3), with_reference(|| run(100, &model, 1e-3)));
        let worst = difference(&fast, &plain);
        assert!(worst < 1e-4, "{worst:e}");
        assert_ne!(fast, plain, "they round differently, or one of them did not run");
        let moved = (fast[0].generator_loss - fast[99].generator_loss).abs();
        assert!(moved > 0.01, "nothing was learnt: {moved}");
    }

    #[test]
    fn first_steps_of_the_published_nets_agree_with_plain_burn() {
        let model = ModelConfig::default();
        let (fast, plain) = (run(3, &model, 1e-8), with_reference(|| run(3, &model, 1e-8)));
        let worst = difference(&fast, &plain);
        assert!(worst < 1e-4, "{worst:e}");
    }
}
