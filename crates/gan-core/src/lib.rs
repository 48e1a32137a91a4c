//! What the other crates share, with no tensors and no I/O beyond one file replacement.
//!
//! - [`ImageShape`] describes an image wherever one is read, generated, measured or shown.
//! - [`stream`] is the source of all randomness: a seed, a purpose, an index.
//! - [`atomic_file`] replaces a file so that a reader sees the old one or the new one.
//! - [`FileError`] says which operation on which file failed.
//! - [`memory`] turns a refused allocation into an error.

pub mod atomic_file;
mod file_error;
mod image;
pub mod memory;
pub mod stream;

pub use file_error::FileError;
pub use image::ImageShape;
