//! Real images as a reference, and the measures of others against them.

use burn::tensor::Device;
use gan_core::stream::{Purpose, stream};
use gan_data::IMAGE_LEN;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::bootstrap::{Interval, basic_interval, mean_interval, percentile_interval, resample};
use crate::classes::{
    Diversity, classifier_score, classifier_score_weighted, confidences, diversity,
    diversity_weighted, labels, missing, shares, shares_weighted, total_variation, uniform,
};
use crate::frechet::{Gaussian, GaussianRoot};
use crate::nearest::Field;
use crate::neighbours::{Support, kth_radii};
use crate::{Extracted, FeatureExtractor};

/// How images are measured.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which neighbour draws the balls of precision, recall, density and coverage.
    pub neighbours: usize,
    /// Resamples for each interval; 0 is no intervals.
    pub resamples: usize,
    /// Seed of the resamples.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { neighbours: 5, resamples: crate::bootstrap::RESAMPLES, seed: 0 }
    }
}

/// A figure, and in which interval it would lie with other samples, 95% of the time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The figure.
    pub value: f64,
    /// From 95% of the bootstrap's resamples, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

/// What is told of images, against real ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Images measured.
    pub count: usize,
    /// Fréchet distance of the features; 0 is alike. See [`crate::frechet`].
    pub frechet: Measure,
    /// Classifier score, from 1 to the number of classes.
    pub score: Measure,
    /// Share of the images that lie among real ones, in [0, 1].
    pub precision: Measure,
    /// Share of the real images that lie among these, in [0, 1].
    pub recall: Measure,
    /// Real images around one of these, as a part of what is to be expected.
    pub density: Measure,
    /// Share of the real images that have one of these near, in [0, 1].
    pub coverage: Measure,
    /// Share of each class, summing to 1.
    pub shares: Vec<f64>,
    /// The interval of each share, if there were resamples.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares_intervals: Vec<[f64; 2]>,
    /// Total variation distance of the shares to equal ones, in [0, 1].
    pub imbalance: Measure,
    /// Classes of which there is less than a tenth of an equal share.
    pub missing: Vec<usize>,
    /// Mean probability of the likeliest class, in [0, 1].
    pub confidence: Measure,
    /// How much the images of a class differ from each other, real ones being at 1; mean over the
    /// classes that have it.
    pub diversity: Measure,
    /// The same for each class; none for a class of fewer than two images.
    pub diversity_by_class: Vec<Option<f64>>,
}

/// Real images, seen through a ruler.
pub struct Reference {
    classes: usize,
    device: Device,
    seen: Extracted,
    root: GaussianRoot,
    diversity: Vec<Option<f64>>,
}

impl Reference {
    /// Takes what a ruler saw in real images that no training knows.
    ///
    /// # Panics
    /// When it saw fewer than two.
    #[must_use]
    pub fn new(ruler: &FeatureExtractor, seen: Extracted) -> Self {
        let classes = ruler.classes();
        let dim = FeatureExtractor::FEATURES;
        let root = GaussianRoot::new(&Gaussian::fit(&seen.features, dim));
        let diversity =
            diversity(&seen.features, dim, &labels(&seen.probabilities, classes), classes).classes;
        Self { classes, device: ruler.device.clone(), seen, root, diversity }
    }

    /// What the ruler saw in the real images.
    #[must_use]
    pub fn seen(&self) -> &Extracted {
        &self.seen
    }

    /// Measures what the ruler saw in other images. Neighbours are looked for among as many real
    /// images as there are of these, [`evenly`] taken, or all if those are fewer: more would lie
    /// nearer.
    ///
    /// # Panics
    /// When there are no more images than `options.neighbours`, or fewer than two.
    #[must_use]
    pub fn judge(&self, seen: &Extracted, options: Options) -> Measures {
        let (dim, classes) = (FeatureExtractor::FEATURES, self.classes);
        let Extracted { features, probabilities } = seen;
        let count = features.len() / dim;
        let taken = labels(probabilities, classes);
        let mut boot = Bootstrap { options, index: 0 };

        let frechet = self.root.distance(&Gaussian::fit(features, dim));
        let frechet = boot.of(
            frechet,
            |resampled| basic_interval(frechet, resampled),
            |rng| self.root.distance(&Gaussian::fit_weighted(features, dim, &resample(count, rng))),
        );
        let score = classifier_score(probabilities, classes);
        let score = boot.of(score, percentile_interval, |rng| {
            classifier_score_weighted(probabilities, classes, &resample(count, rng))
        });

        let real = &evenly(&self.seen.features, dim, count)[..];
        let k = options.neighbours;
        let (real_field, fake_field) =
            (Field::new(real, dim, &self.device), Field::new(features, dim, &self.device));
        let radii = |field: &Field, vectors: &[f32]| {
            let mut radii = Vec::new();
            field.distances(vectors, &self.device, |rows| {
                radii.extend(kth_radii(rows, vectors.len() / dim, k));
            });
            radii
        };
        let (real_radii, fake_radii) = (radii(&real_field, real), radii(&fake_field, features));
        let mut support = Support::new(&real_radii, &fake_radii, k);
        fake_field.distances(real, &self.device, |rows| support.add(rows));
        let overlap = support.finish();
        let flags = |flags: &[bool]| -> Vec<f64> { flags.iter().map(|&f| f64::from(f)).collect() };
        let balls: Vec<f64> = overlap.balls.iter().map(|&n| f64::from(n) / k as f64).collect();

        let shares = shares(&taken, classes);
        let own = diversity(features, dim, &taken, classes);
        let diversity_by_class = self.against(&own);
        let imbalance = |shares: &[f64]| total_variation(shares, &uniform(classes));
        let confidence: Vec<f64> =
            confidences(probabilities, classes).into_iter().map(f64::from).collect();
        Measures {
            count,
            frechet,
            score,
            precision: boot.of_mean(&flags(&overlap.precise())),
            recall: boot.of_mean(&flags(&overlap.recalled)),
            density: boot.of_mean(&balls),
            coverage: boot.of_mean(&flags(&overlap.covered)),
            confidence: boot.of_mean(&confidence),
            shares_intervals: boot
                .of_each(classes, |rng| shares_weighted(&taken, classes, &resample(count, rng))),
            imbalance: {
                let value = imbalance(&shares);
                let interval = |resampled: &[f64]| basic_interval(value, resampled);
                boot.of(value, interval, |rng| {
                    imbalance(&shares_weighted(&taken, classes, &resample(count, rng)))
                })
            },
            missing: missing(&shares, &uniform(classes)),
            shares,
            diversity: boot.of(mean_of_known(&diversity_by_class), percentile_interval, |rng| {
                let drawn = resample(count, rng);
                let own = diversity_weighted(features, dim, &taken, classes, &drawn);
                mean_of_known(&self.against(&own))
            }),
            diversity_by_class,
        }
    }

