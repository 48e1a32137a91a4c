//! What is shown of a training, and what was asked of it.

use std::collections::VecDeque;

use gan_run::{Control, Event, MetricsRow, Quality, Warning, best_measured};

use crate::digits::Digits;

/// Rows that are kept for the curves: several for each dot of a wide terminal.
const ROWS: usize = 4000;
/// Seconds over which the pace is taken.
const PACE: f64 = 5.0;

/// All that is shown.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The run's name.
    pub name: String,
    /// Epochs that the run is to have.
    pub total: u64,
    /// Epochs done.
    pub epoch: u64,
    /// After which epoch the pictures were the best.
    pub best: Option<u64>,
    /// These digits, and after which epoch they were drawn.
    pub digits: Option<(u64, Digits)>,
    /// Whether the training waits.
    pub paused: bool,
    /// Whether the keys are explained.
    pub help: bool,
    /// Whether keys do nothing any more.
    pub ended: bool,
    /// What was last done, in a few words.
    pub(crate) said: String,
    /// After which epoch the latest digits were drawn.
    pub(crate) drawn: Option<u64>,
    /// Some of the rows that were read, evenly.
    pub(crate) rows: Vec<MetricsRow>,
    /// How many were read.
    pub(crate) seen: u64,
    /// How often every second one was dropped.
    pub(crate) halved: u32,
    pub(crate) latest: Option<MetricsRow>,
    pub(crate) quality: Option<(u64, Quality)>,
    pub(crate) findings: Vec<(u64, Warning)>,
    pub(crate) controls: VecDeque<Control>,
    /// Seconds and the epochs done then, of the last few seconds.
    pub(crate) pace: VecDeque<(f64, u64)>,
}

impl State {
    /// A run that has done `epoch` of `total` epochs, with the rows of these.
    #[must_use]
    pub fn new(name: impl Into<String>, epoch: u64, total: u64, rows: Vec<MetricsRow>) -> Self {
        let mut state = Self { name: name.into(), epoch, total, ..Self::default() };
        state.best = best_measured(&rows).map(|row| row.epoch);
        for row in rows {
            if let Some(finding) = row.finding {
                state.findings.push((row.epoch, finding));
            }
            state.read(row);
        }
        state
    }

    pub(crate) fn read(&mut self, row: MetricsRow) {
        if let Some(quality) = &row.quality {
            self.quality = Some((row.epoch, quality.clone()));
        }
        self.latest = Some(row.clone());
        // Of a long run every second row, every fourth, and so on, from its beginning to now.
        if self.seen.is_multiple_of(1 << self.halved) {
            self.rows.push(row);
        }
        self.seen += 1;
        if self.rows.len() > ROWS {
            self.halved += 1;
            let mut index = 0_u32;
            self.rows.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
    }

    /// Takes over what the training did.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Epoch(epoch) => self.epoch = *epoch,
            Event::Metrics(row) => self.read(row.clone()),
            Event::Warning(warning) => self.findings.push((self.epoch, *warning)),
            Event::Sampled(epoch) => {
                self.drawn = Some(*epoch);
                self.said = format!("digits drawn at {epoch}");
            }
            Event::Saved(epoch) => self.said = format!("checkpoint at {epoch}"),
            Event::Best(epoch) => self.best = Some(*epoch),
        }
    }

    /// A key asks for something; asking twice before it is done is asking once.
    pub(crate) fn ask(&mut self, control: Control) {
        if !self.controls.contains(&control) {
            self.controls.push_back(control);
        }
    }

    /// It is so many seconds after some instant, the same one each time.
    pub fn tick(&mut self, seconds: f64) {
        if self.paused {
            self.pace.clear();
            return;
        }
        self.pace.push_back((seconds, self.epoch));
        while self.pace.get(1).is_some_and(|(then, _)| seconds - then > PACE) {
            self.pace.pop_front();
        }
    }

    /// Steps a second in the last few seconds.
    #[must_use]
    pub fn pace(&self) -> Option<f64> {
        let ((begin, first), (end, last)) = (self.pace.front()?, self.pace.back()?);
        let rate = (last - first) as f64 / (end - begin);
        (end - begin > 0.5).then_some(rate)
    }

    /// Seconds to the last epoch at this pace.
    #[must_use]
    pub fn left(&self) -> Option<f64> {
        let pace = self.pace().filter(|pace| *pace > 0.0)?;
        Some(self.total.saturating_sub(self.epoch) as f64 / pace)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row(epoch: u64) -> MetricsRow {
        MetricsRow {
            epoch,
            d_loss: 0.5,
            g_loss: 1.0,
            d_real: 0.7,
            d_fake: 0.3,
            spread: 1.1,
            seconds: 1.0,
            ..MetricsRow::default()
        }
    }

    #[test]
    fn the_pace_is_that_of_the_last_seconds() {
        let mut state = State::new("run", 100, 1100, Vec::new());
        state.tick(10.0);
        assert_eq!(state.pace(), None, "too early to tell");
        for second in 1..=20 {
            // Ten a second, then fifty.
            state.epoch += if second <= 10 { 10 } else { 50 };
            state.tick(10.0 + f64::from(second));
        }
        assert_eq!(state.pace(), Some(50.0));
        assert_eq!(state.left(), Some(8.0), "400 epochs");
        state.paused = true;
        state.tick(40.0);
        assert_eq!((state.pace(), state.left()), (None, None));
        state.paused = false;
        state.tick(50.0);
        state.epoch += 30;
        state.tick(51.0);
        assert_eq!(state.pace(), Some(30.0), "the pause does not count");
    }

    #[test]
    fn a_long_run_keeps_rows_from_its_beginning_to_its_end() {
        let mut state = State::new("run", 0, 1_000_000, Vec::new());
        for epoch in 1..=50_000 {
            state.read(row(epoch));
        }
        assert!(state.rows.len() <= ROWS);
        assert!(state.rows[0].epoch < 100, "{}", state.rows[0].epoch);
        assert!(state.rows.len() > ROWS / 2 - 2);
        let gaps: Vec<_> = state.rows.windows(2).map(|two| two[1].epoch - two[0].epoch).collect();
        assert_eq!((gaps.iter().min(), gaps.iter().max()), (Some(&16), Some(&16)), "evenly");
        assert!(state.rows.last().unwrap().epoch > 49_980);
        assert_eq!(state.latest.unwrap().epoch, 50_000);
    }

    #[test]
    fn a_resumed_run_shows_what_it_knew() {
        let warned = MetricsRow { finding: Some(Warning::Collapse), ..row(40) };
        let state = State::new("run", 60, 100, vec![row(20), warned, row(60)]);
        assert_eq!(state.findings, [(40, Warning::Collapse)]);
        assert_eq!(state.rows.len(), 3);
    }
}
