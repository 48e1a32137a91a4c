//! One model in training: its nets, its optimisers, and the step.

use std::mem;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use gan_core::stream::{Purpose, fill_dropout, fill_normal, stream};
use gan_kernels::{buffer, concat_rows, join, tensor_data};
use gan_model::checkpoint::{Checkpoint, CheckpointError, Header, Sections, Weights, pack};
use gan_model::device::is_cpu;
use gan_model::{
    Adam, AdamConfig, ClassHead, DatasetInfo, Discriminator, DiscriminatorOutput, DropoutMasks,
    Ema, Generator, Labels, Loss, ModelConfig, TrainingConfig, loss, one_hot,
};
use rand::RngExt;

use crate::augment::Augment;
use crate::batch::{Batch, split};
use crate::penalty::gradient_penalty;
use crate::report::{DiscriminatorUpdate, StepReport};

/// A GAN in training.
///
/// On a CPU back end, what it computes depends on the two configurations and the real images alone.
pub struct Trainer {
    model: ModelConfig,
    config: TrainingConfig,
    device: Device,
    generator: Generator,
    discriminator: Discriminator,
    ema_generator: Generator,
    generator_adam: Adam,
    discriminator_adam: Adam,
    epoch: u64,
}

/// Latent vectors from which the population statistics of batch normalisation are computed.
pub(crate) const POPULATION: usize = 2_048;

impl Trainer {
    /// A model before its first step, with initial weights from `config.seed`.
    pub fn new(model: ModelConfig, config: TrainingConfig, device: &Device) -> Self {
        let generator = Generator::init(&model, config.seed, device);
        Self {
            ema_generator: generator.valid(),
            generator: generator.train(),
            discriminator: Discriminator::init(&model, config.seed, device).train(),
            generator_adam: Adam::new(adam(&config), is_cpu(device)),
            discriminator_adam: Adam::new(adam(&config), is_cpu(device)),
            epoch: 0,
            device: device.clone(),
            model,
            config,
        }
    }

