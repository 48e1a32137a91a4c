//! Errors of this crate.

use std::io;
use std::path::{Path, PathBuf};

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
    /// The drawing library failed.
    #[error("cannot draw a chart: {0}")]
    Chart(String),
    /// The encoder failed.
    #[error("cannot write an animation: {0}")]
    Animation(#[from] image::ImageError),
    /// An I/O operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The operation.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

pub(crate) fn io<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> ViewError + 'a {
    move |source| ViewError::Io { action, path: path.into(), source }
}
