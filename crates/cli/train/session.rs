//! The training with what runs beside it: signals, dashboard, progress bar, event files.

use std::cell::Cell;
use std::env;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use gan_dashboard::{Colours, Dashboard};
use gan_data::Dataset;
use gan_run::{Control, EndReason, Event, Record, RunDir};
use gan_train::{Evaluator, Outcome, TrainError, Trainer};
use gan_view::EventLog;
use signal_hook::consts::SIGINT;
#[cfg(unix)]
use signal_hook::consts::{SIGUSR1, SIGUSR2};
#[cfg(unix)]
use signal_hook::flag;
use signal_hook::low_level::raise;

use super::options::Options;
use super::progress::Progress;
use crate::common::slurm::Job;
use crate::common::{Failure, StopSignals, output};

/// A training that has ended.
pub struct Ended {
    pub outcome: Result<Outcome, TrainError>,
    /// Why it ended, unless an error stopped it.
    pub reason: Option<EndReason>,
    /// Epochs done in all.
    pub epochs: u64,
    pub seconds: f64,
    /// The signal that interrupted it.
    pub signal: Option<i32>,
    pub progress: Progress,
}

/// Trains until all epochs are done, `--stop-after`, an interrupt or an error.
pub fn train(
    options: &Options,
    trainer: &mut Trainer,
    dataset: &Dataset,
    run: &RunDir,
    evaluator: Option<&Evaluator>,
    requests: &SaveRequests,
) -> Result<Ended, Failure> {
    let signals = StopSignals::listen()?;
    let begin = Instant::now();
    let (epoch, total) = (trainer.epoch(), options.training.epochs);
    let quiet = options.args.output.quiet;
    let mut event_log =
        options.args.tensorboard.then(|| EventLog::create(run, epoch)).transpose()?;
    let mut dashboard = None;
    if options.args.watch {
        match open_dashboard(run, (epoch, total), signals.clone(), quiet) {
            Ok(opened) => dashboard = Some(opened),
            Err(_) if quiet => {}
            Err(why) => output::log(format!(
                "note: --watch needs a terminal, but {why}; continuing without"
            )),
        }
    }
    let mut progress = Progress::new(run, epoch, total, quiet, dashboard.is_some());

    let last = options.args.stop_after.unwrap_or(u64::MAX);
    let request = || if requests.take() { Control::Checkpoint } else { Control::Continue };
    let control = |epoch| match (signals.received(), &dashboard) {
        (None, Some(dashboard)) if epoch < last => dashboard.control(request),
        (None, None) if epoch < last => request(),
        _ => Control::Stop,
    };
    let observe = |event| {
        if let Some(dashboard) = &dashboard {
            dashboard.observe(&event);
        }
        let logged = match (&mut event_log, &event) {
            (Some(log), Event::Metrics(_)) => log.write_rows(),
            (Some(log), Event::Sampled(epoch)) => log.write_preview(*epoch),
            _ => Ok(()),
        };
        if let Err(error) = logged {
            // The run's own files have everything; the next process starts a new event file.
            event_log = None;
            progress.warn(format!("warning: --tensorboard stops here: {error}"));
        }
        progress.observe(event);
    };
    let device = &options.device.device;
    let outcome = gan_train::train(trainer, dataset, run, evaluator, device, control, observe);
    drop(dashboard);
    progress.finish();

    let (reason, epochs) = match &outcome {
        Ok(Outcome::Finished) => (Some(EndReason::Finished), trainer.epoch()),
        Ok(Outcome::Stopped) => (Some(EndReason::Stopped), trainer.epoch()),
        Err(TrainError::Diverged { epoch, .. } | TrainError::WeightsDiverged(epoch)) => {
            (Some(EndReason::Diverged), *epoch)
        }
        Err(_) => (None, trainer.epoch()),
    };
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Ended { outcome, reason, epochs, seconds, signal: signals.received(), progress })
}

/// Opens the dashboard of a run that has done the first of `epochs` of the second.
fn open_dashboard(
    run: &RunDir,
    epochs: (u64, u64),
    signals: StopSignals,
    quiet: bool,
) -> Result<Dashboard> {
    let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    ensure!(terminal, "stdin or stderr is not one");
    if cfg!(not(windows)) {
        let name = env::var("TERM").map_err(|_| anyhow!("TERM is not set"))?;
        ensure!(!["", "dumb"].contains(&&*name), "TERM is {name:?}");
    }
    let record = Record::read(run.root())?;
    let signals = gan_dashboard::Signals {
        interrupted: Box::new(move || signals.received().is_some()),
        // The handler of this process receives it.
        interrupt: Box::new(|| _ = raise(SIGINT)),
    };
    let colours = Colours::detect(|name| env::var(name).ok());
    Ok(Dashboard::open(record, epochs, colours, !quiet, signals)?)
}

/// Requests of a checkpoint: SIGUSR1 and SIGUSR2, which batch systems send before they end a job,
/// and a time shortly before the end.
#[derive(Debug, Default)]
pub struct SaveRequests {
    signalled: Arc<AtomicBool>,
    due: Cell<Option<Instant>>,
}

impl SaveRequests {
    /// Handles the signals from now on, also before the training starts.
    pub fn listen(job: Option<&Job>) -> io::Result<Self> {
        let requests = Self { due: Cell::new(job.and_then(Job::save_at)), ..Self::default() };
        #[cfg(unix)]
        for signal in [SIGUSR1, SIGUSR2] {
            flag::register(signal, requests.signalled.clone())?;
        }
        Ok(requests)
    }

    /// Whether a checkpoint was requested since the last call.
    fn take(&self) -> bool {
        let due = self.due.get().is_some_and(|due| due <= Instant::now());
        if due {
            self.due.set(None);
        }
        self.signalled.swap(false, Ordering::Relaxed) || due
    }
}
