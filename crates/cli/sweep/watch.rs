//! `--watch`: the trials in the terminal.

use std::env;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gan_dashboard::{Colours, SweepScreen, SweepTrial, SweepView};
use gan_run::{Record, RunState};
use gan_sweep::{Folder, Progress, Sweep, Trial};
use signal_hook::consts::SIGINT;
use signal_hook::low_level::raise;

use super::table;
use crate::common::output;

const FRAME: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(20);

/// The terminal while a sweep is trained.
pub struct Watch {
    screen: SweepScreen,
    next: Instant,
    /// Trials that have ended are read once.
    ended: Vec<Option<Shown>>,
}

impl Watch {
    /// `None` without a terminal, which is said.
    pub fn open(quiet: bool) -> Option<Self> {
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        let colours = Colours::detect(|name| env::var(name).ok());
        let opened = terminal.then(|| SweepScreen::open(colours).ok()).flatten();
        if opened.is_none() && !quiet {
            output::log("note: --watch needs a terminal on stdin and stderr; continuing without");
        }
        opened.map(|screen| Self { screen, next: Instant::now(), ended: Vec::new() })
    }

    /// Draws the trials if it is time to, and waits a little for a key. Ctrl-C, which the terminal
    /// reports as a key, becomes the signal again.
    pub fn show(&mut self, sweep: &Sweep, folder: &Folder, messages: &Mutex<Vec<String>>) {
        if Instant::now() >= self.next {
            let view = self.view(sweep, folder, messages);
            // The trainings continue without a terminal.
            let _ = self.screen.draw(&view);
            self.next = Instant::now() + FRAME;
        }
        if self.screen.stop_requested(POLL).unwrap_or(false) {
            let _ = raise(SIGINT);
        }
    }

    fn view(&mut self, sweep: &Sweep, folder: &Folder, messages: &Mutex<Vec<String>>) -> SweepView {
        self.ended.resize(sweep.trials.len(), None);
        let mut shown = Vec::new();
        let mut progress = Vec::new();
        for (trial, ended) in sweep.trials.iter().zip(&mut self.ended) {
            let now = folder.progress(sweep, trial);
            let found = ended.clone().or_else(|| Shown::read(trial, folder, &now));
            if now.has_ended() {
                ended.clone_from(&found);
            }
            progress.push(now);
            shown.extend(found);
        }
        shown.sort_by_key(|shown| shown.state != RunState::Running);
        // A single evaluation is no curve.
        let evaluated = shown.iter().any(|shown| shown.values.len() > 1);
        let measure = sweep.target.measure.name();
        let messages = messages.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = messages.len().saturating_sub(3);
        let row = |Shown { row, values, losses, .. }| SweepTrial {
            curve: if evaluated { values } else { losses },
            ..row
        };
        SweepView {
            title: folder.root().display().to_string(),
            states: table::states(&progress),
            measure: measure.into(),
            curves: if evaluated { measure } else { "loss of the discriminator" }.into(),
            trials: shown.into_iter().map(row).collect(),
            messages: messages[latest..].to_vec(),
        }
    }
}

/// A trial that has begun.
#[derive(Clone)]
struct Shown {
    state: RunState,
    row: SweepTrial,
    values: Vec<(f64, f64)>,
    losses: Vec<(f64, f64)>,
}

impl Shown {
    fn read(trial: &Trial, folder: &Folder, progress: &Progress) -> Option<Self> {
        let record = Record::read(&folder.run(trial)).ok()?;
        let state = progress.state?;
        let values = &progress.values;
        let losses = record.rows.last();
        let losses = losses.map(|row| format!("{:.3} / {:.3}", row.d_loss, row.g_loss));
        let row = SweepTrial {
            name: trial.name.clone(),
            state: state.to_string(),
            epochs: format!("{}/{}", record.epochs_done(), trial.epochs()),
            losses: losses.unwrap_or_default(),
            value: values.last().map_or(String::new(), |(_, value)| format!("{value:.4}")),
            curve: Vec::new(),
        };
        let values = values.iter().map(|&(epoch, value)| (epoch as f64, value)).collect();
        let losses = record.rows.iter().map(|row| (row.epoch as f64, row.d_loss.into())).collect();
        Some(Self { state, row, values, losses })
    }
}
