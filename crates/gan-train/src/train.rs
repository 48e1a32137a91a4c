//! The training loop.

use std::io;
use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use gan_core::stream::{Purpose, stream};
use gan_core::{FileError, ImageShape};
use gan_data::{Dataset, draw_batch};
use gan_eval::random_subset;
use gan_kernels::buffer;
use gan_model::checkpoint::{Checkpoint, CheckpointError, Header, Sections};
use gan_model::{DatasetInfo, ModelConfig};
use gan_run::{Control, Event, RunDir, RunDirError, RunPaths};
use gan_sample::{Grid, Sampler, write_png};
use thiserror::Error;

use crate::batch::Batch;
use crate::diagnosis::Diagnostics;
use crate::evaluator::Evaluator;
use crate::report::READ_EVERY;
use crate::trainer::Trainer;

/// Samples in a preview, and columns of every grid here.
const PREVIEW: usize = 10;
/// Real images in a run's `reals.png`.
const REALS: usize = 100;

/// How a training ended. In each case the checkpoint is of the last epoch that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// [`Control::Stop`] ended it.
    Stopped,
}

/// Why a training failed.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A loss is not finite. The last checkpoint before is untouched.
    #[error(
        "training diverged by epoch {epoch}: the discriminator's loss is {d_loss}, the generator's \
         {g_loss}; try a smaller --lr or --recipe default"
    )]
    Diverged {
        /// Epochs done.
        epoch: u64,
        /// The discriminator's loss.
        d_loss: f32,
        /// The generator's loss.
        g_loss: f32,
    },
    /// A weight is not finite, though the losses before its last update were.
    #[error(
        "training diverged by epoch {0}: a weight, or one of Adam's moments, is infinite or not a \
         number; try a smaller --lr or --recipe default"
    )]
    WeightsDiverged(u64),
    /// The run's directory cannot be read or written.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// The checkpoint cannot be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Trains to the last of `config.epochs`. `control` is called after each step, before what is due is
/// written, with the number of epochs done, and may block; [`Control::Stop`] ends the training.
/// `observe` is called with everything that happens.
///
/// Losses are appended to the run's metrics; rows of samples, always from the same latent vectors,
/// go to its samples folder; the whole state goes to its checkpoint. Every `eval_every` epochs the
/// `evaluator`, if there is one, measures the samples, and the best checkpoint is kept. What is
/// written depends on the trainer and the data alone, so a training that was interrupted and
/// resumed leaves the same files as an uninterrupted one.
///
/// # Errors
/// When a loss or a weight is not finite, or the run's directory cannot be written.
pub fn train(
    trainer: &mut Trainer,
    dataset: &Dataset,
    run: &RunDir,
    evaluator: Option<&Evaluator>,
    device: &Device,
    mut control: impl FnMut(u64) -> Control,
    mut observe: impl FnMut(Event),
) -> Result<Outcome, TrainError> {
    let begin = Instant::now();
    let config = trainer.config().clone();
    let files = RunFiles { run, dataset: dataset_info(dataset, trainer.model()), device };
    if !run.reals().exists() {
        files.write_reals(dataset)?;
    }
    if trainer.epoch() == 0 {
        files.write_preview(trainer)?;
        observe(Event::Sampled(0));
    }
    // A new plan, such as --epochs, also at once: a kill before the next checkpoint would forget it.
    let replanned = Checkpoint::open(&run.checkpoint())
        .is_ok_and(|checkpoint| checkpoint.header().training != config);
    if trainer.epoch() == 0 || replanned || !run.checkpoint().exists() {
        files.save(trainer, &run.checkpoint())?;
    }
    // Rows after the checkpoint, of a process that was killed, will be written again.
    let (mut diagnostics, mut best) = (Diagnostics::new(&config), f64::INFINITY);
    run.rewind_metrics(trainer.epoch(), |row| {
        diagnostics.observe(row);
        // Distances of another number of samples are not comparable.
        let quality = row.quality.as_ref().filter(|quality| quality.count == config.eval_count);
        best = quality.map_or(best, |quality| best.min(quality.frechet));
    })?;

    while trainer.epoch() < config.epochs {
        // One step: `d_steps` updates of the discriminator, then one of the generator.
        let mut rng = stream(config.seed, Purpose::Batch, trainer.epoch());
        let mut images = buffer(config.d_steps * config.batch * dataset.shape().len());
        let labels = draw_batch(dataset, &mut rng, &mut images);
        let report = trainer.step(Batch { images, labels });
        let epoch = trainer.epoch();
        observe(Event::Epoch(epoch));

        // What is due after it. Rows come at the same epochs wherever a training is interrupted.
        let request = control(epoch);
        let last = epoch == config.epochs;
        let due = |every: u64| every > 0 && epoch.is_multiple_of(every);
        let evaluate = evaluator.filter(|_| due(config.eval_every));
        let record = due(READ_EVERY) || due(config.sample_every) || evaluate.is_some();
        let sample = due(config.sample_every) || last || request == Control::Sample;
        let save = due(config.checkpoint_every)
            || last
            || matches!(request, Control::Checkpoint | Control::Stop);

        if record || sample || save {
            let mut row = report.read();
            let (d_loss, g_loss) = (row.d_loss, row.g_loss);
            if !d_loss.is_finite() || !g_loss.is_finite() {
                return Err(TrainError::Diverged { epoch, d_loss, g_loss });
            }
            row.seconds = begin.elapsed().as_secs_f64();
            row.quality = evaluate.map(|evaluator| evaluator.evaluate(trainer, dataset, device));
            // Before the row of metrics, which then never names a checkpoint that does not exist.
            if let Some(quality) = &row.quality
                && quality.frechet < best
            {
                best = quality.frechet;
                files.save(trainer, &run.best())?;
                observe(Event::Best(epoch));
            }
            if record {
                row.warning = diagnostics.observe(&row);
                run.append_metrics(&row)?;
            }
            let warning = row.warning;
            observe(Event::Metrics(row));
            if let Some(warning) = warning {
                observe(Event::Warning(warning));
            }
        }
        // Packed before samples are written: weights that are not finite end the training here.
        let packed = if save { Some(files.pack(trainer)?) } else { None };
        if sample {
            files.write_preview(trainer)?;
            observe(Event::Sampled(epoch));
        }
        if let Some(packed) = packed {
            files.write_checkpoint(&run.checkpoint(), packed)?;
            observe(Event::Saved(epoch));
        }
        if request == Control::Stop && !last {
            return Ok(Outcome::Stopped);
        }
    }
    Ok(Outcome::Finished)
}

