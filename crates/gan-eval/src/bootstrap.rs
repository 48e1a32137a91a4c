//! Bootstrap intervals, from low to high: how much a measure varies with other samples.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The default number of resamples for an interval.
pub const RESAMPLES: usize = 200;
/// The probability that an interval contains the true value.
pub const LEVEL: f64 = 0.95;

/// `n` draws with replacement from `n` samples, as how often each was drawn; the same from
/// the same state of `rng`, on all machines.
pub fn resample(n: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut counts = vec![0; n];
    for _ in 0..n {
        counts[draw(n, rng)] += 1;
    }
    counts
}

fn draw(n: usize, rng: &mut ChaCha8Rng) -> usize {
    // Not `usize`, whose draws differ with its width.
    rng.random_range(0..n as u64) as usize
}

/// The percentile interval (Efron & Tibshirani 1993, chapter 13): the middle 95% ([`LEVEL`])
/// of the resampled values. For statistics without bias, such as means.
///
/// # Panics
/// When there are no values.
pub fn percentile_interval(resampled: &[f64]) -> [f64; 2] {
    let sorted = sorted(resampled);
    let tail = (1.0 - LEVEL) / 2.0;
    [tail, 1.0 - tail].map(|q| quantile(&sorted, q))
}

/// The basic interval (Davison & Hinkley 1997, section 5.2): the percentile interval mirrored
/// at the statistic's own `value`. For statistics with bias, such as the Fréchet distance.
///
/// A resample contains some samples twice, so its distance is biased again by about as much as
/// `value` is: mirrored, the two biases cancel. The interval is thus for the unbiased distance,
/// and may not contain `value`, or reach below 0. It covers the variation of what is resampled
/// alone: with fixed real images, that of the samples.
///
/// # Panics
/// When there are no values.
pub fn basic_interval(value: f64, resampled: &[f64]) -> [f64; 2] {
    let [low, high] = percentile_interval(resampled);
    [2.0 * value - high, 2.0 * value - low]
}

/// The percentile interval of the mean of one value a sample, from `resamples` resamples,
/// usually [`RESAMPLES`].
///
/// # Panics
/// When there are no values, or no resamples.
pub fn mean_interval(values: &[f64], resamples: usize, rng: &mut ChaCha8Rng) -> [f64; 2] {
    assert!(!values.is_empty(), "no values");
    let n = values.len();
    // The draws of `resample`, summed at once.
    let mut mean = || (0..n).map(|_| values[draw(n, rng)]).sum::<f64>() / n as f64;
    let means: Vec<f64> = (0..resamples).map(|_| mean()).collect();
    percentile_interval(&means)
}

/// The quantile `q` in [0, 1] of a list in rising order, interpolated linearly between its two
/// neighbours there (Hyndman & Fan 1996, definition 7, NumPy's default).
///
/// # Panics
/// When the list is empty.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    assert!(!sorted.is_empty(), "no numbers to take a quantile of");
    let last = sorted.len() - 1;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[place as usize], sorted[(place as usize + 1).min(last)]);
    // Equal ends first: two infinities have no difference.
    if low == high { low } else { low + (high - low) * place.fract() }
}

/// The numbers as `f64`, in rising order, with those that are not a number last.
pub(crate) fn sorted<T: Copy + Into<f64>>(numbers: &[T]) -> Vec<f64> {
    let mut sorted: Vec<f64> = numbers.iter().map(|&x| x.into()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frechet::{Gaussian, GaussianRoot};
    use rand::SeedableRng;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    /// Standard normal, near enough: the sum of twelve uniform numbers.
    fn normal(rng: &mut ChaCha8Rng) -> f64 {
        (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
    }

    #[test]
    fn a_resample_has_the_size_of_the_samples_and_repeats() {
        let counts = resample(1000, &mut rng(1));
        assert_eq!(counts.iter().sum::<u32>(), 1000);
        assert_eq!(counts, resample(1000, &mut rng(1)));
        let left_out = counts.iter().filter(|&&count| count == 0).count();
        assert!((300..440).contains(&left_out), "{left_out} is not about 1000 / e");
    }

    #[test]
    fn a_mean_has_the_interval_of_its_standard_error() {
        let mut source = rng(2);
        let values: Vec<f64> = (0..400).map(|_| normal(&mut source)).collect();
        let interval @ [low, high] = mean_interval(&values, 2000, &mut rng(3));
        let mean = values.iter().sum::<f64>() / 400.0;
        // 1.96 standard errors of 1 / √400 to each side.
        assert!((low - (mean - 0.098)).abs() < 0.015, "{interval:?}");
        assert!((high - (mean + 0.098)).abs() < 0.015, "{interval:?}");
        assert_eq!(interval, mean_interval(&values, 2000, &mut rng(3)));
        let certain = mean_interval(&[1.0; 9], RESAMPLES, &mut rng(4));
        assert_eq!(certain, [1.0, 1.0]);
    }

    #[test]
    fn the_basic_interval_is_mirrored() {
        let resampled: Vec<f64> = (0..=200).map(|x| 10.0 + f64::from(x)).collect();
        let [low, high] = percentile_interval(&resampled);
        assert!((low - 15.0).abs() < 1e-9 && (high - 205.0).abs() < 1e-9);
        let [low, high] = basic_interval(20.0, &resampled);
        assert!((low - (40.0 - 205.0)).abs() < 1e-9 && (high - 25.0).abs() < 1e-9);
    }

    #[test]
    fn the_basic_interval_of_a_frechet_distance_contains_the_true_value() {
        // Each set has 300 samples of 8 features; the samples' own Gaussian is known.
        let (n, dim) = (300, 8);
        let mut source = rng(5);
        let mut set = |shift: f64| -> Vec<f32> {
            (0..n * dim).map(|_| (normal(&mut source) + shift) as f32).collect()
        };
        let (real, fake) = (set(0.0), set(0.2));
        let root = GaussianRoot::new(&Gaussian::fit(&real, dim, &vec![1; n]));
        let unit = |i: usize| if i.is_multiple_of(dim + 1) { 1.0 } else { 0.0 };
        let covariance = (0..dim * dim).map(unit).collect();
        let truth = root.distance(&Gaussian { mean: vec![0.2; dim], covariance });
        let value = root.distance(&Gaussian::fit(&fake, dim, &vec![1; n]));
        let mut rng = rng(6);
        let mut again = || root.distance(&Gaussian::fit(&fake, dim, &resample(n, &mut rng)));
        let resampled: Vec<f64> = (0..RESAMPLES).map(|_| again()).collect();
        let [low, high] = basic_interval(value, &resampled);
        let holds = low < truth && truth < high;
        assert!(holds, "{low} to {high} around {value}, not {truth}");
        let middle = f64::midpoint(low, high);
        assert!(middle < value, "a bootstrap distance is too large: {middle} and {value}");
    }

    #[test]
    fn quantiles_are_interpolated_linearly() {
        let list = sorted(&[4.0_f32, 1.0, 2.0]);
        let at: Vec<f64> = [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| quantile(&list, q)).to_vec();
        assert_eq!(at, [1.0, 1.5, 2.0, 3.0, 4.0]);
        assert_eq!(quantile(&[7.0], 0.3), 7.0);
    }
}
