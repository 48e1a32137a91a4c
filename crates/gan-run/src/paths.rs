//! Every path of a run.

use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::limits::open_regular;

/// How the names of TensorBoard's event files begin.
pub const TENSORBOARD_EVENTS: &str = "events.out.tfevents.";
/// Default name of a checkpoint.
pub const CHECKPOINT: &str = "ckpt.mpk";
/// Locked by the process that writes in the directory.
pub(crate) const LOCK: &str = ".lock";

/// The paths of a run, whether the files exist or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPaths {
    root: PathBuf,
}

impl RunPaths {
    /// The most rows of [`classes`](Self::classes).
    pub const CLASS_ROWS: usize = 20;

    /// The paths of the run in the directory `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All effective settings, as JSON.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }

    /// One [`MetricsRow`](crate::MetricsRow) per line.
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// How the training ended: a [`RunOutcome`](crate::RunOutcome) as JSON.
    pub fn outcome(&self) -> PathBuf {
        self.root.join("outcome.json")
    }

    /// A grid of real images.
    pub fn reals(&self) -> PathBuf {
        self.root.join("reals.png")
    }

    /// A grid of the latest samples of a model with classes: a row for each of its first
    /// [`CLASS_ROWS`](Self::CLASS_ROWS) classes, with one latent vector in each column.
    pub fn classes(&self) -> PathBuf {
        self.root.join("classes.png")
    }

    /// The folder of the previews.
    pub fn samples(&self) -> PathBuf {
        self.root.join("samples")
    }

    /// The row of samples generated after `epoch` epochs.
    pub fn sample(&self, epoch: u64) -> PathBuf {
        self.samples().join(format!("epoch-{epoch:06}.png"))
    }

    /// The latest checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join(CHECKPOINT)
    }

    /// The checkpoint with the best samples so far.
    pub fn best(&self) -> PathBuf {
        self.root.join("best.mpk")
    }

    /// The report of the run.
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// The previews as an animation.
    pub fn animation(&self) -> PathBuf {
        self.root.join("training.gif")
    }

    /// Event files for TensorBoard.
    pub fn tensorboard(&self) -> PathBuf {
        self.root.join("tensorboard")
    }

    /// The file that a training process keeps locked.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join(LOCK)
    }

    /// The previews with the epochs they were written after, in order; none if there is no folder.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn sample_files(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let entries = match fs::read_dir(self.samples()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let epoch = sample_epoch(&entry.path());
            files.extend(epoch.map(|epoch| (epoch, entry.path())));
        }
        files.sort_unstable();
        Ok(files)
    }

    /// Whether a training writes this file, by a temporary file beside it.
    pub(crate) fn is_written_by_training(&self, path: &Path) -> bool {
        let files = [
            self.config(),
            self.metrics(),
            self.outcome(),
            self.reals(),
            self.classes(),
            self.checkpoint(),
            self.best(),
            self.report(),
            self.animation(),
        ];
        files.iter().any(|file| file == path)
            || path.parent() == Some(&self.samples()) && sample_epoch(path).is_some()
    }

    /// Whether a process is training here. This takes the shared lock for an instant; a training
    /// that starts retries for longer than that.
    pub(crate) fn is_locked(&self) -> bool {
        let lock = open_regular(&self.lock());
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// The epoch in the name of a preview.
fn sample_epoch(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("epoch-")?.strip_suffix(".png")?.parse().ok()
}

/// The number at the start of a run's name.
pub(crate) fn number(root: &Path) -> Option<u64> {
    root.file_name()?.to_str()?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_listed_in_the_order_of_their_epochs() {
        let dir = tempfile::tempdir().unwrap();
        let paths = RunPaths::new(dir.path());
        assert_eq!(paths.sample_files().unwrap(), [], "no folder yet");
        fs::create_dir(paths.samples()).unwrap();
        for epoch in [1_000_000, 0, 999_000] {
            fs::write(paths.sample(epoch), "").unwrap();
        }
        for other in ["notes.txt", "epoch-.png", "epoch-12.gif", ".epoch-000001.png.7.tmp"] {
            fs::write(paths.samples().join(other), "").unwrap();
        }
        let epochs: Vec<u64> =
            paths.sample_files().unwrap().into_iter().map(|(epoch, _)| epoch).collect();
        assert_eq!(epochs, [0, 999_000, 1_000_000]);
    }
}
