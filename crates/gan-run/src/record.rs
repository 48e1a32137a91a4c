//! A run as it is recorded on disk, for readers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use gan_core::{FileError, ImageShape};
use serde::Deserialize;
use serde_json::Value;

use crate::limits;
use crate::metrics::{MetricsRow, training_seconds};
use crate::outcome::{RunOutcome, RunState};
use crate::paths::{RunPaths, number};
use crate::run_dir::{RunDir, RunDirError};
use crate::tail::parse_rows;

/// The record of a run so far. Reading takes no lock, so the run may be in training.
#[derive(Clone, Debug)]
pub struct Record {
    /// The paths of the run.
    pub paths: RunPaths,
    /// The content of `config.json`.
    pub config: Value,
    /// The rows of `metrics.jsonl`, in the order of their epochs.
    pub rows: Vec<MetricsRow>,
}

impl Record {
    /// Reads the run in `root`. Missing metrics are not an error, and an incomplete last row is
    /// left out.
    ///
    /// # Errors
    /// When there is no run, its settings are not JSON, or a file cannot be read.
    pub fn read(root: &Path) -> Result<Self, RunDirError> {
        let paths = RunPaths::new(root);
        let path = paths.config();
        let text = limits::read(&path, limits::MAX_CONFIG).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                RunDirError::NoRun(root.into())
            }
            _ => FileError::new("read", &path)(error).into(),
        })?;
        let config =
            serde_json::from_slice(&text).map_err(|source| RunDirError::Config(path, source))?;
        let rows = match limits::read(&paths.metrics(), limits::MAX_METRICS) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            bytes => parse_rows(&bytes.map_err(FileError::new("read", &paths.metrics()))?),
        };
        Ok(Self { paths, config, rows })
    }

    /// The directory's name, such as `0001-mnist-dense`.
    pub fn name(&self) -> String {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        // `.` and `..` have no name.
        let root = self.paths.root();
        name(root)
            .or_else(|| name(&root.canonicalize().ok()?))
            .unwrap_or_else(|| root.display().to_string())
    }

    /// Every setting as a dotted name and a value, such as `training.lr` and `0.002`.
    pub fn settings(&self) -> Vec<(String, String)> {
        let mut settings = Vec::new();
        flatten("", &self.config, &mut settings);
        settings
    }

    /// One setting by its dotted name.
    pub fn setting(&self, name: &str) -> Option<String> {
        let value = name.split('.').try_fold(&self.config, |value, key| value.get(key))?;
        (!value.is_null()).then(|| to_text(value))
    }

    /// The previews with the epochs they were written after, in order; none if their folder cannot
    /// be read.
    pub fn samples(&self) -> Vec<(u64, PathBuf)> {
        self.paths.sample_files().unwrap_or_default()
    }

    /// Epochs of the whole training.
    pub fn total_epochs(&self) -> Option<u64> {
        self.config.get("training")?.get("epochs")?.as_u64()
    }

    /// The shape of an image, from the model's settings.
    pub fn image_shape(&self) -> Option<ImageShape> {
        ImageShape::deserialize(self.config.get("model")?).ok()
    }

    /// The names of the classes that samples are asked for, in turn; none for a model without classes.
    pub fn asked_classes(&self) -> Vec<String> {
        let classes = self.config.pointer("/model/classes").and_then(Value::as_u64).unwrap_or(0);
        let names = ClassNames::from_config(&self.config);
        // The most that a model can have.
        (0..classes.min(1024) as usize).map(|class| names.label(class)).collect()
    }

    /// Epochs done: from `outcome.json` or else the last row.
    pub fn epochs_done(&self) -> u64 {
        self.outcome().map_or_else(|| self.last_epoch(), |outcome| outcome.epochs)
    }

    fn last_epoch(&self) -> u64 {
        self.rows.last().map_or(0, |row| row.epoch)
    }

    /// Seconds of training, summed over the processes that trained.
    pub fn seconds(&self) -> f64 {
        training_seconds(&self.rows).last().copied().unwrap_or(0.0)
    }

    /// When the metrics were last written.
    pub fn last_modified(&self) -> Option<SystemTime> {
        let modified = |path| fs::metadata(path).and_then(|data| data.modified()).ok();
        modified(self.paths.metrics()).or_else(|| modified(self.paths.config()))
    }

    /// How the training ended; read from the disk at each call.
    pub fn outcome(&self) -> Option<RunOutcome> {
        limits::read_json(&self.paths.outcome())
    }

    /// The state of the run; read from the disk at each call.
    pub fn state(&self) -> RunState {
        let ended = || self.outcome().map(|outcome| outcome.reason.into());
        // The training has ended, even if its process is still writing a report.
        if let Some(state) = ended() {
            return state;
        }
        if self.paths.is_locked() {
            return RunState::Running;
        }
        // It may have ended in the meantime; old versions wrote no outcome.
        let done = Some(self.last_epoch()) == self.total_epochs();
        ended().unwrap_or(if done { RunState::Done } else { RunState::Killed })
    }
}

/// The folder itself if it is a run, else the runs directly in it, ordered by number.
///
/// # Errors
/// When the folder cannot be read.
pub fn find_runs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if RunDir::is_run(folder) {
        return Ok(vec![folder.into()]);
    }
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut runs = paths.collect::<io::Result<Vec<_>>>()?;
    runs.retain(|path| RunDir::is_run(path));
    runs.sort_by_cached_key(|path| (number(path).unwrap_or(u64::MAX), path.clone()));
    Ok(runs)
}

/// The names of a data set's classes, which a run may lack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassNames(Vec<String>);

impl ClassNames {
    /// The names in a run's `config.json`.
    pub fn from_config(config: &Value) -> Self {
        let names = config.pointer("/dataset/class_names");
        Self(names.and_then(|names| Vec::deserialize(names).ok()).unwrap_or_default())
    }

    /// The name of a class, or its number if it has none.
    pub fn label(&self, class: usize) -> String {
        self.0.get(class).cloned().unwrap_or_else(|| class.to_string())
    }
}

fn flatten(name: &str, value: &Value, settings: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&name, value, settings);
            }
        }
        value => settings.push((name.to_owned(), to_text(value))),
    }
}

fn to_text(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Array(values) if values.is_empty() => "none".into(),
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            // `256-512-1024` is how layer sizes are usually written.
            let separator = if values.iter().any(Value::is_string) { ", " } else { "-" };
            values.iter().map(to_text).collect::<Vec<_>>().join(separator)
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
#[path = "record/tests.rs"]
mod tests;
