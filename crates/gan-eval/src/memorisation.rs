//! Memorisation: whether samples are nearer to the training images than new images are.

use std::iter::repeat_n;

use rand_chacha::ChaCha8Rng;

use crate::bootstrap::{percentile_interval, quantile, resample, sorted};
use crate::measure::{DISTANCE, Measure, SHARE};

/// The quantile of the test images' distances below which a sample is near.
pub const NEAR: f64 = 0.01;

/// Distances of samples to the training images, compared with those of held-out test images.
#[derive(Clone, Debug, PartialEq)]
pub struct Memorisation {
    /// The median distance of the samples over that of the test images, which are not resampled; NaN or
    /// infinite where that is 0, because half of the test images are among the training images.
    ///
    /// About 1 for a generator of the data's own distribution. Well below 1, the samples are
    /// closer to training images than new images are: copies, or only the commonest shapes.
    /// Above 1, they are unlike the data.
    pub ratio: Measure,
    /// The 1% quantile ([`NEAR`]) of the test images' distances.
    pub threshold: f64,
    /// The share of test images that are no farther than `threshold`, in [0, 1]: 0.01, or more where
    /// test images are among the training images.
    pub chance: f64,
    /// The share of samples that are no farther than `threshold`, in [0, 1].
    ///
    /// About `chance` when nothing is memorised, as so many test images are near by chance. With a
    /// share s, about s − `chance` of the samples are almost copies, or the samples crowd where
    /// training images do; the closest pairs show which. It detects a few copies among many good
    /// samples, which the ratio does not. Below `chance` it does not exclude memorisation when `ratio`
    /// is above 1.
    pub share: Measure,
}

/// Compares each sample's distance to its nearest training image, `[n]`, with each test
/// image's, `[m]`; distances in any unit from 0, not squared, but both in the same. The intervals
/// are from `resamples` resamples of the samples.
///
/// The training images must be the same for both, as more of them are nearer. NaN counts as
/// far away.
///
/// # Panics
/// When either list is empty, or there are no resamples.
pub fn memorisation(
    samples: &[f32],
    test: &[f32],
    resamples: usize,
    rng: &mut ChaCha8Rng,
) -> Memorisation {
    let (samples, test) = (sorted(samples), sorted(test));
    let (median, threshold) = (quantile(&test, 0.5), quantile(&test, NEAR));
    let near = |sorted: &[f64]| {
        sorted.iter().filter(|&&x| x <= threshold).count() as f64 / sorted.len() as f64
    };
    let ratio_and_share = |sorted: &[f64]| (quantile(sorted, 0.5) / median, near(sorted));
    let (ratio, share) = ratio_and_share(&samples);
    let (ratios, shares): (Vec<f64>, Vec<f64>) = (0..resamples)
        .map(|_| {
            let drawn = samples.iter().zip(resample(samples.len(), rng));
            let drawn: Vec<f64> =
                drawn.flat_map(|(&x, times)| repeat_n(x, times as usize)).collect();
            ratio_and_share(&drawn)
        })
        .unzip();
    Memorisation {
        ratio: Measure::new(ratio, Some(percentile_interval(&ratios)), DISTANCE),
        threshold,
        chance: near(&test),
        share: Measure::new(share, Some(percentile_interval(&shares)), SHARE),
    }
}

/// The indices of the `count` smallest distances, smallest first and equal ones in order; all
/// of them when there are fewer.
pub fn closest(distances: &[f32], count: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..distances.len()).collect();
    indices.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]));
    indices.truncate(count);
    indices
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Distances 1.000, 1.001, … to 1.999.
    fn spread() -> Vec<f32> {
        (0..1000_u16).map(|x| 1.0 + f32::from(x) / 1000.0).collect()
    }

    fn compare(samples: &[f32]) -> Memorisation {
        memorisation(samples, &spread(), 200, &mut ChaCha8Rng::seed_from_u64(7))
    }

    #[test]
    fn intervals_contain_the_figures_of_many_samples() {
        let found = compare(&spread());
        let [low, high] = found.ratio.interval.unwrap();
        assert!(low < 1.0 && 1.0 < high && high - low < 0.1, "{low} to {high}");
        let [low, high] = found.share.interval.unwrap();
        assert!(low < 0.01 && 0.01 < high && high < 0.03, "{low} to {high}");
    }

    #[test]
    fn new_images_are_near_in_one_of_a_hundred() {
        let found = compare(&spread());
        assert_eq!(found.ratio.value, 1.0);
        assert_eq!(found.share.value, 0.01);
        assert!((found.threshold - 1.00999).abs() < 1e-6);
    }

    #[test]
    fn a_few_copies_show_in_the_share_and_many_in_the_ratio() {
        let mut samples = spread();
        samples[500..600].fill(0.0);
        let few = compare(&samples);
        assert!((few.share.value - 0.11).abs() < 1e-9 && few.ratio.value > 0.9);
        samples.fill(0.5);
        let all = compare(&samples);
        assert!(all.share.value == 1.0 && all.ratio.value < 0.4);
    }

    #[test]
    fn copies_show_where_test_images_are_copies_too() {
        let mut test = spread();
        test[..20].fill(0.0);
        let found = memorisation(&[0.0; 50], &test, 200, &mut ChaCha8Rng::seed_from_u64(7));
        assert_eq!((found.threshold, found.chance, found.share.value), (0.0, 0.02, 1.0));
    }

    #[test]
    fn the_closest_are_sorted() {
        let distances = [3.0, 1.0, f32::NAN, 0.5, 1.0];
        assert_eq!(closest(&distances, 3), [3, 1, 4]);
        assert_eq!(closest(&distances, 9), [3, 1, 4, 0, 2]);
    }
}
