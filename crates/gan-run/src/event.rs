//! What a training reports while it runs, and how it is controlled between two steps.

use crate::{MetricsRow, Warning};

/// An event of a training, passed to its observer.
#[derive(Clone, Debug)]
pub enum Event {
    /// A step is done; the number of epochs done.
    Epoch(u64),
    /// The latest losses were read, and perhaps the samples evaluated.
    Metrics(MetricsRow),
    /// A failure was detected; each kind is reported once per run.
    Warning(Warning),
    /// A row of samples was written after this many epochs.
    Sampled(u64),
    /// A checkpoint was written after this many epochs.
    Saved(u64),
    /// The samples are the best so far, and their checkpoint was kept.
    Best(u64),
}

/// What a caller requests between two steps. A preview or a checkpoint on request changes nothing
/// else that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Control {
    /// Take the next step.
    #[default]
    Continue,
    /// Write a row of samples, then take the next step.
    Sample,
    /// Write a checkpoint, then take the next step.
    Checkpoint,
    /// Write a checkpoint and stop.
    Stop,
}