    /// The diversity of each class over that of its real images.
    fn against(&self, own: &Diversity) -> Vec<Option<f64>> {
        let by_class = own.classes.iter().zip(&self.diversity);
        by_class.map(|(&own, &real)| Some(own? / real?)).collect()
    }
}

fn mean_of_known(values: &[Option<f64>]) -> f64 {
    let known = || values.iter().copied().flatten();
    known().sum::<f64>() / known().count().max(1) as f64
}

/// `count` rows of so many numbers, at even distances over all of them, or all if those are fewer.
/// The first ones would not do: MNIST's test images are written by clerks first, by students then.
#[must_use]
pub fn evenly<T: Copy>(rows: &[T], width: usize, count: usize) -> Vec<T> {
    let all = rows.len() / width;
    let count = count.min(all);
    (0..count).flat_map(|i| &rows[i * all / count * width..][..width]).copied().collect()
}

/// Real images in the place of samples: `count` of `images`, `[n, 28, 28]`, or all if those are
/// fewer, drawn by `seed` without replacement. What is measured of these is what any
/// generator can hope for.
#[must_use]
pub fn stand_ins(images: &[u8], count: usize, seed: u64) -> Vec<u8> {
    let mut order: Vec<usize> = (0..images.len() / IMAGE_LEN).collect();
    let mut rng = stream(seed, Purpose::StandIns, 0);
    let (chosen, _) = order.partial_shuffle(&mut rng, count);
    chosen.iter().flat_map(|&index| &images[index * IMAGE_LEN..][..IMAGE_LEN]).copied().collect()
}

/// Resamples, a stream of draws for each measure.
struct Bootstrap {
    options: Options,
    index: u64,
}

impl Bootstrap {
    fn rng(&mut self) -> ChaCha8Rng {
        self.index += 1;
        stream(self.options.seed, Purpose::Bootstrap, self.index)
    }

    fn of(
        &mut self,
        value: f64,
        interval: impl Fn(&[f64]) -> Interval,
        mut again: impl FnMut(&mut ChaCha8Rng) -> f64,
    ) -> Measure {
        let mut rng = self.rng();
        let resampled: Vec<f64> = (0..self.options.resamples).map(|_| again(&mut rng)).collect();
        let interval = (!resampled.is_empty()).then(|| interval(&resampled));
        Measure { value, interval: interval.map(|Interval { low, high }| [low, high]) }
    }

    /// The intervals of several figures of one resample.
    fn of_each(
        &mut self,
        figures: usize,
        mut again: impl FnMut(&mut ChaCha8Rng) -> Vec<f64>,
    ) -> Vec<[f64; 2]> {
        let mut rng = self.rng();
        let resampled: Vec<_> = (0..self.options.resamples).map(|_| again(&mut rng)).collect();
        let figures = if resampled.is_empty() { 0 } else { figures };
        let interval = |figure: usize| {
            let values: Vec<f64> = resampled.iter().map(|values| values[figure]).collect();
            let Interval { low, high } = percentile_interval(&values);
            [low, high]
        };
        (0..figures).map(interval).collect()
    }

    fn of_mean(&mut self, values: &[f64]) -> Measure {
        let mut rng = self.rng();
        let value = values.iter().sum::<f64>() / values.len() as f64;
        let interval = (self.options.resamples > 0)
            .then(|| mean_interval(values, self.options.resamples, &mut rng));
        Measure { value, interval: interval.map(|Interval { low, high }| [low, high]) }
    }
}
