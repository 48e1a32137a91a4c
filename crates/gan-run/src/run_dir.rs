//! The directory of a run, for the process that trains.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use gan_core::FileError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::limits;
use crate::outcome::RunOutcome;
use crate::paths::{LOCK, RunPaths, TENSORBOARD_EVENTS, number};

/// A run's directory, locked by this process until it is dropped; dereferences to its
/// [`RunPaths`].
#[derive(Debug)]
pub struct RunDir {
    paths: RunPaths,
    // Released by the system when the process ends.
    _lock: File,
}

/// Why a directory cannot be read as a run, or used for one.
#[derive(Debug, Error)]
pub enum RunDirError {
    /// A file cannot be read, written or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// It contains no run.
    #[error(
        "{} is not a run: it has no config.json; expected a directory made by gan-train, such as \
         runs/0001-mnist-dense", .0.display()
    )]
    NoRun(PathBuf),
    /// The settings are not JSON.
    #[error("cannot read {path}: {1}; expected JSON written by gan-train", path = .0.display())]
    Config(PathBuf, #[source] serde_json::Error),
    /// It contains files that are not a run's.
    #[error("{} is not empty and contains no run; choose a new or an empty directory", .0.display())]
    NotEmpty(PathBuf),
    /// It contains a run.
    #[error(
        "{path} already contains a run; continue it with --resume {path}, or choose another directory",
        path = .0.display()
    )]
    Occupied(PathBuf),
    /// Another process is training in it.
    #[error("{} is in use by another gan-train; wait for it, or choose another directory", .0.display())]
    InUse(PathBuf),
}

/// Attempts to lock: a reader holds the lock for an instant, see [`RunPaths::is_locked`].
const ATTEMPTS: u32 = 20;
const RETRY_DELAY: Duration = Duration::from_millis(10);

impl Deref for RunDir {
    type Target = RunPaths;

    fn deref(&self) -> &RunPaths {
        &self.paths
    }
}

