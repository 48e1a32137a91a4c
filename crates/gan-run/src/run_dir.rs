//! The directory of a run for the process that trains there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::ending::Ending;
use crate::limits;
use crate::paths::{LOCK, RunPaths, number};

/// A run's directory, held by this process alone until it is dropped; its paths are those of
/// [`RunPaths`].
#[derive(Debug)]
pub struct RunDir {
    paths: RunPaths,
    // Held, not read: the lock dies with the process.
    _lock: File,
}

/// Why a directory cannot be a run's, or not now.
#[derive(Debug, Error)]
pub enum RunDirError {
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
    /// There are files in it, and they are not a run's.
    #[error("{} is not empty and holds no run; choose a new or an empty directory", .0.display())]
    NotOurs(PathBuf),
    /// There is a run in it already.
    #[error(
        "{path} holds a run already; continue it with --resume {path}, or choose another directory",
        path = .0.display()
    )]
    Occupied(PathBuf),
    /// Another process trains there at this moment.
    #[error("{} is in use by another gan-train; wait for it, or choose another directory", .0.display())]
    InUse(PathBuf),
}

/// A reader has the lock for an instant only, see [`RunPaths::held`].
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

impl Deref for RunDir {
    type Target = RunPaths;

    fn deref(&self) -> &RunPaths {
        &self.paths
    }
}

