//! Trains trials, several at a time, until none is left that no other process has.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use gan_run::RunState;
use gan_sweep::{Claim, Folder, FolderError, Progress, Sweep, Task};
use indicatif::ProgressBar;
use signal_hook::consts::SIGTERM;

use super::args::Common;
use super::process;
use super::processors::{processors, stay_on};
use super::signals::Signals;
use super::table;
use super::watch::Watch;
use crate::common::{Failure, output};

/// How often a trial is tried that ends without a result, by one process.
const ATTEMPTS: u32 = 3;
/// How often signals are looked for.
const POLL: Duration = Duration::from_millis(20);

/// How the work ended.
pub struct Ended {
    /// Trials that were given up, and why.
    pub failed: Vec<(String, String)>,
    /// The signal that stopped it.
    pub signal: Option<i32>,
}

/// What the threads share, one for each trial at a time.
struct Board<'a> {
    sweep: &'a Sweep,
    folder: &'a Folder,
    state: Mutex<State>,
    /// A training has ended.
    ended: Condvar,
    stopping: AtomicBool,
    bar: ProgressBar,
    /// Messages that wait until the terminal is free.
    messages: Mutex<Vec<String>>,
    watched: bool,
    quiet: bool,
    threads: usize,
}

#[derive(Default)]
struct State {
    progress: Vec<Progress>,
    /// The processes of this one's trials.
    running: HashMap<usize, u32>,
    attempts: HashMap<usize, u32>,
    failed: Vec<(String, String)>,
    error: Option<FolderError>,
    /// Whether it was said that trials have no value.
    unmeasured: bool,
}

/// Trains what is left of a sweep.
pub fn work(
    sweep: &Sweep,
    folder: &Folder,
    common: &Common,
    is_worker: bool,
) -> Result<Ended, Failure> {
    let processors = processors();
    let jobs = match common.jobs {
        Some(jobs) => jobs,
        None if process::is_on_cpu(sweep) => processors.len(),
        None => 1,
    };
    let signals = Signals::listen()?;
    let quiet = common.output.quiet;
    let mut watch = if common.watch { Watch::open(quiet) } else { None };
    let template = "  [{bar:24}] {pos}/{len} trials  {msg}";
    let bar = output::progress_bar(template, quiet || watch.is_some())?;
    bar.set_length(sweep.trials.len() as u64);
    let board = Board {
        sweep,
        folder,
        state: Mutex::new(State { progress: folder.progress_of_all(sweep), ..State::default() }),
        ended: Condvar::new(),
        stopping: AtomicBool::new(false),
        bar,
        messages: Mutex::default(),
        watched: watch.is_some(),
        quiet,
        threads: (processors.len() / jobs).max(1),
    };
    let pin = !common.no_pin && !is_worker && jobs > 1 && jobs <= processors.len();
    thread::scope(|scope| {
        let board = &board;
        let slots: Vec<_> = (0..jobs)
            .map(|slot| {
                let own = pin.then(|| &processors[slot * board.threads..][..board.threads]);
                scope.spawn(move || {
                    if let Some(own) = own {
                        stay_on(own);
                    }
                    board.work();
                })
            })
            .collect();
        let mut stopped = false;
        while !slots.iter().all(thread::ScopedJoinHandle::is_finished) {
            if let Some(signal) = signals.save() {
                board.signal(signal);
            }
            if !stopped && signals.stop().is_some() {
                stopped = true;
                board.stop();
            }
            match watch.as_mut().filter(|_| !stopped) {
                Some(watch) => watch.show(sweep, folder, &board.messages),
                None => thread::sleep(POLL),
            }
            if stopped {
                // A second Ctrl-C is a signal again.
                watch = None;
            }
        }
    });
    drop(watch);
    board.bar.finish_and_clear();
    for line in board.messages.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        output::log(line);
    }
    let state = board.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.error {
        Some(error) => Err(error.into()),
        None => Ok(Ended { failed: state.failed, signal: signals.stop() }),
    }
}