/// How a checkpoint describes a data set.
pub fn dataset_info(dataset: &Dataset, model: &ModelConfig) -> DatasetInfo {
    let names = dataset.class_names();
    let only_numbers = names.iter().enumerate().all(|(class, name)| *name == class.to_string());
    DatasetInfo {
        name: dataset.name().into(),
        digest: dataset.digest().into(),
        images: dataset.len(),
        class_names: if only_numbers { Vec::new() } else { names.to_vec() },
        labels: model.classes().and_then(|_| dataset.labels_digest()),
    }
}

/// Writes what a training leaves in its run's directory.
struct RunFiles<'a> {
    run: &'a RunDir,
    dataset: DatasetInfo,
    device: &'a Device,
}

impl RunFiles<'_> {
    fn save(&self, trainer: &Trainer, path: &Path) -> Result<(), TrainError> {
        self.write_checkpoint(path, self.pack(trainer)?)
    }

    /// The whole state of the training, as bytes.
    fn pack(&self, trainer: &Trainer) -> Result<(Header, Sections), TrainError> {
        trainer.checkpoint(self.dataset.clone()).map_err(|error| match error {
            CheckpointError::NotFinite => TrainError::WeightsDiverged(trainer.epoch()),
            error => error.into(),
        })
    }

    /// After the metrics are on the disk, so that a checkpoint never lacks the rows before it.
    fn write_checkpoint(
        &self,
        path: &Path,
        (header, sections): (Header, Sections),
    ) -> Result<(), TrainError> {
        if self.run.metrics().exists() {
            self.run.sync_metrics()?;
        }
        Ok(sections.write(path, &header)?)
    }

    /// A row of samples of the moving average of the weights, always from the same latent vectors; of a
    /// model with classes they are of each in turn, and there is also a row for each class.
    fn write_preview(&self, trainer: &Trainer) -> Result<(), RunDirError> {
        let generator = trainer.ema_generator();
        let sampler = Sampler::new(&generator, trainer.model(), self.device);
        let pixels = sampler.samples(trainer.config().seed, 0, PREVIEW, None);
        let shape = trainer.model().image;
        write_grid(&self.run.sample(trainer.epoch()), &pixels, shape)?;
        let Some(classes) = trainer.model().classes() else { return Ok(()) };
        let row = |class| {
            sampler.samples(trainer.config().seed, 0, PREVIEW, Some(&[class as u16; PREVIEW]))
        };
        let pixels: Vec<u8> = (0..classes.min(RunPaths::CLASS_ROWS)).flat_map(row).collect();
        write_grid(&self.run.classes(), &pixels, shape)
    }

    /// A random choice of real images, the same in all runs on a data set.
    fn write_reals(&self, dataset: &Dataset) -> Result<(), RunDirError> {
        let shape = dataset.shape();
        let mut rng = stream(0, Purpose::Subset, 3);
        let pixels = random_subset(dataset.images(), shape.len(), REALS, &mut rng);
        write_grid(&self.run.reals(), &pixels, shape)
    }
}

fn write_grid(path: &Path, pixels: &[u8], shape: ImageShape) -> Result<(), RunDirError> {
    let image = Grid { columns: PREVIEW, scale: 1 }.draw(pixels, shape);
    let written = image.map_err(io::Error::other).and_then(|image| write_png(path, &image));
    Ok(written.map_err(FileError::new("write", path))?)
}
