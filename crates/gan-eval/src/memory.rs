//! Memorisation: whether the samples lie nearer to the training images than new images do.

use rand_chacha::ChaCha8Rng;

use crate::bootstrap::{Interval, percentile_interval, resample};
use crate::quantile::{quantile, sorted};

/// Which quantile of the test images' distances is the threshold of nearness.
pub const NEAR: f64 = 0.01;

/// How near the samples lie to the training images, next to held-out test images.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// The median distance of the samples over that of the test images.
    ///
    /// About 1 for a generator of the data's own distribution. Well below, the samples keep
    /// closer to training images than new images would: copies, or only the commonest
    /// pictures. Above 1, they lie off the data.
    pub ratio: f64,
    /// The 1% quantile ([`NEAR`]) of the test images' distances.
    pub threshold: f64,
    /// Whether each sample is nearer than `threshold`: `[n]`, for a bootstrap.
    pub near: Vec<bool>,
    /// The share of samples that are nearer than `threshold`, in [0, 1].
    ///
    /// About 0.01 when nothing is memorised, for so many test images are as near by chance.
    /// A share of s tells that about s − 0.01 of the samples are (nearly) copies, or that
    /// the samples crowd where training images do; the closest pairs, looked at, tell
    /// which. It finds a few copies among many good samples, to which the ratio is blind.
    /// Below 0.01 it is no proof that nothing was memorised when `ratio` is above 1.
    pub share: f64,
}

/// Compares each sample's distance to its nearest training image, `[n]`, with each test
/// image's, `[m]`; distances in any unit from 0, not squared, but both in the same.
///
/// The training images must be the same for both, for more of them lie nearer. NaN counts
/// as far away.
///
/// # Panics
/// When either list is empty.
#[must_use]
pub fn memory(samples: &[f32], test: &[f32]) -> Memory {
    assert!(!samples.is_empty() && !test.is_empty(), "no distances");
    let expected = sorted(test);
    let threshold = quantile(&expected, NEAR);
    let near: Vec<bool> = samples.iter().map(|&x| f64::from(x) < threshold).collect();
    let count = near.iter().filter(|&&near| near).count();
    Memory {
        ratio: quantile(&sorted(samples), 0.5) / quantile(&expected, 0.5),
        threshold,
        share: count as f64 / near.len() as f64,
        near,
    }
}

/// The intervals of [`Memory::ratio`] and [`Memory::share`], from `resamples` resamples of the
/// samples; the test images stay as they are.
///
/// # Panics
/// When either list is empty, or there are no resamples.
#[must_use]
pub fn memory_intervals(
    samples: &[f32],
    test: &[f32],
    resamples: usize,
    rng: &mut ChaCha8Rng,
) -> [Interval; 2] {
    let median = quantile(&sorted(test), 0.5);
    let Memory { threshold, .. } = memory(samples, test);
    let samples = sorted(samples);
    let (ratios, shares): (Vec<f64>, Vec<f64>) = (0..resamples)
        .map(|_| {
            let drawn = samples.iter().zip(resample(samples.len(), rng));
            let drawn: Vec<f64> =
                drawn.flat_map(|(&x, times)| std::iter::repeat_n(x, times as usize)).collect();
            let near = drawn.iter().filter(|&&x| x < threshold).count();
            (quantile(&drawn, 0.5) / median, near as f64 / drawn.len() as f64)
        })
        .unzip();
    [percentile_interval(&ratios), percentile_interval(&shares)]
}

/// The indices of the `count` smallest distances, nearest first and equals in order; all of
/// them when there are fewer.
#[must_use]
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

    #[test]
    fn intervals_hold_the_figures_of_many_samples() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let [ratio, share] = memory_intervals(&spread(), &spread(), 200, &mut rng);
        assert!(ratio.low < 1.0 && 1.0 < ratio.high && ratio.high - ratio.low < 0.1, "{ratio:?}");
        assert!(share.low < 0.01 && 0.01 < share.high && share.high < 0.03, "{share:?}");
    }

    #[test]
    fn new_images_are_near_in_one_of_a_hundred() {
        let seen = memory(&spread(), &spread());
        assert_eq!(seen.ratio, 1.0);
        assert_eq!(seen.share, 0.01);
        assert!((seen.threshold - 1.00999).abs() < 1e-6);
    }

    #[test]
    fn a_few_copies_show_in_the_share_and_many_in_the_ratio() {
        let mut samples = spread();
        samples[500..600].fill(0.0);
        let few = memory(&samples, &spread());
        assert!((few.share - 0.11).abs() < 1e-9 && few.ratio > 0.9);
        assert_eq!(few.near[499..502], [false, true, true]);
        samples.fill(0.5);
        let all = memory(&samples, &spread());
        assert!(all.share == 1.0 && all.ratio < 0.4);
    }

    #[test]
    fn the_closest_come_in_order() {
        let distances = [3.0, 1.0, f32::NAN, 0.5, 1.0];
        assert_eq!(closest(&distances, 3), [3, 1, 4]);
        assert_eq!(closest(&distances, 9), [3, 1, 4, 0, 2]);
    }
}
