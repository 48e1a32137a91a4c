//! The built-in digits, generated from a description of their strokes.
//!
//! [`strokes`] is a table of how people write each digit, [`variation`] changes it at random, and
//! [`rasterise`] turns the result into pixels. The layout is MNIST's: 20 pixels long, with the
//! centre of mass in the middle of 28×28.

mod rasterise;
#[rustfmt::skip] // a table, read by rows
mod strokes;
mod variation;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Dataset, DatasetError, MNIST_SHAPE};

/// Generates `count` labelled digits, of class 0, 1, … 9, 0, 1, …
///
/// Image `i` depends on `seed` and `i` alone, so a larger data set begins with the smaller one.
///
/// # Errors
/// When `count` is zero.
pub fn synthetic(count: usize, seed: u64) -> Result<Dataset, DatasetError> {
    let seeded = ChaCha8Rng::seed_from_u64(seed);
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for index in 0..count {
        let mut rng = seeded.clone();
        rng.set_stream(index as u64);
        let class = index % strokes::DIGITS.len();
        images.extend(digit(class, &mut rng));
        labels.push(class as u16);
    }
    Dataset::new("synthetic", MNIST_SHAPE, images)?.with_labels(labels, Vec::new())
}

fn digit(class: usize, rng: &mut impl Rng) -> Vec<u8> {
    loop {
        // One seven in twenty has its centre of mass too high to be centred.
        if let Some(pixels) = rasterise::rasterise(&variation::vary(class, rng)) {
            return pixels;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = MNIST_SHAPE.width;
    const IMAGE_LEN: usize = MNIST_SHAPE.len();

    /// Mean Euclidean distance between two images of a class, over the first
    /// 200 images of each class in MNIST's training file.
    const MNIST_SPREAD: [f64; 10] =
        [2505.0, 1686.0, 2573.0, 2384.0, 2288.0, 2450.0, 2223.0, 2169.0, 2340.0, 2167.0];
    /// Mean over all pixels of MNIST's training file.
    const MNIST_MEAN: f64 = 33.3;

    fn squared_distance(a: &[u8], b: &[u8]) -> u32 {
        a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    }

    fn images(set: &Dataset) -> impl Iterator<Item = &[u8]> {
        set.images().chunks_exact(IMAGE_LEN)
    }

    #[test]
    fn the_strokes_of_the_table_are_in_range_and_not_empty() {
        for form in strokes::DIGITS.into_iter().flatten() {
            assert!(form.weight > 0);
            assert!(!form.strokes.is_empty());
            for stroke in form.strokes {
                assert!(stroke.windows(2).any(|pair| pair[0] != pair[1]));
                let mut unit = stroke.iter().flat_map(|&(x, y)| [x, y]);
                assert!(unit.all(|at| (0..=100).contains(&at)));
            }
        }
    }

    #[test]
    fn the_classes_alternate() {
        let set = synthetic(1000, 3).unwrap();
        let alternating: Vec<u16> = (0..10).cycle().take(1000).collect();
        assert_eq!(set.labels(), Some(&alternating[..]));
        assert!(matches!(synthetic(0, 3), Err(DatasetError::Empty(_))));
    }

    #[test]
    fn the_seed_alone_decides_the_images() {
        let set = synthetic(100, 3).unwrap();
        assert_eq!(set, synthetic(100, 3).unwrap());
        let other = synthetic(100, 4).unwrap();
        assert!(images(&set).zip(images(&other)).all(|(a, b)| a != b));
    }

    #[test]
    fn an_image_does_not_depend_on_how_many_follow() {
        let (few, many) = (synthetic(37, 3).unwrap(), synthetic(211, 3).unwrap());
        assert_eq!(few.images(), &many.images()[..few.images().len()]);
    }

    #[test]
    fn digits_fit_a_box_of_20_pixels_and_are_centred_by_mass() {
        let set = synthetic(5000, 3).unwrap();
        for (index, image) in images(&set).enumerate() {
            let lit = || (0..IMAGE_LEN).filter(|&at| image[at] > 0);
            let [width, height] = [|at| at % SIDE, |at| at / SIDE].map(|axis: fn(_) -> _| {
                let low = lit().map(axis).min().unwrap();
                let mass: f64 = lit().map(|at| f64::from(image[at])).sum();
                let moment: f64 = lit().map(|at| f64::from(image[at]) * axis(at) as f64).sum();
                let off = moment / mass - SIDE as f64 / 2.0;
                assert!(off.abs() <= 0.5001, "image {index} is {off} pixels off the centre");
                lit().map(axis).max().unwrap() - low + 1
            });
            let longer = width.max(height);
            assert!((18..=20).contains(&longer), "image {index} is {width}x{height}");
        }
    }

    #[test]
    fn the_mean_pixel_is_mnists_and_edges_are_soft() {
        let set = synthetic(5000, 3).unwrap();
        let share = |wanted: fn(u8) -> bool| {
            let found = set.images().iter().filter(|&&pixel| wanted(pixel)).count();
            found as f64 / set.images().len() as f64
        };
        let mean =
            set.images().iter().map(|&x| f64::from(x)).sum::<f64>() / set.images().len() as f64;
        assert!((mean - MNIST_MEAN).abs() < 2.0, "mean pixel is {mean}");
        assert!(share(|pixel| pixel == 255) > 0.05, "the middle of a line is white");
        assert!(share(|pixel| (1..255).contains(&pixel)) > 0.05, "its edges are grey");
    }

    #[test]
    fn digits_are_classified_by_their_nearest_neighbour() {
        let (train, test) = (synthetic(4000, 3).unwrap(), synthetic(500, 4).unwrap());
        let nearest = |image: &[u8]| {
            let distances = images(&train).map(|other| squared_distance(image, other));
            let (distance, label) = distances.zip(train.labels().unwrap()).min().unwrap();
            assert!(distance > 0, "the test image is among the others");
            *label
        };
        let correct =
            images(&test).zip(test.labels().unwrap()).filter(|(x, y)| nearest(x) == **y).count();
        assert!(correct >= 475, "{correct} of 500 are classified correctly, less than 95%");
    }

    #[test]
    fn a_class_varies_at_least_half_as_much_as_in_mnist() {
        let set = synthetic(1000, 3).unwrap();
        for (class, mnist) in MNIST_SPREAD.into_iter().enumerate() {
            let drawn: Vec<_> = images(&set).skip(class).step_by(10).collect();
            let distances: Vec<_> = drawn
                .iter()
                .enumerate()
                .flat_map(|(index, a)| drawn[..index].iter().map(|b| squared_distance(a, b)))
                .map(|squared| f64::from(squared).sqrt())
                .collect();
            let spread = distances.iter().sum::<f64>() / distances.len() as f64;
            assert!(spread > 0.5 * mnist, "{class} varies by {spread}, MNIST's by {mnist}");
        }
    }
}
