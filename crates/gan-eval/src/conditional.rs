//! Measures of images that were asked for by class.
//!
//! The class that was asked for is compared with the one that the feature extractor sees; and the
//! images asked for each class are compared with the real images of that class (intra-class Fréchet
//! distance, Miyato and Koyama 2018, section 4.1).

use serde::{Deserialize, Serialize};

use crate::Measure;
use crate::frechet::{Gaussian, GaussianRoot};

/// The measures of images that were asked for by class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedMeasures {
    /// Share of the images that the feature extractor sees as asked, in [0, 1]; `None` if it has
    /// other classes.
    pub share: Option<Measure>,
    /// The same of each class; `None` for one that was not asked for. Empty, as is `confusion`, if the
    /// extractor has other classes.
    pub share_by_class: Vec<Option<f64>>,
    /// How many images asked for each class, a row, are seen as each: see [`confusion`].
    pub confusion: Vec<u32>,
    /// Mean Fréchet distance over the classes.
    pub frechet: Option<Measure>,
    /// The distance of each class: see [`ClassReference::distances`].
    pub frechet_by_class: Vec<Option<f64>>,
}

impl AskedMeasures {
    /// The class with the smallest share as asked, and that share.
    pub fn worst_share(&self) -> Option<(usize, f64)> {
        let known = self.share_by_class.iter().enumerate();
        let known = known.filter_map(|(class, share)| Some((class, (*share)?)));
        known.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The class with the largest Fréchet distance, and that distance.
    pub fn worst_frechet(&self) -> Option<(usize, f64)> {
        let known = self.frechet_by_class.iter().enumerate();
        let known = known.filter_map(|(class, distance)| Some((class, (*distance)?)));
        known.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// How many images asked for each class, a row, are seen as each class, a column: `[classes, classes]`,
/// row-major.
///
/// # Panics
/// When there is not one label in `seen` for each in `asked`, or a label is not below `classes`.
pub fn confusion(asked: &[u16], seen: &[usize], classes: usize) -> Vec<u32> {
    assert_eq!(asked.len(), seen.len(), "not one class seen for each asked");
    let mut counts = vec![0; classes * classes];
    for (&asked, &seen) in asked.iter().zip(seen) {
        assert!(seen < classes, "class {seen} of {classes}");
        counts[usize::from(asked) * classes + seen] += 1;
    }
    counts
}

/// The share of the images of each class that are seen as asked, from a [`confusion`] matrix; `None`
/// for a class that was not asked for.
pub fn shares_as_asked(confusion: &[u32], classes: usize) -> Vec<Option<f64>> {
    let share = |(class, row): (usize, &[u32])| {
        let all: u32 = row.iter().sum();
        (all > 0).then(|| f64::from(row[class]) / f64::from(all))
    };
    confusion.chunks_exact(classes.max(1)).enumerate().map(share).collect()
}

/// The real images of each class as a Gaussian.
#[derive(Clone, Debug)]
pub struct ClassReference {
    dim: usize,
    roots: Vec<Option<GaussianRoot>>,
}

impl ClassReference {
    /// Fits a Gaussian to the `features`, `[n, dim]`, of each class of at least two images.
    ///
    /// # Panics
    /// When there is not one label a row, or a label is not below `classes`.
    pub fn new(features: &[f32], dim: usize, labels: &[u16], classes: usize) -> Self {
        let gaussian = |class| Some(GaussianRoot::new(&of_class(features, dim, labels, class)?));
        assert!(labels.iter().all(|&label| usize::from(label) < classes), "a label is too large");
        Self { dim, roots: (0..classes).map(gaussian).collect() }
    }

    /// The number of classes.
    pub fn count(&self) -> usize {
        self.roots.len()
    }

    /// The Fréchet distance of the images asked for each class to its real images; `None` for a class
    /// of fewer than two of either. With fewer images than a few times `dim` it is much larger than
    /// with many, so it is comparable at the same count alone.
    ///
    /// # Panics
    /// When there is not one label a row of `features`, `[n, dim]`.
    pub fn distances(&self, features: &[f32], asked: &[u16]) -> Vec<Option<f64>> {
        let distance = |(class, root): (usize, &Option<GaussianRoot>)| {
            Some(root.as_ref()?.distance(&of_class(features, self.dim, asked, class)?))
        };
        self.roots.iter().enumerate().map(distance).collect()
    }
}

/// The Gaussian of the rows of a class, if there are at least two.
fn of_class(features: &[f32], dim: usize, labels: &[u16], class: usize) -> Option<Gaussian> {
    assert_eq!(features.len(), labels.len() * dim, "not one label a row");
    let rows = features.chunks_exact(dim).zip(labels);
    let rows = rows.filter(|&(_, &label)| usize::from(label) == class).map(|(row, _)| row);
    (rows.clone().count() > 1).then(|| Gaussian::fit(rows, dim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confusion_matrix_has_a_row_for_each_class_asked_for() {
        let counts = confusion(&[0, 0, 0, 2, 2], &[0, 1, 0, 2, 0], 3);
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 1, 0, 1]);
        assert_eq!(shares_as_asked(&counts, 3), [Some(2.0 / 3.0), None, Some(0.5)]);
    }

    #[test]
    fn distances_are_those_of_each_class_alone() {
        let features = [0.0, 0.0, 9.0, 9.0, 3.0, 4.0, 0.0, 4.0, 8.0, 7.0];
        let labels = [0, 1, 0, 0, 1];
        let reference = ClassReference::new(&features, 2, &labels, 3);
        let same = reference.distances(&features, &labels);
        assert!(same[0].unwrap().abs() < 1e-9 && same[1].unwrap().abs() < 1e-9);
        assert_eq!(same[2], None, "no image");
        // Moved by (1, 2), the distance is the squared length of that.
        let moved: Vec<f32> =
            features.iter().zip([1.0, 2.0].iter().cycle()).map(|(x, by)| x + by).collect();
        let found = reference.distances(&moved, &labels);
        assert!((found[0].unwrap() - 5.0).abs() < 1e-6, "{found:?}");
        // Three images of class 0 asked for as two of it: of one alone there is no distance.
        assert_eq!(reference.distances(&moved, &[0, 1, 1, 1, 1])[0], None);
    }
}
