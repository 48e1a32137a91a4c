//! Which runs are served.

use std::io;
use std::path::{Path, PathBuf};

use gan_run::{RunDir, find_runs};

use crate::address::ServeError;

/// The runs that are served.
#[derive(Clone, Debug)]
pub struct Runs {
    /// A run, or a folder of runs.
    folder: PathBuf,
    /// The run that is shown first.
    pub(crate) focus: Option<PathBuf>,
}

impl Runs {
    /// A run, or all runs directly in a folder, including those that start later.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn in_folder(folder: &Path) -> Result<Self, ServeError> {
        let runs = Self { folder: folder.into(), focus: None };
        runs.find().map_err(|source| ServeError::Folder(folder.into(), source))?;
        Ok(runs)
    }

    /// A run and the other runs in its parent folder.
    pub fn with_siblings(run: &Path) -> Self {
        // `.` has no parent.
        let run = run.canonicalize().unwrap_or_else(|_| run.into());
        let folder = run.parent().map_or_else(|| run.clone(), Path::to_path_buf);
        Self { folder, focus: Some(run) }
    }

    /// The runs that exist now, in order.
    pub(crate) fn find(&self) -> io::Result<Vec<PathBuf>> {
        match &self.focus {
            // The parent is itself a run, so `find_runs` would return that one.
            Some(run) if RunDir::is_run(&self.folder) => Ok(vec![run.clone()]),
            _ => find_runs(&self.folder),
        }
    }
}
