//! The training's loop, and its run directory.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device};
use clap::Args;
use gan_core::atomic_file;
use gan_core::stream::{Purpose, stream};
use gan_data::Dataset;
use gan_model::checkpoint::pack;
use gan_model::{Adam, AdamConfig, Ema};
use gan_run::{EndReason, MetricsRow, RunDir, RunOutcome, RunPaths};
use gan_sample::{Grid, write_png};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::{TOGETHER, defaults};
use crate::{Batch, Images, Model};

/// The settings of a run, as in `config.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config<S> {
    /// The net and its images.
    pub model: ModelConfig<S>,
    /// The training.
    pub training: TrainingConfig,
    /// The images.
    pub dataset: DatasetConfig,
}

/// The net and its images.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelConfig<S> {
    /// The kind of network.
    pub family: String,
    /// The images.
    #[serde(flatten)]
    pub images: Images,
    /// The sizes of the net.
    pub settings: S,
}

/// The images.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatasetConfig {
    /// Their name.
    pub name: String,
    /// How many there are.
    pub images: usize,
}

/// The training.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct TrainingConfig {
    /// Updates of the net, each with a batch
    #[arg(long, default_value_t = 8000)]
    pub epochs: u64,
    /// Batch size
    #[arg(long)]
    pub batch: usize,
    /// Adam's learning rate, which decreases linearly to zero over the second half
    #[arg(long)]
    pub lr: f64,
    /// Random seed; equal seeds give equal runs
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Epochs between previews, a row of ten samples each; the weights are saved with them
    #[arg(long, default_value_t = 500)]
    pub sample_every: u64,
}

impl TrainingConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the flag that is out of its range.
    pub fn check(&self) -> Result<()> {
        let Self { epochs, batch, lr, sample_every, .. } = *self;
        ensure!(epochs > 0, "--epochs is 0; expected 1 or more");
        ensure!((1..=4096).contains(&batch), "--batch is {batch}; expected 1 to 4096");
        ensure!(lr > 0.0 && lr <= 1.0, "--lr is {lr}; expected more than 0, at most 1");
        ensure!(sample_every > 0, "--sample-every is 0; expected 1 or more");
        Ok(())
    }
}

/// The decay rate of the moving average of the weights, after the first epochs.
const EMA: f64 = 0.9995;
/// Epochs between rows of metrics.
const RECORD_EVERY: u64 = 20;
/// Samples in a preview.
const PREVIEW: usize = 10;
const WEIGHTS: &str = "weights.bpk";

