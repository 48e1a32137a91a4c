//! The real images of one training step.

use rand::{Rng, RngExt};

use crate::{Dataset, IMAGE_LEN};

/// Fills `pixels`, `[batch, 784]` row-major, with images drawn uniformly with replacement,
/// a pixel `x` scaled to `(x − 127.5) / 127.5`, so that paper is −1 and ink is 1.
///
/// Which images they are is decided by `rng` alone.
///
/// # Panics
/// When `pixels` is not whole images.
pub fn draw_batch(dataset: &Dataset, rng: &mut impl Rng, pixels: &mut [f32]) {
    let (images, rest) = pixels.as_chunks_mut::<IMAGE_LEN>();
    assert!(rest.is_empty(), "a batch is whole images");
    // An index drawn as `u64` is the same on 32-bit machines.
    let count = dataset.len() as u64;
    for pixels in images {
        let image = dataset.image(rng.random_range(0..count) as usize);
        for (pixel, &x) in pixels.iter_mut().zip(image) {
            *pixel = (f32::from(x) - 127.5) / 127.5;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Which of the two images are drawn, by their first pixel; all of an image is checked.
    fn draw(seed: u64) -> Vec<f32> {
        let images = [[0; IMAGE_LEN], [255; IMAGE_LEN]].concat();
        let two = Dataset::new("two", images, vec![4, 9]).unwrap();
        let mut pixels = vec![0.5; 64 * IMAGE_LEN];
        draw_batch(&two, &mut ChaCha8Rng::seed_from_u64(seed), &mut pixels);
        let images = pixels.chunks(IMAGE_LEN);
        images
            .map(|image| {
                assert!(image.iter().all(|&x| x == image[0]));
                image[0]
            })
            .collect()
    }

    #[test]
    fn pixels_are_scaled_to_minus_one_and_one() {
        let drawn = draw(1);
        assert!(drawn.iter().all(|x| x.abs() == 1.0));
        let ink = drawn.iter().filter(|&&x| x == 1.0).count();
        assert!((16..=48).contains(&ink), "both images are drawn, one {ink} times of 64");
    }

    #[test]
    fn the_stream_alone_decides() {
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
    }
}
