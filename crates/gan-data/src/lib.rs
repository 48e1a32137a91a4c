//! What a GAN learns from: MNIST and sets of its shape, their download, digits
//! drawn here, and the batches a training step sees.
//!
//! A [`Dataset`] is bytes in memory, one byte a pixel, 0 for paper and 255 for
//! ink. It comes from one of four places: the four published files in a folder
//! ([`load_folder`]), a mirror ([`download`]), our own stroke description of
//! the digits ([`synthetic`]), or the caller ([`Dataset::new`]).
//!
//! Nothing here prints, reads a flag or touches a tensor.

mod batch;
mod dataset;
mod download;
mod files;
mod idx;
mod synthetic;

pub use batch::draw_batch;
pub use dataset::{Dataset, DatasetError, IMAGE_LEN, SIDE};
pub use download::{Attempt, DownloadError, DownloadOptions, Progress, download};
pub use files::{FILE_NAMES, KnownDataset, LoadError, Loaded, copied, load_folder, missing_files};
pub use idx::IdxError;
pub use synthetic::synthetic;
