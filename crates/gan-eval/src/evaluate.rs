//! All measures of images against real ones.

use burn::tensor::Device;
use gan_core::stream::{Purpose, stream};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::bootstrap::{basic_interval, mean_interval, percentile_interval, resample};
use crate::classes::{
    classifier_score, confidences, diversity, imbalance, labels, missing, shares,
};
use crate::frechet::{Gaussian, GaussianRoot};
use crate::nearest::Targets;
use crate::neighbours::{Support, kth_radii};
use crate::subset::random_subset;
use crate::{Extracted, FeatureExtractor};

/// How images are measured.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which neighbour is the radius of the balls of precision, recall, density and coverage.
    pub neighbours: usize,
    /// Resamples for each interval; 0 for no intervals.
    pub resamples: usize,
    /// Seed of the resamples, and of the real images that neighbours are searched among.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { neighbours: 5, resamples: crate::bootstrap::RESAMPLES, seed: 0 }
    }
}

/// A value with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The value.
    pub value: f64,
    /// Bootstrap interval, if there were resamples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

/// The measures of images against real ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Images measured.
    pub count: usize,
    /// Fréchet distance of the features; 0 for equal distributions. See [`crate::frechet`].
    pub frechet: Measure,
    /// Share of the images within the support of the real ones, in [0, 1].
    pub precision: Measure,
    /// Share of the real images within the support of these, in [0, 1].
    pub recall: Measure,
    /// Number of real balls around an image, over the number expected.
    pub density: Measure,
    /// Share of the real images with one of these in their ball, in [0, 1].
    pub coverage: Measure,
    /// Measures of classes, if the feature extractor has any.
    #[serde(flatten)]
    pub classes: Option<ClassMeasures>,
}

/// The measures of the classes of images against real ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMeasures {
    /// Classifier score, from 1 to the number of classes.
    pub score: Measure,
    /// Share of each class, summing to 1.
    pub shares: Vec<f64>,
    /// The interval of each share, if there were resamples.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares_intervals: Vec<[f64; 2]>,
    /// Total variation distance between the shares and equal ones, in [0, 1].
    pub imbalance: Measure,
    /// Classes with less than a tenth of an equal share.
    pub missing: Vec<usize>,
    /// Mean probability of the likeliest class, in [0, 1].
    pub confidence: Measure,
    /// How much the images of a class differ, relative to real ones; mean over the classes that
    /// have a value.
    pub diversity: Measure,
    /// The same for each class; `None` for a class of fewer than two images.
    pub diversity_by_class: Vec<Option<f64>>,
}

impl Measures {
    /// The single values with their names and decimal places, for a table.
    pub fn rows(&self) -> Vec<(&'static str, usize, Measure)> {
        let mut rows = vec![
            ("Fréchet distance", 2, self.frechet),
            ("precision", 3, self.precision),
            ("recall", 3, self.recall),
            ("density", 3, self.density),
            ("coverage", 3, self.coverage),
        ];
        if let Some(classes) = &self.classes {
            rows.extend([
                ("classifier score", 3, classes.score),
                ("confidence", 3, classes.confidence),
                ("diversity", 3, classes.diversity),
                ("imbalance", 3, classes.imbalance),
            ]);
        }
        rows
    }
}

/// The features of real images, which others are evaluated against.
pub struct Reference {
    device: Device,
    real: Extracted,
    root: GaussianRoot,
    /// The diversity of each class, if there are any.
    diversity: Option<Vec<Option<f64>>>,
}

impl Reference {
    /// Takes what `extractor` extracted from real images, which should not be training images.
    ///
    /// # Panics
    /// When there are fewer than two images.
    pub fn new(extractor: &FeatureExtractor, real: Extracted) -> Self {
        let dim = FeatureExtractor::FEATURES;
        let each = vec![1; real.features.len() / dim];
        let root = GaussianRoot::new(&Gaussian::fit(&real.features, dim, &each));
        let diversity = extractor.classes().map(|classes| {
            let labels = labels(&real.probabilities, classes);
            diversity(&real.features, dim, &labels, classes, &each)
        });
        Self { device: extractor.device.clone(), real, root, diversity }
    }

    /// What was extracted from the real images.
    pub fn real(&self) -> &Extracted {
        &self.real
    }

