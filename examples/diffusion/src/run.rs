//! The training's loop, and its run directory.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device};
use gan_core::{ImageShape, atomic_file};
use gan_data::Dataset;
use gan_model::checkpoint::pack;
use gan_model::{Adam, AdamConfig, Ema};
use gan_run::{EndReason, MetricsRow, RunDir, RunOutcome, RunPaths};
use gan_sample::{Grid, write_png};
use serde::{Deserialize, Serialize};

use crate::flow::{Sampling, loss, samples};
use crate::net::UNet;

/// What is trained, as `config.json` has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The net and its images.
    pub model: ModelConfig,
    /// The training.
    pub training: TrainingConfig,
    /// The images.
    pub dataset: DatasetConfig,
}

/// The net and its images.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Distinguishes these runs from others.
    pub family: String,
    /// The shape of an image.
    #[serde(flatten)]
    pub image: ImageShape,
    /// Classes that can be asked for; 0 without labels.
    pub classes: usize,
    /// Filters of the layers next to the images.
    pub filters: usize,
}

/// The training.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrainingConfig {
    /// Updates of the net.
    pub epochs: u64,
    /// Images of an update.
    pub batch: usize,
    /// Adam's step size; it falls to zero over the second half.
    pub lr: f64,
    /// The source of all randomness.
    pub seed: u64,
    /// Epochs from a row of samples to the next.
    pub sample_every: u64,
}

/// The images.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatasetConfig {
    /// Their name.
    pub name: String,
    /// How many there are.
    pub images: usize,
}

/// The largest decay of the average of the weights.
const EMA: f64 = 0.9995;
/// Epochs from a row of metrics to the next.
const RECORD_EVERY: u64 = 20;
const WEIGHTS: &str = "flow.bpk";

/// Trains a net, and writes its metrics, previews and averaged weights to the run.
///
/// # Errors
/// When a loss is not finite, or the run cannot be written.
pub fn train(
    config: &Config,
    dataset: &Dataset,
    run: &RunDir,
    mut observe: impl FnMut(&MetricsRow),
) -> Result<UNet> {
    let Config { model, training, .. } = config;
    let begin = Instant::now();
    let mut net =
        UNet::new(model.image, model.classes, model.filters, training.seed, &Device::flex());
    let mut average = net.clone();
    net = net.train();
    let mut adam = Adam::new(AdamConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }, true);
    run.write_config(config)?;
    run.rewind_metrics(0, |_| ())?;
    std::fs::create_dir_all(run.samples())?;

    for epoch in 1..=training.epochs {
        let loss = loss(&net, dataset, training.batch, training.seed, epoch - 1);
        let value: f32 = loss.clone().into_scalar();
        ensure!(value.is_finite(), "the loss is {value} at epoch {epoch}; try a smaller --lr");
        let left = 1.0 - (epoch - 1) as f64 / training.epochs as f64;
        let rate = training.lr * (2.0 * left).min(1.0);
        let decay = EMA.min((1.0 + epoch as f64) / (10.0 + epoch as f64));
        let mut ema = Ema::of(average, decay);
        net = adam.update(net, loss.backward(), Some(&mut ema), epoch, rate);
        average = ema.place(&net).valid();

        let last = epoch == training.epochs;
        if epoch.is_multiple_of(RECORD_EVERY) || last {
            // Viewers know the losses of two nets; the only one here takes the first place.
            let seconds = begin.elapsed().as_secs_f64();
            let row = MetricsRow { epoch, d_loss: value, seconds, ..MetricsRow::default() };
            run.append_metrics(&row)?;
            observe(&row);
        }
        if epoch.is_multiple_of(training.sample_every) || last {
            let pixels =
                samples(&average, model.image, model.classes, PREVIEW, 0, &turns(model, 0, 10));
            let row = Grid { columns: 10, scale: 1 }.draw(&pixels, model.image)?;
            write_png(&run.sample(epoch), &row)?;
            save(&average, run.root())?;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let reason = EndReason::Finished;
    run.write_outcome(&RunOutcome { reason, epochs: training.epochs, seconds })?;
    Ok(average)
}

/// How previews are drawn.
const PREVIEW: Sampling = Sampling { steps: 10, guidance: 1.0, seed: 0 };

/// The classes in turn, from a sample on.
pub fn turns(model: &ModelConfig, first: usize, count: usize) -> Vec<Option<u16>> {
    let class = |index: usize| (model.classes > 0).then(|| (index % model.classes) as u16);
    (first..first + count).map(class).collect()
}

fn save(net: &UNet, root: &Path) -> Result<()> {
    let (bytes, path) = (pack(net)?, root.join(WEIGHTS));
    atomic_file::write_with(&path, |file| file.write_all(&bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The net of a run.
///
/// # Errors
/// When the folder has no run of this program, or its files are damaged.
pub fn load(root: &Path) -> Result<(Config, UNet)> {
    let path = RunPaths::new(root).config();
    let text = std::fs::read(&path).with_context(|| {
        format!("cannot read {}; expected the folder of a run of `diffusion train`", path.display())
    })?;
    let config: Config = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not of a run of `diffusion train`", path.display()))?;
    let path = root.join(WEIGHTS);
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes))
        .with_context(|| format!("{} is damaged", path.display()))?;
    let ModelConfig { image, classes, filters, .. } = config.model;
    let net = UNet::new(image, classes, filters, 0, &Device::flex());
    let net =
        net.try_load_record(record).with_context(|| format!("{} is damaged", path.display()))?;
    Ok((config, net))
}
