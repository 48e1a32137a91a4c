//! Convolutions of images, their transposes and their gradients by the weights, as products whose
//! left operand is read in place.
//!
//! Images have their channels last, so the numbers under a row of a kernel are adjacent. A few images
//! at a time are copied with a border of zeros into a thread's cache. There a position of the kernel
//! is `kernel` runs of numbers, which tiles of the product read where they are: no matrix of patches
//! is ever made. The transpose is a product whose results are added where the kernel lies.

mod shape;
mod tiles;

use burn::tensor::Tensor;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};

pub use self::shape::Convolution;
use self::tiles::{ByWeight, Convolve, Packed, Transpose};
use crate::buffer_pool::buffer;
use crate::instruction_set::arch;
use crate::matrix::Matrix;
use crate::thread_pool::{Shared, for_each_chunk, threads};
use crate::tile::MAX_ROWS;

impl Convolution {
    /// The sum of `weight` ⊙ the numbers under the kernel, for each position and filter, with
    /// `bias` and `finish` as in [`product`](crate::matmul::product): `[images, inputs]` and
    /// `[taps, filters]` to `[images, positions · filters]`.
    pub(crate) fn convolve(
        self,
        images: Matrix,
        weight: Matrix,
        bias: Option<&[f32]>,
        finish: impl Fn(&mut [f32]) + Sync,
    ) -> Vec<f32> {
        let filters = self.check(images, weight);
        assert_eq!(images.columns, self.inputs(), "images must have the shape of the convolution");
        assert!(bias.is_none_or(|bias| bias.len() == filters), "one bias a filter");
        let row = self.positions() * filters;
        let mut result = buffer(images.rows * row);
        let (shared, arch) = (Shared::new(&mut result), arch());
        let right = Packed::new(arch, weight);
        let cost = images.rows * self.positions() * self.taps() * filters;
        let group = self.group(images.rows);
        let places = &self.places(group);
        for_each_chunk(images.rows, group, cost, |group| {
            // SAFETY: groups are disjoint, and each has its own rows of the result.
            let result = unsafe { shared.part(group.start * row..group.end * row) };
            let images = &images.data[group.start * self.inputs()..group.end * self.inputs()];
            arch.dispatch(Convolve {
                shape: self,
                places,
                images,
                right: &right,
                bias,
                result: &mut *result,
            });
            finish(result);
        });
        result
    }

    /// The transpose of [`convolve`](Self::convolve) without its bias: `[images, positions · filters]`
    /// and `[taps, filters]` to `[images, inputs]`, to which one `bias` a channel is added.
    pub(crate) fn transpose(
        self,
        values: Matrix,
        weight: Matrix,
        bias: Option<&[f32]>,
        finish: impl Fn(&mut [f32]) + Sync,
    ) -> Vec<f32> {
        let filters = self.check(values, weight);
        let row = self.positions() * filters;
        assert_eq!(values.columns, row, "values must have the shape of the convolution's result");
        assert!(bias.is_none_or(|bias| bias.len() == self.channels), "one bias a channel");
        let mut result = buffer(values.rows * self.inputs());
        let (shared, arch) = (Shared::new(&mut result), arch());
        let right = Packed::new(arch, weight.transposed());
        let bias = bias.map(|bias| bias.repeat(self.width));
        let cost = values.rows * self.positions() * self.taps() * filters;
        let group = self.group(values.rows);
        let places = &self.places(group);
        for_each_chunk(values.rows, group, cost, |group| {
            let range = group.start * self.inputs()..group.end * self.inputs();
            // SAFETY: groups are disjoint, and each has its own rows of the result.
            let result = unsafe { shared.part(range) };
            let (values, bias) =
                (&values.data[group.start * row..group.end * row], bias.as_deref());
            arch.dispatch(Transpose {
                shape: self,
                places,
                values,
                right: &right,
                bias,
                result: &mut *result,
            });
            finish(result);
        });
        result
    }

    /// The gradient of [`convolve`](Self::convolve) by its weights, `[taps, filters]`, from the
    /// images and the gradient by its result.
    pub(crate) fn by_weight(self, images: Matrix, gradient: Matrix) -> Vec<f32> {
        self.check_kernel();
        let filters = gradient.columns / self.positions();
        assert_eq!(images.columns, self.inputs(), "images must have the shape of the convolution");
        assert_eq!([gradient.rows, gradient.columns], [images.rows, self.positions() * filters]);
        assert!(images.column_stride == 1 && gradient.column_stride == 1, "rows must be adjacent");
        let mut result = buffer(self.taps() * filters);
        result.fill(0.0);
        let (shared, arch) = (Shared::new(&mut result), arch());
        let cost = images.rows * self.positions() * self.taps() * filters;
        // Each thread adds all images to taps of its own.
        let step = self.taps().div_ceil(threads()).next_multiple_of(MAX_ROWS);
        for_each_chunk(self.taps(), step, cost, |taps| {
            let (images, gradient, result) = (images.data, gradient.data, &shared);
            arch.dispatch(ByWeight { shape: self, images, gradient, filters, taps, result });
        });
        result
    }

    /// [`convolve`](Self::convolve) in Burn's own operations.
    pub(crate) fn reference(
        self,
        images: Tensor<2>,
        weight: Tensor<2>,
        bias: Option<Tensor<1>>,
    ) -> Tensor<2> {
        let (rows, filters) = (images.dims()[0], weight.dims()[1]);
        let images = images.reshape([rows, self.height, self.width, self.channels]);
        let options = ConvOptions::new([self.stride; 2], [self.padding; 2], [1; 2], 1);
        let kernel = self.kernel_of(weight);
        let result = conv2d(images.permute([0, 3, 1, 2]), kernel, bias, options);
        result.permute([0, 2, 3, 1]).reshape([rows, self.positions() * filters])
    }

    /// [`transpose`](Self::transpose) in Burn's own operations.
    pub(crate) fn reference_transposed(
        self,
        values: Tensor<2>,
        weight: Tensor<2>,
        bias: Option<Tensor<1>>,
    ) -> Tensor<2> {
        let (rows, filters) = (values.dims()[0], weight.dims()[1]);
        let [height, width] = self.output_size();
        let values = values.reshape([rows, height, width, filters]);
        let reached = |positions| (positions - 1) * self.stride + self.kernel;
        let rest = [
            self.height + 2 * self.padding - reached(height),
            self.width + 2 * self.padding - reached(width),
        ];
        let options =
            ConvTransposeOptions::new([self.stride; 2], [self.padding; 2], rest, [1; 2], 1);
        let kernel = self.kernel_of(weight);
        let result = conv_transpose2d(values.permute([0, 3, 1, 2]), kernel, bias, options);
        result.permute([0, 2, 3, 1]).reshape([rows, self.inputs()])
    }

    /// The weights in the order of Burn: `[filters, channels, rows, columns]`.
    fn kernel_of(self, weight: Tensor<2>) -> Tensor<4> {
        let filters = weight.dims()[1];
        let weight = weight.reshape([self.kernel, self.kernel, self.channels, filters]);
        weight.permute([3, 2, 0, 1])
    }
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests;
