//! The Fréchet distance between Gaussians fitted to two sets of features.

use nalgebra::{DMatrix, SymmetricEigen};

/// Rows that are centred at once: with 128 features they fill the L1 cache.
const ROWS: usize = 32;
/// Side of the tile of sums that is kept in registers.
const TILE: usize = 4;

/// The Gaussian with the mean and the covariance of a set of features.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    /// `[dim]`
    pub mean: Vec<f64>,
    /// `[dim, dim]`, row-major and exactly symmetric; sums are divided by `n − 1`.
    pub covariance: Vec<f64>,
}

impl Gaussian {
    /// The Gaussian of samples, each `dim` features.
    ///
    /// # Panics
    /// When there are fewer than two samples.
    pub fn fit<'a>(samples: impl Iterator<Item = &'a [f32]> + Clone, dim: usize) -> Self {
        let (mut mean, mut count) = (vec![0.0; dim], 0_u64);
        for x in samples.clone() {
            count += 1;
            for (sum, &x) in mean.iter_mut().zip(x) {
                *sum += f64::from(x);
            }
        }
        assert!(count > 1, "a covariance needs two samples");
        for sum in &mut mean {
            *sum /= count as f64;
        }

        // Centred before they are multiplied, so that a large mean costs no digits; the
        // columns up to a whole tile stay zero.
        let wide = dim.next_multiple_of(TILE);
        let mut sums = vec![0.0; wide * wide];
        let mut block = vec![0.0; ROWS * wide];
        let mut rows = 0;
        for x in samples {
            for ((to, &x), mean) in block[rows * wide..].iter_mut().zip(x).zip(&mean) {
                *to = f64::from(x) - mean;
            }
            rows += 1;
            if rows == ROWS {
                add_products(&mut sums, &block, wide);
                rows = 0;
            }
        }
        add_products(&mut sums, &block[..rows * wide], wide);

        let scale = 1.0 / (count - 1) as f64;
        let entry = |i: usize, j: usize| sums[i.min(j) * wide + i.max(j)] * scale;
        let covariance = (0..dim).flat_map(|i| (0..dim).map(move |j| entry(i, j))).collect();
        Self { mean, covariance }
    }

    fn matrix(&self) -> DMatrix<f64> {
        let dim = self.mean.len();
        DMatrix::from_row_slice(dim, dim, &self.covariance)
    }
}

/// Adds `blockᵀ · block` to the tiles of `sums`, `[wide, wide]`, on and above the diagonal.
fn add_products(sums: &mut [f64], block: &[f64], wide: usize) {
    for i in (0..wide).step_by(TILE) {
        for j in (i..wide).step_by(TILE) {
            let mut tile = [[0.0; TILE]; TILE];
            for row in block.chunks_exact(wide) {
                let (Some(left), Some(right)) =
                    (row[i..].first_chunk::<TILE>(), row[j..].first_chunk::<TILE>())
                else {
                    break;
                };
                for (tile, left) in tile.iter_mut().zip(left) {
                    for (sum, right) in tile.iter_mut().zip(right) {
                        *sum += left * right;
                    }
                }
            }
            for (row, tile) in tile.iter().enumerate() {
                for (sum, tile) in sums[(i + row) * wide + j..].iter_mut().zip(tile) {
                    *sum += tile;
                }
            }
        }
    }
}

/// A Gaussian with a root R of its covariance Σ₁ = R Rᵀ: each distance from it then costs one
/// decomposition, for eigenvalues alone.
#[derive(Clone, Debug)]
pub struct GaussianRoot {
    mean: Vec<f64>,
    trace: f64,
    /// Any R will do, for Rᵀ Σ₂ R has the eigenvalues of Σ₁^½ Σ₂ Σ₁^½, both being those of
    /// Σ₁ Σ₂. Here its columns are eigenvectors, each as long as its eigenvalue's root.
    root: DMatrix<f64>,
}

