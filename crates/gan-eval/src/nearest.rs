//! Distances between many vectors, by a matrix product.

use burn::tensor::{Device, Tensor};
use gan_core::ImageShape;
use gan_kernels::{Activation, buffer, dense, tensor_data};

/// Rows whose distances are computed at once.
const ROWS: usize = 256;
/// Vectors that they are compared with at once.
const COLUMNS: usize = 10_000;

/// Vectors that others are compared with.
pub(crate) struct Targets {
    /// `[dim, n]`
    transposed: Tensor<2>,
    /// −½ |y|², `[n]`
    bias: Tensor<1>,
    dim: usize,
    count: usize,
}

impl Targets {
    /// Takes vectors `[n, dim]`.
    pub(crate) fn new(vectors: &[f32], dim: usize, device: &Device) -> Self {
        let count = vectors.len() / dim;
        let (mut transposed, mut bias) = (buffer(vectors.len()), vec![0.0; count]);
        for (row, vector) in vectors.chunks_exact(dim).enumerate() {
            for (column, &x) in vector.iter().enumerate() {
                transposed[column * count + row] = x;
            }
            bias[row] = -0.5 * square(vector);
        }
        Self {
            transposed: Tensor::from_data(tensor_data(transposed, [dim, count]), device),
            bias: Tensor::from_data(tensor_data(bias, [count]), device),
            dim,
            count,
        }
    }

    /// Calls `each` with the squared distances from the next rows of `vectors`, `[_, dim]`, to all
    /// of these: `[rows, n]`. Rounding may leave some a little below 0.
    pub(crate) fn distances(&self, vectors: &[f32], device: &Device, mut each: impl FnMut(&[f32])) {
        for rows in vectors.chunks(ROWS * self.dim) {
            let count = rows.len() / self.dim;
            let mut input = buffer(rows.len());
            input.copy_from_slice(rows);
            let input = Tensor::from_data(tensor_data(input, [count, self.dim]), device);
            // x·y − ½|y|², from which |x − y|² = |x|² − 2 (x·y − ½|y|²).
            let (weight, bias) = (self.transposed.clone(), self.bias.clone());
            let products = dense(input, weight, bias, Activation::None).into_data();
            let mut products: Vec<f32> = products.iter().collect();
            let pairs = products.chunks_exact_mut(self.count).zip(rows.chunks_exact(self.dim));
            for (row, x) in pairs {
                let square = square(x);
                for product in row {
                    *product = square - 2.0 * *product;
                }
            }
            each(&products);
        }
    }
}

fn square(x: &[f32]) -> f32 {
    x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>() as f32
}

/// The nearest of several images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// Its index.
    pub index: usize,
    /// Euclidean distance of the pixels, divided by 255: from 0 to the root of their number.
    pub distance: f32,
}

/// For each of `images` the nearest of `among`, both of `shape`, one byte a value. `observe` is
/// called with the part that is done, in [0, 1].
///
/// # Panics
/// When `among` is empty.
pub fn nearest(
    images: &[u8],
    among: &[u8],
    shape: ImageShape,
    device: &Device,
    observe: &dyn Fn(f64),
) -> Vec<Nearest> {
    assert!(!among.is_empty(), "no images to search");
    let len = shape.len();
    let scale = |bytes: &[u8]| bytes.iter().map(|&x| f32::from(x) / 255.0).collect::<Vec<f32>>();
    let none = Nearest { index: 0, distance: f32::INFINITY };
    let mut found = vec![none; images.len() / len];
    let images = scale(images);
    let pieces = among.chunks(COLUMNS * len);
    let count = pieces.len() as f64;
    for (piece, among) in pieces.enumerate() {
        let targets = Targets::new(&scale(among), len, device);
        let mut row = 0;
        targets.distances(&images, device, |distances| {
            for distances in distances.chunks_exact(targets.count) {
                let best = &mut found[row];
                for (index, &distance) in distances.iter().enumerate() {
                    if distance < best.distance {
                        *best = Nearest { index: piece * COLUMNS + index, distance };
                    }
                }
                row += 1;
            }
        });
        observe((piece + 1) as f64 / count);
    }
    for nearest in &mut found {
        nearest.distance = nearest.distance.max(0.0).sqrt();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape::grey(28, 28);
    const LEN: usize = SHAPE.len();

    use crate::neighbours::tests::squared_distances;
    use gan_core::stream::{Purpose, normal, stream};

    #[test]
    fn distances_equal_the_reference_implementation() {
        let device = Device::flex();
        let numbers = |index, count| normal(&mut stream(1, Purpose::Bootstrap, index), count);
        let (a, b, dim) = (numbers(0, 300 * 9), numbers(1, 40 * 9), 9);
        let mut found = Vec::new();
        Targets::new(&b, dim, &device).distances(&a, &device, |rows| found.extend_from_slice(rows));
        let expected = squared_distances(&a, &b, dim);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
        }
    }

    #[test]
    fn a_copy_is_nearest_to_its_original() {
        let among: Vec<u8> = (0..3 * LEN).map(|i| (i * i % 251) as u8).collect();
        let mut image = among[LEN..2 * LEN].to_vec();
        image[5] = image[5].wrapping_add(51);
        let found = nearest(&image, &among, SHAPE, &Device::flex(), &|_| ());
        assert_eq!(found[0].index, 1);
        assert!((found[0].distance - 0.2).abs() < 1e-2, "{}", found[0].distance);
    }
}
