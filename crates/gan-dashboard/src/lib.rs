//! A dashboard in the terminal: curves, numbers, samples, and keys that control the training.
//!
//! - [`Dashboard`] has the terminal during a training: it draws from a thread once a second, and
//!   returns what the keys request as `gan_run::Control`.
//! - [`SweepScreen`] has the terminal while a sweep is trained.
//! - [`Colours`] is the colour support of the terminal.
//!
//! Inside, `state.rs` is all that is shown and `view.rs` draws it; neither uses a clock or a terminal.

mod charts;
mod colours;
mod dashboard;
mod layout;
mod samples;
mod screen;
mod state;
mod sweep;
mod view;

pub use colours::Colours;
pub use dashboard::{Dashboard, Signals};
pub use sweep::{SweepScreen, SweepTrial, SweepView};
