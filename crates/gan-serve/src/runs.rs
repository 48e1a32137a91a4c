//! Which runs are shown.

use std::io;
use std::path::{Path, PathBuf};

use gan_run::find_runs;

use crate::listen::ServeError;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Runs {
    /// A run, or a folder whose runs are shown.
    folder: PathBuf,
    /// The run that is shown first.
    pub(crate) focus: Option<PathBuf>,
}

impl Runs {
    /// A run, or all runs that lie directly in a folder, those too that begin later.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of(folder: &Path) -> Result<Self, ServeError> {
        let runs = Self { folder: folder.into(), focus: None };
        match runs.find() {
            Ok(_) => Ok(runs),
            Err(source) => Err(ServeError::Folder { path: folder.into(), source }),
        }
    }

    /// A run, and beside it the runs that lie in the same folder.
    #[must_use]
    pub fn beside(run: &Path) -> Self {
        // `.` has no parent by its name alone.
        let run = run.canonicalize().unwrap_or_else(|_| run.into());
        let folder = run.parent().map_or_else(|| run.clone(), Path::to_path_buf);
        Self { folder, focus: Some(run) }
    }

    /// The folder that is looked at.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The runs that there are now, in order.
    pub(crate) fn find(&self) -> io::Result<Vec<PathBuf>> {
        match &self.focus {
            // A folder that is a run itself would hide those in it.
            Some(run) if gan_run::RunDir::is_run(&self.folder) => Ok(vec![run.clone()]),
            _ => find_runs(&self.folder),
        }
    }
}
