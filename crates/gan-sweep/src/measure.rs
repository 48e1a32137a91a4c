//! What trials are compared by.

use std::cmp::Ordering;

use gan_run::Quality;
use serde::{Deserialize, Serialize};

/// A measure of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Fréchet distance.
    #[serde(alias = "fid", alias = "fd")]
    Frechet,
    /// Kernel distance.
    #[serde(alias = "kid")]
    KernelDistance,
    /// Share of the samples that look real.
    Precision,
    /// Share of the real images that the samples cover.
    Recall,
    /// Density of the samples around real images.
    Density,
    /// Share of the real images with a sample nearby.
    Coverage,
    /// Diversity within a class, relative to real images.
    Diversity,
    /// Mean probability of the likeliest class.
    Confidence,
    /// Classifier score.
    Score,
}

impl Measure {
    /// All measures.
    pub const ALL: [Self; 9] = [
        Self::Frechet,
        Self::KernelDistance,
        Self::Precision,
        Self::Recall,
        Self::Density,
        Self::Coverage,
        Self::Diversity,
        Self::Confidence,
        Self::Score,
    ];

    /// The name in a sweep file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frechet => "frechet",
            Self::KernelDistance => "kernel-distance",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Density => "density",
            Self::Coverage => "coverage",
            Self::Diversity => "diversity",
            Self::Confidence => "confidence",
            Self::Score => "score",
        }
    }

    /// The value in an evaluation, if it has one and it is a number.
    pub fn of(self, quality: &Quality) -> Option<f64> {
        let classes = quality.classes.as_ref();
        let value = match self {
            Self::Frechet => quality.frechet,
            Self::KernelDistance => quality.kernel_distance?,
            Self::Precision => quality.precision,
            Self::Recall => quality.recall,
            Self::Density => quality.density,
            Self::Coverage => quality.coverage,
            Self::Diversity => classes?.diversity,
            Self::Confidence => classes?.confidence,
            Self::Score => classes?.score,
        };
        value.is_finite().then_some(value)
    }
}

/// A measure, and whether less of it is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The measure.
    pub measure: Measure,
    /// Whether the smallest value is the best one.
    pub minimise: bool,
}

impl Target {
    /// Compares two values: the better one is less.
    pub fn compare(self, a: f64, b: f64) -> Ordering {
        if self.minimise { a.total_cmp(&b) } else { b.total_cmp(&a) }
    }
}
