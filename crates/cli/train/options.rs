//! From what was typed to what will happen: defaults < recipe < file < flags, checked.

use std::path::PathBuf;

use gan_model::device::Chosen;
use gan_model::{GeneratorLoss, ModelConfig, TrainingConfig, device};
use gan_train::{Recipe, validate};

use super::args::{Settings, TrainArgs};
use super::{config_file, data};
use crate::exit::Failure;

/// What to do, every setting known and in its range.
pub struct Options {
    pub model: ModelConfig,
    pub training: TrainingConfig,
    pub data: DataOptions,
    pub device: Chosen,
    /// What was typed or stood in the file, to hold against a checkpoint.
    pub said: Settings,
    pub resume: Option<PathBuf>,
    pub out: Option<PathBuf>,
    pub json: bool,
    pub quiet: bool,
    pub dry_run: bool,
}

/// Which images, and where they may come from.
#[derive(Clone, Debug)]
pub struct DataOptions {
    /// `auto`, or a data set's name.
    pub dataset: String,
    pub dir: Option<PathBuf>,
    pub offline: bool,
}

impl Options {
    /// # Errors
    /// When the file cannot be read, or a setting is out of its range.
    pub fn new(args: TrainArgs) -> Result<Self, Failure> {
        let file = args.config.as_deref().map(config_file::read).transpose()?;
        let said = args.settings.or(file.unwrap_or_default());
        let s = said.clone();

        let recipe = match s.recipe.as_deref() {
            None => Recipe::default(),
            Some(name) => one_of("recipe", name, &Recipe::ALL, |r| r.name())?,
        };
        let preset = recipe.training();
        let losses = [GeneratorLoss::Bce, GeneratorLoss::Minimax];
        let loss = s.loss.map(|name| one_of("loss", &name, &losses, |&loss| loss_name(loss)));
        let training = TrainingConfig {
            epochs: s.epochs.unwrap_or(preset.epochs),
            batch: s.batch.unwrap_or(preset.batch),
            lr: s.lr.unwrap_or(preset.lr),
            beta1: s.beta1.unwrap_or(preset.beta1),
            ema: s.ema.unwrap_or(preset.ema),
            loss: loss.transpose()?.unwrap_or(preset.loss),
            seed: s.seed.unwrap_or(preset.seed),
            sample_every: s.sample_every.unwrap_or(preset.sample_every),
            checkpoint_every: s.checkpoint_every.unwrap_or(preset.checkpoint_every),
            ..preset
        };
        validate(&training).map_err(|error| Failure::Usage(format!("--{error}")))?;

        let sizes = ModelConfig::default();
        let model = ModelConfig {
            latent: s.latent.unwrap_or(sizes.latent),
            generator_hidden: s.generator_hidden.unwrap_or(sizes.generator_hidden),
            discriminator_hidden: s.discriminator_hidden.unwrap_or(sizes.discriminator_hidden),
            ..sizes
        };
        model.validate().map_err(|error| Failure::Usage(format!("--{error}")))?;

        if let Some(threads) = s.threads {
            use_threads(threads)?;
        }
        let dataset = s.dataset.unwrap_or_else(|| "auto".into());
        one_of("dataset", &dataset, &data::NAMES, |name| name)?;
        let data = DataOptions { dataset, dir: s.data_dir, offline: s.offline.unwrap_or(false) };
        Ok(Self {
            model,
            training,
            data,
            device: choose_device(s.device.as_deref())?,
            said,
            resume: args.resume,
            out: s.out,
            json: args.json,
            quiet: args.quiet,
            dry_run: args.dry_run,
        })
    }
}

/// # Errors
/// When the name leads to no device.
pub fn choose_device(name: Option<&str>) -> Result<Chosen, Failure> {
    device::select(name.unwrap_or("auto"))
        .map_err(|error| Failure::Usage(format!("--device: {error}")))
}

/// # Errors
/// When it is none, or more than any machine has.
pub fn use_threads(count: usize) -> Result<(), Failure> {
    if !(1..=1024).contains(&count) {
        return Err(Failure::Usage(format!("--threads is {count}; expected 1 to 1024")));
    }
    gan_kernels::set_threads(count);
    Ok(())
}

/// The flag's word for a loss.
pub fn loss_name(loss: GeneratorLoss) -> &'static str {
    match loss {
        GeneratorLoss::Bce => "bce",
        GeneratorLoss::Minimax => "minimax",
    }
}

/// clap checks the flags; this checks what stood in a file.
fn one_of<'a, T: Copy>(
    flag: &str,
    found: &str,
    all: &'a [T],
    name: impl Fn(&'a T) -> &'a str,
) -> Result<T, Failure> {
    all.iter().find(|&value| name(value) == found).copied().ok_or_else(|| {
        let names: Vec<_> = all.iter().map(name).collect();
        Failure::Usage(format!("--{flag} is {found:?}; expected {}", names.join(", ")))
    })
}
