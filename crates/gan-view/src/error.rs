//! What can go wrong when a run is looked at.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why there is no report or no animation.
#[derive(Debug, Error)]
pub enum ViewError {
    /// No picture can be read.
    #[error("{} has no row of digits that can be read; expected pictures such as epoch-000000.png", .0.display())]
    NoPictures(PathBuf),
    /// Something else lies where a report is to go.
    #[error("{} is no report, so it is not replaced; choose another name", .0.display())]
    NotOurs(PathBuf),
    /// The drawing library refused.
    #[error("cannot draw a chart: {0}")]
    Chart(String),
    /// The encoder refused.
    #[error("cannot write an animation: {0}")]
    Animation(#[from] image::ImageError),
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

pub(crate) fn io<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> ViewError + 'a {
    move |source| ViewError::Io { action, path: path.into(), source }
}
