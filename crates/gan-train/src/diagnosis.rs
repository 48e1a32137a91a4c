//! Detects failures of a training from its metrics.
//!
//! Every threshold lies between what healthy runs showed and what runs showed that were made to
//! fail; `docs/diagnosis.md` has both. Only the rows are used, so a resumed training gets the
//! warnings of an uninterrupted one.

use std::collections::VecDeque;

use gan_model::{Loss, TrainingConfig};
use gan_run::{ClassQuality, MetricsRow, Warning};

use crate::report::READ_EVERY;

/// Rows over which a sign is averaged, at 20 epochs each: single batches are noise.
const RECENT: usize = 10;
/// Rows that are kept.
const WINDOW: usize = 50;
/// Epochs before which healthy trainings show signs of failure.
const WARM_UP: u64 = 400;
/// Epochs before which healthy nets without normalisation may still generate nearly identical
/// images, at a step size of [`SLOW_LR`]; smaller steps take longer.
const SLOW_START: f64 = 1000.0;
/// The step size of the recipe `plain`, whose nets start so slowly.
const SLOW_LR: f64 = 2e-4;

/// The least diversity of a class, relative to its real images.
const CLASS_DIVERSITY: f64 = 0.3;

/// Follows a training row by row and warns of each failure once.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    loss: Loss,
    /// D(real) when the discriminator has won.
    real_label: f32,
    /// Whether a batch is large enough to estimate the variance of its images.
    large_batch: bool,
    slow_start: u64,
    rows: VecDeque<MetricsRow>,
    reported: Vec<Warning>,
    /// Classes that were missing in the last evaluation.
    missing: Vec<usize>,
}

impl Diagnostics {
    /// Follows a training with these settings from its beginning.
    pub fn new(config: &TrainingConfig) -> Self {
        Self {
            loss: config.loss,
            real_label: 1.0 - config.label_smoothing as f32,
            large_batch: config.batch >= 16,
            slow_start: (SLOW_START * (SLOW_LR / config.lr).max(1.0)) as u64,
            rows: VecDeque::with_capacity(WINDOW + 1),
            reported: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Takes the next row and returns the most serious failure that shows in it for the first
    /// time.
    pub fn observe(&mut self, row: &MetricsRow) -> Option<Warning> {
        // Extra rows of previews and evaluations would make the windows shorter.
        if row.epoch.is_multiple_of(READ_EVERY) {
            self.rows.push_back(row.clone());
            if self.rows.len() > WINDOW {
                self.rows.pop_front();
            }
        } else if row.quality.is_none() {
            return None;
        }
        let found = Warning::ALL.into_iter().find(|&warning| {
            !self.reported.contains(&warning) && row.epoch >= WARM_UP && self.shows(warning, row)
        });
        if let Some(classes) = classes(row) {
            self.missing.clone_from(&classes.missing);
        }
        self.reported.extend(found);
        found
    }

    fn shows(&self, warning: Warning, row: &MetricsRow) -> bool {
        let len = self.rows.len();
        if len < RECENT {
            return false;
        }
        let recent = |f: fn(&MetricsRow) -> f32| mean(self.rows.range(len - RECENT..).map(f));
        // With other losses σ(logit) is not a probability.
        let probabilities = matches!(self.loss, Loss::Bce | Loss::Minimax);
        // With other losses the generator's loss may cross 0, and swings have no scale.
        let above_zero = matches!(self.loss, Loss::Bce | Loss::LeastSquares | Loss::Relativistic);
        match warning {
            Warning::DiscriminatorWins => {
                // The minimax loss falls to 0 instead.
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
                self.large_batch && recent(|row| row.spread) < least
            }
            Warning::MissingClasses => classes(row).is_some_and(|classes| {
                classes.missing.iter().any(|class| self.missing.contains(class))
            }),
            // Hardly more often than by chance.
            Warning::ClassesIgnored => row.asked().is_some_and(|asked| {
                let chance = 1.0 / asked.by_class.len() as f64;
                asked.share < chance + (1.0 - chance) / 9.0
            }),
            Warning::ClassCollapse => row
                .asked()
                .is_some_and(|asked| asked.diversity.iter().any(|&x| x < CLASS_DIVERSITY)),
            Warning::Oscillation => above_zero && len == WINDOW && self.swing() > 1.2,
            Warning::Saturation => recent(|row| row.saturated) > 0.9,
            // Healthy units may be idle in the first few hundred epochs.
            Warning::IdleUnits => {
                self.large_batch
                    && len == WINDOW
                    && mean(self.rows.iter().map(|row| row.idle)) > 0.5
            }
        }
    }

    /// How much the generator's loss oscillates within the window, relative to its mean.
    fn swing(&self) -> f32 {
        let mean_of = |rows: &[f32]| rows.iter().sum::<f32>() / rows.len() as f32;
        let losses: Vec<f32> = self.rows.iter().map(|row| row.g_loss).collect();
        // Means of five rows remove the noise of single batches.
        let smooth: Vec<f32> = losses.windows(5).map(mean_of).collect();
        let mean = mean_of(&smooth);
        let turns: f32 = smooth.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
        let net = (smooth[smooth.len() - 1] - smooth[0]).abs();
        (turns - net) / smooth.len() as f32 / mean.abs().max(1e-3) * 10.0
    }
}

/// The measures of classes, in a row that has them.
fn classes(row: &MetricsRow) -> Option<&ClassQuality> {
    row.quality.as_ref()?.classes.as_ref()
}

fn mean(numbers: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = numbers.len() as f32;
    numbers.sum::<f32>() / count
}
