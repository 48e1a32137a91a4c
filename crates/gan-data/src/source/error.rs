//! Why images were not read.

use std::path::{Path, PathBuf};

use gan_core::FileError;
use gan_core::memory::OutOfMemory;
use thiserror::Error;

use crate::DatasetError;

/// Why [`open`](crate::open) failed.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A file or folder cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content is not what is expected.
    #[error("{place}: {found}; expected {expected}")]
    Content {
        /// The file; for an image in an archive or a table, the file and the image in it.
        place: String,
        /// What was found.
        found: String,
        /// What was expected, or what to do.
        expected: String,
    },
    /// The system refuses the memory for the images.
    #[error("cannot read {place}: {cause}")]
    Memory {
        /// What was to be read.
        place: String,
        /// How much memory is needed.
        cause: OutOfMemory,
    },
    /// The images and labels do not make a data set.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// What is wrong with a content, without its place, which the caller knows.
#[derive(Debug)]
pub(crate) enum Fault {
    Content { found: String, expected: String },
    Memory(OutOfMemory),
}

impl Fault {
    pub(crate) fn new(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Content { found: found.into(), expected: expected.into() }
    }

    /// The error for the content of `place`.
    pub(crate) fn at(self, place: &str) -> SourceError {
        let place = place.to_owned();
        match self {
            Self::Content { found, expected } => SourceError::Content { place, found, expected },
            Self::Memory(cause) => SourceError::Memory { place, cause },
        }
    }

    /// The error for the content of the file at `path`.
    pub(crate) fn of(self, path: &Path) -> SourceError {
        self.at(&shown(path))
    }
}

impl From<OutOfMemory> for Fault {
    fn from(cause: OutOfMemory) -> Self {
        Self::Memory(cause)
    }
}

/// Reading fails in the middle of a content: it is cut short, or damaged.
impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::new(format!("it cannot be read ({error})"), "a whole file")
    }
}

/// The one file of those found in a folder, if there are any.
pub(crate) fn one_of(
    folder: &Path,
    mut found: Vec<PathBuf>,
) -> Result<Option<PathBuf>, SourceError> {
    found.sort();
    match &found[..] {
        [] | [_] => Ok(found.pop()),
        [first, second, ..] => {
            let found = format!("the folder has {} and {}", shown(first), shown(second));
            Err(Fault::new(found, "one file; give it instead of the folder").of(folder))
        }
    }
}

/// Whether a file or folder is not meant to be seen.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || ["__MACOSX", "@eaDir"].contains(&name)
}

/// A path for a message, on one line whatever its names contain.
pub(crate) fn shown(path: &Path) -> String {
    one_line(&path.display().to_string())
}

/// The text with line breaks and other control characters escaped.
pub(crate) fn one_line(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(escaped).collect()
}
