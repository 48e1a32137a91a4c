//! Event files that TensorBoard reads, from what a run has recorded.
//!
//! - [`EventLog`] is the file of a run: its rows as scalars, its previews as pictures.
//!
//! There is no well-kept crate that writes them, and not much to write: a file is a sequence of
//! framed records (`frame.rs`), each a small protobuf message (`event.rs`).

mod event;
mod frame;
mod log;

pub use log::{EventLog, LogError};
