//! From what was typed to what will happen: defaults < recipe < file < flags, checked.

use std::path::PathBuf;

use gan_model::device::SelectedDevice;
use gan_model::{Loss, ModelConfig, TrainingConfig, device};
use gan_train::{Recipe, validate};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::args::{Settings, TrainArgs};
use super::resume::Resume;
use super::{config_file, data};
use crate::exit::Failure;
use crate::watch::Page;

/// What to do, every setting known and in its range.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Options {
    pub model: ModelConfig,
    pub training: TrainingConfig,
    pub data: DataOptions,
    pub device: SelectedDevice,
    pub out: Option<PathBuf>,
    pub json: bool,
    pub quiet: bool,
    pub watch: bool,
    pub tensorboard: bool,
    pub report: bool,
    pub dry_run: bool,
    pub stop_after: Option<u64>,
    pub page: Page,
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
    /// The settings of a new training, or with `resumed` of that one going on: what was said
    /// must not contradict it then.
    ///
    /// # Errors
    /// When the file cannot be read, or a setting is out of its range.
    pub fn new(args: TrainArgs, resumed: Option<&Resume>) -> Result<Self, Failure> {
        let file = args.config.as_deref().map(config_file::read).transpose()?;
        let file = file.unwrap_or_default().settled()?;
        let said = args.settings.settled()?.or(file);
        let s = said.clone();

        let (model, training) = match resumed {
            None => new_settings(&s)?,
            Some(resumed) => {
                resumed.check(&s)?;
                let header = resumed.checkpoint.header();
                (header.model.clone(), overlay(&header.training, &s)?)
            }
        };
        model.validate().map_err(|error| Failure::Usage(format!("--{error}")))?;
        validate(&model, &training).map_err(|error| Failure::Usage(format!("--{error}")))?;

        if let Some(threads) = s.threads {
            use_threads(threads)?;
        }
        let dataset = s.dataset.unwrap_or_else(|| "auto".into());
        one_of("dataset", &dataset, &data::NAMES, |name| name)?;
        let data = DataOptions { dataset, dir: s.data_dir, offline: s.offline.unwrap_or(false) };
        let data = resumed.map_or(data.clone(), |resumed| resumed.data(&data));
        Ok(Self {
            model,
            training,
            data,
            device: choose_device(s.device.as_deref())?,
            out: s.out,
            json: args.json,
            quiet: args.quiet,
            watch: args.watch,
            tensorboard: args.tensorboard,
            report: !args.no_report,
            dry_run: args.dry_run,
            stop_after: args.stop_after,
            page: args.page,
        })
    }
}

/// # Errors
/// When the name leads to no device.
pub fn choose_device(name: Option<&str>) -> Result<SelectedDevice, Failure> {
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

/// A recipe, and what was said in the place of its own.
fn new_settings(said: &Settings) -> Result<(ModelConfig, TrainingConfig), Failure> {
    let recipe = match said.recipe.as_deref() {
        None => Recipe::default(),
        Some(name) => one_of("recipe", name, &Recipe::ALL, |r| r.name())?,
    };
    let (model, training) = recipe.settings();
    let (mut model, mut training) = (overlay(&model, said)?, overlay(&training, said)?);
    if said.minibatch_stddev.is_none() && model.minibatch_stddev > 0 {
        // The recipe's groups, or the largest smaller ones that make up this batch.
        let packs = training.batch / model.pack.max(1);
        let groups = (2..=model.minibatch_stddev).rev();
        model.minibatch_stddev = groups.into_iter().find(|n| packs.is_multiple_of(*n)).unwrap_or(0);
    }
    if said.eval_every.is_none() {
        // A few times a run, and not at all in one too short to be judged.
        training.eval_every = if training.epochs < 500 { 0 } else { training.epochs / 5 };
    }
    if training.loss == Loss::Wasserstein
        && said.clip.is_none()
        && training.r1 + training.r2 == 0.0
        && !model.spectral_norm
    {
        // Without any of them there is no distance to speak of.
        training.clip = 0.01;
    }
    Ok((model, training))
}

/// A record of settings with what was said in the place of its own: their names are the
/// flags', with underscores.
///
/// # Errors
/// Names the first setting that is none of those there are.
fn overlay<T>(record: &T, said: &Settings) -> Result<T, Failure>
where
    T: Clone + Serialize + DeserializeOwned,
{
    let mut whole = as_map(record)?;
    let mut record = record.clone();
    for (name, _) in whole.clone() {
        if let Some(said) = said.get(&name)? {
            whole.insert(name.clone(), said);
            let wrong = |error| Failure::Usage(format!("--{}: {error}", flag(&name)));
            record = T::deserialize(Value::Object(whole.clone())).map_err(wrong)?;
        }
    }
    Ok(record)
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
    /// Every number finite, and the half-life said as what it stands for.
    fn settled(mut self) -> Result<Self, Failure> {
        for (name, x) in [
            ("lr", self.lr),
            ("d-lr", self.d_lr),
            ("beta1", self.beta1),
            ("beta2", self.beta2),
            ("epsilon", self.epsilon),
            ("ema", self.ema),
            ("ema-half-life", self.ema_half_life),
            ("r1", self.r1),
            ("r2", self.r2),
            ("clip", self.clip),
            ("decay-from", self.decay_from),
            ("dropout", self.dropout),
            ("label-smoothing", self.label_smoothing),
            ("instance-noise", self.instance_noise),
            ("pixel-mean", self.pixel_mean),
        ] {
            if let Some(x) = x.filter(|x| !x.is_finite()) {
                return Err(Failure::Usage(format!("--{name} is {x}; expected a finite number")));
            }
        }
        if let Some(epochs) = self.ema_half_life.take() {
            if self.ema.is_some() {
                let what = "--ema and --ema-half-life are one setting; give one of them";
                return Err(Failure::Usage(what.into()));
            }
            if !(0.0..=1e12).contains(&epochs) {
                return Err(Failure::Usage(format!(
                    "--ema-half-life is {epochs}; expected 0 to 1e12 epochs"
                )));
            }
            self.ema = Some(0.5_f64.powf(1.0 / epochs));
        }
        Ok(self)
    }

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
