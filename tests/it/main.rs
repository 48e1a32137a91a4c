//! Whole-program tests: the real programs, real files, real signals.
//!
//! One binary, a module a topic. A test works in a temporary directory of its own and
//! uses nets so small that a run is mostly the drawing of its data.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backends;
mod bad_checkpoints;
mod bad_data;
mod bad_usage;
#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod chromium;
#[cfg(unix)]
mod dashboard;
mod diagnosis;
#[cfg(unix)]
mod disk;
mod divergence;
mod evaluation;
mod golden;
#[cfg(unix)]
mod interruption;
mod mnist;
mod objectives;
mod repeatability;
mod reports;
mod resume;
mod sampling;
mod settings;
mod tensorboard;
mod training;
mod util;
mod walks;
#[cfg(unix)]
mod watching;
