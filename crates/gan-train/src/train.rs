//! The whole of training.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::Device;
use gan_core::stream::{Purpose, stream};
use gan_data::{Dataset, IMAGE_LEN, SIDE, draw_batch};
use gan_kernels::buffer;
use gan_model::checkpoint::{CheckpointError, Header, Sections};
use gan_model::{DatasetInfo, ModelConfig};
use gan_run::{Control, Event, RunDir, RunDirError};
use gan_sample::{Grid, Sampler, write_png};
use thiserror::Error;

use crate::diagnosis::Diagnostics;
use crate::quality::Evaluator;
use crate::report::Readings;
use crate::trainer::Trainer;

/// Epochs between readings of the losses: each makes the host wait for the device.
pub(crate) const READ_EVERY: u64 = 20;
/// Pictures in a preview, and in a row of any picture here.
const PREVIEW: usize = 10;
/// Real images that a run shows.
const REALS: usize = 100;

/// How a training ended; in each case the latest checkpoint is that of its last epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// `ask` said so.
    Stopped,
}

/// Why a training ended early.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A loss is not a number any more. The last checkpoint before is untouched.
    #[error(
        "training diverged by epoch {epoch}: the discriminator's loss is {}, the generator's {}; \
         try a smaller --lr or --recipe default",
        readings.discriminator_loss, readings.generator_loss
    )]
    Diverged {
        /// Epochs done.
        epoch: u64,
        /// What was read.
        readings: Readings,
    },
    /// A weight is not a number any more, where the losses before its last update still were.
    #[error(
        "training diverged by epoch {0}: a weight, or what Adam keeps of it, is infinite or not a \
         number; try a smaller --lr or --recipe default"
    )]
    WeightsDiverged(u64),
    /// The run's directory refused.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// The checkpoint could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Trains to the last of `config.epochs`, or until `ask`, which is called between two steps with
