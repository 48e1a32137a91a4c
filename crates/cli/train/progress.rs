//! The progress of a training: a bar on a terminal, lines elsewhere.

use std::fmt::Write;
use std::time::{Duration, Instant};

use gan_run::{Event, MetricsRow, Quality, RunDir, RunPaths, Warning};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::common::output;

/// Without a terminal, a line is printed at least this often.
const LINE_EVERY: Duration = Duration::from_secs(30);

pub struct Progress {
    run: RunPaths,
    bar: ProgressBar,
    quiet: bool,
    /// Warnings to print at the end, while a dashboard has the terminal.
    deferred: Option<Vec<String>>,
    total: u64,
    first: u64,
    last_line: Instant,
    pub latest: Option<MetricsRow>,
    /// The latest evaluation, and its epoch.
    pub quality: Option<(u64, Quality)>,
    /// The warnings of this process.
    pub warnings: Vec<Warning>,
}

impl Progress {
    /// Observes a training that has done `first` of `total` epochs; with a `dashboard`, only
    /// warnings are printed, at the end.
    pub fn new(run: &RunDir, first: u64, total: u64, quiet: bool, dashboard: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(4));
        if quiet || dashboard {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = "[{bar:24}] {pos}/{len}  {msg}  {per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            let steps_per_second = |state: &ProgressState, out: &mut dyn Write| {
                let _ = write!(out, "{:.1} steps/s", state.per_sec());
            };
            bar.set_style(style.progress_chars("=> ").with_key("per_sec", steps_per_second));
        }
        bar.set_position(first);
        bar.reset_eta();
        Self {
            run: (**run).clone(),
            bar,
            quiet,
            deferred: dashboard.then(Vec::new),
            total,
            first,
            last_line: Instant::now(),
            latest: None,
            quality: None,
            warnings: Vec::new(),
        }
    }

    pub fn observe(&mut self, event: Event) {
        match event {
            Event::Epoch(epoch) => self.bar.set_position(epoch),
            Event::Metrics(row) => {
                if let Some(quality) = row.quality.clone() {
                    self.quality = Some((row.epoch, quality));
                }
                self.bar.set_message(format!("{}{}", losses(&row), self.measures(row.epoch)));
                if self.bar.is_hidden() && self.last_line.elapsed() > LINE_EVERY {
                    self.line(self.state(&row));
                }
                self.latest = Some(row);
            }
            Event::Warning(warning) => {
                self.warnings.push(warning);
                let epoch = self.latest.as_ref().map_or(0, |row| row.epoch);
                self.warn(format!("warning: epoch {epoch}: {}", warning.message()));
            }
            Event::Sampled(epoch) => {
                let state = match self.latest.as_ref().filter(|row| row.epoch == epoch) {
                    Some(row) => format!("{}{}", self.state(row), self.measures(epoch)),
                    None => format!("epoch {epoch}/{}", self.total),
                };
                self.line(format!("{state}  {}", self.run.sample(epoch).display()));
            }
            Event::Saved(_) | Event::Best(_) => {}
        }
    }

    /// Removes the bar, and prints deferred warnings.
    pub fn finish(&mut self) {
        self.bar.finish_and_clear();
        self.deferred.take().into_iter().flatten().for_each(output::log);
    }

    fn line(&mut self, line: String) {
        if !self.quiet && self.deferred.is_none() {
            self.warn(line);
        }
    }

    /// Prints a line even with `--quiet`.
    pub fn warn(&mut self, line: String) {
        self.last_line = Instant::now();
        if let Some(deferred) = &mut self.deferred {
            deferred.push(line);
        } else if self.bar.is_hidden() {
            output::log(line);
        } else {
            self.bar.println(line);
        }
    }

    /// The latest evaluation, with its epoch if that is before `epoch`.
    fn measures(&self, epoch: u64) -> String {
        self.quality.as_ref().map_or(String::new(), |(at, q)| {
            let at = if *at == epoch { String::new() } else { format!(" at {at}") };
            format!("  FD {:.1}  P {:.2}  R {:.2}{at}", q.frechet, q.precision, q.recall)
        })
    }

    fn state(&self, row: &MetricsRow) -> String {
        let seconds = self.bar.elapsed().as_secs_f64();
        let rate = (row.epoch - self.first) as f64 / seconds.max(1e-9);
        let left = output::duration((self.total - row.epoch) as f64 / rate);
        let Self { total, .. } = self;
        format!("epoch {}/{total}  {}  {rate:.1} steps/s  {left} left", row.epoch, losses(row))
    }
}

fn losses(row: &MetricsRow) -> String {
    let MetricsRow { d_loss, g_loss, d_real, d_fake, .. } = row;
    format!("d_loss {d_loss:.3}  g_loss {g_loss:.3}  D(real) {d_real:.2}  D(fake) {d_fake:.2}")
}
