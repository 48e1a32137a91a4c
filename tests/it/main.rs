//! Whole-program tests: the real programs, real files, real signals.
//!
//! One binary with one module per topic. A test works in its own temporary directory with networks
//! so small that a run takes little longer than generating its data.

#![expect(clippy::unwrap_used, reason = "a test fails on any error")]

#[cfg(target_os = "linux")]
mod absurd;
mod any_images;
mod backends;
mod bad_checkpoints;
mod bad_data;
mod bad_usage;
#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod chromium;
mod conditional;
mod convolutions;
mod corpora;
#[cfg(unix)]
mod crashes;
#[cfg(unix)]
mod dashboard;
mod diagnosis;
#[cfg(unix)]
mod disk;
mod divergence;
mod evaluation;
mod evaluation_errors;
#[cfg(target_os = "linux")]
mod faults;
mod golden;
#[cfg(unix)]
mod interruption;
#[cfg(target_os = "linux")]
mod long;
mod mnist;
mod objectives;
mod parts;
mod readers;
mod repeatability;
mod reports;
mod resume;
mod sampling;
mod settings;
#[cfg(target_os = "linux")]
mod slurm;
#[cfg(unix)]
mod streams;
#[cfg(unix)]
mod sweeps;
mod tensorboard;
mod training;
mod util;
mod walks;
#[cfg(unix)]
mod watching;
mod whole;
