//! The directory of a run: its paths, its lock, and the record of the training.
//!
//! - [`RunPaths`] names every path of a run.
//! - [`RunDir`] is for the process that trains: the directory, locked by one process at a time.
//! - [`Record`] and [`Tail`] are for readers, during a training and after.
//! - [`MetricsRow`] is a line of `metrics.jsonl`, some with a [`Quality`] or a [`Warning`].
//!
//! No networks, no tensors, no drawing: a viewer of runs needs no other crate.

mod event;
mod limits;
mod metrics;
mod outcome;
mod paths;
mod record;
mod run_dir;
mod tail;
mod warning;

pub use event::{Control, Event};
pub use limits::read as read_limited;
pub use metrics::{
    AskedQuality, ClassQuality, MetricsRow, Quality, best_measured, lowest_kernel_distance,
    training_seconds,
};
pub use outcome::{EndReason, RunOutcome, RunState};
pub use paths::{CHECKPOINT, RunPaths, TENSORBOARD_EVENTS};
pub use record::{ClassNames, Record, find_runs};
pub use run_dir::{RunDir, RunDirError};
pub use tail::Tail;
pub use warning::Warning;
