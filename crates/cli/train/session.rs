//! The training with what runs beside it: signals, dashboard, progress bar, event files.

use std::time::Instant;

use gan_dashboard::Dashboard;
use gan_data::Dataset;
use gan_run::{Control, Event, RunDir};
use gan_train::{Evaluator, Outcome, TrainError, Trainer};
use gan_view::EventLog;

use super::dashboard;
use super::options::Options;
use super::progress::Progress;
use super::signals::Signals;
use crate::common::exit::Failure;

/// A training that has ended.
pub struct Ended {
    pub outcome: Result<Outcome, TrainError>,
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
) -> Result<Ended, Failure> {
    let signals = Signals::listen()?;
    let begin = Instant::now();
    let (epoch, total) = (trainer.epoch(), options.training.epochs);
    let quiet = options.run.output.quiet;
    let mut event_log =
        options.run.tensorboard.then(|| EventLog::create(run, epoch)).transpose()?;
    let open = || dashboard::open(run, epoch, total, &signals, quiet);
    let dashboard = options.run.watch.then(open).flatten();
    let mut progress = Progress::new(run, epoch, total, quiet, dashboard.is_some());

    let last = options.run.stop_after.unwrap_or(u64::MAX);
    let control = |epoch| match signals.received() {
        None if epoch < last => dashboard.as_ref().map_or(Control::Continue, Dashboard::control),
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

    let epochs = match &outcome {
        Err(TrainError::Diverged { epoch, .. } | TrainError::WeightsDiverged(epoch)) => *epoch,
        _ => trainer.epoch(),
    };
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Ended { outcome, epochs, seconds, signal: signals.received(), progress })
}
