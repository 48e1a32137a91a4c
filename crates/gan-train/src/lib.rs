//! The training step, the loop around it, and the directory a run leaves behind.
//!
//! - [`train`] is the whole of training, on one page.
//! - [`Trainer`] is one model in training: [`Trainer::step`] is one epoch of the
//!   published listing, one update of each net.
//! - [`Recipe`] names settings that were measured.
//! - [`Evaluator`] measures the pictures on the way, and [`Diagnostics`] says what goes wrong.
//! - [`RunDir`], of the crate `gan_run`, names every path of a run.
//!
//! Nothing here prints: what happens is told to an observer that the caller gives.

mod diagnosis;
mod penalty;
mod quality;
mod recipe;
mod report;
mod run_config;
mod train;
mod trainer;

pub use diagnosis::Diagnostics;
pub use gan_run::{CHECKPOINT, Control, Event, MetricsRow, Quality, RunDir, RunDirError, Warning};
pub use penalty::difference_penalty;
pub use quality::Evaluator;
pub use recipe::{Recipe, SettingsError, memory_needed, validate};
pub use report::{Readings, StepReport};
pub use run_config::RunConfig;
pub use train::{Outcome, TrainError, dataset_info, train};
pub use trainer::Trainer;
