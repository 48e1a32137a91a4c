//! Every path of a run, for whoever writes it and whoever only looks.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The usual name of a checkpoint.
pub const CHECKPOINT: &str = "ckpt.mpk";
/// Held by whoever writes in the directory.
pub(crate) const LOCK: &str = ".lock";

/// Where the parts of a run lie, be they there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPaths {
    root: PathBuf,
}

impl RunPaths {
    /// The paths of the run in the directory `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Everything effective in the run, as JSON.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }

    /// One [`MetricsRow`](crate::MetricsRow) a line.
    #[must_use]
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// How the training ended, an [`Ending`](crate::Ending) as JSON.
    #[must_use]
    pub fn outcome(&self) -> PathBuf {
        self.root.join("outcome.json")
    }

    /// A hundred of the real images.
    #[must_use]
    pub fn reals(&self) -> PathBuf {
        self.root.join("reals.png")
    }

    /// The rows of digits.
    #[must_use]
    pub fn samples(&self) -> PathBuf {
        self.root.join("samples")
    }

    /// The row of digits drawn after `epoch` epochs.
    #[must_use]
    pub fn sample(&self, epoch: u64) -> PathBuf {
        self.samples().join(format!("epoch-{epoch:06}.png"))
    }

    /// The latest checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join(CHECKPOINT)
    }

    /// The checkpoint whose pictures were measured to be the best so far.
    #[must_use]
    pub fn best(&self) -> PathBuf {
        self.root.join("best.mpk")
    }

    /// The page on which the run can be looked at.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// The rows of digits one after the other.
    #[must_use]
    pub fn animation(&self) -> PathBuf {
        self.root.join("training.gif")
    }

    /// Event files for TensorBoard.
    #[must_use]
    pub fn tensorboard(&self) -> PathBuf {
        self.root.join("tensorboard")
    }

    /// The file that a training process has locked while it is at work.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join(LOCK)
    }

    /// The rows of digits that there are, and after how many epochs each was drawn; in order.
    ///
    /// # Errors
    /// When the system refuses; a missing folder is an empty one.
    pub fn drawn(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let entries = match fs::read_dir(self.samples()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut drawn = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let epoch = name.to_str().and_then(|name| {
                name.strip_prefix("epoch-")?.strip_suffix(".png")?.parse::<u64>().ok()
            });
            drawn.extend(epoch.map(|epoch| (epoch, entry.path())));
        }
        drawn.sort_unstable();
        Ok(drawn)
    }

    /// Whether a training process is at work here at this moment. Asking takes the lock for an
    /// instant, shared with others who ask; a training that starts waits for longer than that.
    #[must_use]
    pub fn held(&self) -> bool {
        let lock = File::open(self.lock());
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// The number at the beginning of a run's name.
pub(crate) fn number(root: &Path) -> Option<u64> {
    root.file_name()?.to_str()?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_digits_come_in_the_order_of_their_epochs() {
        let dir = tempfile::tempdir().unwrap();
        let paths = RunPaths::new(dir.path());
        assert_eq!(paths.drawn().unwrap(), [], "no folder yet");
        fs::create_dir(paths.samples()).unwrap();
        for epoch in [1_000_000, 0, 999_000] {
            fs::write(paths.sample(epoch), "").unwrap();
        }
        for other in ["notes.txt", "epoch-.png", "epoch-12.gif", ".epoch-000001.png.7.tmp"] {
            fs::write(paths.samples().join(other), "").unwrap();
        }
        let epochs: Vec<u64> = paths.drawn().unwrap().into_iter().map(|(epoch, _)| epoch).collect();
        assert_eq!(epochs, [0, 999_000, 1_000_000]);
    }
}
