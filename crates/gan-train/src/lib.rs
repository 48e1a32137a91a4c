//! The training step, the loop around it, and the files of a run.
//!
//! - [`train()`] is the training loop, on one page.
//! - [`Trainer`] is one model in training: [`Trainer::step`] is one epoch of the published
//!   listing, an update of each net.
//! - [`Recipe`] names settings that were measured.
//! - [`Evaluator`] measures samples while a training runs, and [`Diagnostics`] warns of failures.
//! - [`RunDir`], of the crate `gan_run`, names every path of a run.
//!
//! Nothing here prints: a caller passes an observer.

mod augment;
mod batch;
mod diagnosis;
mod evaluator;
mod penalty;
mod recipe;
mod report;
mod run_config;
mod train;
mod trainer;

pub use batch::Batch;
pub use diagnosis::Diagnostics;
pub use evaluator::Evaluator;
pub use gan_run::{
    CHECKPOINT, ClassQuality, Control, Event, MetricsRow, Quality, RunDir, RunDirError, Warning,
};
pub use recipe::{Recipe, memory_needed, validate};
pub use report::StepReport;
pub use run_config::{InitFrom, RunConfig};
pub use train::{Outcome, TrainError, dataset_info, train};
pub use trainer::Trainer;
