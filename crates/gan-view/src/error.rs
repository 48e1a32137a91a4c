//! Errors of this crate.

use std::path::PathBuf;

use gan_core::FileError;
use thiserror::Error;

/// Why a report, an animation or an event file cannot be written.
#[derive(Debug, Error)]
pub enum ViewError {
    /// No preview can be read.
    #[error("{} contains no preview that can be read; expected images such as epoch-000000.png", .0.display())]
    NoPreviews(PathBuf),
    /// The file to write exists and is not a report.
    #[error("{} is not a report, so it is not replaced; choose another name", .0.display())]
    NotAReport(PathBuf),
    /// What exists under the name of the file to write is a folder, a pipe or a device.
    #[error("{} is not a regular file, so it is not replaced; choose another name", .0.display())]
    NotAFile(PathBuf),
    /// The drawing library failed.
    #[error("cannot draw a chart: {0}")]
    Chart(String),
    /// The encoder failed.
    #[error("cannot write an animation: {0}")]
    Animation(#[from] image::ImageError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}
