//! `--resume`: which checkpoint, which directory, and what must not have changed.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use gan_data::missing_files;
use gan_model::checkpoint::{Checkpoint, Header};
use gan_train::{CHECKPOINT, RunConfig, RunDir};
use serde_json::Value;

use super::args::Settings;
use super::options::{DataOptions, as_map, flag};
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
        if RunDir::is_unstarted(path) {
            return Err(Failure::Failed(anyhow::anyhow!(
                "{path} has no checkpoint yet: its training was ended before the first step; \
                 start it again, with the same flags and --out {path}",
                path = path.display()
            )));
        }
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
        for (name, is) in as_map(model)?.into_iter().chain(as_map(training)?) {
            if MAY_CHANGE.contains(&&*name) {
                continue;
            }
            if let Some(said) = said.get(&name)?
                && !same(&said, &is)
            {
                return Err(contradiction(&flag(&name), &said, &is));
            }
        }
        if let Some(name) = said.dataset.as_ref().filter(|name| *name != "auto")
            && *name != dataset.name
        {
            return Err(contradiction("dataset", name, &dataset.name));
        }
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
        let recorded = self.config.as_ref().and_then(recorded_folder);
        DataOptions {
            dataset: self.checkpoint.header().dataset.name.clone(),
            dir: said.dir.clone().or(recorded),
            offline: said.offline,
        }
    }
}

/// The folder that a run's images came from, if they are still there. It is the one path that
/// is taken from a file, so nothing is ever downloaded to it.
#[must_use]
pub fn recorded_folder(config: &RunConfig) -> Option<PathBuf> {
    config.data_dir.clone().filter(|folder| missing_files(folder).is_empty())
}

/// What a resumed training may do otherwise: how long it goes on, and when it is looked at.
const MAY_CHANGE: [&str; 4] = ["epochs", "sample_every", "checkpoint_every", "eval_every"];

/// Equal, where 1 and 1.0 are.
fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().is_some_and(|a| Some(a) == b.as_f64())
}

fn contradiction(flag: &str, said: &impl Display, is: &impl Display) -> Failure {
    let plain = |value: &dyn Display| match value.to_string().trim_matches(['"', '[', ']']) {
        "null" => "none".to_owned(),
        plain => plain.to_owned(),
    };
    Failure::Usage(format!(
        "--{flag} {} contradicts the checkpoint's {}, which cannot change; leave the flag out, \
         or start a new run",
        plain(said),
        plain(is)
    ))
}

/// The checkpoint that a path stands for: itself, or the one in a directory.
#[must_use]
pub fn checkpoint_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(CHECKPOINT) } else { path.to_path_buf() }
}
