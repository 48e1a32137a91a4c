//! From what was typed to what will happen: defaults < recipe < file < flags, checked.

use std::path::PathBuf;

use gan_model::device::Chosen;
use gan_model::{Loss, ModelConfig, TrainingConfig, device};
use gan_train::{Recipe, validate};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

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
    pub stop_after: Option<u64>,
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
        let (model, training) = recipe.settings();
        let mut training: TrainingConfig = overlay(&training, &s)?;
        let model: ModelConfig = overlay(&model, &s)?;
        if let Some(epochs) = s.ema_half_life {
            training.ema = 0.5_f64.powf(1.0 / epochs);
        }
        if s.eval_every.is_none() {
            training.eval_every = (training.epochs / 5).max(1);
        }
        if training.loss == Loss::Wasserstein && s.clip.is_none() && training.r1 == 0.0 {
            // Without one of them there is no distance to speak of.
            training.clip = 0.01;
        }
        model.validate().map_err(|error| Failure::Usage(format!("--{error}")))?;
        validate(&model, &training).map_err(|error| Failure::Usage(format!("--{error}")))?;

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
            stop_after: args.stop_after,
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

/// A record of settings with what was said in the place of its own: their names are the
/// flags', with underscores.
///
/// # Errors
/// When a setting that stood in a file is none that there is.
fn overlay<T: Serialize + DeserializeOwned>(record: &T, said: &Settings) -> Result<T, Failure> {
    let mut record = as_map(record)?;
    for (name, value) in &mut record {
        if let Some(said) = said.get(name)? {
            *value = said;
        }
    }
    // One by one, so that an error can name its flag.
    let whole = serde_json::from_value(Value::Object(record.clone()));
    whole.map_err(|error| {
        let culprit = record.iter().find(|(_, value)| {
            value.as_str().is_some_and(|value| error.to_string().contains(&format!("`{value}`")))
        });
        let flag = culprit.map_or(String::new(), |(name, _)| format!("--{}: ", flag(name)));
        Failure::Usage(format!("{flag}{error}"))
    })
}

/// A record's fields by name.
///
/// # Errors
/// When it is no record.
pub fn as_map(record: &impl Serialize) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(record)? {
        Value::Object(map) => Ok(map),
        other => Err(Failure::Failed(anyhow::anyhow!("not a record of settings: {other}"))),
    }
}

/// What the flag of a field is called.
pub fn flag(field: &str) -> String {
    field.replace('_', "-")
}

impl Settings {
    /// What was said of the field `name` of a record of settings.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn get(&self, name: &str) -> Result<Option<Value>, Failure> {
        Ok(as_map(self)?.remove(&flag(name)).filter(|value| !value.is_null()))
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
