//! Precision and recall, density and coverage: overlap of the supports of two sets of samples.
//!
//! The support of a set is the union of balls around its samples, each with the distance to the
//! k-th nearest neighbour in the set as its radius. All distances are squared. The caller computes
//! them, a block of rows at a time, so that no matrix of `[n, n]` is stored.

/// The squared radius of each sample's ball: the distance to its `k`-th nearest neighbour.
///
/// `rows` are whole rows of the squared distances within one set, `[rows, n]`, each with
/// the sample's distance to itself somewhere in it. Numbers below 0, from rounding, count as
/// 0. A sample that has fewer than `k` neighbours at a finite distance has the radius
/// NaN, and so nothing lies in its ball.
///
/// # Panics
/// When `k` is 0 or not below `n`, or the last row is not whole.
pub fn kth_radii(rows: &[f32], n: usize, k: usize) -> Vec<f32> {
    assert!(0 < k && k < n, "{k} neighbours among {n} samples");
    assert!(rows.len().is_multiple_of(n), "no whole number of rows");
    // The sample itself is the nearest.
    let mut nearest = vec![0.0; k + 1];
    rows.chunks_exact(n).map(|row| last_of_nearest(row, &mut nearest)).collect()
}

/// The largest of the `nearest.len()` smallest numbers of `row`.
fn last_of_nearest(row: &[f32], nearest: &mut [f32]) -> f32 {
    let last = nearest.len() - 1;
    nearest.fill(f32::INFINITY);
    for &distance in row {
        // Rarely true, so a sorted list is fastest.
        if distance < nearest[last] {
            let place = nearest.partition_point(|&other| other <= distance);
            nearest.copy_within(place..last, place + 1);
            nearest[place] = distance;
        }
    }
    if nearest[last] < f32::INFINITY { nearest[last].max(0.0) } else { f32::NAN }
}

/// Computes the measures from rows of squared distances between real and fake samples.
#[derive(Clone, Debug)]
pub struct Support<'a> {
    real_radii: &'a [f32],
    fake_radii: &'a [f32],
    k: usize,
    /// The number of real balls that contain each fake sample.
    balls: Vec<u32>,
    recall: Vec<f64>,
    coverage: Vec<f64>,
}

impl<'a> Support<'a> {
    /// Starts from the squared radii of both sets, `[real]` and `[fake]`, of [`kth_radii`] with
    /// the same `k`.
    pub fn new(real_radii: &'a [f32], fake_radii: &'a [f32], k: usize) -> Self {
        let balls = vec![0; fake_radii.len()];
        Self { real_radii, fake_radii, k, balls, recall: Vec::new(), coverage: Vec::new() }
    }

    /// Adds the next real samples' squared distances to all fake ones, `[rows, fake]`.
    /// Numbers below 0, from rounding, count as 0.
    ///
    /// # Panics
    /// When the last row is not whole, or there are more rows than real samples.
    pub fn add(&mut self, rows: &[f32]) {
        let fake = self.fake_radii.len();
        assert!(fake > 0 && rows.len().is_multiple_of(fake), "no whole number of rows");
        for row in rows.chunks_exact(fake) {
            let radius = self.real_radii[self.recall.len()];
            // No early exit, and `|=` of numbers, so that the loop is vectorised.
            let (mut in_fake, mut in_real) = (0, 0);
            let samples = row.iter().zip(self.fake_radii).zip(&mut self.balls);
            for ((&distance, &other), balls) in samples {
                // Not `max`, which turns NaN into 0.
                let distance = if distance < 0.0 { 0.0 } else { distance };
                let inside = u32::from(distance < radius);
                in_fake |= u32::from(distance < other);
                in_real |= inside;
                *balls += inside;
            }
            self.recall.push(f64::from(in_fake));
            self.coverage.push(f64::from(in_real));
        }
    }

    /// The result.
    ///
    /// # Panics
    /// When rows are missing.
    pub fn finish(self) -> Overlap {
        assert_eq!(self.recall.len(), self.real_radii.len(), "not one row a real sample");
        Overlap {
            precision: self.balls.iter().map(|&balls| f64::from(balls.min(1))).collect(),
            recall: self.recall,
            density: self.balls.iter().map(|&balls| f64::from(balls) / self.k as f64).collect(),
            coverage: self.coverage,
        }
    }
}

