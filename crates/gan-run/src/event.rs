//! What a training reports while it runs, and what can be asked of it between two steps.

use crate::{MetricsRow, Warning};

/// What an observer of a training is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// A step is done; the number of epochs done.
    Epoch(u64),
    /// The latest step's losses were read, and perhaps the samples evaluated.
    Metrics(MetricsRow),
    /// Something goes wrong; each kind is reported once a run.
    Warning(Warning),
    /// A row of samples was written after this many epochs.
    Sampled(u64),
    /// A checkpoint was written after this many epochs.
    Saved(u64),
    /// The samples are the best so far, and their checkpoint was kept.
    Best(u64),
}

/// What a caller asks of a training between two steps. Neither a preview nor a checkpoint
/// changes anything else that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Control {
    /// The next step.
    #[default]
    Continue,
    /// A row of samples now, then the next step.
    Sample,
    /// A checkpoint now, then the next step.
    Checkpoint,
    /// A checkpoint now, and no more steps.
    Stop,
}
