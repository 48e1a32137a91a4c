//! The real images of one training step.

use rand::{Rng, RngExt};

use crate::Dataset;

/// Fills `pixels`, `[batch, height, width, channels]` row-major, with images drawn uniformly with
/// replacement, each pixel `x` scaled to `(x − 127.5) / 127.5`, so that 0 becomes −1 and 255
/// becomes 1. Returns their labels, if the data set has any.
///
/// `rng` alone decides which images are drawn.
///
/// # Panics
/// When `pixels` is not a whole number of images.
pub fn draw_batch(dataset: &Dataset, rng: &mut impl Rng, pixels: &mut [f32]) -> Option<Vec<u16>> {
    let len = dataset.shape().len();
    assert!(pixels.len().is_multiple_of(len), "a batch is a whole number of images");
    let mut labels = dataset.labels().map(|all| (all, Vec::with_capacity(pixels.len() / len)));
    // An index drawn as `u64` is the same on 32-bit machines.
    let count = dataset.len() as u64;
    for pixels in pixels.chunks_exact_mut(len) {
        let index = rng.random_range(0..count) as usize;
        for (pixel, &x) in pixels.iter_mut().zip(dataset.image(index)) {
            *pixel = (f32::from(x) - 127.5) / 127.5;
        }
        if let Some((all, drawn)) = &mut labels {
            drawn.push(all[index]);
        }
    }
    labels.map(|(_, drawn)| drawn)
}

#[cfg(test)]
mod tests {
    use gan_core::ImageShape;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// One black and one white image.
    fn two() -> Dataset {
        let shape = ImageShape { channels: 3, height: 4, width: 5 };
        let images = [[0; 60], [255; 60]].concat();
        Dataset::new("two", shape, images).unwrap()
    }

    /// The first pixel of each image drawn, and the labels; all of an image is checked.
    fn draw(dataset: &Dataset, seed: u64) -> (Vec<f32>, Option<Vec<u16>>) {
        let mut pixels = vec![0.5; 64 * dataset.shape().len()];
        let labels = draw_batch(dataset, &mut ChaCha8Rng::seed_from_u64(seed), &mut pixels);
        let first = |image: &[f32]| {
            assert!(image.iter().all(|&x| x == image[0]));
            image[0]
        };
        (pixels.chunks(dataset.shape().len()).map(first).collect(), labels)
    }

    #[test]
    fn pixels_are_scaled_to_minus_one_and_one() {
        let (drawn, _) = draw(&two(), 1);
        assert!(drawn.iter().all(|x| x.abs() == 1.0));
        let white = drawn.iter().filter(|&&x| x == 1.0).count();
        assert!((16..=48).contains(&white), "white {white} times of 64");
    }

    #[test]
    fn labels_belong_to_the_images_drawn() {
        let labelled = two().with_labels(vec![4, 9], vec![]).unwrap();
        let (drawn, labels) = draw(&labelled, 3);
        let expected: Vec<u16> = drawn.iter().map(|&x| if x == 1.0 { 9 } else { 4 }).collect();
        assert_eq!(labels, Some(expected));
        assert_eq!(draw(&two(), 3), (drawn, None), "labels change no draw");
    }

    #[test]
    fn the_random_stream_alone_decides() {
        assert_eq!(draw(&two(), 5), draw(&two(), 5));
        assert_ne!(draw(&two(), 5), draw(&two(), 6));
    }
}
