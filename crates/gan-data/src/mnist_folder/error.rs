//! Why a folder was not loaded.

use std::io;
use std::path::PathBuf;

use gan_core::memory::OutOfMemory;
use thiserror::Error;

use crate::DatasetError;

/// Why [`load_folder`](crate::load_folder) failed.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Files are missing.
    #[error(
        "{} does not hold {}; expected the four files of {kind}, each as it is or as .gz; \
         put them there or choose another folder",
        .dir.display(), .names.join(", ")
    )]
    Missing {
        /// The folder.
        dir: PathBuf,
        /// [`KnownDataset::name`](crate::KnownDataset::name).
        kind: &'static str,
        /// Those of [`FILE_NAMES`](crate::FILE_NAMES) that are missing.
        names: Vec<&'static str>,
    },
    /// A folder, pipe or device has a file's name.
    #[error(
        "{} is {found}; expected a regular file; move it away and put the file in its place",
        .path.display()
    )]
    NotAFile {
        /// Its path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The system cannot read the file.
    #[error(
        "cannot read {}: {cause}; expected a file that may be read; \
         check its permissions and its disk",
        .path.display()
    )]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// A `.gz` file is cut off, altered, or followed by something else.
    #[error(
        "{} is damaged: {cause}; expected one whole gzip file; download it again, or remove it",
        .path.display()
    )]
    Gzip {
        /// The damaged file.
        path: PathBuf,
        /// The decompressor's error.
        cause: io::Error,
    },
    /// A file's content does not fit its name.
    #[error(
        "{} is not the expected file: {fault}; download it again, or remove it",
        .path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The system refuses the memory for a file's content.
    #[error("cannot read {}: {cause}", .path.display())]
    Memory {
        /// What was to be read.
        path: PathBuf,
        /// How much memory is needed.
        cause: OutOfMemory,
    },
    /// Another program wrote to the folder.
    #[error("the files in {} changed while they were read; try again", .0.display())]
    Changed(PathBuf),
    /// Images and labels do not belong together.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}
