//! A training on a terminal: curves, numbers, the digits themselves, and keys to ask it for things.
//!
//! - [`State`] is all that is shown, [`View`] draws it; both are free of clocks and terminals.
//! - [`Dashboard`] has the terminal while a training goes on: it draws from a thread of its own a
//!   few times a second, and hands on what the keys ask for as [`Control`]es.
//! - [`Colours`] is what the terminal can do.

mod colours;
mod curves;
mod dashboard;
mod digits;
mod layout;
mod screen;
mod state;
mod text;
mod view;

pub use colours::Colours;
pub use dashboard::{Dashboard, Hooks};
pub use digits::Digits;
pub use state::State;
pub use view::View;
