//! How a training ended, in its own words, and what state a run is in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a training came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// All epochs are done.
    Finished,
    /// It was told to stop, and can be resumed.
    Stopped,
    /// A loss was no number any more.
    Diverged,
}

impl EndReason {
    /// How it ended as one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
        }
    }
}

/// What `outcome.json` says. A training writes it as its last word, and takes it back when it
/// goes on; one that was killed, or that the system refused something, leaves none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// How it ended.
    pub outcome: EndReason,
    /// Epochs done in all.
    pub epochs: u64,
    /// Seconds since the process began or resumed the training.
    pub seconds: f64,
}

/// What state a run is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A process is at work on it.
    Running,
    /// All epochs are done.
    Done,
    /// It was told to stop, and can be resumed.
    Stopped,
    /// A loss was no number any more.
    Diverged,
    /// Nobody is at work on it, and it did not say how it ended.
    Killed,
}

impl State {
    /// The state as one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
            Self::Killed => "killed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.word())
    }
}

impl From<EndReason> for State {
    fn from(how: EndReason) -> Self {
        match how {
            EndReason::Finished => Self::Done,
            EndReason::Stopped => Self::Stopped,
            EndReason::Diverged => Self::Diverged,
        }
    }
}
