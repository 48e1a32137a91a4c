//! From latent vectors to images, and from images to grids, animations and arrays.
//!
//! A [`Sampler`] turns latent vectors into pixels; [`sample_latent`] and [`slerp`] make latent
//! vectors, and [`Output`] writes the pixels to a file.
//!
//! Sample `i` of a seed has the same pixels in any file, at any count and any number of columns.

mod grid;
mod latent;
mod output;
mod sampler;

pub use grid::{Grid, GridError};
pub use latent::{sample_latent, slerp};
pub use output::{Output, OutputError, write_labels, write_png};
pub use sampler::Sampler;
