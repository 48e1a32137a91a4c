//! How a training ended, and the state of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// All epochs are done.
    Finished,
    /// It was interrupted, and can be resumed.
    Stopped,
    /// A loss or a weight is not finite.
    Diverged,
}

/// As in `outcome.json`.
impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.serialize(f)
    }
}

/// The content of `outcome.json`. A training writes it last and removes it when it is resumed;
/// one that is killed, or that fails on a system error, leaves none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOutcome {
    /// Why it ended.
    #[serde(rename = "outcome")]
    pub reason: EndReason,
    /// Epochs done in total.
    pub epochs: u64,
    /// Seconds since the process started or resumed the training.
    pub seconds: f64,
}

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// A process is training it.
    Running,
    /// All epochs are done.
    Done,
    /// It was interrupted, and can be resumed.
    Stopped,
    /// A loss or a weight is not finite.
    Diverged,
    /// No process is training it, and it has no `outcome.json`.
    Killed,
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.serialize(f)
    }
}

impl From<EndReason> for RunState {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::Finished => Self::Done,
            EndReason::Stopped => Self::Stopped,
            EndReason::Diverged => Self::Diverged,
        }
    }
}
