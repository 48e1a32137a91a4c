//! `--resume`: which checkpoint, which directory, and what must not have changed.

use std::path::{Path, PathBuf};

use gan_model::checkpoint::{Checkpoint, FILE_NAME, Header};
use gan_train::{RunConfig, RunDir};

use super::args::Settings;
use super::options::{DataOptions, loss_name};
use crate::exit::Failure;

/// A checkpoint to go on from.
pub struct Resume {
    pub checkpoint: Checkpoint,
    /// The directory it lies in.
    pub root: PathBuf,
    /// Whether a run has left its record there.
    pub in_run: bool,
    /// The record, if it can be read.
    pub config: Option<RunConfig>,
}

impl Resume {
    /// Reads the checkpoint at `path`, or in the run directory `path`.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let checkpoint = Checkpoint::read(&checkpoint_path(path))?;
        let root = match checkpoint.path().parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let (in_run, config) = (RunDir::is_run(&root), RunDir::read_config(&root));
        Ok(Self { checkpoint, root, in_run, config })
    }

    /// Refuses settings that contradict the checkpoint; those that repeat it are welcome.
    ///
    /// # Errors
    /// Names the first contradiction.
    pub fn check(&self, said: &Settings) -> Result<(), Failure> {
        let Header { model, training, dataset, step } = self.checkpoint.header();
        let same = |flag: &str, said: Option<String>, is: String| match said {
            Some(said) if said != is => Err(Failure::Usage(format!(
                "--{flag} {said} contradicts the checkpoint's {is}, which cannot change; \
                 leave the flag out, or start a new run"
            ))),
            _ => Ok(()),
        };
        let list =
            |widths: &Vec<usize>| widths.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        same("seed", text(said.seed.as_ref()), training.seed.to_string())?;
        same("batch", text(said.batch.as_ref()), training.batch.to_string())?;
        same("latent", text(said.latent.as_ref()), model.latent.to_string())?;
        let (hidden, is) = (&said.generator_hidden, list(&model.generator_hidden));
        same("generator-hidden", hidden.as_ref().map(list), is)?;
        let (hidden, is) = (&said.discriminator_hidden, list(&model.discriminator_hidden));
        same("discriminator-hidden", hidden.as_ref().map(list), is)?;
        same("lr", text(said.lr.as_ref()), training.lr.to_string())?;
        same("beta1", text(said.beta1.as_ref()), training.beta1.to_string())?;
        same("ema", text(said.ema.as_ref()), training.ema.to_string())?;
        same("loss", said.loss.clone(), loss_name(training.loss).into())?;
        same("recipe", said.recipe.clone(), training.recipe.clone())?;
        let named = said.dataset.clone().filter(|name| name != "auto");
        same("dataset", named, dataset.name.clone())?;
        let epochs = said.epochs.unwrap_or(training.epochs);
        if epochs < *step {
            return Err(Failure::Usage(format!(
                "--epochs {epochs} is behind the checkpoint, which has done {step}; \
                 --epochs is the total, give {step} or more"
            )));
        }
        Ok(())
    }

    /// The same images again, from the folder they came from unless another is named.
    #[must_use]
    pub fn data(&self, said: &DataOptions) -> DataOptions {
        let recorded = self.config.as_ref().and_then(|config| config.data_dir.clone());
        DataOptions {
            dataset: self.checkpoint.header().dataset.name.clone(),
            dir: said.dir.clone().or(recorded),
            offline: said.offline,
        }
    }
}

fn text(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

/// The checkpoint that a path stands for: itself, or the one in a directory.
#[must_use]
pub fn checkpoint_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(FILE_NAME) } else { path.to_path_buf() }
}
