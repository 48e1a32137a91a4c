//! A run as it lies on disk, read by someone who has no part in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;
use thiserror::Error;

use crate::ending::{Ending, State};
use crate::limits;
use crate::metrics::MetricsRow;
use crate::paths::{RunPaths, number};
use crate::run_dir::RunDir;
use crate::tail::whole_rows;

/// What a run has recorded so far. Reading takes no lock, so the run may be going on.
#[derive(Clone, Debug)]
pub struct Record {
    /// The run's directory.
    pub root: PathBuf,
    /// What `config.json` says.
    pub config: Value,
    /// The rows of `metrics.jsonl`, in the order of their epochs.
    pub rows: Vec<MetricsRow>,
}

/// Why a run cannot be read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// There is no run in the directory.
    #[error(
        "{} is no run: it has no config.json; expected a directory that gan-train has made, such \
         as runs/0001-mnist-dense", .0.display()
    )]
    NoRun(PathBuf),
    /// The settings are no JSON.
    #[error("cannot read {}: {source}; expected the JSON that gan-train writes", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Where it ceases to be JSON.
        source: serde_json::Error,
    },
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Record {
    /// Reads the run in `root`. Metrics that are missing or empty are no error, and a last row
    /// that is being written at this moment is left out.
    ///
    /// # Errors
    /// When there is no run, its settings are no JSON, or the system refuses.
    pub fn read(root: &Path) -> Result<Self, RecordError> {
        let paths = RunPaths::new(root);
        let text = match limits::read(&paths.config(), limits::MAX_CONFIG) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(RecordError::NoRun(root.into()));
            }
            Err(source) => return Err(RecordError::Io { path: paths.config(), source }),
            Ok(text) => text,
        };
        let config = serde_json::from_slice(&text)
            .map_err(|source| RecordError::Config { path: paths.config(), source })?;
        let rows = match limits::read(&paths.metrics(), limits::MAX_METRICS) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(RecordError::Io { path: paths.metrics(), source }),
            Ok(bytes) => whole_rows(&bytes),
        };
        Ok(Self { root: root.into(), config, rows })
    }

    /// The paths of the run.
    #[must_use]
    pub fn paths(&self) -> RunPaths {
        RunPaths::new(&self.root)
    }

    /// The directory's name, such as `0001-mnist-dense`.
    #[must_use]
    pub fn name(&self) -> String {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        // `.` and `..` have no name of their own.
        name(&self.root)
            .or_else(|| name(&self.root.canonicalize().ok()?))
            .unwrap_or_else(|| self.root.display().to_string())
    }

    /// Every setting as a dotted name and a value, such as `training.lr` and `0.002`.
    #[must_use]
    pub fn settings(&self) -> Vec<(String, String)> {
        let mut settings = Vec::new();
        flatten("", &self.config, &mut settings);
        settings
    }

    /// One setting by its dotted name.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<String> {
        let value = name.split('.').try_fold(&self.config, |value, key| value.get(key))?;
        (!value.is_null()).then(|| word(value))
    }

    /// The rows of digits and the epochs they were drawn after, in order; none if their folder
    /// cannot be read.
    #[must_use]
    pub fn samples(&self) -> Vec<(u64, PathBuf)> {
        self.paths().drawn().unwrap_or_default()
    }

    /// How many epochs the run is to have in the end.
    #[must_use]
    pub fn total_epochs(&self) -> Option<u64> {
        self.config.get("training")?.get("epochs")?.as_u64()
    }

    /// Epochs done, as far as the rows tell.
    #[must_use]
    pub fn epochs(&self) -> u64 {
        self.rows.last().map_or(0, |row| row.epoch)
    }

    /// Seconds of training, those of each process that went on with it added up.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let mut before = 0.0;
        let mut last = 0.0;
        for row in &self.rows {
            if row.seconds < last {
                before += last;
            }
            last = row.seconds;
        }
        before + last
    }

    /// When the run last wrote down how it goes.
    #[must_use]
    pub fn when(&self) -> Option<SystemTime> {
        let paths = self.paths();
        let modified = |path| fs::metadata(path).and_then(|data| data.modified()).ok();
        modified(paths.metrics()).or_else(|| modified(paths.config()))
    }

    /// How the training said it ended, if it did; asked of the disk anew each time.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        serde_json::from_slice(&limits::read(&self.paths().outcome(), limits::MAX_CONFIG).ok()?)
            .ok()
    }

    /// What state the run is in; asked of the disk anew each time.
    #[must_use]
    pub fn state(&self) -> State {
        // Its last word counts although its process may have more to do.
        if let Some(ending) = self.ending() {
            return ending.outcome.into();
        }
        if self.paths().held() {
            return State::Running;
        }
        // It may have ended between the two questions, or before there were last words.
        match self.ending() {
            Some(ending) => ending.outcome.into(),
            None if Some(self.epochs()) == self.total_epochs() => State::Done,
            None => State::Killed,
        }
    }
}

/// The folder itself if it is a run, else the runs directly in it, in the order of their numbers.
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

fn flatten(name: &str, value: &Value, settings: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&name, value, settings);
            }
        }
        value => settings.push((name.to_owned(), word(value))),
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(word).collect::<Vec<_>>().join("-"),
        value => value.to_string(),
    }
}

#[cfg(test)]
#[path = "record/tests.rs"]
mod tests;