    /// Measures other images from what the same feature extractor extracted from them. Neighbours
    /// are searched among a [`random_subset`] of as many real images as there are of these, or all
    /// if there are fewer: among more, they would be nearer.
    ///
    /// # Panics
    /// When there are no more images than `options.neighbours`, or fewer than two.
    pub fn evaluate(&self, extracted: &Extracted, options: Options) -> Measures {
        let dim = FeatureExtractor::FEATURES;
        let features = &extracted.features;
        let count = features.len() / dim;

        let mut rng = stream(options.seed, Purpose::Subset, 0);
        let real = &random_subset(&self.real.features, dim, count, &mut rng)[..];
        let k = options.neighbours;
        let (real_targets, fake_targets) =
            (Targets::new(real, dim, &self.device), Targets::new(features, dim, &self.device));
        let radii = |targets: &Targets, vectors: &[f32]| {
            let mut radii = Vec::new();
            targets.distances(vectors, &self.device, |rows| {
                radii.extend(kth_radii(rows, vectors.len() / dim, k));
            });
            radii
        };
        let (real_radii, fake_radii) = (radii(&real_targets, real), radii(&fake_targets, features));
        let mut support = Support::new(&real_radii, &fake_radii, k);
        fake_targets.distances(real, &self.device, |rows| support.add(rows));
        let overlap = support.finish();

        let boot = Bootstrap { count, options };
        Measures {
            count,
            frechet: boot.of(1, basic_interval, |weights| {
                self.root.distance(&Gaussian::fit(features, dim, weights))
            }),
            precision: boot.of_mean(3, &overlap.precision),
            recall: boot.of_mean(4, &overlap.recall),
            density: boot.of_mean(5, &overlap.density),
            coverage: boot.of_mean(6, &overlap.coverage),
            classes: self.diversity.as_ref().map(|real| class_measures(extracted, real, &boot)),
        }
    }
}

/// Measures the classes of images, relative to the diversity of each class's `real` images.
fn class_measures(extracted: &Extracted, real: &[Option<f64>], boot: &Bootstrap) -> ClassMeasures {
    let (dim, classes) = (FeatureExtractor::FEATURES, real.len());
    let Extracted { features, probabilities } = extracted;
    let classified = labels(probabilities, classes);
    let confidence: Vec<f64> =
        confidences(probabilities, classes).into_iter().map(f64::from).collect();
    let shares = |weights: &[u32]| shares(&classified, classes, weights);
    let each = vec![1; boot.count];
    let all_shares = shares(&each);
    let diversity = |weights: &[u32]| -> Vec<Option<f64>> {
        let own = diversity(features, dim, &classified, classes, weights);
        own.into_iter().zip(real).map(|(own, &real)| Some(own? / real?)).collect()
    };
    let percentile = |_: f64, resampled: &[f64]| percentile_interval(resampled);
    ClassMeasures {
        score: boot.of(2, percentile, |weights| classifier_score(probabilities, classes, weights)),
        confidence: boot.of_mean(7, &confidence),
        shares_intervals: boot.of_each(8, shares),
        imbalance: boot.of(9, basic_interval, |weights| imbalance(&shares(weights))),
        missing: missing(&all_shares),
        shares: all_shares,
        diversity: boot.of(10, percentile, |weights| mean_of_known(&diversity(weights))),
        diversity_by_class: diversity(&each),
    }
}

fn mean_of_known(values: &[Option<f64>]) -> f64 {
    let known = || values.iter().copied().flatten();
    known().sum::<f64>() / known().count().max(1) as f64
}

/// Intervals of measures from resamples of `count` images. Each measure has an index and so a
/// random stream, which never changes.
struct Bootstrap {
    count: usize,
    options: Options,
}

impl Bootstrap {
    fn rng(&self, index: u64) -> ChaCha8Rng {
        stream(self.options.seed, Purpose::Bootstrap, index)
    }

    /// A statistic of each resample, from how often each image is in it.
    fn resampled<T>(&self, index: u64, statistic: impl Fn(&[u32]) -> T) -> Vec<T> {
        let mut rng = self.rng(index);
        let resamples = 0..self.options.resamples;
        resamples.map(|_| statistic(&resample(self.count, &mut rng))).collect()
    }

    fn of(
        &self,
        index: u64,
        interval: impl Fn(f64, &[f64]) -> [f64; 2],
        statistic: impl Fn(&[u32]) -> f64,
    ) -> Measure {
        let value = statistic(&vec![1; self.count]);
        let resampled = self.resampled(index, statistic);
        let interval = (!resampled.is_empty()).then(|| interval(value, &resampled));
        Measure { value, interval }
    }

    /// The intervals of several values of each resample.
    fn of_each(&self, index: u64, statistic: impl Fn(&[u32]) -> Vec<f64>) -> Vec<[f64; 2]> {
        let resampled = self.resampled(index, statistic);
        let interval = |value: usize| {
            let values: Vec<f64> = resampled.iter().map(|values| values[value]).collect();
            percentile_interval(&values)
        };
        (0..resampled.first().map_or(0, Vec::len)).map(interval).collect()
    }

    fn of_mean(&self, index: u64, values: &[f64]) -> Measure {
        let value = values.iter().sum::<f64>() / values.len() as f64;
        let resamples = self.options.resamples;
        let interval =
            (resamples > 0).then(|| mean_interval(values, resamples, &mut self.rng(index)));
        Measure { value, interval }
    }
}