/// Trains a net, and writes its metrics, previews and averaged weights to the run.
///
/// # Errors
/// When a loss is not finite, or the run cannot be written.
pub fn train<M: Model>(
    mut net: M,
    config: &Config<M::Settings>,
    dataset: &Dataset,
    run: &RunDir,
    mut observe: impl FnMut(&MetricsRow),
) -> Result<M> {
    let Config { model: ModelConfig { images, .. }, training, .. } = config;
    let begin = Instant::now();
    let mut average = net.clone();
    net = net.train();
    let mut adam = Adam::new(AdamConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }, true);
    run.write_config(config)?;
    run.rewind_metrics(0, |_| ())?;
    let sampling = defaults::<M::Sampling>();

    for epoch in 1..=training.epochs {
        let shown = Batch::draw(dataset, training.batch, training.seed, epoch - 1);
        let mut rng = stream(training.seed, Purpose::GeneratorNoise, epoch - 1);
        let loss = net.loss(*images, &shown, &mut rng);
        let value: f32 = loss.clone().into_scalar();
        let diverged = |found: String| {
            let (reason, seconds) = (EndReason::Diverged, begin.elapsed().as_secs_f64());
            run.write_outcome(&RunOutcome { reason, epochs: epoch - 1, seconds })?;
            bail!("{found} at epoch {epoch}; try a smaller --lr")
        };
        if !value.is_finite() {
            return diverged(format!("the loss is {value}"));
        }
        let left = 1.0 - (epoch - 1) as f64 / training.epochs as f64;
        let rate = training.lr * (2.0 * left).min(1.0);
        let decay = EMA.min((1.0 + epoch as f64) / (10.0 + epoch as f64));
        let mut ema = Ema::of(average, decay);
        net = adam.update(net, loss.backward(), Some(&mut ema), epoch, rate);
        average = ema.place(&net).valid();

        let last = epoch == training.epochs;
        if epoch.is_multiple_of(RECORD_EVERY) || last {
            // Viewers show the losses of two nets; the only one here is recorded as the first.
            let seconds = begin.elapsed().as_secs_f64();
            let row = MetricsRow { epoch, d_loss: value, seconds, ..MetricsRow::default() };
            run.append_metrics(&row)?;
            observe(&row);
        }
        if epoch.is_multiple_of(training.sample_every) || last {
            match pack(&average) {
                Ok(weights) => save(&weights, run.root())?,
                Err(error) => return diverged(error.to_string()),
            }
            write_previews(&average, *images, &sampling, run, epoch)?;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let reason = EndReason::Finished;
    run.write_outcome(&RunOutcome { reason, epochs: training.epochs, seconds })?;
    Ok(average)
}

/// A row of samples, of the classes in turn, and a row for each class, always from the same random
/// numbers.
fn write_previews<M: Model>(
    net: &M,
    images: Images,
    sampling: &M::Sampling,
    run: &RunDir,
    epoch: u64,
) -> Result<()> {
    let write = |path: &Path, labels: &[Option<u16>]| {
        let indices: Vec<u64> = (0..PREVIEW as u64).cycle().take(labels.len()).collect();
        let pixels = net.samples(images, sampling, 0, &indices, labels);
        let grid = Grid { columns: PREVIEW, scale: 1 }.draw(&pixels, images.shape)?;
        Ok(write_png(path, &grid)?)
    };
    let rows = images.classes.min(RunPaths::CLASS_ROWS) as u16;
    if rows > 0 {
        let labels: Vec<_> = (0..rows).flat_map(|class| [Some(class); PREVIEW]).collect();
        write(&run.classes(), &labels)?;
    }
    write(&run.sample(epoch), &images.turns(0, PREVIEW))
}

/// The mean loss of all images of a data set; `images` are those of the net.
pub fn mean_loss<M: Model>(net: &M, images: Images, dataset: &Dataset) -> f64 {
    let mut rng = stream(0, Purpose::GeneratorNoise, 0);
    let starts = (0..dataset.len()).step_by(TOGETHER);
    let losses = starts.map(|start| {
        let batch = Batch::of(dataset, start..dataset.len().min(start + TOGETHER));
        let loss: f32 = net.loss(images, &batch, &mut rng).into_scalar();
        f64::from(loss) * batch.labels.len() as f64
    });
    losses.sum::<f64>() / dataset.len() as f64
}

fn save(weights: &[u8], root: &Path) -> Result<()> {
    let path = root.join(WEIGHTS);
    atomic_file::write_with(&path, |file| file.write_all(weights))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The settings of a run, and its net.
///
/// # Errors
/// When the folder has no run of this program, or its files are damaged.
pub fn load<M: Model>(root: &Path) -> Result<(Config<M::Settings>, M)> {
    let path = RunPaths::new(root).config();
    let name = M::NAME;
    let text = std::fs::read(&path).with_context(|| {
        format!("cannot read {}; expected the folder of a run of `{name} train`", path.display())
    })?;
    let other = || format!("{} is not of a run of `{name} train`", path.display());
    let any: Config<Value> = serde_json::from_slice(&text).with_context(other)?;
    let family = any.model.family;
    ensure!(family == name, "{} is of a run of {family:?}; expected {name:?}", path.display());
    let config: Config<M::Settings> = serde_json::from_slice(&text).with_context(other)?;
    let ModelConfig { images, settings, .. } = &config.model;
    let path = root.join(WEIGHTS);
    let bytes = std::fs::read(&path).with_context(|| {
        format!("cannot read {}; a run has its weights from its first preview on", path.display())
    })?;
    let damaged = || format!("{} is damaged", path.display());
    let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes)).with_context(damaged)?;
    let net = M::new(settings, *images, 0, &Device::flex())?;
    let net = net.try_load_record(record).with_context(damaged)?;
    Ok((config, net))
}
