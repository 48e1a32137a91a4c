//! What a run leaves behind: the directory with its paths and its lock, and the record of how the
//! training went.
//!
//! - [`RunDir`] names every path of a run, and is held by one process at a time.
//! - [`MetricsRow`] is a line of `metrics.jsonl`, with [`Quality`] and [`Finding`] in some of them.
//!
//! No net, no tensor, no drawing: whoever only looks at runs needs nothing else.

mod finding;
mod metrics;
mod run_dir;

pub use finding::Finding;
pub use metrics::{MetricsRow, Quality};
pub use run_dir::{CHECKPOINT, RunDir, RunDirError};
