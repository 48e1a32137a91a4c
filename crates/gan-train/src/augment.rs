//! Differentiable augmentation (Zhao et al. 2020): the discriminator sees real and generated images
//! only after random changes, so that it cannot learn a few hundred images by heart. The generator
//! learns through the same changes, and so its own images have none.

#![expect(clippy::cast_possible_wrap, reason = "a side has at most some hundred pixels")]

use burn::tensor::{Device, Int, Tensor, TensorData};
use gan_core::ImageShape;
use gan_kernels::{Activation, dense, tensor_data};
use gan_model::Augmentation;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The longest shift, as a share of a side.
const SHIFT: f64 = 0.125;

/// The changes of a batch, drawn for each image.
pub(crate) struct Augment {
    image: ImageShape,
    /// Brightness, saturation and contrast, `[batch, 1]` each.
    colour: Option<[Tensor<2>; 3]>,
    /// For each value the one that it is replaced by, `[batch, values]`.
    places: Option<Tensor<2, Int>>,
    /// Zero where an image is cut out and one elsewhere, `[batch, values]`.
    mask: Option<Tensor<2>>,
}

impl Augment {
    /// Draws the changes of `batch` images, with the ranges of the paper's authors.
    pub fn draw(
        kinds: &[Augmentation],
        image: ImageShape,
        batch: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let has = |kind| kinds.contains(&kind);
        let tensor = |numbers: Vec<f32>| {
            let shape = [batch, numbers.len() / batch];
            Tensor::<2>::from_data(tensor_data(numbers, shape), device)
        };
        let colour = has(Augmentation::Colour).then(|| {
            [-0.5..0.5, 0.0..2.0, 0.5..1.5].map(|range: std::ops::Range<f32>| {
                tensor((0..batch).map(|_| rng.random_range(range.clone())).collect())
            })
        });
        let [shift, flip] = [Augmentation::Translation, Augmentation::Flip].map(has);
        let places = (shift || flip).then(|| {
            let places = (0..batch).flat_map(|_| {
                let offset = |side: usize, rng: &mut _| {
                    let most = (side as f64 * SHIFT).round() as i64;
                    if shift { RngExt::random_range(rng, -most..=most) } else { 0 }
                };
                let (down, right) = (offset(image.height, rng), offset(image.width, rng));
                places(image, down, right, flip && rng.random_range(0..2) == 1)
            });
            let places: Vec<i32> = places.collect();
            Tensor::from_data(TensorData::new(places, [batch, image.len()]), device)
        });
        let mask = has(Augmentation::Cutout)
            .then(|| tensor((0..batch).flat_map(|_| hole(image, rng)).collect()));
        Self { image, colour, places, mask }
    }

    /// The images `[batch, values]` after their changes.
    pub fn apply(&self, images: Tensor<2>) -> Tensor<2> {
        let tracked = images.is_autodiff();
        let constant = |x: &Tensor<2>| if tracked { x.clone().autodiff() } else { x.clone() };
        let mut x = images;
        if let Some([brightness, saturation, contrast]) = &self.colour {
            let ([batch, values], channels) = (x.dims(), self.image.channels);
            x = x + constant(brightness);
            if channels > 1 {
                // A factor for each pixel, whose mean over its channels stays.
                let pixels = x.reshape([batch * values / channels, channels]);
                let grey = mean(pixels.clone()).reshape([batch, values]);
                let pixels = pixels.reshape([batch, values]);
                x = (pixels - grey.clone()) * constant(saturation) + grey;
            }
            let level = mean(x.clone());
            x = (x - level.clone()) * constant(contrast) + level;
        }
        if let Some(places) = &self.places {
            let places = places.clone();
            x = x.gather(1, if tracked { places.autodiff() } else { places });
        }
        match &self.mask {
            Some(mask) => x * constant(mask),
            None => x,
        }
    }
}

/// The mean of each row in all of its places, by products, which add in one order on every
/// processor, as their gradients do.
fn mean(x: Tensor<2>) -> Tensor<2> {
    let ([_, columns], device) = (x.dims(), x.device());
    let product = |x, weight: Tensor<2>| {
        let zeros = Tensor::zeros([weight.dims()[1]], &device);
        dense(x, weight, zeros, Activation::None)
    };
    let mean = product(x, Tensor::full([columns, 1], 1.0 / columns as f32, &device));
    product(mean, Tensor::ones([1, columns], &device))
}

/// Where each value of a shifted image comes from; the border is repeated.
fn places(image: ImageShape, down: i64, right: i64, flip: bool) -> impl Iterator<Item = i32> {
    let ImageShape { channels, height, width } = image;
    let clamped = |at: i64, side: usize| at.clamp(0, side as i64 - 1) as usize;
    (0..height).flat_map(move |row| {
        let row = clamped(row as i64 - down, height);
        (0..width).flat_map(move |column| {
            let column = clamped(column as i64 - right, width);
            let column = if flip { width - 1 - column } else { column };
            (0..channels).map(move |channel| ((row * width + column) * channels + channel) as i32)
        })
    })
}

/// Zeros in a rectangle with half of each side, around any pixel, and ones elsewhere. The authors' own
/// rectangles of even length may also be around the edge behind the last pixel.
fn hole(image: ImageShape, rng: &mut ChaCha8Rng) -> impl Iterator<Item = f32> + use<> {
    let ImageShape { channels, height, width } = image;
    let mut range = |side: usize| {
        let len = side.div_ceil(2) as i64;
        let first = rng.random_range(0..side as i64) - len / 2;
        first..first + len
    };
    let (rows, columns) = (range(height), range(width));
    (0..height * width).flat_map(move |pixel| {
        let (row, column) = ((pixel / width) as i64, (pixel % width) as i64);
        let inside = rows.contains(&row) && columns.contains(&column);
        std::iter::repeat_n(if inside { 0.0 } else { 1.0 }, channels)
    })
}

#[cfg(test)]
mod tests;
