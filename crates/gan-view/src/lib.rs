//! Views of runs, during a training or after: charts, a report, an animation, event files.
//!
//! - [`write_report`] writes a self-contained HTML page of one run or several.
//! - [`SweepReport`] is the same of many runs that differ in settings.
//! - [`write_animation`] writes a GIF of a run's previews.
//! - [`EventLog`] writes event files for TensorBoard.
//!
//! They read the files of a run through `gan_run` and need no networks.

mod animation;
mod chart;
mod error;
mod figures;
mod html;
mod images;
mod page;
mod palette;
mod reduce;
mod report;
mod scatter;
mod settings;
mod sweep_report;
mod tensorboard;

pub use animation::write_animation;
pub use error::ViewError;
pub use report::write_report;
pub use sweep_report::{BestTrial, SweepGroup, SweepReport};
pub use tensorboard::EventLog;
