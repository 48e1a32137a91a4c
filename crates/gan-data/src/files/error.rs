//! Why a folder's files were not taken.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::DatasetError;
use crate::idx::IdxError;

/// Why [`load_folder`](crate::load_folder) took nothing.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Some files, or all, are not there.
    #[error(
        "{} does not hold {}; expected the four files of {kind}, each as it is or with .gz added; \
         put them there or choose another folder",
        .dir.display(), .names.join(", ")
    )]
    Missing {
        /// Where they were looked for.
        dir: PathBuf,
        /// [`KnownDataset::name`](crate::KnownDataset::name).
        kind: &'static str,
        /// Those of [`FILE_NAMES`](crate::FILE_NAMES) that are missing.
        names: Vec<&'static str>,
    },
    /// Something else goes by a file's name.
    #[error(
        "{} is {found}; expected a regular file; move it away and put the file in its place",
        .path.display()
    )]
    NotAFile {
        /// What was to be read.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The system did not give the file's bytes.
    #[error(
        "cannot read {}: {cause}; expected a file that may be read; \
         check its permissions and its disk",
        .path.display()
    )]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A `.gz` file is cut off, altered, or followed by something else.
    #[error(
        "{} is damaged: {cause}; expected one whole gzip file; fetch it again, or remove it",
        .path.display()
    )]
    Gzip {
        /// The damaged file.
        path: PathBuf,
        /// What the decompressor said.
        cause: io::Error,
    },
    /// A file holds something else than its name promises.
    #[error(
        "{} is not the file that its name promises: {fault}; fetch it again, or remove it",
        .path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: IdxError,
    },
    /// The decompressed copies cannot be written.
    #[error(
        "cannot write {}: {cause}; expected 55 MB of room for temporary files; \
         make room, or set the system's temporary folder (TMPDIR) to one with room",
        .path.display()
    )]
    Private {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The temporary folder cannot be given to the parser.
    #[error(
        "the temporary folder {path:?} is not UTF-8; expected a name that is; \
         set the system's temporary folder (TMPDIR) to another one"
    )]
    PrivateName {
        /// The temporary folder.
        path: PathBuf,
    },
    /// The parsed images and labels do not fit together.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}
