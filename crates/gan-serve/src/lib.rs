//! The live page: runs in a browser, while they train and after.
//!
//! [`Runs`] is what is shown, [`Listen`] where; [`Listener::open`] takes the address and
//! [`Listener::serve`] answers there, in a thread of its own, until its [`Server`] is dropped.
//!
//! The server only reads. No word of a request becomes part of a path: a request names a run by
//! its number in a list that we made, and a picture by its epoch. Files are looked at when
//! somebody asks; with no page open, nothing is done.

mod answer;
mod body;
mod host;
mod listen;
mod news;
mod patient;
mod runs;
mod server;
mod shelf;

pub use listen::{DEFAULT, Listen, ServeError};
pub use runs::Runs;
pub use server::{Limits, Listener, Server};