impl RunDir {
    /// Makes the next free `runs/0001-name`, counting from the highest number there is.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn create_next(runs: &Path, name: &str) -> Result<Self, RunDirError> {
        fs::create_dir_all(runs).map_err(io("create", runs))?;
        let mut number = 1 + highest_number(runs).map_err(io("read", runs))?;
        loop {
            let root = runs.join(format!("{number:04}-{name}"));
            match fs::create_dir(&root) {
                Ok(()) => return Self::hold(root),
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(io("create", &root)(error)),
            }
        }
    }

    /// Takes a directory that is new or empty, or where a training was ended before it began.
    ///
    /// # Errors
    /// When there is something in it, or the system refuses.
    pub fn create(root: &Path) -> Result<Self, RunDirError> {
        Self::check_free(root)?;
        fs::create_dir_all(root).map_err(io("create", root))?;
        let run = Self::hold(root.to_path_buf())?;
        // Before it was held, another process may have trained there.
        Self::check_free(root)?;
        for left in [run.config(), run.reals(), run.sample(0)] {
            match fs::remove_file(&left) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io("remove", &left)(error));
                }
                _ => {}
            }
        }
        Ok(run)
    }

    /// Makes sure that a directory is new or empty, or that nothing was learnt there yet;
    /// changes nothing.
    ///
    /// # Errors
    /// When there is something in it, or it is something else.
    pub fn check_free(root: &Path) -> Result<(), RunDirError> {
        match fs::read_dir(root).map(Iterator::count) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io("use as a run's directory", root)(error)),
            Ok(0) => Ok(()),
            Ok(_) if Self::is_unbegun(root) => Ok(()),
            Ok(_) if Self::is_run(root) => Err(RunDirError::Occupied(root.into())),
            Ok(_) => Err(RunDirError::NotOurs(root.into())),
        }
    }

    /// Whether a run has left its record in this directory.
    #[must_use]
    pub fn is_run(root: &Path) -> bool {
        RunPaths::new(root).config().exists()
    }

    /// Whether a training was ended in this directory before its first checkpoint: there is
    /// its lock, and nothing but what comes before.
    #[must_use]
    pub fn is_unbegun(root: &Path) -> bool {
        let only = |folder: &Path, names: &[&str]| {
            fs::read_dir(folder).is_ok_and(|mut entries| {
                entries.all(|entry| {
                    let Ok(path) = entry.map(|entry| entry.path()) else { return false };
                    let known =
                        path.file_name().is_some_and(|name| names.iter().any(|n| *n == name));
                    known || gan_core::atomic_file::is_temporary(&path)
                })
            })
        };
        let paths = RunPaths::new(root);
        let samples = paths.samples();
        paths.lock().is_file()
            && only(root, &[LOCK, "config.json", "reals.png", "samples"])
            && (!samples.exists() || only(&samples, &["epoch-000000.png"]))
    }

    /// Takes a directory that holds a run, to go on with it.
    ///
    /// # Errors
    /// When another process trains there, or the system refuses.
    pub fn open(root: &Path) -> Result<Self, RunDirError> {
        Self::hold(root.to_path_buf())
    }

    fn hold(root: PathBuf) -> Result<Self, RunDirError> {
        let paths = RunPaths::new(root);
        let path = paths.lock();
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(io("create", &path))?;
        let mut tries = 1;
        while let Err(error) = lock.try_lock() {
            match error {
                TryLockError::WouldBlock if tries < TRIES => sleep(PAUSE),
                TryLockError::WouldBlock => return Err(RunDirError::InUse(paths.root().into())),
                TryLockError::Error(error) => return Err(io("lock", &path)(error)),
            }
            tries += 1;
        }
        remove_torn(paths.root()).map_err(io("clear", paths.root()))?;
        // How an earlier training ended is no news of the one that begins.
        let outcome = paths.outcome();
        match fs::remove_file(&outcome) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io("remove", &outcome)(error));
            }
            _ => {}
        }
        let samples = paths.samples();
        fs::create_dir_all(&samples).map_err(io("create", &samples))?;
        remove_torn(&samples).map_err(io("clear", &samples))?;
        Ok(Self { paths, _lock: lock })
    }

    /// Writes `config.json`.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write_config(&self, config: &impl Serialize) -> Result<(), RunDirError> {
        write_json(&self.config(), config)
    }

    /// Writes `outcome.json`, by which the run ceases to be going on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write_ending(&self, ending: &Ending) -> Result<(), RunDirError> {
        write_json(&self.outcome(), ending)
    }

    /// What `config.json` in `root` says, if there is one that can be read: a file, and of no
    /// more than 1 MiB.
    #[must_use]
    pub fn read_config<T: DeserializeOwned>(root: &Path) -> Option<T> {
        let text = limits::read(&RunPaths::new(root).config(), limits::MAX_CONFIG).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

pub(crate) fn io<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> RunDirError + 'a {
    move |source| RunDirError::Io { action, path: path.into(), source }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RunDirError> {
    let text = serde_json::to_vec_pretty(value).map_err(io::Error::other);
    text.and_then(|text| gan_core::atomic_file::write(path, &text)).map_err(io("write", path))
}

/// Removes what a process that was killed while it wrote has left: nobody else writes here.
fn remove_torn(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if gan_core::atomic_file::is_temporary(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn highest_number(runs: &Path) -> io::Result<u64> {
    let mut highest = 0;
    for entry in fs::read_dir(runs)? {
        highest = highest.max(number(&entry?.path()).unwrap_or(0));
    }
    Ok(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_numbered_after_the_highest() {
        let dir = tempfile::tempdir().unwrap();
        let runs = dir.path().join("runs");
        let name = |run: &RunDir| run.root().file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(name(&RunDir::create_next(&runs, "mnist-dense").unwrap()), "0001-mnist-dense");
        fs::create_dir(runs.join("0041-other")).unwrap();
        fs::create_dir(runs.join("notes")).unwrap();
        assert_eq!(name(&RunDir::create_next(&runs, "mnist-dense").unwrap()), "0042-mnist-dense");
    }

    #[test]
    fn a_directory_that_is_in_use_or_holds_anything_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        assert!(matches!(RunDir::open(dir.path()), Err(RunDirError::InUse(_))));
        fs::write(run.config(), "{}").unwrap();
        fs::write(run.checkpoint(), "").unwrap();
        drop(run);
        assert!(matches!(RunDir::create(dir.path()), Err(RunDirError::Occupied(_))));
        assert!(RunDir::open(dir.path()).is_ok(), "the lock died with its holder");

        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("thesis.tex"), "").unwrap();
        assert!(matches!(RunDir::create(other.path()), Err(RunDirError::NotOurs(_))));
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1, "nothing was written");
    }

    #[test]
    fn where_nothing_was_learnt_yet_one_may_begin_anew() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        for left in [run.config(), run.reals(), run.sample(0)] {
            fs::write(left, "of a training that was ended").unwrap();
        }
        fs::write(dir.path().join(".ckpt.mpk.4711.tmp"), "half").unwrap();
        drop(run);
        assert!(RunDir::is_unbegun(dir.path()));
        let run = RunDir::create(dir.path()).unwrap();
        for left in [run.config(), run.reals(), run.sample(0)] {
            assert!(!left.exists(), "{} is of another training", left.display());
        }

        for begun in [run.checkpoint(), run.metrics(), run.sample(1), dir.path().join("notes")] {
            fs::write(&begun, "").unwrap();
            assert!(!RunDir::is_unbegun(dir.path()), "{}", begun.display());
            fs::remove_file(begun).unwrap();
        }
        fs::remove_file(dir.path().join(LOCK)).unwrap();
        assert!(!RunDir::is_unbegun(dir.path()), "nobody of ours was here");
    }

    #[test]
    fn who_only_looks_does_not_keep_a_training_out() {
        let dir = tempfile::tempdir().unwrap();
        drop(RunDir::create(dir.path()).unwrap());
        let reader = File::open(RunPaths::new(dir.path()).lock()).unwrap();
        reader.lock_shared().unwrap();
        let looking = std::thread::spawn(move || {
            sleep(PAUSE * 3);
            drop(reader);
        });
        assert!(RunDir::open(dir.path()).is_ok());
        looking.join().unwrap();
    }

    #[test]
    fn a_training_that_begins_takes_back_how_the_last_one_ended() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        let outcome = crate::EndReason::Stopped;
        run.write_ending(&Ending { outcome, epochs: 7, seconds: 1.5 }).unwrap();
        let text = fs::read_to_string(run.outcome()).unwrap();
        assert!(text.contains("\"stopped\""), "{text}");
        drop(run);
        let run = RunDir::open(dir.path()).unwrap();
        assert!(!run.outcome().exists());
    }

    #[test]
    fn what_a_killed_process_left_half_written_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        let torn = [dir.path().join(".ckpt.mpk.4711.tmp"), run.samples().join(".a.png.4711.tmp")];
        drop(run);
        for path in &torn {
            fs::write(path, "half").unwrap();
        }
        drop(RunDir::open(dir.path()).unwrap());
        assert!(!torn.iter().any(|path| path.exists()));
    }
}
