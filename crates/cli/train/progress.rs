//! What a training says while it goes on: a bar on a terminal, lines elsewhere.

use std::time::{Duration, Instant};

use gan_train::{Event, MetricsRow, Quality, RunDir, Warning};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::say;

/// Without a terminal, a line at least this often.
const SILENCE: Duration = Duration::from_secs(30);

/// Follows a training.
pub struct Progress<'a> {
    run: &'a RunDir,
    bar: ProgressBar,
    quiet: bool,
    /// What is to be said once the terminal is free again, while something else has it.
    later: Option<Vec<String>>,
    total: u64,
    first: u64,
    begin: Instant,
    spoke: Instant,
    /// What was read last, for the program's last words.
    pub latest: Option<MetricsRow>,
    /// What was measured last, and after which epoch.
    pub quality: Option<(u64, Quality)>,
    /// What went wrong.
    pub findings: Vec<Warning>,
}

impl<'a> Progress<'a> {
    /// Follows a training that has done `first` of `total` epochs.
    pub fn new(run: &'a RunDir, first: u64, total: u64, quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(4));
        if quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = "[{bar:24}] {pos}/{len}  {msg}  {per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> ").with_key(
                "per_sec",
                |state: &_, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:.1} steps/s", indicatif::ProgressState::per_sec(state));
                },
            ));
        }
        bar.set_position(first);
        bar.reset_eta();
        let now = Instant::now();
        Self {
            run,
            bar,
            quiet,
            later: None,
            total,
            first,
            begin: now,
            spoke: now,
            latest: None,
            quality: None,
            findings: Vec::new(),
        }
    }

    /// Takes an event of the training.
    pub fn observe(&mut self, event: Event) {
        match event {
            Event::Epoch(epoch) => self.bar.set_position(epoch),
            Event::Metrics(row) => {
                if let Some(quality) = row.quality.clone() {
                    self.quality = Some((row.epoch, quality));
                }
                self.bar.set_message(format!("{}{}", losses(&row), self.measured(row.epoch)));
                if self.bar.is_hidden() && self.spoke.elapsed() > SILENCE {
                    self.line(&self.state(&row));
                }
                self.latest = Some(row);
            }
            Event::Warning(finding) => {
                self.findings.push(finding);
                let epoch = self.latest.as_ref().map_or(0, |row| row.epoch);
                let words = finding.message();
                self.warn(&format!("warning: epoch {epoch}: {words}"));
            }
            Event::Sampled(epoch) => {
                let picture = self.run.sample(epoch);
                let state = match self.latest.as_ref().filter(|row| row.epoch == epoch) {
                    Some(row) => format!("{}{}", self.state(row), self.measured(epoch)),
                    None => format!("epoch {epoch}/{}", self.total),
                };
                self.line(&format!("{state}  {}", picture.display()));
            }
            Event::Saved(_) | Event::Best(_) => {}
        }
    }

    /// Leaves the terminal to something else until the end: warnings are said then, and lines
    /// not at all.
    pub fn wait(&mut self) {
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
        self.later = Some(Vec::new());
    }

    /// Clears the bar.
    pub fn finish(&mut self) {
        self.bar.finish_and_clear();
        self.later.take().into_iter().flatten().for_each(say::note);
    }

    fn line(&mut self, line: &str) {
        if !self.quiet && self.later.is_none() {
            self.warn(line);
        }
    }

    /// A line that is said even if nothing else is.
    pub fn warn(&mut self, line: &str) {
        self.spoke = Instant::now();
        if let Some(later) = &mut self.later {
            later.push(line.to_owned());
        } else if self.bar.is_hidden() {
            say::note(line);
        } else {
            self.bar.println(line);
        }
    }

    /// What was measured last, in few words, and when if that was before `epoch`.
    fn measured(&self, epoch: u64) -> String {
        self.quality.as_ref().map_or(String::new(), |(at, q)| {
            let at = if *at == epoch { String::new() } else { format!(" at {at}") };
            format!("  FD {:.1}  P {:.2}  R {:.2}{at}", q.frechet, q.precision, q.recall)
        })
    }

    fn state(&self, row: &MetricsRow) -> String {
        let seconds = self.begin.elapsed().as_secs_f64();
        let rate = (row.epoch - self.first) as f64 / seconds.max(1e-9);
        let left = say::duration((self.total - row.epoch) as f64 / rate);
        let Self { total, .. } = self;
        format!("epoch {}/{total}  {}  {rate:.1} steps/s  {left} left", row.epoch, losses(row))
    }
}

fn losses(row: &MetricsRow) -> String {
    let MetricsRow { d_loss, g_loss, d_real, d_fake, .. } = row;
    format!("d_loss {d_loss:.3}  g_loss {g_loss:.3}  D(real) {d_real:.2}  D(fake) {d_fake:.2}")
}
