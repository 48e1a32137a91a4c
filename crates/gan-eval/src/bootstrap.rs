//! Bootstrap intervals, from low to high: how much a measure varies with other samples.
//! [`Measure::new`](crate::Measure::new) limits them to what is possible.

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

/// The symmetric interval (Hall 1988, "On symmetric bootstrap confidence intervals"): as far below
/// the statistic's own `value` as above, so that 95% ([`LEVEL`]) of the resampled values are within
/// it. For statistics with bias, such as the imbalance.
///
/// A resample contains some samples twice, so its statistic is biased again by about as much as
/// `value` is. The width includes that bias, and the interval always contains `value`.
///
/// # Panics
/// When there are no values.
pub fn symmetric_interval(value: f64, resampled: &[f64]) -> [f64; 2] {
    let apart: Vec<f64> = resampled.iter().map(|other| (other - value).abs()).collect();
    let half = quantile(&sorted(&apart), LEVEL);
    [value - half, value + half]
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
    use crate::classes::{imbalance, shares};
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
    fn the_symmetric_interval_contains_the_value() {
        let resampled: Vec<f64> = (0..=200).map(|x| 10.0 + f64::from(x)).collect();
        let [low, high] = percentile_interval(&resampled);
        assert!((low - 15.0).abs() < 1e-9 && (high - 205.0).abs() < 1e-9);
        let [low, high] = symmetric_interval(0.0, &resampled);
        assert!((low + 200.0).abs() < 1e-9 && (high - 200.0).abs() < 1e-9);
    }

    #[test]
    fn the_symmetric_interval_of_an_imbalance_contains_the_true_value() {
        // Of 500 samples a fifth are of the first class of ten: the true value is 0.1, and the
        // mean one is larger.
        let (n, classes, sets, mut source) = (500, 10, 200, rng(5));
        let (mut covered, mut sum) = (0, 0.0);
        for _ in 0..sets {
            let label = |source: &mut ChaCha8Rng| match source.random::<f64>() {
                x if x < 0.2 => 0,
                _ => source.random_range(1..classes),
            };
            let labels: Vec<usize> = (0..n).map(|_| label(&mut source)).collect();
            let of = |weights: &[u32]| imbalance(&shares(&labels, classes, weights));
            let value = of(&vec![1; n]);
            sum += value;
            let resampled: Vec<f64> =
                (0..RESAMPLES).map(|_| of(&resample(n, &mut source))).collect();
            let [low, high] = symmetric_interval(value, &resampled);
            covered += usize::from(low <= 0.1 && 0.1 <= high);
        }
        assert!(sum > 0.105 * f64::from(sets), "{sum}");
        assert!((182..200).contains(&covered), "{covered} of {sets}");
    }

    #[test]
    fn quantiles_are_interpolated_linearly() {
        let list = sorted(&[4.0_f32, 1.0, 2.0]);
        let at: Vec<f64> = [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| quantile(&list, q)).to_vec();
        assert_eq!(at, [1.0, 1.5, 2.0, 3.0, 4.0]);
        assert_eq!(quantile(&[7.0], 0.3), 7.0);
    }
}
