//! Data sets: images in memory, the files they are read from, and the batches of a training step.
//!
//! A [`Dataset`] is images of one shape, a byte per value, with optional labels. It comes from
//! files of any known format ([`open`]), the four published files of MNIST in a folder
//! ([`load_folder`]), a mirror (`download`, with the feature of that name), digits drawn by this
//! crate ([`synthetic()`]), or the caller ([`Dataset::new`]).
//!
//! Nothing here prints, reads a flag or uses a tensor.

mod batch;
mod dataset;
#[cfg(feature = "download")]
mod download;
mod hold_out;
mod idx;
mod mnist_folder;
mod source;
mod synthetic;

pub use batch::draw_batch;
pub use dataset::{Dataset, DatasetError};
#[cfg(feature = "download")]
pub use download::{DownloadError, DownloadOptions, DownloadProgress, download};
pub use idx::MNIST_SHAPE;
pub use mnist_folder::{
    FILE_NAMES, KnownDataset, LoadError, Loaded, load_folder, missing_files, read_idx,
};
pub use source::{
    Fit, ImageOptions, MAX_SIZE, Opened, Progress, Source, SourceError, open, read_labels,
    read_samples, reshaped,
};
pub use synthetic::synthetic;
