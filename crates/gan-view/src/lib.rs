//! Runs to look at, during a training or after: charts, a report in one file, an animation.
//!
//! - [`write_report`] makes a web page of one run or of several side by side, which needs
//!   nothing beside itself.
//! - [`write_animation`] makes a GIF of the rows of digits that a run has drawn.
//!
//! All of it is read from a [`Record`](gan_run::Record), so nothing here knows how to train.

mod animation;
mod chart;
mod curves;
mod error;
mod html;
mod palette;
mod pictures;
mod report;
mod settings;
mod smooth;
mod tensorboard;

pub use animation::{animation, write_animation};
pub use error::ViewError;
pub use report::{is_report, report, write_report};
pub use tensorboard::{EventLog, LogError};
