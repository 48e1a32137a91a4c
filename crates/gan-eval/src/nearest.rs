//! Inner products of many vectors, and distances between them, by a matrix product.

use burn::tensor::{Device, Tensor};
use gan_core::ImageShape;
use gan_kernels::{Activation, buffer, dense, tensor_data};

/// Rows whose products are computed at once.
const ROWS: usize = 256;
/// Images that they are compared with at once, and the values of so many: of larger images fewer.
const COLUMNS: usize = 10_000;
const VALUES: usize = 8 << 20;

/// Vectors that others are compared with.
pub(crate) struct Targets {
    /// `[dim, n]`
    transposed: Tensor<2>,
    /// −½ |y|², `[n]`
    bias: Tensor<1>,
    /// ½ |y|², `[n]`
    half_squares: Vec<f32>,
    dim: usize,
    count: usize,
}

impl Targets {
    /// Takes vectors `[n, dim]`.
    pub(crate) fn new(vectors: &[f32], dim: usize, device: &Device) -> Self {
        let count = vectors.len() / dim;
        let (mut transposed, mut half_squares) = (buffer(vectors.len()), vec![0.0; count]);
        for (row, vector) in vectors.chunks_exact(dim).enumerate() {
            for (column, &x) in vector.iter().enumerate() {
                transposed[column * count + row] = x;
            }
            half_squares[row] = 0.5 * square(vector);
        }
        let bias = half_squares.iter().map(|half| -half).collect();
        Self {
            transposed: Tensor::from_data(tensor_data(transposed, [dim, count]), device),
            bias: Tensor::from_data(tensor_data(bias, [count]), device),
            half_squares,
            dim,
            count,
        }
    }

    /// Calls `each` with the squared distances from the next rows of `vectors`, `[_, dim]`, to all
    /// of these: `[rows, n]`. Rounding may leave some a little below 0.
    pub(crate) fn distances(&self, vectors: &[f32], device: &Device, mut each: impl FnMut(&[f32])) {
        self.compare(vectors, device, |rows, biased| {
            self.make_distances(rows, biased);
            each(biased);
        });
    }

    /// Calls `each` with the inner products of the next rows of `vectors`, `[_, dim]`, and all of
    /// these: `[rows, n]`.
    pub(crate) fn products(&self, vectors: &[f32], device: &Device, mut each: impl FnMut(&[f32])) {
        self.compare(vectors, device, |_, biased| {
            self.make_products(biased);
            each(biased);
        });
    }

    /// Calls `each` with both.
    pub(crate) fn products_and_distances(
        &self,
        vectors: &[f32],
        device: &Device,
        mut each: impl FnMut(&[f32], &[f32]),
    ) {
        let mut products = Vec::new();
        self.compare(vectors, device, |rows, biased| {
            products.clear();
            products.extend_from_slice(biased);
            self.make_products(&mut products);
            self.make_distances(rows, biased);
            each(&products, biased);
        });
    }

    /// Calls `each` with the next rows of `vectors` and their x·y − ½|y|².
    fn compare(&self, vectors: &[f32], device: &Device, mut each: impl FnMut(&[f32], &mut [f32])) {
        for rows in vectors.chunks(ROWS * self.dim) {
            let count = rows.len() / self.dim;
            let mut input = buffer(rows.len());
            input.copy_from_slice(rows);
            let input = Tensor::from_data(tensor_data(input, [count, self.dim]), device);
            let (weight, bias) = (self.transposed.clone(), self.bias.clone());
            let biased = dense(input, weight, bias, Activation::None);
            let mut biased = biased.into_data().convert::<f32>();
            let Ok(biased) = biased.as_mut_slice() else { unreachable!("converted") };
            each(rows, biased);
        }
    }

    /// |x − y|² = |x|² − 2 (x·y − ½|y|²)
    fn make_distances(&self, rows: &[f32], biased: &mut [f32]) {
        for (row, x) in biased.chunks_exact_mut(self.count).zip(rows.chunks_exact(self.dim)) {
            let square = square(x);
            for biased in row {
                *biased = square - 2.0 * *biased;
            }
        }
    }

    fn make_products(&self, biased: &mut [f32]) {
        for row in biased.chunks_exact_mut(self.count) {
            for (biased, half) in row.iter_mut().zip(&self.half_squares) {
                *biased += half;
            }
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
    let scaled = scale(images);
    let columns = (VALUES / len).clamp(1, COLUMNS);
    let pieces = among.chunks(columns * len);
    let count = pieces.len() as f64;
    for (piece, part) in pieces.enumerate() {
        let targets = Targets::new(&scale(part), len, device);
        let mut row = 0;
        targets.distances(&scaled, device, |distances| {
            for distances in distances.chunks_exact(targets.count) {
                let best = &mut found[row];
                for (index, &distance) in distances.iter().enumerate() {
                    if distance < best.distance {
                        *best = Nearest { index: piece * columns + index, distance };
                    }
                }
                row += 1;
            }
        });
        observe((piece + 1) as f64 / count);
    }
    // By a product, the distance to a copy is only about 0.
    for (nearest, image) in found.iter_mut().zip(images.chunks_exact(len)) {
        let pixels = image.iter().zip(&among[nearest.index * len..]);
        let squares = pixels.map(|(a, &b)| u64::from(a.abs_diff(b)).pow(2));
        nearest.distance = ((squares.sum::<u64>() as f64).sqrt() / 255.0) as f32;
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
    fn distances_and_products_equal_the_reference_implementation() {
        let device = Device::flex();
        let numbers = |index, count| normal(&mut stream(1, Purpose::Bootstrap, index), count);
        let (a, b, dim) = (numbers(0, 300 * 9), numbers(1, 40 * 9), 9);
        let mut found = Vec::new();
        let targets = Targets::new(&b, dim, &device);
        targets.distances(&a, &device, |rows| found.extend_from_slice(rows));
        let (mut products, mut both) = (Vec::new(), [Vec::new(), Vec::new()]);
        targets.products(&a, &device, |rows| products.extend_from_slice(rows));
        targets.products_and_distances(&a, &device, |products, distances| {
            both[0].extend_from_slice(products);
            both[1].extend_from_slice(distances);
        });
        assert!(both[0] == products && both[1] == found);
        let expected = squared_distances(&a, &b, dim);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
        }
        let product = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
        let expected =
            a.chunks_exact(dim).flat_map(|x| b.chunks_exact(dim).map(move |y| product(x, y)));
        for (found, expected) in products.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
        }
    }

    #[test]
    fn a_copy_is_nearest_to_its_original() {
        let among: Vec<u8> = (0..3 * LEN).map(|i| (i * i % 251) as u8).collect();
        let mut image = among[LEN..2 * LEN].to_vec();
        image[5] = image[5].wrapping_add(51);
        let images = [&image, &among[2 * LEN..]].concat();
        let found = nearest(&images, &among, SHAPE, &Device::flex(), &|_| ());
        let [near, copy] =
            [(1, 0.2), (2, 0.0)].map(|(index, distance)| Nearest { index, distance });
        assert_eq!(found, [near, copy], "exactly");
    }

    #[test]
    fn large_images_are_searched_in_several_pieces() {
        let shape = ImageShape { channels: 4, height: 1000, width: 1000 };
        let among: Vec<u8> = (0..3).flat_map(|image| vec![100 * image; shape.len()]).collect();
        let found = nearest(&among, &among, shape, &Device::flex(), &|_| ());
        assert_eq!(found.iter().map(|near| near.index).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
