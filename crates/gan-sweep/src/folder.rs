//! Where the trials of a sweep are, what is done, and what is to be done next.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use gan_core::{FileError, atomic_file};
use gan_run::{MetricsRow, Record, RunDir, RunPaths, RunState, read_limited};
use thiserror::Error;

use crate::sweep::{Sweep, Trial};

/// The name of the file that describes the sweep, and the largest one that is read.
const SWEEP: &str = "sweep.json";
const MAX_SWEEP: u64 = 1 << 28;
/// The folder of the locks by which processes take trials.
const CLAIMS: &str = ".claims";
/// What else gan-sweep writes there: files of these names, and such that begin like this.
const OWN: [&str; 3] = [CLAIMS, "sweep.html", "slurm.sh"];
const SLURM: &str = "slurm-";

/// The folder of a sweep.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// Why the folder of a sweep cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no sweep, or it cannot be parsed.
    #[error(
        "{path} is not the folder of a sweep: {1}; expected one made by gan-sweep",
        path = .0.display()
    )]
    NoSweep(PathBuf, String),
    /// The folder has other files and no sweep.
    #[error("{} is not empty and has no sweep; choose a new or an empty folder", .0.display())]
    NotEmpty(PathBuf),
    /// Locks have no effect there.
    #[error(
        "{} is on a file system without locks, so that two processes would train the same trial; \
         expected a local disk, or a shared one that is mounted with locks", .0.display()
    )]
    NoLocks(PathBuf),
}

/// How far a trial is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Its state; `None` if it has not begun, or was ended before its first checkpoint.
    pub state: Option<RunState>,
    /// Epochs done.
    pub epochs: u64,
    /// Epochs and values of the target, in order.
    pub values: Vec<(u64, f64)>,
    /// Seconds of training.
    pub seconds: f64,
    /// Why it cannot be read, if it is damaged; then it is not trained.
    pub damage: Option<String>,
}

impl Progress {
    fn none() -> Self {
        Self { state: None, epochs: 0, values: Vec::new(), seconds: 0.0, damage: None }
    }

    /// The value of the target after `epoch`.
    pub fn value_at(&self, epoch: u64) -> Option<f64> {
        self.values.iter().find(|(at, _)| *at == epoch).map(|(_, value)| *value)
    }

    /// Whether it will not be trained further.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, Some(RunState::Done | RunState::Diverged))
    }
}

/// A training to start: a trial, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Index of the trial.
    pub trial: usize,
    /// Train until this epoch, if that is not the end.
    pub until: Option<u64>,
    /// Whether there is a checkpoint to continue from.
    pub resume: bool,
}

/// A trial that this process has taken; others do not until it is dropped.
#[derive(Debug)]
pub struct Claim {
    // Released by the system when the process ends.
    _lock: File,
}

impl Folder {
    /// The folder at `root`, which may not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of a trial's run.
    pub fn run(&self, trial: &Trial) -> PathBuf {
        self.root.join(&trial.name)
    }

