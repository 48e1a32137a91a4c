//! The kernel distance (KID): how far apart two sets of features are, whatever their sizes.
//!
//! The kernel Inception distance of Bińkowski et al. 2018 ("Demystifying MMD GANs"), here with
//! another classifier: the squared maximum mean discrepancy of samples x₁ … xₙ and real images
//! y₁ … yₘ with the kernel k(x, y) = (x·y / d + 1)³ on d features, in its unbiased estimate
//! (Gretton et al. 2012, lemma 6)
//!
//! ```text
//! 1/n Σᵢ wᵢ − 2/n Σᵢ bᵢ + 1/m Σⱼ cⱼ
//! wᵢ = mean of k(xᵢ, xₖ) over k ≠ i     bᵢ = mean of k(xᵢ, yⱼ) over j
//! cⱼ = mean of k(yⱼ, yₖ) over k ≠ j
//! ```
//!
//! It is 0 for equal distributions in the mean over many sets, so that a single estimate may be
//! negative, and larger if means, covariances or third moments of the features differ. The mean does
//! not depend on n: unlike the Fréchet distance, it is comparable between sets of any sizes.
//!
//! With the real images fixed it is a U-statistic of the samples, and asymptotically normal
//! (Hoeffding 1948; Serfling 1980, section 5.5). With hᵢ = wᵢ − bᵢ, which estimates half of what
//! xᵢ contributes, its standard error is 2 sd(h) / √n. If the distributions are equal, the
//! contributions vanish and the estimate is not normal, but sd(h) then contains the error of the wᵢ,
//! which is larger than that of the estimate.
//!
//! The caller computes the inner products, a block of rows at a time, so that no matrix of
//! `[n, n]` or `[n, m]` is stored.

use crate::measure::{DISTANCE, Measure};

/// Half the width of a 95% interval of a normal distribution, in standard deviations.
const NORMAL: f64 = 1.96;
/// Sums that are kept at once, so that the loop is vectorised. Their order never changes.
const LANES: usize = 8;

/// For each row the mean kernel of a vector with `count` others.
///
/// `products` are whole rows of inner products of vectors of `dim` features, `[rows, count]`.
///
/// # Panics
/// When `count` or `dim` is 0, or the last row is not whole.
pub fn mean_kernels(products: &[f32], count: usize, dim: usize) -> impl Iterator<Item = f64> {
    rows(products, count, dim).map(move |row| kernel_sum(row, dim) / count as f64)
}

/// The same for vectors of the same set: the vector itself is left out. The first row is
/// that of vector `first` of `count`.
///
/// # Panics
/// When `count` is below two, `dim` is 0, there are more rows than vectors, or the last row is not
/// whole.
pub fn mean_kernels_within(
    products: &[f32],
    count: usize,
    dim: usize,
    first: usize,
) -> impl Iterator<Item = f64> {
    assert!(count > 1, "one vector has no others");
    rows(products, count, dim).zip(first..).map(move |(row, own)| {
        (kernel_sum(row, dim) - kernel(row[own], 1.0 / dim as f64)) / (count - 1) as f64
    })
}

fn rows(products: &[f32], count: usize, dim: usize) -> std::slice::ChunksExact<'_, f32> {
    assert!(count > 0 && dim > 0, "no vectors or no features");
    assert!(products.len().is_multiple_of(count), "no whole number of rows");
    products.chunks_exact(count)
}

fn kernel(product: f32, scale: f64) -> f64 {
    let base = f64::from(product) * scale + 1.0;
    base * base * base
}

fn kernel_sum(row: &[f32], dim: usize) -> f64 {
    let scale = 1.0 / dim as f64;
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, &product) in sums.iter_mut().zip(chunk) {
            *sum += kernel(product, scale);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&product| kernel(product, scale)).sum::<f64>()
}

/// The unbiased estimate of a kernel distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelDistance {
    /// The estimate, which may be negative; NaN when a feature is not finite.
    pub estimate: f64,
    /// How much it varies with the choice of the samples, as a standard deviation. The real images
    /// are fixed.
    pub standard_error: f64,
}

