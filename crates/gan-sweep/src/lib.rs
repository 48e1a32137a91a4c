//! Sweeps: many trainings that differ in settings.
//!
//! - [`Sweep`] is what a sweep file asks for: its trials, what they are compared by, and whether
//!   bad ones are stopped early.
//! - [`Folder`] is where the trials are. Each is the directory of an ordinary run, and there is no
//!   other state: whoever reads it knows what is left to do.
//! - [`Ranking`] compares the trials.
//!
//! No networks, no tensors, and nothing of how a training is started.

mod file;
mod folder;
mod halving;
mod measure;
mod ranking;
mod search;
mod sweep;

pub use file::SweepFileError;
pub use folder::{Claim, Folder, FolderError, Progress, Task};
pub use halving::Halving;
pub use measure::{Measure, Target};
pub use ranking::{Group, Ranking};
pub use sweep::{Settings, Sweep, Trial};