    /// A model as a checkpoint stored it.
    ///
    /// # Errors
    /// When the checkpoint's tensors are not those of the nets it describes.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self, CheckpointError> {
        let Header { training, step, .. } = checkpoint.header().clone();
        let (adam, on_host) = (adam(&training), is_cpu(device));
        let generator_moments = checkpoint.generator_moments(device)?;
        let discriminator_moments = checkpoint.discriminator_moments(device)?;
        Ok(Self {
            generator_adam: Adam::resume(adam, on_host, &generator_moments),
            discriminator_adam: Adam::resume(adam, on_host, &discriminator_moments),
            epoch: step,
            ..Self::init_from(checkpoint, training, device)?
        })
    }

    /// A new training with the nets and the average of a checkpoint. Adam, the number of epochs and the
    /// warm-up of the average start afresh.
    ///
    /// # Errors
    /// When the checkpoint's tensors are not those of the nets it describes.
    pub fn init_from(
        checkpoint: &Checkpoint,
        config: TrainingConfig,
        device: &Device,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            ema_generator: checkpoint.generator(Weights::Averaged, device)?.valid(),
            generator: checkpoint.generator(Weights::Raw, device)?.train(),
            discriminator: checkpoint.discriminator(device)?.train(),
            generator_adam: Adam::new(adam(&config), is_cpu(device)),
            discriminator_adam: Adam::new(adam(&config), is_cpu(device)),
            epoch: 0,
            device: device.clone(),
            model: checkpoint.header().model.clone(),
            config,
        })
    }

    /// One epoch: `d_steps` updates of the discriminator, then one of the generator.
    ///
    /// # Panics
    /// When `real` is not `d_steps` batches of images of the model's shape.
    pub fn step(&mut self, real: impl Into<Batch>) -> StepReport {
        let mut real = real.into();
        if self.model.classes().is_some() {
            real.sort(self.config.d_steps, self.model.image.len());
        }
        let Batch { images, labels } = real;
        let updates = self.config.d_steps;
        let batch = images.len() / self.model.image.len() / updates;
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
        let classes = self.model.classes();
        let labels = labels.zip(classes).map(|(all, n)| self.tensor(one_hot(&all, n), all.len()));
        let mut last = None;
        let parts = split(images, updates).into_iter().zip(noises);
        for (index, (images, noise)) in parts.enumerate() {
            let images = self.tensor(images, batch);
            let labels = labels.as_ref().map(|all| all.clone().narrow(0, index * batch, batch));
            let noise = self.tensor(noise, batch);
            last = Some(self.update_discriminator(images, labels, noise, first + index as u64));
        }
        let Some(update) = last else { unreachable!("a step has an update") };
        let noise = self.tensor(generator_noise, batch);
        let generator_loss = self.update_generator(noise, &update);
        self.epoch += 1;
        StepReport { epoch: self.epoch, update, generator_loss }
    }

    /// One update of the discriminator; `update` counts them from 0.
    fn update_discriminator(
        &mut self,
        real: Tensor<2>,
        real_labels: Option<Labels>,
        noise: Tensor<2>,
        update: u64,
    ) -> DiscriminatorUpdate {
        let fake_labels = self.fake_labels(Purpose::DiscriminatorLabels, update, noise.dims()[0]);
        // `valid` is without a graph: this loss does not update the generator.
        let fake = self.generator.valid().forward_batch(noise, fake_labels.as_ref());
        let images = concat_rows(real, fake);
        let inputs = self.augment(images.clone(), Purpose::DiscriminatorAugment, update);
        let inputs = self.add_instance_noise(inputs, Purpose::DiscriminatorImages, update);
        let labels =
            real_labels.zip(fake_labels).map(|(real, fake)| Tensor::cat(vec![real, fake], 0));
        replace(&mut self.discriminator, Discriminator::power_iteration);
        let rows = inputs.dims()[0] / self.model.pack;
        let masks = self.dropout(Purpose::DiscriminatorDropout, update, rows);
        let DiscriminatorOutput { logits, class_logits, features } =
            self.discriminator.forward(inputs.clone().autodiff(), labels.as_ref(), &masks);
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
        if let Some((logits, labels)) = class_logits.zip(labels.clone()) {
            total = total + self.class_loss(logits, labels, true);
        }
        let every = config.penalty_every as u64;
        if update.is_multiple_of(every) {
            for (gamma, half) in [(config.r1, 0), (config.r2, 1)] {
                if gamma > 0.0 {
                    let half = |x: &Tensor<2>| {
                        let rows = x.dims()[0] / 2;
                        x.clone().narrow(0, half * rows, rows)
                    };
                    let features = features.iter().map(half).collect();
                    let labels = labels.as_ref().map(half);
                    let masks = masks.iter().map(|mask| mask.as_ref().map(half)).collect();
                    let gamma = gamma * every as f64;
                    let d = &self.discriminator;
                    total = total + gradient_penalty(d, features, labels.as_ref(), &masks, gamma);
                }
            }
        }
        let gradients = total.backward();
        let rate = config.d_lr.unwrap_or(config.lr) * config.rate(self.epoch);
        let clip = config.clip;
        replace(&mut self.discriminator, |d| {
            let d = self.discriminator_adam.update(d, gradients, None, update + 1, rate);
            if clip > 0.0 { d.clip_weights(clip) } else { d }
        });
        let hidden = features.into_iter().zip(self.discriminator.hidden_units());
        DiscriminatorUpdate {
            loss: loss.inner(),
            logits: [real_logits, fake_logits].map(Tensor::inner),
            images,
            inputs,
            labels,
            hidden: hidden.filter_map(|(x, units)| units.map(|_| x.inner())).collect(),
        }
    }

    /// One update of the generator, and of the moving average of its weights.
    fn update_generator(&mut self, noise: Tensor<2>, update: &DiscriminatorUpdate) -> Tensor<1> {
        let batch = noise.dims()[0];
        let rows = batch / self.model.pack;
        let labels = self.fake_labels(Purpose::GeneratorLabels, self.epoch, batch);
        let images = self.generator.forward_batch(noise.autodiff(), labels.as_ref());
        let images = self.augment(images, Purpose::GeneratorAugment, self.epoch);
        let images = self.add_instance_noise(images, Purpose::GeneratorImages, self.epoch);
        // The discriminator's weights get no gradient here.
        let discriminator = self.discriminator.clone().no_grad();
        let masks = self.dropout(Purpose::GeneratorDropout, self.epoch, rows);
        let real = (self.config.loss == Loss::Relativistic).then(|| {
            let real = update.inputs.clone().narrow(0, 0, batch).autodiff();
            let labels = update.labels.clone().map(|labels| labels.narrow(0, 0, batch));
            discriminator.forward(real, labels.as_ref(), &masks).logits
        });
        let fake = discriminator.forward(images, labels.as_ref(), &masks);
        let loss = loss::generator(self.config.loss, fake.logits, real);
        let mut total = loss.clone();
        if let Some((logits, labels)) = fake.class_logits.zip(labels) {
            total = total + self.class_loss(logits, labels, false);
        }
        let gradients = total.backward();
        let time = self.epoch + 1;
        let rate = self.config.lr * self.config.rate(self.epoch);
        // Early on, a long average would be mostly of the initial weights.
        let decay = self.config.ema.min((1.0 + time as f64) / (10.0 + time as f64));
        let mut ema = Ema::of(mem::take(&mut self.ema_generator), decay);
        replace(&mut self.generator, |g| {
            self.generator_adam.update(g, gradients, Some(&mut ema), time, rate)
        });
        self.ema_generator = ema.place(&self.generator);
        loss.inner()
    }

    /// The weighted cross-entropy of predicted classes; `both` halves of a batch are real and
    /// generated images.
    fn class_loss(&self, logits: Tensor<2>, labels: Labels, both: bool) -> Tensor<1> {
        let Some(conditional) = self.model.conditional else {
            unreachable!("a model with classes")
        };
        let rows = match conditional.class_head {
            ClassHead::ProjectionAuxiliary if both => logits.dims()[0] / 2,
            _ => logits.dims()[0],
        };
        let (logits, labels) = (logits.narrow(0, 0, rows), labels.narrow(0, 0, rows));
        loss::classes(logits, labels.autodiff()) * conditional.class_weight
    }

    /// For each of the discriminator's layers a mask `[rows, units]`: zero for units that drop out,
    /// and for the others the factor that keeps the layer's mean. Empty without dropout.
    fn dropout(&self, purpose: Purpose, index: u64, rows: usize) -> DropoutMasks {
        if self.config.dropout == 0.0 {
            return Vec::new();
        }
        let mut rng = stream(self.config.seed, purpose, index);
        let mask = |units: Option<usize>| {
            let mut mask = buffer(rows * units?);
            fill_dropout(&mut rng, self.config.dropout, &mut mask);
            Some(self.tensor(mask, rows).autodiff())
        };
        self.discriminator.hidden_units().map(mask).collect()
    }

    /// Images as the discriminator sees them, if augmentation changes them.
    fn augment(&self, images: Tensor<2>, purpose: Purpose, index: u64) -> Tensor<2> {
        let kinds = &self.config.augment;
        if kinds.is_empty() {
            return images;
        }
        let mut rng = stream(self.config.seed, purpose, index);
        let [rows, _] = images.dims();
        Augment::draw(kinds, self.model.image, rows, &mut rng, &self.device).apply(images)
    }

    /// Images with noise added, if there is any at this epoch (Sønderby et al. 2017).
    fn add_instance_noise(&self, images: Tensor<2>, purpose: Purpose, index: u64) -> Tensor<2> {
        let deviation = self.config.image_noise(self.epoch);
        if deviation == 0.0 {
            return images;
        }
        let [rows, pixels] = images.dims();
        let noise = noise(self.config.seed, purpose, index, rows * pixels);
        let noise = self.tensor(noise, rows) * deviation;
        if images.is_autodiff() { images + noise.autodiff() } else { images + noise }
    }

    /// The classes of generated images, uniform; none for a model without classes.
    fn fake_labels(&self, purpose: Purpose, index: u64, count: usize) -> Option<Labels> {
        let classes = self.model.classes()?;
        let mut rng = stream(self.config.seed, purpose, index);
        let mut labels: Vec<u16> =
            (0..count).map(|_| rng.random_range(0..classes as u16)).collect();
        labels.sort_unstable();
        Some(self.tensor(one_hot(&labels, classes), count))
    }

    /// A tensor of `rows` rows on the training's device.
    fn tensor(&self, numbers: Vec<f32>, rows: usize) -> Tensor<2> {
        let shape = [rows, numbers.len() / rows];
        Tensor::from_data(tensor_data(numbers, shape), &self.device)
    }

    /// Epochs done.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The training's settings.
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// Takes from `plan` what may change when a training is resumed: the total of epochs, and the
    /// intervals of previews, checkpoints and evaluations.
    pub fn reschedule(&mut self, plan: &TrainingConfig) {
        self.config = TrainingConfig {
            epochs: plan.epochs,
            sample_every: plan.sample_every,
            checkpoint_every: plan.checkpoint_every,
            eval_every: plan.eval_every,
            ..self.config.clone()
        };
    }

    /// The nets' configuration.
    pub fn model(&self) -> &ModelConfig {
        &self.model
    }

    /// The generator to sample from: moving average of the weights, calibrated, no graph.
    pub fn ema_generator(&self) -> Generator {
        self.calibrated(self.ema_generator.clone())
    }

    /// A generator with the population statistics of its own weights.
    fn calibrated(&self, generator: Generator) -> Generator {
        if !generator.has_batch_norm() {
            return generator;
        }
        let latent =
            noise(self.config.seed, Purpose::Population, 0, POPULATION * self.model.latent);
        let labels = self.fake_labels(Purpose::Population, 1, POPULATION);
        generator.calibrate(&self.tensor(latent, POPULATION), labels.as_ref())
    }

    /// Everything that the training is at this epoch, ready to be written.
    ///
    /// # Errors
    /// When tensors cannot be read back from the device, or are not finite.
    pub fn checkpoint(&self, dataset: DatasetInfo) -> Result<(Header, Sections), CheckpointError> {
        let header = Header {
            model: self.model.clone(),
            training: self.config.clone(),
            dataset,
            step: self.epoch,
        };
        let sections = Sections {
            averaged_generator: pack(&self.ema_generator())?,
            generator: pack(&self.calibrated(self.generator.valid()))?,
            discriminator: pack(&self.discriminator)?,
            generator_moments: pack(&self.generator_adam.moments(&self.generator))?,
            discriminator_moments: pack(&self.discriminator_adam.moments(&self.discriminator))?,
        };
        Ok((header, sections))
    }
}

fn adam(config: &TrainingConfig) -> AdamConfig {
    let TrainingConfig { beta1, beta2, epsilon, .. } = *config;
    AdamConfig { beta1, beta2, epsilon }
}

/// `count` standard normal numbers of a step.
fn noise(seed: u64, purpose: Purpose, step: u64, count: usize) -> Vec<f32> {
    let mut noise = buffer(count);
    fill_normal(&mut stream(seed, purpose, step), &mut noise);
    noise
}

/// Burn's updates consume a module and return it. It is moved, not cloned, because a tensor that is
/// not shared is updated in place.
fn replace<M: Module + Default>(place: &mut M, update: impl FnOnce(M) -> M) {
    *place = update(mem::take(place));
}

#[cfg(test)]
mod tests;