impl RunDir {
    /// Creates the next `runs/0001-name`, numbered after the highest existing run.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub fn create_next(runs: &Path, name: &str) -> Result<Self, RunDirError> {
        fs::create_dir_all(runs).map_err(FileError::new("create", runs))?;
        let entries = fs::read_dir(runs).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(FileError::new("read", runs))?;
        let highest = entries.iter().filter_map(|entry| number(&entry.path())).max();
        let mut next = 1 + highest.unwrap_or(0);
        loop {
            let root = runs.join(format!("{next:04}-{name}"));
            match fs::create_dir(&root) {
                Ok(()) => return Self::open(&root),
                // Another process has created it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => next += 1,
                Err(error) => return Err(FileError::new("create", &root)(error).into()),
            }
        }
    }

    /// Takes a directory that is missing, empty, or [unstarted](Self::is_unstarted).
    ///
    /// # Errors
    /// When it contains anything else, is in use, or cannot be created.
    pub fn create(root: &Path) -> Result<Self, RunDirError> {
        Self::check_free(root)?;
        fs::create_dir_all(root).map_err(FileError::new("create", root))?;
        let run = Self::open(root)?;
        // Another process may have trained there before it was locked.
        Self::check_free(root)?;
        for path in [run.config(), run.reals(), run.classes(), run.sample(0)] {
            remove_if_present(&path)?;
        }
        match fs::remove_dir_all(run.tensorboard()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FileError::new("remove", &run.tensorboard())(error).into())
            }
            _ => Ok(run),
        }
    }

    /// Checks that a directory is missing, empty, or [unstarted](Self::is_unstarted); changes
    /// nothing.
    ///
    /// # Errors
    /// When it contains anything else, or cannot be read.
    pub fn check_free(root: &Path) -> Result<(), RunDirError> {
        match fs::read_dir(root).map(Iterator::count) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(FileError::new("use as a run's directory", root)(error).into()),
            Ok(0) => Ok(()),
            Ok(_) if Self::is_unstarted(root) => Ok(()),
            Ok(_) if Self::is_run(root) => Err(RunDirError::Occupied(root.into())),
            Ok(_) => Err(RunDirError::NotEmpty(root.into())),
        }
    }

    /// Checks that no process is training in a directory; changes nothing.
    ///
    /// # Errors
    /// When one is.
    pub fn check_unused(root: &Path) -> Result<(), RunDirError> {
        if RunPaths::new(root).is_locked() {
            return Err(RunDirError::InUse(root.into()));
        }
        Ok(())
    }

    /// Whether the directory contains a run.
    pub fn is_run(root: &Path) -> bool {
        RunPaths::new(root).config().exists()
    }

    /// Whether a training ended in this directory before its first checkpoint: it contains a lock
    /// and nothing but the files that are written earlier.
    pub fn is_unstarted(root: &Path) -> bool {
        let all = |folder: &Path, known: &dyn Fn(&str) -> bool| {
            let known = |entry: fs::DirEntry| {
                entry.file_name().to_str().is_some_and(known)
                    || gan_core::atomic_file::is_temporary(&entry.path())
            };
            fs::read_dir(folder)
                .is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(known)))
        };
        let paths = RunPaths::new(root);
        let (samples, tensorboard) = (paths.samples(), paths.tensorboard());
        let early = [LOCK, "config.json", "reals.png", "classes.png", "samples", "tensorboard"];
        paths.lock().is_file()
            && all(root, &|name| early.contains(&name))
            && (!samples.exists() || all(&samples, &|name| name == "epoch-000000.png"))
            && (!tensorboard.exists()
                || all(&tensorboard, &|name| name.starts_with(TENSORBOARD_EVENTS)))
    }

    /// Locks the directory of a run to resume it.
    ///
    /// # Errors
    /// When another process is training there, or the directory cannot be written.
    pub fn open(root: &Path) -> Result<Self, RunDirError> {
        let paths = RunPaths::new(root);
        let path = paths.lock();
        let lock = match fs::metadata(&path) {
            // Opening a pipe would wait for its other end.
            Ok(found) if !found.is_file() => Err(io::Error::other("not a regular file; remove it")),
            _ => OpenOptions::new().create(true).truncate(false).write(true).open(&path),
        };
        let lock = lock.map_err(FileError::new("create", &path))?;
        let mut attempts = 1;
        while let Err(error) = lock.try_lock() {
            match error {
                TryLockError::WouldBlock if attempts < ATTEMPTS => sleep(RETRY_DELAY),
                TryLockError::WouldBlock => return Err(RunDirError::InUse(root.into())),
                TryLockError::Error(error) => {
                    return Err(FileError::new("lock", &path)(error).into());
                }
            }
            attempts += 1;
        }
        let samples = paths.samples();
        fs::create_dir_all(&samples).map_err(FileError::new("create", &samples))?;
        for folder in [root, samples.as_path()] {
            remove_temporary_files(folder, &paths).map_err(FileError::new("clear", folder))?;
        }
        Ok(Self { paths, _lock: lock })
    }

    /// Writes `config.json`, and removes the outcome of the training before this one.
    ///
    /// # Errors
    /// When the file cannot be written, or the outcome cannot be removed.
    pub fn write_config(&self, config: &impl Serialize) -> Result<(), RunDirError> {
        write_json(&self.config(), config)?;
        // Not earlier: a training that is refused changes nothing.
        remove_if_present(&self.outcome())
    }

    /// Writes `outcome.json`, which ends the state `running`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_outcome(&self, outcome: &RunOutcome) -> Result<(), RunDirError> {
        write_json(&self.outcome(), outcome)
    }

    /// Reads `config.json` in `root`; `None` if it is missing, larger than 1 MiB or invalid.
    pub fn read_config<T: DeserializeOwned>(root: &Path) -> Option<T> {
        limits::read_json(&RunPaths::new(root).config())
    }
}

fn remove_if_present(path: &Path) -> Result<(), RunDirError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::new("remove", path)(error).into())
        }
        _ => Ok(()),
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RunDirError> {
    let text = serde_json::to_vec_pretty(value).map_err(io::Error::other);
    let text = text.map_err(FileError::new("write", path))?;
    Ok(gan_core::atomic_file::write(path, &text)?)
}