impl KernelDistance {
    /// From the mean kernels of each sample with the other samples and with all real images, both
    /// `[n]`, and the mean kernel of two real images.
    ///
    /// # Panics
    /// When there are fewer than two samples, or the lists differ in length.
    pub fn new(within: &[f64], between: &[f64], real: f64) -> Self {
        assert_eq!(within.len(), between.len(), "not one mean of each kind a sample");
        assert!(within.len() > 1, "a kernel distance needs two samples");
        let n = within.len() as f64;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
        let contributions: Vec<f64> = within.iter().zip(between).map(|(w, b)| w - b).collect();
        let centre = mean(&contributions);
        let squares = contributions.iter().map(|h| (h - centre) * (h - centre));
        let variance = squares.sum::<f64>() / (n - 1.0);
        Self {
            estimate: centre - mean(between) + real,
            standard_error: 2.0 * (variance / n).sqrt(),
        }
    }

    /// The estimate with its 95% interval, which is symmetric around it. Numbers below 0 become 0,
    /// because no distance is negative.
    pub fn measure(self) -> Measure {
        let half = NORMAL * self.standard_error;
        let interval = [self.estimate - half, self.estimate + half];
        Measure::new(self.estimate, Some(interval), DISTANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gan_core::stream::{Purpose, normal, stream};

    const DIM: usize = 16;

    /// Inner products of each row of `a` with each of `b`: `[rows of a, rows of b]`.
    fn products(a: &[f32], b: &[f32]) -> Vec<f32> {
        let product = |x: &[f32], y: &[f32]| {
            x.iter().zip(y).map(|(x, y)| f64::from(x * y)).sum::<f64>() as f32
        };
        let row = |x| b.chunks_exact(DIM).map(move |y| product(x, y));
        a.chunks_exact(DIM).flat_map(row).collect()
    }

    fn within(set: &[f32]) -> Vec<f64> {
        mean_kernels_within(&products(set, set), set.len() / DIM, DIM, 0).collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    fn distance(samples: &[f32], real: &[f32]) -> KernelDistance {
        let between: Vec<f64> =
            mean_kernels(&products(samples, real), real.len() / DIM, DIM).collect();
        KernelDistance::new(&within(samples), &between, mean(&within(real)))
    }

    /// `n` standard normal vectors, all shifted by `shift` in each feature.
    fn vectors(seed: u64, index: u64, n: usize, shift: f32) -> Vec<f32> {
        let mut vectors = normal(&mut stream(seed, Purpose::Bootstrap, index), n * DIM);
        for x in &mut vectors {
            *x += shift;
        }
        vectors
    }

    /// The squared maximum mean discrepancy of N(0, I) and N(μ, I), from the first three moments of
    /// both.
    fn exact(shift: f64) -> f64 {
        let (d, square) = (DIM as f64, DIM as f64 * shift * shift);
        let third = square * (square * square + 6.0 * square + 3.0 * d + 6.0);
        3.0 * square / d + 3.0 * (square / d).powi(2) + third / d.powi(3)
    }

    #[test]
    fn the_estimate_equals_the_definition() {
        let (x, y) = (vectors(1, 0, 13, 0.5), vectors(1, 1, 21, 0.0));
        let kernel = |x: &[f32], y: &[f32]| {
            let product: f64 = x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
            (product / DIM as f64 + 1.0).powi(3)
        };
        let pairs = |a: &[f32], b: &[f32], same: bool| {
            let mut kernels = Vec::new();
            for (i, x) in a.chunks_exact(DIM).enumerate() {
                for (j, y) in b.chunks_exact(DIM).enumerate() {
                    if !same || i != j {
                        kernels.push(kernel(x, y));
                    }
                }
            }
            mean(&kernels)
        };
        let expected = pairs(&x, &x, true) + pairs(&y, &y, true) - 2.0 * pairs(&x, &y, false);
        let found = distance(&x, &y).estimate;
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }

    #[test]
    fn blocks_of_rows_equal_the_whole() {
        let set = vectors(2, 0, 19, 0.0);
        let products = products(&set, &set);
        let (some, rest) = products.split_at(7 * 19);
        let blocks =
            mean_kernels_within(some, 19, DIM, 0).chain(mean_kernels_within(rest, 19, DIM, 7));
        assert_eq!(blocks.collect::<Vec<_>>(), within(&set));
    }

    #[test]
    fn the_estimate_has_no_bias_at_any_count() {
        for shift in [0.0, 0.3] {
            let expected = exact(f64::from(shift));
            for (n, repetitions) in [(50, 1000), (200, 300), (1000, 40)] {
                let estimates: Vec<f64> = (0..repetitions)
                    .map(|i| {
                        let sets =
                            [vectors(n, 2 * i, n as usize, shift), vectors(n, 2 * i + 1, 300, 0.0)];
                        distance(&sets[0], &sets[1]).estimate
                    })
                    .collect();
                let found = mean(&estimates);
                let squares: Vec<f64> = estimates.iter().map(|x| (x - found).powi(2)).collect();
                let error = (mean(&squares) / repetitions as f64).sqrt();
                assert!(
                    (found - expected).abs() < 3.0 * error,
                    "{n} samples shifted by {shift}: {found} ± {error}, not {expected}"
                );
            }
        }
    }

    /// The squared discrepancy between N(μ, I) and these fixed vectors, with the unbiased mean
    /// kernel of theirs: what the interval is for.
    fn exact_from(real: &[f32], shift: f64) -> f64 {
        let (d, square) = (DIM as f64, DIM as f64 * shift * shift);
        let own = 1.0
            + 3.0 * square / d
            + 3.0 * (d + 2.0 * square + square * square) / (d * d)
            + square * (square * square + 6.0 * square + 3.0 * d + 6.0) / d.powi(3);
        // E (x·y + d)³ / d³ of one y, where x·y is normal.
        let between = real.chunks_exact(DIM).map(|y| {
            let variance: f64 = y.iter().map(|&y| f64::from(y).powi(2)).sum::<f64>() / (d * d);
            let centre = 1.0 + y.iter().map(|&y| shift * f64::from(y)).sum::<f64>() / d;
            centre * (centre * centre + 3.0 * variance)
        });
        own - 2.0 * mean(&between.collect::<Vec<_>>()) + mean(&within(real))
    }

    #[test]
    fn an_interval_contains_the_true_distance_in_95_of_100_cases() {
        let real = vectors(7, 0, 400, 0.0);
        let own = mean(&within(&real));
        for (shift, n, repetitions) in
            [(0.3, 50, 1000), (0.3, 200, 400), (0.3, 1000, 60), (0.0, 50, 1000), (0.0, 200, 400)]
        {
            let truth = exact_from(&real, f64::from(shift));
            let covered = (0..repetitions).filter(|&i| {
                let samples = vectors(8, i, n, shift);
                let between: Vec<f64> =
                    mean_kernels(&products(&samples, &real), 400, DIM).collect();
                let found = KernelDistance::new(&within(&samples), &between, own);
                (found.estimate - truth).abs() < NORMAL * found.standard_error
            });
            let coverage = covered.count() as f64 / repetitions as f64;
            assert!((0.92..=0.99).contains(&coverage), "{n} shifted by {shift}: {coverage}");
        }
    }

    #[test]
    fn a_negative_estimate_is_printed_as_zero() {
        let distance = |estimate| KernelDistance { estimate, standard_error: 1.0 }.measure();
        assert_eq!(distance(-1.0), Measure { value: 0.0, interval: Some([0.0, 0.96]) });
        assert_eq!(distance(-3.0).interval, Some([0.0, 0.0]));
        let Measure { value, interval } = distance(2.0);
        let [low, high] = interval.unwrap();
        assert!(value == 2.0 && (low - 0.04).abs() < 1e-9 && (high - 3.96).abs() < 1e-9);
    }

    #[test]
    fn features_that_are_not_finite_give_nan() {
        let (mut x, y) = (vectors(9, 0, 20, 0.0), vectors(9, 1, 20, 0.0));
        x[5] = f32::NAN;
        assert!(distance(&x, &y).measure().value.is_nan());
    }
}
