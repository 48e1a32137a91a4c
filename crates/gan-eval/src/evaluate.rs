//! All measures of images against real ones.

use std::ops::RangeInclusive;

use burn::tensor::Device;
use gan_core::stream::{Purpose, stream};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::bootstrap::{mean_interval, percentile_interval, resample, symmetric_interval};
use crate::classes::{
    classifier_score, confidences, diversity, imbalance, labels, missing, shares,
};
use crate::conditional::{AskedMeasures, ClassReference, confusion, shares_as_asked};
use crate::frechet::{Gaussian, GaussianRoot};
use crate::kernel_distance::{KernelDistance, mean_kernels, mean_kernels_within};
use crate::measure::{DISTANCE, Measure, SHARE};
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
        Self {
            neighbours: Reference::MIN_IMAGES - 1,
            resamples: crate::bootstrap::RESAMPLES,
            seed: 0,
        }
    }
}

/// The measures of images against real ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Images measured.
    pub count: usize,
    /// Fréchet distance of the features, from 0; larger with fewer images, and without an
    /// interval. See [`crate::frechet`].
    pub frechet: Measure,
    /// Kernel distance of the features, from 0; comparable between any numbers of images. See
    /// [`crate::kernel_distance`].
    pub kernel_distance: Measure,
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
    /// Measures of images that were asked for by class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<AskedMeasures>,
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
    /// Classes with less than a tenth of their share of the real images, or of an equal share if that
    /// is less.
    pub missing: Vec<usize>,
    /// Mean probability of the likeliest class, in [0, 1].
    pub confidence: Measure,
    /// How much the images of a class differ, relative to real ones; mean over the classes that
    /// have a value.
    pub diversity: Measure,
    /// The same for each class; `None` for a class of fewer than two images, or of equal real ones.
    pub diversity_by_class: Vec<Option<f64>>,
}

impl Measures {
    /// The single values with their names and decimal places, for a table.
    pub fn rows(&self) -> Vec<(&'static str, usize, Measure)> {
        let mut rows = vec![
            ("Fréchet distance", 2, self.frechet),
            ("kernel distance (KID)", 4, self.kernel_distance),
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
        if let Some(asked) = &self.asked {
            rows.extend(asked.share.map(|share| ("share drawn as asked", 3, share)));
            rows.extend(asked.frechet.map(|mean| ("Fréchet d. by class", 2, mean)));
        }
        rows
    }
}

/// The features of real images, which others are evaluated against.
pub struct Reference {
    device: Device,
    real: Extracted,
    root: GaussianRoot,
    targets: Targets,
    /// Mean kernel of two real images.
    mean_kernel: f64,
    /// The classes that the feature extractor sees, if it has any.
    seen: Option<SeenClasses>,
    /// The real images of each class, if their labels are known.
    classes: Option<ClassReference>,
}

/// The classes of real images, as the feature extractor sees them.
struct SeenClasses {
    shares: Vec<f64>,
    diversity: Vec<Option<f64>>,
}

impl Reference {
    /// The fewest real images, and the fewest images that are measured against them, with the
    /// default options: each has five neighbours.
    pub const MIN_IMAGES: usize = 6;

    /// Takes what `extractor` extracted from real images, which should not be training images.
    ///
    /// # Panics
    /// When there are fewer than two images.
    pub fn new(extractor: &FeatureExtractor, real: Extracted) -> Self {
        let dim = FeatureExtractor::FEATURES;
        let each = vec![1; real.features.len() / dim];
        let root = GaussianRoot::new(&Gaussian::fit(real.features.chunks_exact(dim), dim));
        let seen = extractor.classes().map(|classes| {
            let labels = labels(&real.probabilities, classes);
            SeenClasses {
                shares: shares(&labels, classes, &each),
                diversity: diversity(&real.features, dim, &labels, classes, &each),
            }
        });
        let device = extractor.device.clone();
        let targets = Targets::new(&real.features, dim, &device);
        let mut kernels = Vec::new();
        targets.products(&real.features, &device, |products| {
            let first = kernels.len();
            kernels.extend(mean_kernels_within(products, each.len(), dim, first));
        });
        let mean_kernel = mean(&kernels);
        Self { device, real, root, targets, mean_kernel, seen, classes: None }
    }

