//! The state of the dashboard: all that is shown, and what the keys have requested.

use std::collections::VecDeque;

use gan_run::{ClassNames, Control, Event, MetricsRow, Quality, Record, Warning, best_measured};

use crate::samples::SampleRow;

/// Rows that are kept for the curves: several per dot of a wide terminal.
const MAX_ROWS: usize = 4000;
/// Seconds over which the speed is averaged.
const SPEED_WINDOW: f64 = 5.0;

/// All that is shown, and the requests of the keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub name: String,
    /// Epochs of the whole training.
    pub total: u64,
    /// Epochs done.
    pub epoch: u64,
    /// The epoch with the best samples.
    pub best: Option<u64>,
    /// The samples that are shown, and their epoch.
    pub samples: Option<(u64, SampleRow)>,
    /// Width and height of a sample.
    pub sample_size: Option<(u32, u32)>,
    pub classes: ClassNames,
    /// The classes that samples are asked for, in turn.
    pub asked: Vec<String>,
    pub paused: bool,
    pub help: bool,
    /// Whether keys no longer work.
    pub ended: bool,
    /// The last action.
    pub status: String,
    /// The epoch of the latest preview.
    pub sampled: Option<u64>,
    /// Rows for the curves, evenly spaced.
    pub rows: Vec<MetricsRow>,
    /// Rows received.
    pub received: u64,
    /// How often every second row was dropped.
    pub halvings: u32,
    pub latest: Option<MetricsRow>,
    pub quality: Option<(u64, Quality)>,
    pub warnings: Vec<(u64, Warning)>,
    pub controls: VecDeque<Control>,
    /// Times in seconds, and the epochs done then, within the speed window.
    pub progress: VecDeque<(f64, u64)>,
}

impl State {
    /// A run that has done `epoch` of `total` epochs; later rows of its record are ignored.
    pub fn new(mut record: Record, epoch: u64, total: u64) -> Self {
        record.rows.retain(|row| row.epoch <= epoch);
        let sample_size = record.image_shape();
        let mut state = Self {
            name: record.name(),
            epoch,
            total,
            best: best_measured(&record.rows).map(|row| row.epoch),
            sample_size: sample_size.map(|shape| (shape.width as u32, shape.height as u32)),
            classes: ClassNames::from_config(&record.config),
            asked: record.asked_classes(),
            ..Self::default()
        };
        for row in record.rows {
            state.warnings.extend(row.warning.map(|warning| (row.epoch, warning)));
            state.push_row(row);
        }
        state
    }

    pub fn push_row(&mut self, row: MetricsRow) {
        if let Some(quality) = &row.quality {
            self.quality = Some((row.epoch, quality.clone()));
        }
        self.latest = Some(row.clone());
        // Of a long run every second row is kept, then every fourth, and so on.
        if self.received.is_multiple_of(1 << self.halvings) {
            self.rows.push(row);
        }
        self.received += 1;
        if self.rows.len() > MAX_ROWS {
            self.halvings += 1;
            let mut odd = false;
            self.rows.retain(|_| {
                odd = !odd;
                odd
            });
        }
    }

    /// Updates the state with an event of the training.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Epoch(epoch) => self.epoch = *epoch,
            Event::Metrics(row) => self.push_row(row.clone()),
            Event::Warning(warning) => self.warnings.push((self.epoch, *warning)),
            Event::Sampled(epoch) => {
                self.sampled = Some(*epoch);
                self.status = format!("samples at {epoch}");
            }
            Event::Saved(epoch) => self.status = format!("checkpoint at {epoch}"),
            Event::Best(epoch) => self.best = Some(*epoch),
        }
    }

    /// Adds a request, unless the same one is pending.
    pub fn request(&mut self, control: Control) {
        if !self.controls.contains(&control) {
            self.controls.push_back(control);
        }
    }

    /// Records the progress at a time in seconds.
    pub fn tick(&mut self, seconds: f64) {
        if self.paused {
            self.progress.clear();
            return;
        }
        self.progress.push_back((seconds, self.epoch));
        while self.progress.get(1).is_some_and(|(time, _)| seconds - time > SPEED_WINDOW) {
            self.progress.pop_front();
        }
    }

    /// Steps per second in the last few seconds.
    pub fn speed(&self) -> Option<f64> {
        let ((start, first), (end, last)) = (self.progress.front()?, self.progress.back()?);
        let speed = (last - first) as f64 / (end - start);
        (end - start > 0.5).then_some(speed)
    }

    /// Seconds to the last epoch at this speed.
    pub fn seconds_left(&self) -> Option<f64> {
        let speed = self.speed().filter(|speed| *speed > 0.0)?;
        Some(self.total.saturating_sub(self.epoch) as f64 / speed)
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

    /// The record of a run of 28x28 images.
    pub(crate) fn record(name: &str, rows: Vec<MetricsRow>) -> Record {
        let config = r#"{
            "model": { "height": 28, "width": 28 },
            "dataset": { "class_names": ["cat", "dog", "frog", "bird", "fish"] }
        }"#;
        Record { paths: gan_run::RunPaths::new(name), config: config.parse().unwrap(), rows }
    }

    #[test]
    fn the_speed_is_that_of_the_last_seconds() {
        let mut state = State::new(record("run", Vec::new()), 100, 1100);
        state.tick(10.0);
        assert_eq!(state.speed(), None, "too early");
        for second in 1..=20 {
            // Ten steps per second, then fifty.
            state.epoch += if second <= 10 { 10 } else { 50 };
            state.tick(10.0 + f64::from(second));
        }
        assert_eq!(state.speed(), Some(50.0));
        assert_eq!(state.seconds_left(), Some(8.0), "400 epochs");
        state.paused = true;
        state.tick(40.0);
        assert_eq!((state.speed(), state.seconds_left()), (None, None));
        state.paused = false;
        state.tick(50.0);
        state.epoch += 30;
        state.tick(51.0);
        assert_eq!(state.speed(), Some(30.0), "without the pause");
    }

    #[test]
    fn a_long_run_keeps_evenly_spaced_rows() {
        let mut state = State::new(record("run", Vec::new()), 0, 1_000_000);
        for epoch in 1..=50_000 {
            state.push_row(row(epoch));
        }
        assert!(state.rows.len() <= MAX_ROWS);
        assert!(state.rows[0].epoch < 100, "{}", state.rows[0].epoch);
        assert!(state.rows.len() > MAX_ROWS / 2 - 2);
        let gaps: Vec<_> = state.rows.windows(2).map(|two| two[1].epoch - two[0].epoch).collect();
        assert_eq!((gaps.iter().min(), gaps.iter().max()), (Some(&16), Some(&16)), "evenly");
        assert!(state.rows.last().unwrap().epoch > 49_980);
        assert_eq!(state.latest.unwrap().epoch, 50_000);
    }

    #[test]
    fn a_resumed_run_starts_with_its_record() {
        let warned = MetricsRow { warning: Some(Warning::Collapse), ..row(40) };
        let rows = vec![row(20), warned, row(60), row(80)];
        let state = State::new(record("run", rows), 60, 100);
        assert_eq!(state.warnings, [(40, Warning::Collapse)]);
        assert_eq!(state.rows.len(), 3, "without the row that will be trained again");
        assert_eq!(state.sample_size, Some((28, 28)));
    }
}
