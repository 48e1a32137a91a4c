//! What a run leaves behind: the directory with its paths and its lock, and the record of how the
//! training went.
//!
//! - [`RunPaths`] names every path of a run.
//! - [`RunDir`] is for the process that trains: the directory, held by one process at a time.
//! - [`Record`] and [`Tail`] are for whoever looks, while the run goes on or after.
//! - [`MetricsRow`] is a line of `metrics.jsonl`, with [`Quality`] and [`Warning`] in some of them.
//!
//! No net, no tensor, no drawing: whoever only looks at runs needs nothing else.

mod ending;
mod event;
mod limits;
mod metrics;
mod paths;
mod record;
mod run_dir;
mod tail;
mod thin;
mod warning;

pub use ending::{EndReason, Ending, State};
pub use event::{Control, Event};
pub use metrics::{MetricsRow, Quality, best_measured};
pub use paths::{CHECKPOINT, RunPaths};
pub use record::{Record, RecordError, find_runs};
pub use run_dir::{RunDir, RunDirError};
pub use tail::Tail;
pub use thin::thin;
pub use warning::Warning;
