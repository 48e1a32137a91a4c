//! The real images of one training step.

use rand::{Rng, RngExt};

use crate::{Dataset, IMAGE_LEN};

/// A batch as a net sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[batch, 784]` row-major, in [−1, 1].
    pub pixels: Vec<f32>,
    /// One class an image.
    pub labels: Vec<u8>,
}

/// Draws `batch` images uniformly with replacement, and scales a pixel `x` to
/// `(x − 127.5) / 127.5`, so that paper is −1 and ink is 1.
///
/// Which images they are is decided by `rng` alone.
#[must_use]
pub fn draw_batch(dataset: &Dataset, batch: usize, rng: &mut impl Rng) -> Batch {
    let mut pixels = Vec::with_capacity(batch * IMAGE_LEN);
    let mut labels = Vec::with_capacity(batch);
    // An index drawn as `u64` is the same on 32-bit machines.
    let count = dataset.len() as u64;
    for _ in 0..batch {
        let index = rng.random_range(0..count) as usize;
        pixels.extend(dataset.image(index).iter().map(|&x| (f32::from(x) - 127.5) / 127.5));
        labels.push(dataset.labels()[index]);
    }
    Batch { pixels, labels }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn two_images() -> Dataset {
        let images = [[0; IMAGE_LEN], [255; IMAGE_LEN]].concat();
        Dataset::new("two", images, vec![4, 9]).unwrap()
    }

    #[test]
    fn pixels_are_scaled_to_minus_one_and_one_and_keep_their_label() {
        let batch = draw_batch(&two_images(), 64, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(batch.pixels.len(), 64 * IMAGE_LEN);
        for (image, label) in batch.pixels.chunks(IMAGE_LEN).zip(&batch.labels) {
            let expected = if *label == 4 { -1.0 } else { 1.0 };
            assert!(image.iter().all(|&x| x == expected));
        }
        let nines = batch.labels.iter().filter(|&&label| label == 9).count();
        assert!((16..=48).contains(&nines), "both images are drawn, {nines} of 64 are nines");
    }

    #[test]
    fn the_stream_alone_decides() {
        let draw =
            |seed| draw_batch(&two_images(), 32, &mut ChaCha8Rng::seed_from_u64(seed)).labels;
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
    }
}