    /// Writes what the sweep is, for other processes and for later. Returns the sweep that was there
    /// before, if it was another one.
    ///
    /// # Errors
    /// When the folder has other files and no sweep, has no locks, or cannot be written.
    pub fn create(&self, sweep: &Sweep) -> Result<Option<Sweep>, FolderError> {
        let root = &self.root;
        let path = root.join(SWEEP);
        let before = if path.exists() { Some(self.read()?) } else { None };
        let empty = match fs::read_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(FileError::new("use as a sweep's folder", root)(error).into()),
            // What is there may be the trials of this sweep, whose description was lost.
            Ok(mut entries) => entries.all(|entry| {
                entry.is_ok_and(|entry| {
                    let name = entry.file_name();
                    OWN.iter().any(|own| name == *own)
                        || name.to_string_lossy().starts_with(SLURM)
                        || atomic_file::is_temporary(&entry.path())
                        || sweep.trials.iter().any(|trial| name == *trial.name)
                })
            }),
        };
        if before.is_none() && !empty {
            return Err(FolderError::NotEmpty(root.clone()));
        }
        let claims = root.join(CLAIMS);
        fs::create_dir_all(&claims).map_err(FileError::new("create", &claims))?;
        self.check_locks()?;
        if before.as_ref() == Some(sweep) {
            return Ok(None);
        }
        let text = serde_json::to_vec_pretty(sweep).map_err(io::Error::other);
        let text = text.map_err(FileError::new("write", &path))?;
        atomic_file::write(&path, &text)?;
        Ok(before)
    }

    /// Reads what the sweep is.
    ///
    /// # Errors
    /// When there is none, or it is not JSON of this version.
    pub fn read(&self) -> Result<Sweep, FolderError> {
        let path = self.root.join(SWEEP);
        let text = read_limited(&path, MAX_SWEEP);
        let none = |what: String| FolderError::NoSweep(self.root.clone(), what);
        let text = text.map_err(|error| none(format!("{SWEEP} cannot be read ({error})")))?;
        let sweep: Sweep =
            serde_json::from_slice(&text).map_err(|error| none(format!("{SWEEP}: {error}")))?;
        sweep.check().map_err(|what| none(format!("{SWEEP}: {what}")))?;
        Ok(sweep)
    }

    /// Locks that are ignored are worse than none.
    fn check_locks(&self) -> Result<(), FolderError> {
        let path = self.root.join(CLAIMS).join("check");
        let open = || OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let failed = || FileError::new("create", &path);
        let (first, second) = (open().map_err(failed())?, open().map_err(failed())?);
        // Another process may be at the same check.
        let held = match first.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(_)) => false,
        };
        match second.try_lock() {
            Err(TryLockError::WouldBlock) if held => Ok(()),
            _ => Err(FolderError::NoLocks(self.root.clone())),
        }
    }

    /// How far a trial is.
    pub fn progress(&self, sweep: &Sweep, trial: &Trial) -> Progress {
        let root = self.run(trial);
        // A training that was ended before its first checkpoint begins again.
        if !RunPaths::new(&root).checkpoint().exists() {
            let running = RunDir::is_run(&root)
                && Record::read(&root).is_ok_and(|record| record.state() == RunState::Running);
            let state = running.then_some(RunState::Running);
            return Progress { state, ..Progress::none() };
        }
        let record = match Record::read(&root) {
            Ok(record) => record,
            Err(error) => return Progress { damage: Some(error.to_string()), ..Progress::none() },
        };
        if record.outcome().is_some() && !record.paths.metrics().exists() {
            let damage = Some("its metrics.jsonl is missing".into());
            return Progress { damage, ..Progress::none() };
        }
        let value =
            |row: &MetricsRow| Some((row.epoch, sweep.target.measure.of(row.quality.as_ref()?)?));
        // Without an outcome it may lack its last checkpoint, whatever rows it has.
        let state = match (record.outcome(), record.state()) {
            (Some(outcome), _) => outcome.reason.into(),
            (None, RunState::Running) => RunState::Running,
            (None, _) => RunState::Killed,
        };
        Progress {
            state: Some(state),
            epochs: record.epochs_done(),
            values: record.rows.iter().filter_map(value).collect(),
            seconds: record.seconds(),
            damage: None,
        }
    }

    /// How far all trials are.
    pub fn progress_of_all(&self, sweep: &Sweep) -> Vec<Progress> {
        sweep.trials.iter().map(|trial| self.progress(sweep, trial)).collect()
    }

    /// What can be trained next, the most urgent first, from the progress of all trials: what is in
    /// the middle of a rung, then what is promoted, then what has not begun.
    pub fn next(sweep: &Sweep, progress: &[Progress]) -> Vec<Task> {
        let free = |trial: &usize| {
            let progress = &progress[*trial];
            progress.state != Some(RunState::Running)
                && !progress.has_ended()
                && progress.damage.is_none()
        };
        let resume = |trial: usize| progress[trial].state.is_some();
        let trials = || (0..progress.len()).filter(free);
        let Some(halving) = sweep.halving else {
            let mut tasks: Vec<_> =
                trials().map(|trial| Task { trial, until: None, resume: resume(trial) }).collect();
            tasks.sort_by_key(|task| !task.resume);
            return tasks;
        };
        let rungs = |trial: usize| halving.rungs(sweep.trials[trial].epochs());
        let task = |trial: usize, until: u64| {
            let until = Some(until).filter(|&until| until < sweep.trials[trial].epochs());
            Task { trial, until, resume: resume(trial) }
        };
        let (mut begun, mut new, mut reached) = (Vec::new(), Vec::new(), Vec::new());
        for trial in trials() {
            let (done, rungs) = (progress[trial].epochs, rungs(trial));
            match rungs.iter().position(|&rung| rung == done) {
                // It has not ended: it may lack its last checkpoint.
                Some(_) if rungs.last() == Some(&done) => begun.push(task(trial, done)),
                Some(rung) if progress[trial].value_at(done).is_some() => {
                    reached.push((rung, trial));
                }
                // It cannot be compared: there is no feature extractor.
                Some(_) => {}
                _ if !resume(trial) => new.push(task(trial, rungs[0])),
                _ => {
                    let until = rungs.iter().copied().find(|&rung| rung > done);
                    begun.push(task(trial, until.unwrap_or(done)));
                }
            }
        }
        // The highest rung first.
        reached.sort_by_key(|&(rung, trial)| (std::cmp::Reverse(rung), trial));
        let mut promoted = Vec::new();
        for &(rung, trial) in &reached {
            let at: Vec<_> = (0..progress.len())
                .filter_map(|trial| {
                    let epoch = *rungs(trial).get(rung)?;
                    Some((trial, progress[trial].value_at(epoch)?))
                })
                .collect();
            if halving.promoted(sweep.target, &at).contains(&trial)
                && let Some(&until) = rungs(trial).get(rung + 1)
            {
                promoted.push(task(trial, until));
            }
        }
        let tasks = [begun, promoted, new].concat();
        let running = progress.iter().any(|progress| progress.state == Some(RunState::Running));
        let ended = progress.iter().any(|progress| progress.state == Some(RunState::Done));
        if !tasks.is_empty() || running || ended {
            return tasks;
        }
        // Of too few for a promotion, the best one of those that came furthest continues alone.
        let furthest = reached.first().map(|(rung, _)| *rung);
        let value = |trial: usize| progress[trial].value_at(progress[trial].epochs);
        let best = reached
            .iter()
            .filter(|(rung, _)| Some(*rung) == furthest)
            .filter_map(|&(rung, trial)| Some((rung, trial, value(trial)?)))
            .min_by(|a, b| sweep.target.compare(a.2, b.2));
        best.and_then(|(rung, trial, _)| Some(task(trial, *rungs(trial).get(rung + 1)?)))
            .into_iter()
            .collect()
    }

    /// Takes a trial, unless another process has it.
    ///
    /// # Errors
    /// When the lock cannot be created.
    pub fn claim(&self, trial: &Trial) -> Result<Option<Claim>, FolderError> {
        let path = self.root.join(CLAIMS).join(&trial.name);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(FileError::new("create", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Claim { _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(FileError::new("lock", &path)(error).into()),
        }
    }
}

impl Trial {
    /// Epochs of its whole training.
    pub fn epochs(&self) -> u64 {
        self.settings.get("epochs").and_then(serde_json::Value::as_u64).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::halving::Halving;
    use crate::measure::{Measure, Target};
    use crate::sweep::Settings;

    fn sweep(count: usize, halving: Option<Halving>) -> Sweep {
        let trial = |index| Trial {
            name: format!("t{index}"),
            group: format!("t{index}"),
            varied: Settings::new(),
            settings: [("epochs".to_owned(), json!(90))].into_iter().collect(),
        };
        let target = Target { measure: Measure::Frechet, minimise: true };
        let trials = (0..count).map(trial).collect();
        Sweep { target, halving, feature_extractor: None, directory: PathBuf::new(), trials }
    }

    fn at(state: RunState, epochs: u64, value: Option<f64>) -> Progress {
        let values = value.map(|value| (epochs, value)).into_iter().collect();
        Progress { state: Some(state), epochs, values, ..Progress::none() }
    }

    fn next(sweep: &Sweep, progress: &[Progress]) -> Vec<(usize, Option<u64>, bool)> {
        let tasks = Folder::next(sweep, progress).into_iter();
        tasks.map(|task| (task.trial, task.until, task.resume)).collect()
    }

    #[test]
    fn what_was_interrupted_comes_before_what_has_not_begun() {
        let damaged = Progress { damage: Some("bad".into()), ..Progress::none() };
        let progress = [
            Progress::none(),
            at(RunState::Done, 90, None),
            at(RunState::Killed, 20, None),
            at(RunState::Running, 20, None),
            at(RunState::Diverged, 20, None),
            damaged,
            Progress::none(),
        ];
        let expected = [(2, None, true), (0, None, false), (6, None, false)];
        assert_eq!(next(&sweep(7, None), &progress), expected);
    }

    #[test]
    fn the_best_third_of_a_rung_continues_and_of_few_the_best_one() {
        let halving = Some(Halving { first: 10, factor: 3 });
        let stopped = |epochs, value| at(RunState::Stopped, epochs, Some(value));
        let of = |progress: &[Progress]| next(&sweep(progress.len(), halving), progress);
        assert_eq!(of(&[Progress::none()]), [(0, Some(10), false)]);
        // One of three, before what has not begun; from 30 epochs on to 90, the end.
        let three = [stopped(10, 3.0), stopped(10, 1.0), stopped(10, 2.0), Progress::none()];
        assert_eq!(of(&three), [(1, Some(30), true), (3, Some(10), false)]);
        // In the middle of a rung, after SIGKILL.
        assert_eq!(of(&[at(RunState::Killed, 17, None)]), [(0, Some(30), true)]);
        // Killed after its last row, before its last checkpoint.
        assert_eq!(of(&[at(RunState::Killed, 90, Some(1.0))]), [(0, None, true)]);
        // Two are no third of anything: the best one, unless others may come.
        assert_eq!(of(&[stopped(10, 3.0), stopped(10, 1.0)]), [(1, Some(30), true)]);
        assert_eq!(of(&[stopped(30, 3.0), stopped(10, 1.0)]), [(0, None, true)]);
        assert_eq!(of(&[stopped(10, 3.0), at(RunState::Running, 4, None)]), []);
        assert_eq!(of(&[stopped(10, 3.0), at(RunState::Done, 90, Some(1.0))]), []);
        // Without a value it cannot be compared.
        assert_eq!(of(&[at(RunState::Stopped, 10, None)]), []);
    }

    #[test]
    fn a_trial_is_taken_once_and_the_sweep_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, sweep) = (Folder::new(dir.path()), sweep(2, None));
        assert_eq!(folder.create(&sweep).unwrap(), None);
        let claim = folder.claim(&sweep.trials[0]).unwrap();
        assert!(claim.is_some() && folder.claim(&sweep.trials[0]).unwrap().is_none());
        drop(claim);
        assert!(folder.claim(&sweep.trials[0]).unwrap().is_some());
        assert_eq!(folder.read().unwrap(), sweep);
        // A lost description is written again, beside the trials.
        fs::remove_file(dir.path().join(SWEEP)).unwrap();
        fs::create_dir(dir.path().join("t1")).unwrap();
        assert_eq!(folder.create(&sweep).unwrap(), None);
        fs::remove_file(dir.path().join(SWEEP)).unwrap();
        fs::write(dir.path().join("thesis.tex"), "").unwrap();
        assert!(matches!(folder.create(&sweep), Err(FolderError::NotEmpty(_))));
    }
}
