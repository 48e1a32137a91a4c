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

impl EndReason {
    /// The reason as in `outcome.json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
        }
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
        f.pad(match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
            Self::Killed => "killed",
        })
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
