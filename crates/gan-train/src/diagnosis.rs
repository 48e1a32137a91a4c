//! What goes wrong in a training, told from its record in plain words.
//!
//! Every bound here lies between what healthy runs showed and what runs showed that were made to
//! fail; `docs/diagnosis.md` has both. Nothing but the rows is looked at, so a resumed training
//! says what an uninterrupted one does.

use std::collections::VecDeque;

use gan_model::{Loss, TrainingConfig};
use gan_run::{MetricsRow, Warning};

use crate::train::READ_EVERY;

/// Rows that a sign must last, at 20 epochs each: what a batch does alone says nothing.
const RECENT: usize = 10;
/// Rows that are looked back on.
const WINDOW: usize = 50;
/// Epochs before which every training looks ill.
const WARM_UP: u64 = 400;
/// Epochs before which healthy nets without normalisation may still draw nearly one picture,
/// at a step size of [`SLOW_LR`]; smaller steps take longer.
const SLOW_START: f64 = 1000.0;
/// The step size of the nets that start so slowly, those of the recipe `plain`.
const SLOW_LR: f64 = 2e-4;

/// Watches a training, row by row, and says each thing once.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    loss: Loss,
    /// What the discriminator says of real images when it has won.
    real_label: f32,
    /// Whether a batch has images enough to say something of their variety.
    many: bool,
    slow_start: u64,
    rows: VecDeque<MetricsRow>,
    said: Vec<Warning>,
    /// Classes that were missing when it was measured last.
    missing: Vec<usize>,
}

impl Diagnostics {
    /// Watches a training of these settings from its beginning.
    #[must_use]
    pub fn new(config: &TrainingConfig) -> Self {
        Self {
            loss: config.loss,
            real_label: 1.0 - config.label_smoothing as f32,
            many: config.batch >= 16,
            slow_start: (SLOW_START * (SLOW_LR / config.lr).max(1.0)) as u64,
            rows: VecDeque::with_capacity(WINDOW + 1),
            said: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Takes the next row, and tells what shows in it for the first time; one thing at a time,
    /// the gravest first.
    pub fn see(&mut self, row: &MetricsRow) -> Option<Warning> {
        // Rows that were added by previews and measurements would make the windows shorter.
        if row.epoch.is_multiple_of(READ_EVERY) {
            self.rows.push_back(row.clone());
            if self.rows.len() > WINDOW {
                self.rows.pop_front();
            }
        } else if row.quality.is_none() {
            return None;
        }
        let shows = Warning::ALL.into_iter().find(|&finding| {
            !self.said.contains(&finding) && row.epoch >= WARM_UP && self.shows(finding, row)
        });
        if let Some(quality) = &row.quality {
            self.missing.clone_from(&quality.missing);
        }
        self.said.extend(shows);
        shows
    }

    fn shows(&self, finding: Warning, row: &MetricsRow) -> bool {
        let len = self.rows.len();
        if len < RECENT {
            return false;
        }
        let recent = |f: fn(&MetricsRow) -> f32| mean(self.rows.range(len - RECENT..).map(f));
        // Whether σ(logit) is a probability.
        let probabilities = matches!(self.loss, Loss::Bce | Loss::Minimax);
        // Whether the generator's loss is above 0, so that swings can be told in parts of it.
        let above_zero = matches!(self.loss, Loss::Bce | Loss::LeastSquares | Loss::Relativistic);
        match finding {
            Warning::DiscriminatorWins => {
                // That of the minimax game goes to 0 instead.
                let loss_climbs = || {
                    let before = mean(self.rows.range(..len / 2).map(|row| row.g_loss));
                    self.loss == Loss::Minimax || recent(|row| row.g_loss) > before
                };
                probabilities
                    && len >= 2 * RECENT
                    && recent(|row| row.d_real) > 0.95 * self.real_label
                    && recent(|row| row.d_fake) < 0.05
                    && loss_climbs()
            }
            Warning::GeneratorWins => {
                probabilities && recent(|row| row.d_fake) > recent(|row| row.d_real).max(0.6)
            }
            Warning::Collapse => {
                let least = if row.epoch < self.slow_start { 0.02 } else { 0.2 };
                self.many && recent(|row| row.spread) < least
            }
            Warning::MissingClasses => row.quality.as_ref().is_some_and(|quality| {
                quality.missing.iter().any(|class| self.missing.contains(class))
            }),
            Warning::Oscillation => above_zero && len == WINDOW && self.swing() > 1.2,
            Warning::Saturation => recent(|row| row.saturated) > 0.9,
            // Healthy ones may lie idle for some hundred epochs in the beginning.
            Warning::IdleUnits => {
                self.many && len == WINDOW && mean(self.rows.iter().map(|row| row.idle)) > 0.5
            }
        }
    }

    /// How far the generator's loss goes up and down within the window, over its mean.
    fn swing(&self) -> f32 {
        let mean_of = |rows: &[f32]| rows.iter().sum::<f32>() / rows.len() as f32;
        let losses: Vec<f32> = self.rows.iter().map(|row| row.g_loss).collect();
        // Means of five rows: noise of single batches cancels, swings stay.
        let smooth: Vec<f32> = losses.windows(5).map(mean_of).collect();
        let mean = mean_of(&smooth);
        let turns: f32 = smooth.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
        let net = (smooth[smooth.len() - 1] - smooth[0]).abs();
        (turns - net) / smooth.len() as f32 / mean.abs().max(1e-3) * 10.0
    }
}

fn mean(numbers: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = numbers.len() as f32;
    numbers.sum::<f32>() / count
}
