//! A live page of runs for the browser, during a training and after.
//!
//! [`Runs`] is what is served, [`ListenAddress`] where; [`Listener::bind`] binds the address and
//! [`Listener::serve`] answers requests in a thread with its own runtime until its [`Server`] is
//! dropped.
//!
//! The server only reads. Nothing in a request becomes part of a path: a request names a run by
//! its index in our list, and a preview by its epoch. Files are read on request only.

mod address;
mod body;
mod cache;
mod downsample;
mod events;
mod handler;
mod host;
mod runs;
mod server;

pub use address::{DEFAULT_ADDRESS, ListenAddress, ServeError};
pub use runs::Runs;
pub use server::{Limits, Listener, Server};