/// the epochs done and may take its time, says [`Control::Stop`].
///
/// Losses go to the run's metrics, a row of digits from always the same noise to its
/// samples, and everything to its checkpoint. Every `eval_every` epochs the `judge`, if there is
/// one, measures the pictures, and the best checkpoint is kept. What is written depends on the trainer
/// and the data alone, so a training that was stopped and resumed leaves what an
/// uninterrupted one does.
///
/// # Errors
/// When a loss or a weight is not finite, or the run's directory cannot be written.
pub fn train(
    trainer: &mut Trainer,
    dataset: &Dataset,
    run: &RunDir,
    judge: Option<&Evaluator>,
    device: &Device,
    mut ask: impl FnMut(u64) -> Control,
    mut observe: impl FnMut(Event),
) -> Result<Outcome, TrainError> {
    let begin = Instant::now();
    let config = trainer.config().clone();
    let info = dataset_info(dataset);
    let write = |path: &Path, (header, sections): (Header, Sections)| -> Result<(), TrainError> {
        if run.metrics().exists() {
            run.sync_metrics()?;
        }
        Ok(sections.write(path, &header)?)
    };
    let save = |trainer: &Trainer, path: &Path| write(path, packed(trainer, &info)?);

    if !run.reals().exists() {
        let reals = dataset.len().min(REALS);
        draw(run.reals(), &dataset.images()[..reals * IMAGE_LEN], [SIDE, SIDE])?;
    }
    if trainer.epoch() == 0 {
        preview(trainer, run, device)?;
        observe(Event::Sampled(0));
        save(trainer, &run.checkpoint())?;
    }
    let (mut watch, mut best) = (Diagnostics::new(&config), f64::INFINITY);
    run.rewind_metrics(trainer.epoch(), |row| {
        watch.see(row);
        // Distances of another number of pictures do not compare.
        let quality = row.quality.as_ref().filter(|quality| quality.count == config.eval_count);
        best = quality.map_or(best, |quality| best.min(quality.frechet));
    })?;

    let mut outcome = Outcome::Finished;
    while trainer.epoch() < config.epochs {
        let mut rng = stream(config.seed, Purpose::Batch, trainer.epoch());
        let mut real = buffer(config.d_steps * config.batch * IMAGE_LEN);
        draw_batch(dataset, &mut rng, &mut real);
        let report = trainer.step(real);
        let epoch = trainer.epoch();
        observe(Event::Epoch(epoch));

        let asked = ask(epoch);
        let last = epoch == config.epochs;
        let measured =
            judge.filter(|_| config.eval_every > 0 && epoch.is_multiple_of(config.eval_every));
        // Rows come at the same epochs wherever a training ends and goes on.
        let recorded = epoch.is_multiple_of(READ_EVERY)
            || epoch.is_multiple_of(config.sample_every)
            || measured.is_some();
        let sampled = epoch.is_multiple_of(config.sample_every) || last || asked == Control::Sample;
        let saved = epoch.is_multiple_of(config.checkpoint_every)
            || last
            || matches!(asked, Control::Checkpoint | Control::Stop);
        if recorded || sampled || saved {
            let readings = report.read();
            if !readings.is_finite() {
                return Err(TrainError::Diverged { epoch, readings });
            }
            let mut row = readings.row(epoch, begin.elapsed().as_secs_f64());
            row.quality = measured.map(|judge| judge.measure(trainer, device));
            // Before its row: a row that is there has its checkpoint.
            if let Some(quality) = &row.quality
                && quality.frechet < best
            {
                best = quality.frechet;
                save(trainer, &run.best())?;
                observe(Event::Best(epoch));
            }
            if recorded {
                row.warning = watch.see(&row);
                run.append_metrics(&row)?;
            }
            let finding = row.warning;
            observe(Event::Metrics(row));
            if let Some(finding) = finding {
                observe(Event::Warning(finding));
            }
        }
        // Packed before anything is drawn of it: weights that are no numbers end it here.
        let packed = if saved { Some(packed(trainer, &info)?) } else { None };
        if sampled {
            preview(trainer, run, device)?;
            observe(Event::Sampled(epoch));
        }
        if let Some(packed) = packed {
            write(&run.checkpoint(), packed)?;
            observe(Event::Saved(epoch));
        }
        if asked == Control::Stop && !last {
            outcome = Outcome::Stopped;
            break;
        }
    }
    Ok(outcome)
}

/// All that the training is, to be written.
fn packed(trainer: &Trainer, dataset: &DatasetInfo) -> Result<(Header, Sections), TrainError> {
    trainer.checkpoint(dataset.clone()).map_err(|error| match error {
        CheckpointError::NotFinite => TrainError::WeightsDiverged(trainer.epoch()),
        error => error.into(),
    })
}

/// How a checkpoint names a data set.
#[must_use]
pub fn dataset_info(dataset: &Dataset) -> DatasetInfo {
    DatasetInfo {
        name: dataset.name().into(),
        digest: dataset.digest().into(),
        images: dataset.len(),
    }
}

/// A row of digits from the averaged weights, always of the same noise.
fn preview(trainer: &Trainer, run: &RunDir, device: &Device) -> Result<(), RunDirError> {
    let ModelConfig { width, height, .. } = *trainer.model();
    let generator = trainer.averaged_generator();
    let sampler = Sampler::new(&generator, trainer.model(), device);
    let pixels = sampler.pictures(trainer.config().seed, 0, PREVIEW);
    draw(run.sample(trainer.epoch()), &pixels, [width, height])
}

fn draw(path: PathBuf, pixels: &[u8], size: [usize; 2]) -> Result<(), RunDirError> {
    let image = Grid { columns: PREVIEW, scale: 1 }.draw(pixels, size);
    let written = image.map_err(io::Error::other).and_then(|image| write_png(&path, &image));
    written.map_err(|source| RunDirError::Io { action: "write", path, source })
}
