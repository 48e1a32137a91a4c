//! The effective settings: defaults < recipe < configuration file < flags, checked.

use std::path::{Path, PathBuf};

use gan_core::ImageShape;
use gan_model::device::SelectedDevice;
use gan_model::{Loss, ModelConfig, TrainingConfig};
use gan_train::{Recipe, RunConfig, RunDir, dataset_info, validate};

use super::args::{RunArgs, TrainArgs};
use super::config_file;
use super::fields::{Fields, replace};
use super::resume::Resume;
use super::settings::Settings;
use crate::common::{Data, DatasetArgs, Failure, usage};

/// What to train, with every setting known and in its range.
pub struct Options {
    pub model: ModelConfig,
    pub training: TrainingConfig,
    pub dataset: DatasetArgs,
    pub device: SelectedDevice,
    pub out: Option<PathBuf>,
    pub run: RunArgs,
    /// The checkpoint to continue from.
    pub resume: Option<Resume>,
}

impl Options {
    /// The options of a new training, or of a resumed one, whose settings must not change.
    pub fn new(args: &TrainArgs) -> Result<Self, Failure> {
        let resume = args.resume.as_deref().map(Resume::read).transpose()?;
        let file = args.config.as_deref().map(config_file::read).transpose()?;
        let mut set = file.unwrap_or_default().set()?;
        set.extend(args.settings.clone().set()?);
        let settings: Settings = serde_json::from_value(set.clone().into())?;

        let (model, training) = match &resume {
            None => new_settings(&settings, &set)?,
            Some(resume) => {
                resume.check(&set)?;
                let header = resume.checkpoint.header();
                (header.model.clone(), replace(&header.training, &set)?)
            }
        };
        check(&model, &training)?;

        let device = settings.device.select()?;
        let dataset = match &resume {
            None => settings.dataset,
            Some(resume) => resume.dataset(settings.dataset)?,
        };
        let (out, run) = (settings.out, args.run.clone());
        Ok(Self { model, training, dataset, device, out, run, resume })
    }

    /// Sets the shape of the images, known once they are loaded.
    pub fn set_image(&mut self, shape: ImageShape) -> Result<(), Failure> {
        self.model.image = shape;
        check(&self.model, &self.training)
    }

    /// What `config.json` records.
    pub fn record(&self, data: &Data) -> RunConfig {
        RunConfig {
            version: env!("CARGO_PKG_VERSION").into(),
            model: self.model.clone(),
            training: self.training.clone(),
            dataset: dataset_info(&data.train),
            // A run may be resumed from another working directory.
            data_dir: data.dir.as_ref().map(|dir| std::path::absolute(dir).unwrap_or(dir.clone())),
            device: self.device.name.clone(),
        }
    }

    /// Checks `--out` before anything is downloaded.
    pub fn check_out(&self) -> Result<(), Failure> {
        match (&self.out, &self.resume) {
            (Some(out), Some(resume)) if resume.is_in(out) => Ok(()),
            (Some(out), _) => Ok(RunDir::check_free(out)?),
            (None, _) => Ok(()),
        }
    }

    /// Opens the directory of the run, which locks it: the checkpoint's own, the one of `--out`,
    /// or the next number.
    pub fn open_run(&self, dataset: &str) -> Result<RunDir, Failure> {
        match (&self.resume, &self.out) {
            (Some(resume), None) if resume.in_run => resume.reopen(),
            (Some(resume), Some(out)) if resume.is_in(out) => resume.reopen(),
            (Some(resume), None) => Err(usage!(
                "{} is not in the directory of a run; choose a directory with --out DIR",
                resume.checkpoint.path().display()
            )),
            (_, Some(out)) => Ok(RunDir::create(out)?),
            (None, None) => {
                let name = format!("{dataset}-{}", self.model.family.name());
                Ok(RunDir::create_next(Path::new("runs"), &name)?)
            }
        }
    }
}

fn check(model: &ModelConfig, training: &TrainingConfig) -> Result<(), Failure> {
    let checked = model.validate().and_then(|()| validate(model, training));
    checked.map_err(|error| usage!("--{error}"))
}

/// The recipe with the settings that override it.
fn new_settings(
    settings: &Settings,
    set: &Fields,
) -> Result<(ModelConfig, TrainingConfig), Failure> {
    let (model, training) = recipe(settings.recipe.as_deref())?.settings();
    let (mut model, mut training) = (replace(&model, set)?, replace(&training, set)?);
    if settings.minibatch_stddev.is_none() {
        model.fit_batch(training.batch);
    }
    if settings.eval_every.is_none() {
        // Five times per run, but not in a run too short for good samples.
        training.eval_every = if training.epochs < 500 { 0 } else { training.epochs / 5 };
    }
    if training.loss == Loss::Wasserstein
        && settings.clip.is_none()
        && training.r1 + training.r2 == 0.0
        && !model.has_spectral_norm()
    {
        // The Wasserstein distance needs a bound on the discriminator's slope.
        training.clip = 0.01;
    }
    Ok((model, training))
}

/// The recipe of a name, which clap has checked unless it is from a file.
fn recipe(name: Option<&str>) -> Result<Recipe, Failure> {
    let Some(name) = name else { return Ok(Recipe::default()) };
    Recipe::ALL.into_iter().find(|recipe| recipe.name() == name).ok_or_else(|| {
        let names = Recipe::ALL.map(Recipe::name).join(", ");
        usage!("--recipe is {name:?}; expected {names}")
    })
}
