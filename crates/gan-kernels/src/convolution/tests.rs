//! Convolutions are sums of products, with the same bits on every processor and on any threads.

use pulp::Simd;

use super::*;
use crate::matmul::tests::numbers;

/// Images, weights, values of the result's shape, and how many images and filters there are.
struct Case {
    shape: Convolution,
    images: Vec<f32>,
    weight: Vec<f32>,
    values: Vec<f32>,
    bias: Vec<f32>,
    count: usize,
    filters: usize,
}

impl Case {
    fn new(
        count: usize,
        [height, width, channels]: [usize; 3],
        [kernel, stride, padding]: [usize; 3],
        filters: usize,
    ) -> Self {
        let shape = Convolution { height, width, channels, kernel, stride, padding };
        Self {
            images: numbers(count * shape.inputs(), 1),
            weight: numbers(shape.taps() * filters, 2),
            values: numbers(count * shape.positions() * filters, 3),
            bias: numbers(filters.max(channels), 4),
            shape,
            count,
            filters,
        }
    }

    fn all() -> Vec<Self> {
        let small = vec![
            Self::new(0, [3, 4, 1], [3, 1, 1], 2),
            Self::new(1, [6, 7, 2], [6, 2, 2], 3),
            Self::new(2, [5, 4, 2], [4, 2, 1], 17),
        ];
        if cfg!(miri) {
            return small;
        }
        let large = [
            Self::new(21, [28, 28, 1], [5, 2, 2], 20),
            Self::new(21, [14, 14, 64], [5, 2, 2], 130),
            Self::new(21, [16, 16, 24], [3, 1, 1], 64),
            // More taps than the products that wait to be added.
            Self::new(21, [2, 2, 670], [7, 1, 3], 1),
        ];
        small.into_iter().chain(large).collect()
    }

    fn weights(&self) -> Matrix<'_> {
        Matrix::new(&self.weight, self.shape.taps(), self.filters)
    }

    fn images(&self) -> Matrix<'_> {
        Matrix::new(&self.images, self.count, self.shape.inputs())
    }

    fn values(&self) -> Matrix<'_> {
        Matrix::new(&self.values, self.count, self.shape.positions() * self.filters)
    }

    /// The three products, as the programs compute them.
    fn products(&self) -> [Vec<f32>; 3] {
        let (bias, shape) = (&self.bias, self.shape);
        [
            shape.convolve(self.images(), self.weights(), Some(&bias[..self.filters]), |_| ()),
            shape.transpose(self.values(), self.weights(), Some(&bias[..shape.channels]), |_| ()),
            shape.by_weight(self.images(), self.values()),
        ]
    }

    /// What [`products`](Self::products) computes, on a given instruction set.
    fn products_on<S: Simd>(&self, simd: S) -> [Vec<f32>; 3] {
        let shape = self.shape;
        let places = &shape.places(self.count);
        let mut convolved = vec![0.0; self.values.len()];
        Simd::vectorize(
            simd,
            Convolve {
                shape,
                places,
                images: &self.images,
                right: &Packed::of(simd, self.weights()),
                bias: Some(&self.bias[..self.filters]),
                result: &mut convolved,
            },
        );
        let mut transposed = vec![0.0; self.images.len()];
        Simd::vectorize(
            simd,
            Transpose {
                shape,
                places,
                values: &self.values,
                right: &Packed::of(simd, self.weights().transposed()),
                bias: Some(&self.bias[..shape.channels].repeat(shape.width)),
                result: &mut transposed,
            },
        );
        let mut by_weight = vec![0.0; self.weight.len()];
        Simd::vectorize(
            simd,
            ByWeight {
                shape,
                images: &self.images,
                gradient: &self.values,
                filters: self.filters,
                taps: 0..shape.taps(),
                result: &Shared::new(&mut by_weight),
            },
        );
        [convolved, transposed, by_weight]
    }
}

#[test]
fn every_instruction_set_computes_the_same() {
    for case in Case::all() {
        let expected = case.products();
        assert!(case.products_on(pulp::Scalar::new()) == expected, "{:?}", case.shape);
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            assert!(case.products_on(v3) == expected, "{:?}", case.shape);
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for case in Case::all() {
        let with = |threads| crate::thread_pool::with_threads(threads, || case.products());
        let one = with(1);
        for threads in [2, 3, 8] {
            assert!(with(threads) == one, "{:?}, {threads} threads", case.shape);
        }
    }
}
