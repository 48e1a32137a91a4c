//! A sweep and its trials.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::halving::Halving;
use crate::measure::Target;

/// Settings by the names of flags, with dashes.
pub type Settings = Map<String, Value>;

/// Trainings that differ in their settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// What the trials are compared by.
    pub target: Target,
    /// Whether bad trials are stopped early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halving: Option<Halving>,
    /// The file of the feature extractor that measures them, unless it is the data set's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_extractor: Option<PathBuf>,
    /// The directory that relative paths in settings begin at.
    #[serde(default)]
    pub directory: PathBuf,
    /// All trials, in the order in which they are started.
    pub trials: Vec<Trial>,
}

impl Sweep {
    /// Checks what a folder's record of a sweep, which others may have written, decides about files.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.halving.map_or(Ok(()), Halving::check)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        let unfit =
            |name: &&str| name.is_empty() || name.starts_with('.') || !name.chars().all(plain);
        match self.trials.iter().map(|trial| &*trial.name).find(unfit) {
            Some(name) => {
                Err(format!("a trial is called {name:?}; expected the name of a directory"))
            }
            None => Ok(()),
        }
    }
}

/// A training of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The name of its directory.
    pub name: String,
    /// The name of the trials that differ from this one in their seeds alone.
    pub group: String,
    /// What distinguishes the group from others.
    pub varied: Settings,
    /// All settings that the sweep file has, with the seed.
    pub settings: Settings,
}

impl Trial {
    /// The flags of `gan-train` for the settings.
    pub fn flags(&self) -> Vec<String> {
        self.settings.iter().map(|(name, value)| format!("--{name}={}", text(value))).collect()
    }
}

/// A value as a flag has it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}