impl GaussianRoot {
    /// Computes the root of the covariance, which may be singular: eigenvalues that rounding
    /// makes negative count as 0.
    pub fn new(gaussian: &Gaussian) -> Self {
        let matrix = gaussian.matrix();
        let trace = matrix.trace();
        let root = if is_finite(&matrix) {
            let eigen = SymmetricEigen::new(matrix);
            let mut root = eigen.eigenvectors;
            for (mut column, value) in root.column_iter_mut().zip(eigen.eigenvalues.iter()) {
                column *= value.max(0.0).sqrt();
            }
            root
        } else {
            matrix
        };
        Self { mean: gaussian.mean.clone(), trace, root }
    }

    /// The squared Fréchet distance |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½) to `other` (Dowson &
    /// Landau 1982), applied to images by Heusel et al. 2017 (equation 6).
    ///
    /// The unit is that of the features, squared; 0 for equal Gaussians, up to rounding, which can
    /// make it slightly negative. It is biased upwards with less than some thousand samples:
    /// compare only distances of equal numbers of samples. NaN when a feature is not finite.
    ///
    /// # Panics
    /// When the two differ in their number of features.
    pub fn distance(&self, other: &Gaussian) -> f64 {
        assert_eq!(self.mean.len(), other.mean.len(), "numbers of features differ");
        let matrix = other.matrix();
        let product = self.root.tr_mul(&(&matrix * &self.root));
        // The decomposition of a NaN would not end.
        if !is_finite(&product) {
            return f64::NAN;
        }
        let apart = self.mean.iter().zip(&other.mean).map(|(a, b)| (a - b) * (a - b));
        let values = product.symmetric_eigenvalues();
        let shared: f64 = values.iter().map(|value| value.max(0.0).sqrt()).sum();
        apart.sum::<f64>() + self.trace + matrix.trace() - 2.0 * shared
    }
}

fn is_finite(matrix: &DMatrix<f64>) -> bool {
    matrix.iter().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn fit(features: &[f32], dim: usize) -> Gaussian {
        Gaussian::fit(features.chunks_exact(dim), dim)
    }

    fn distance(a: &Gaussian, b: &Gaussian) -> f64 {
        GaussianRoot::new(a).distance(b)
    }

    fn features(seed: u64, len: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..len).map(|_| rng.random_range(-1.0..2.0)).collect()
    }

    #[test]
    fn the_fit_equals_the_textbook_formula() {
        // More rows than a block, and columns that fill no tile.
        let (n, dim) = (ROWS * 2 + 3, TILE + 3);
        let features = features(1, n * dim);
        let fit = fit(&features, dim);
        let column = |j: usize| features.iter().skip(j).step_by(dim).map(|&x| f64::from(x));
        for i in 0..dim {
            let mean = |j| column(j).sum::<f64>() / n as f64;
            assert!((fit.mean[i] - mean(i)).abs() < 1e-12);
            for j in 0..dim {
                let products = column(i).zip(column(j)).map(|(x, y)| (x - mean(i)) * (y - mean(j)));
                let expected = products.sum::<f64>() / (n - 1) as f64;
                assert!((fit.covariance[i * dim + j] - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_distance_of_one_feature_equals_the_formula() {
        // Means 1 and 4, variances 2 and 8: 3² + (√8 − √2)² = 11.
        let a = fit(&[0.0, 2.0], 1);
        let b = fit(&[2.0, 6.0], 1);
        assert!((distance(&a, &b) - 11.0).abs() < 1e-12);
        assert!((distance(&b, &a) - 11.0).abs() < 1e-12);
    }

    #[test]
    fn the_distance_to_itself_is_zero_even_if_singular() {
        // Fewer samples than features: every covariance is singular.
        let (a, b) = (fit(&features(4, 40), 8), fit(&features(5, 40), 8));
        assert!(distance(&a, &a).abs() < 1e-6);
        let (there, back) = (distance(&a, &b), distance(&b, &a));
        assert!(there > 0.1 && (there - back).abs() < 1e-6, "{there} and {back}");
        let still = fit(&[1.0; 40], 8);
        assert_eq!(distance(&still, &still), 0.0);
    }

    #[test]
    fn features_that_are_not_finite_give_nan() {
        let fine = fit(&features(6, 40), 4);
        for broken in [f32::NAN, f32::INFINITY] {
            let mut features = features(7, 40);
            features[9] = broken;
            let broken = fit(&features, 4);
            assert!(distance(&fine, &broken).is_nan());
            assert!(distance(&broken, &fine).is_nan());
        }
    }
}