    /// Adds the `labels` of the real images, each below `classes`, for the measures of images that are
    /// asked for by class.
    ///
    /// # Panics
    /// When there is not one label for each image, or one is not below `classes`.
    #[must_use]
    pub fn with_labels(mut self, labels: &[u16], classes: usize) -> Self {
        let dim = FeatureExtractor::FEATURES;
        self.classes = Some(ClassReference::new(&self.real.features, dim, labels, classes));
        self
    }

    /// What was extracted from the real images.
    pub fn real(&self) -> &Extracted {
        &self.real
    }

    /// Measures other images from what the same feature extractor extracted from them. Neighbours
    /// are searched among a [`random_subset`] of as many real images as there are of these, or all
    /// if there are fewer: among more, they would be nearer. `asked` has the class that each image was
    /// asked for, if they were, and needs [`with_labels`](Self::with_labels).
    ///
    /// # Panics
    /// When there are no more images, or real ones, than `options.neighbours`, or fewer than two.
    pub fn evaluate(
        &self,
        extracted: &Extracted,
        asked: Option<&[u16]>,
        options: Options,
    ) -> Measures {
        let dim = FeatureExtractor::FEATURES;
        let features = &extracted.features;
        let count = features.len() / dim;

        let mut rng = stream(options.seed, Purpose::Subset, 0);
        let real = &random_subset(&self.real.features, dim, count, &mut rng)[..];
        let k = options.neighbours;
        let (real_targets, fake_targets) =
            (Targets::new(real, dim, &self.device), Targets::new(features, dim, &self.device));
        let (mut real_radii, mut fake_radii) = (Vec::new(), Vec::new());
        real_targets.distances(real, &self.device, |rows| {
            real_radii.extend(kth_radii(rows, real.len() / dim, k));
        });
        let (mut within, mut between) = (Vec::new(), Vec::new());
        fake_targets.products_and_distances(features, &self.device, |products, distances| {
            fake_radii.extend(kth_radii(distances, count, k));
            let first = within.len();
            within.extend(mean_kernels_within(products, count, dim, first));
        });
        let mut support = Support::new(&real_radii, &fake_radii, k);
        fake_targets.distances(real, &self.device, |rows| support.add(rows));
        let overlap = support.finish();

        let all = self.real.features.len() / dim;
        self.targets.products(features, &self.device, |products| {
            between.extend(mean_kernels(products, all, dim));
        });
        let kernel_distance = KernelDistance::new(&within, &between, self.mean_kernel).measure();

        let boot = Bootstrap { count, options };
        Measures {
            count,
            frechet: Measure::new(
                self.root.distance(&Gaussian::fit(features.chunks_exact(dim), dim)),
                None,
                DISTANCE,
            ),
            kernel_distance: Measure {
                interval: kernel_distance.interval.filter(|_| options.resamples > 0),
                ..kernel_distance
            },
            precision: boot.of_mean(3, SHARE, &overlap.precision),
            recall: boot.of_mean(4, SHARE, &overlap.recall),
            density: boot.of_mean(5, DISTANCE, &overlap.density),
            coverage: boot.of_mean(6, SHARE, &overlap.coverage),
            classes: self.seen.as_ref().map(|real| class_measures(extracted, real, &boot)),
            asked: asked.zip(self.classes.as_ref()).map(|(asked, classes)| {
                let seen = self.seen.as_ref().map(|seen| seen.shares.len());
                let seen = seen.filter(|&n| n == classes.count());
                let seen = seen.map(|n| labels(&extracted.probabilities, n));
                asked_measures(features, asked, seen.as_deref(), classes, &boot)
            }),
        }
    }
}

/// Measures images that were asked for by class, and were `seen` as classes if that is known.
fn asked_measures(
    features: &[f32],
    asked: &[u16],
    seen: Option<&[usize]>,
    classes: &ClassReference,
    boot: &Bootstrap,
) -> AskedMeasures {
    let confusion = seen.map_or(Vec::new(), |seen| confusion(asked, seen, classes.count()));
    let as_asked = |seen: &[usize]| -> Vec<f64> {
        let pairs = asked.iter().zip(seen);
        pairs.map(|(&asked, &seen)| f64::from(u8::from(usize::from(asked) == seen))).collect()
    };
    let frechet_by_class = classes.distances(features, asked);
    let known = frechet_by_class.iter().any(Option::is_some);
    AskedMeasures {
        share: seen.map(|seen| boot.of_mean(11, SHARE, &as_asked(seen))),
        share_by_class: shares_as_asked(&confusion, classes.count()),
        confusion,
        frechet: known.then(|| Measure::new(mean_of_known(&frechet_by_class), None, DISTANCE)),
        frechet_by_class,
    }
}

/// Measures the classes of images, relative to those of the `real` ones.
fn class_measures(extracted: &Extracted, real: &SeenClasses, boot: &Bootstrap) -> ClassMeasures {
    let (dim, classes) = (FeatureExtractor::FEATURES, real.shares.len());
    let Extracted { features, probabilities } = extracted;
    let classified = labels(probabilities, classes);
    let confidence: Vec<f64> =
        confidences(probabilities, classes).into_iter().map(f64::from).collect();
    let shares = |weights: &[u32]| shares(&classified, classes, weights);
    let each = vec![1; boot.count];
    let all_shares = shares(&each);
    let diversity = |weights: &[u32]| -> Vec<Option<f64>> {
        let own = diversity(features, dim, &classified, classes, weights);
        let relative = |(own, real): (Option<f64>, &Option<f64>)| {
            Some(own? / real.filter(|&real| real > 0.0)?)
        };
        own.into_iter().zip(&real.diversity).map(relative).collect()
    };
    ClassMeasures {
        // Index 1 was that of the Fréchet distance.
        score: boot.of(2, 1.0..=classes as f64, |weights| {
            classifier_score(probabilities, classes, weights)
        }),
        confidence: boot.of_mean(7, SHARE, &confidence),
        shares_intervals: boot.of_shares(8, shares),
        imbalance: boot.of(9, SHARE, |weights| imbalance(&shares(weights))),
        missing: missing(&all_shares, &real.shares),
        shares: all_shares,
        diversity: boot.of(10, DISTANCE, |weights| mean_of_known(&diversity(weights))),
        diversity_by_class: diversity(&each),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
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

    /// A statistic that may be biased, with its range.
    fn of(
        &self,
        index: u64,
        range: RangeInclusive<f64>,
        statistic: impl Fn(&[u32]) -> f64,
    ) -> Measure {
        let value = statistic(&vec![1; self.count]);
        let resampled = self.resampled(index, statistic);
        let interval = (!resampled.is_empty()).then(|| symmetric_interval(value, &resampled));
        Measure::new(value, interval, range)
    }

    /// The intervals of the shares of each resample.
    fn of_shares(&self, index: u64, shares: impl Fn(&[u32]) -> Vec<f64>) -> Vec<[f64; 2]> {
        let resampled = self.resampled(index, &shares);
        if resampled.is_empty() {
            return Vec::new();
        }
        let interval = |(class, share)| {
            let values: Vec<f64> = resampled.iter().map(|shares| shares[class]).collect();
            Measure::new(share, Some(percentile_interval(&values)), SHARE).interval
        };
        shares(&vec![1; self.count]).into_iter().enumerate().filter_map(interval).collect()
    }

    fn of_mean(&self, index: u64, range: RangeInclusive<f64>, values: &[f64]) -> Measure {
        let resamples = self.options.resamples;
        let interval =
            (resamples > 0).then(|| mean_interval(values, resamples, &mut self.rng(index)));
        Measure::new(mean(values), interval, range)
    }
}