impl Board<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Trains one trial after the other.
    fn work(&self) {
        loop {
            let mut state = self.state();
            if self.stopping.load(Ordering::Relaxed) || state.error.is_some() {
                return;
            }
            let (task, claim) = match self.choose(&mut state) {
                Ok(Some(chosen)) => chosen,
                // Those that are running may lead to more.
                Ok(None) if !state.running.is_empty() && self.sweep.halving.is_some() => {
                    drop(self.ended.wait(state));
                    continue;
                }
                Ok(None) => return,
                Err(error) => {
                    state.error = Some(error);
                    return;
                }
            };
            let child = process::start(self.sweep, self.folder, task, self.threads);
            if let Ok(child) = &child {
                state.running.insert(task.trial, child.id());
            }
            self.show(&state);
            drop(state);
            let ended = child.and_then(process::wait);
            self.report(task, ended);
            // Another process may take it, if it is not done.
            drop(claim);
            self.ended.notify_all();
        }
    }

    /// Takes the most urgent trial that no other process has.
    fn choose(&self, state: &mut State) -> Result<Option<(Task, Claim)>, FolderError> {
        let Self { sweep, folder, .. } = self;
        for (trial, progress) in sweep.trials.iter().zip(&mut state.progress) {
            if !progress.has_ended() {
                *progress = folder.progress(sweep, trial);
            }
        }
        for task in Folder::next(sweep, &state.progress) {
            let attempts = state.attempts.get(&task.trial).copied().unwrap_or(0);
            if attempts >= ATTEMPTS || state.running.contains_key(&task.trial) {
                continue;
            }
            let trial = &sweep.trials[task.trial];
            let Some(claim) = folder.claim(trial)? else { continue };
            // Another process may have trained it since its progress was read.
            let now = folder.progress(sweep, trial);
            if now == state.progress[task.trial] {
                return Ok(Some((task, claim)));
            }
            state.progress[task.trial] = now;
        }
        Ok(None)
    }

    /// Records how a training ended, and says it.
    fn report(&self, task: Task, ended: io::Result<(std::process::ExitStatus, String)>) {
        let trial = &self.sweep.trials[task.trial];
        let mut state = self.state();
        state.running.remove(&task.trial);
        let now = self.folder.progress(self.sweep, trial);
        if now.state == Some(RunState::Running) {
            // Another process has it, which this one did not see in time.
            state.progress[task.trial] = now;
            return;
        }
        let stopping = self.stopping.load(Ordering::Relaxed);
        let complete = is_complete(task, &now) || stopping;
        let at_rung = task.until.is_some_and(|until| now.epochs >= until);
        let value = now.values.last().map_or(String::new(), |(_, value)| {
            format!("  {} {value:.4}", self.sweep.target.measure.name())
        });
        let (what, seconds) = (
            now.state.map_or("not begun".into(), |state| state.to_string()),
            output::duration(now.seconds),
        );
        let epochs = now.epochs;
        let unmeasured =
            complete && !stopping && now.values.is_empty() && now.state != Some(RunState::Diverged);
        state.progress[task.trial] = now;
        let line = format!("{}  {what} after {epochs} epochs, {seconds}{value}", trial.name);
        if complete {
            self.say(&state, &line);
            if unmeasured && !state.unmeasured {
                state.unmeasured = true;
                self.log(format!("warning: {}", table::UNMEASURED));
            }
            self.show(&state);
            return;
        }
        let why = match ended {
            Err(error) => format!("gan-train cannot be started: {error}"),
            Ok((status, messages)) => reason(status, &messages),
        };
        let attempts = state.attempts.entry(task.trial).or_default();
        *attempts += 1;
        let again = *attempts < ATTEMPTS;
        let what = match (again, at_rung) {
            // It has what it is compared by.
            (true, true) => "it will be tried again if it is to continue",
            (true, false) => "it will be tried again",
            (false, _) => "given up",
        };
        self.log(format!("warning: {}: {why}; {what}", trial.name));
        if !again {
            state.failed.push((trial.name.clone(), why));
        }
        self.show(&state);
    }

    fn say(&self, state: &State, line: &str) {
        if !self.quiet {
            let done = state.progress.iter().filter(|progress| progress.has_ended()).count();
            self.log(format!("[{done}/{}] {line}", state.progress.len()));
        }
    }

    fn log(&self, line: String) {
        if self.watched {
            self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        } else {
            self.bar.suspend(|| output::log(line));
        }
    }

    fn show(&self, state: &State) {
        let done = state.progress.iter().filter(|progress| progress.has_ended()).count();
        self.bar.set_position(done as u64);
        let mut running: Vec<_> =
            state.running.keys().map(|&trial| &*self.sweep.trials[trial].name).collect();
        running.sort_unstable();
        self.bar.set_message(running.join(", "));
    }

    /// Passes a signal on to all trainings.
    fn signal(&self, signal: i32) {
        for &id in self.state().running.values() {
            process::signal(id, signal);
        }
    }

    /// Starts no more trainings, and interrupts those that run, which then save.
    fn stop(&self) {
        // Under the lock, so that none is started in between.
        let state = self.state();
        self.stopping.store(true, Ordering::Relaxed);
        if !self.quiet && !state.running.is_empty() {
            self.log("stopping; all trials save their checkpoints".into());
        }
        for &id in state.running.values() {
            process::signal(id, SIGTERM);
        }
        self.ended.notify_all();
    }
}

/// Whether a training did what its task is. Its last row alone does not tell: it may have failed
/// after that, before its checkpoint.
fn is_complete(task: Task, now: &Progress) -> bool {
    let reached = task.until.is_some_and(|until| now.epochs >= until);
    now.has_ended() || (reached && now.state == Some(RunState::Stopped))
}

/// Why a process ended.
fn reason(status: std::process::ExitStatus, messages: &str) -> String {
    // The error is the last message, and may have several lines.
    let lines = messages.lines().skip_while(|line| !line.starts_with("error: "));
    let lines: Vec<&str> = lines.map(|line| line.trim_start_matches("error: ").trim()).collect();
    if lines.is_empty() { format!("gan-train ended with {status}") } else { lines.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_after_the_last_row_is_not_complete() {
        let is_complete = |state, epochs, until| {
            let values = vec![(epochs, 1.0)];
            let now = Progress { state: Some(state), epochs, values, seconds: 0.0, damage: None };
            super::is_complete(Task { trial: 0, until, resume: true }, &now)
        };
        assert!(is_complete(RunState::Stopped, 30, Some(30)));
        assert!(is_complete(RunState::Done, 90, None));
        assert!(is_complete(RunState::Diverged, 17, Some(30)));
        assert!(!is_complete(RunState::Stopped, 17, Some(30)));
        assert!(!is_complete(RunState::Killed, 30, Some(30)));
        assert!(!is_complete(RunState::Killed, 90, None));
    }
}