/// Removes the temporary files of a killed training. Other programs may be writing files of their own
/// here, such as `gan-sample --out`.
fn remove_temporary_files(folder: &Path, paths: &RunPaths) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if written_file(&path).is_some_and(|file| paths.is_written_by_training(&file)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The file whose temporary file `path` is: `ckpt.mpk` for `.ckpt.mpk.4711.tmp`.
fn written_file(path: &Path) -> Option<PathBuf> {
    if !gan_core::atomic_file::is_temporary(path) {
        return None;
    }
    let name = path.file_name()?.to_str()?.strip_prefix('.')?.strip_suffix(".tmp")?;
    let (name, _process) = name.rsplit_once('.')?;
    Some(path.with_file_name(name))
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
    fn a_directory_in_use_or_with_other_files_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        assert!(matches!(RunDir::open(dir.path()), Err(RunDirError::InUse(_))));
        assert!(matches!(RunDir::check_unused(dir.path()), Err(RunDirError::InUse(_))));
        fs::write(run.config(), "{}").unwrap();
        fs::write(run.checkpoint(), "").unwrap();
        drop(run);
        assert!(matches!(RunDir::create(dir.path()), Err(RunDirError::Occupied(_))));
        assert!(RunDir::check_unused(dir.path()).is_ok());
        assert!(RunDir::open(dir.path()).is_ok(), "the lock is released");

        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("thesis.tex"), "").unwrap();
        assert!(matches!(RunDir::create(other.path()), Err(RunDirError::NotEmpty(_))));
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1, "nothing was written");
    }

    #[test]
    fn an_unstarted_run_can_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        for left in [run.config(), run.reals(), run.sample(0)] {
            fs::write(left, "of the earlier training").unwrap();
        }
        let events = run.tensorboard().join("events.out.tfevents.1.gan-train");
        fs::create_dir(run.tensorboard()).unwrap();
        fs::write(&events, "of the earlier training").unwrap();
        fs::write(dir.path().join(".ckpt.mpk.4711.tmp"), "half").unwrap();
        drop(run);
        assert!(RunDir::is_unstarted(dir.path()));
        let run = RunDir::create(dir.path()).unwrap();
        for left in [run.config(), run.reals(), run.sample(0), events] {
            assert!(!left.exists(), "{} is left", left.display());
        }

        for begun in [run.checkpoint(), run.metrics(), run.sample(1), dir.path().join("notes")] {
            fs::write(&begun, "").unwrap();
            assert!(!RunDir::is_unstarted(dir.path()), "{}", begun.display());
            fs::remove_file(begun).unwrap();
        }
        fs::remove_file(dir.path().join(LOCK)).unwrap();
        assert!(!RunDir::is_unstarted(dir.path()), "without a lock it is not a run");
    }

    #[test]
    #[cfg(unix)]
    fn a_lock_that_is_a_pipe_is_refused_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let paths = RunPaths::new(dir.path());
        let made = std::process::Command::new("mkfifo").arg(paths.lock()).status();
        assert!(made.unwrap().success());
        assert!(!paths.is_locked());
        let error = RunDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(".lock: not a regular file; remove it"), "{error}");
    }

    #[test]
    fn a_reader_does_not_block_a_training() {
        let dir = tempfile::tempdir().unwrap();
        drop(RunDir::create(dir.path()).unwrap());
        let reader = File::open(RunPaths::new(dir.path()).lock()).unwrap();
        reader.lock_shared().unwrap();
        let reading = std::thread::spawn(move || {
            sleep(RETRY_DELAY * 3);
            drop(reader);
        });
        assert!(RunDir::open(dir.path()).is_ok());
        reading.join().unwrap();
    }

    #[test]
    fn a_training_that_goes_on_removes_the_outcome() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        let reason = crate::EndReason::Stopped;
        run.write_outcome(&RunOutcome { reason, epochs: 7, seconds: 1.5 }).unwrap();
        let text = fs::read_to_string(run.outcome()).unwrap();
        assert!(text.contains("\"outcome\": \"stopped\""), "{text}");
        drop(run);
        let run = RunDir::open(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(run.outcome()).unwrap(), text, "it may still be refused");
        run.write_config(&()).unwrap();
        assert!(!run.outcome().exists());
    }

    #[test]
    fn temporary_files_of_a_killed_process_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        let own = [
            dir.path().join(".ckpt.mpk.4711.tmp"),
            dir.path().join(".metrics.jsonl.4711.tmp"),
            run.samples().join(".epoch-000020.png.4711.tmp"),
        ];
        // Another program may still be writing these.
        let others = [dir.path().join(".s.npy.4711.tmp"), run.samples().join(".grid.png.4711.tmp")];
        drop(run);
        for path in own.iter().chain(&others) {
            fs::write(path, "half").unwrap();
        }
        drop(RunDir::open(dir.path()).unwrap());
        assert!(!own.iter().any(|path| path.exists()));
        assert!(others.iter().all(|path| path.exists()));
    }
}