/// The overlap of two sets of samples: the means of these lists are the measures, and a bootstrap
/// resamples the lists.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlap {
    /// 1 for each fake sample in any real ball, else 0: `[fake]`. The mean is the share of fake
    /// samples within the real support (Kynkäänniemi et al. 2019, equations 1 and 2).
    pub precision: Vec<f64>,
    /// 1 for each real sample in any fake ball, else 0: `[real]`. The mean is the share of real
    /// samples within the fake support (Kynkäänniemi et al. 2019, equations 1 and 2).
    pub recall: Vec<f64>,
    /// The number of real balls around each fake sample, over `k`: `[fake]`. The mean is from 0,
    /// about 1 for samples of the real distribution, and above 1 if they crowd in its densest
    /// parts (Naeem et al. 2020, equation 5).
    pub density: Vec<f64>,
    /// 1 for each real sample with any fake one in its ball, else 0: `[real]`. The mean is the
    /// share of such samples (Naeem et al. 2020, equation 6).
    pub coverage: Vec<f64>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The squared distances from each sample of `a`, `[rows, dim]`, to each of `b`, `[n, dim]`:
    /// `[rows, n]`. A simple reference implementation.
    pub(crate) fn squared_distances(a: &[f32], b: &[f32], dim: usize) -> Vec<f32> {
        let squared = |x: &[f32], y: &[f32]| {
            let apart = x.iter().zip(y).map(|(&x, &y)| f64::from(x) - f64::from(y));
            apart.map(|apart| apart * apart).sum::<f64>() as f32
        };
        let row = |x| b.chunks_exact(dim).map(move |y| squared(x, y));
        a.chunks_exact(dim).flat_map(row).collect()
    }

    fn overlap(real: &[f32], fake: &[f32], k: usize) -> Overlap {
        let radii = |set: &[f32]| kth_radii(&squared_distances(set, set, 1), set.len(), k);
        let (real_radii, fake_radii) = (radii(real), radii(fake));
        let mut support = Support::new(&real_radii, &fake_radii, k);
        // In two blocks, of which the second is the longer.
        let (some, rest) = real.split_at(real.len() / 3);
        support.add(&squared_distances(some, fake, 1));
        support.add(&squared_distances(rest, fake, 1));
        support.finish()
    }

    #[test]
    fn radii_exclude_the_sample_itself() {
        let line = [0.0, 1.0, 3.0, 7.0];
        let distances = squared_distances(&line, &line, 1);
        assert_eq!(kth_radii(&distances, 4, 1), [1.0, 1.0, 4.0, 16.0]);
        assert_eq!(kth_radii(&distances, 4, 2), [9.0, 4.0, 9.0, 36.0]);
        assert_eq!(kth_radii(&distances[4..8], 4, 3), [36.0], "a block of one row");
        let rounded = [-1e-9, -2e-9, 5.0];
        assert_eq!(kth_radii(&rounded, 3, 1), [0.0]);
    }

    #[test]
    fn samples_on_a_line_are_counted_correctly() {
        // Balls of radius 1, 1 and 2 around the real ones, of 1, 1 and 9 around the fake.
        let found = overlap(&[0.0, 1.0, 3.0], &[0.5, 1.5, 10.5], 1);
        assert_eq!(found.density, [2.0, 2.0, 0.0]);
        assert_eq!(found.precision, [1.0, 1.0, 0.0]);
        assert_eq!(found.recall, [1.0; 3]);
        assert_eq!(found.coverage, [1.0; 3]);
    }

    #[test]
    fn the_edge_of_a_ball_is_outside() {
        let found = overlap(&[0.0, 1.0], &[2.0, 3.0], 1);
        assert_eq!(found.density, [0.0; 2]);
        assert_eq!((found.recall, found.coverage), (vec![0.0; 2], vec![0.0; 2]));
        let same = overlap(&[5.0; 4], &[5.0; 4], 2);
        assert_eq!(same.precision, [0.0; 4], "balls of radius 0 are empty");
    }

    #[test]
    fn rounding_below_zero_does_not_fill_an_empty_ball() {
        let mut support = Support::new(&[0.0], &[0.0], 1);
        support.add(&[-1e-6]);
        assert_eq!(support.finish().precision, [0.0]);
    }

    #[test]
    fn a_sample_that_is_not_finite_is_in_no_ball_and_has_none() {
        let found = overlap(&[0.0, 1.0, 3.0], &[f32::NAN, 0.5, f32::INFINITY], 1);
        assert_eq!(found.density, [0.0, 2.0, 0.0]);
        assert_eq!(found.recall, [0.0; 3], "the one fake left has no neighbour");
    }
}
