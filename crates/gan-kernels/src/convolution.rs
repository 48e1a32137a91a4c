//! Convolutions of images, their transposes and their gradients by the weights, as products whose
//! left operand is read in place.
//!
//! Images have their channels last, so the numbers under a row of a kernel are adjacent. A few images
//! at a time are copied with a border of zeros into a thread's cache. There a position of the kernel
//! is `kernel` runs of numbers, which tiles of the product read where they are: no matrix of patches
//! is ever made. The transpose is a product whose results are added where the kernel lies.

use std::ops::Range;

use burn::tensor::Tensor;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use pulp::{Arch, Simd, WithSimd};

use crate::buffer_pool::{Pooled, buffer};
use crate::instruction_set::arch;
use crate::matrix::Matrix;
use crate::pack;
use crate::scratch::Scratch;
use crate::thread_pool::{Shared, for_each_chunk, threads};
use crate::tile::{self, MAX_ROWS, Runs, Start, Tile, WIDTH};

/// Numbers of the images that are computed together: half of most second-level caches.
const GROUP: usize = 1 << 16;
/// Numbers of the products that wait to be added by a transpose.
const WAITING: usize = 1 << 15;

/// The shapes of a convolution with a square kernel.
///
/// Its weights are `[kernel · kernel · channels, filters]`, a row for each *tap*, by kernel row,
/// kernel column and channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Rows of the images.
    pub height: usize,
    /// Columns of the images.
    pub width: usize,
    /// Channels of the images.
    pub channels: usize,
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Pixels from one position of the kernel to the next.
    pub stride: usize,
    /// Zeros that surround the images.
    pub padding: usize,
}

impl Convolution {
    /// Rows and columns of the result.
    ///
    /// # Panics
    /// When the kernel is larger than the padded image, or the stride is 0.
    pub const fn output_size(&self) -> [usize; 2] {
        let border = 2 * self.padding;
        [
            (self.height + border - self.kernel) / self.stride + 1,
            (self.width + border - self.kernel) / self.stride + 1,
        ]
    }

    /// Positions of the kernel.
    pub const fn positions(&self) -> usize {
        let [rows, columns] = self.output_size();
        rows * columns
    }

    /// Numbers of an image.
    pub const fn inputs(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Rows of the weights.
    pub const fn taps(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// Rows and columns of an image with its border.
    fn padded_size(&self) -> [usize; 2] {
        let [rows, columns] = self.output_size();
        let padded = |positions: usize, side: usize| {
            let covered = (positions - 1) * self.stride + self.kernel;
            covered.max(side + self.padding)
        };
        [padded(rows, self.height), padded(columns, self.width)]
    }

    /// Numbers of an image with its border.
    fn padded_len(&self) -> usize {
        let [rows, columns] = self.padded_size();
        rows * columns * self.channels
    }

    /// Numbers of a row of an image with its border.
    fn padded_row(&self) -> usize {
        self.padded_size()[1] * self.channels
    }

    /// Where each position of `images` images is in them.
    fn places(&self, images: usize) -> Vec<usize> {
        (0..images * self.positions()).map(|index| self.place(index)).collect()
    }

    /// Where position `index` of a group of images is in them.
    fn place(&self, index: usize) -> usize {
        let columns = self.output_size()[1];
        let (image, position) = (index / self.positions(), index % self.positions());
        let (row, column) = (position / columns, position % columns);
        let in_image = row * self.padded_row() + column * self.channels;
        image * self.padded_len() + self.stride * in_image
    }

    /// Where each row of the kernel starts, from the kernel's place.
    fn kernel_rows(&self) -> Vec<usize> {
        (0..self.kernel).map(|row| row * self.padded_row()).collect()
    }

    /// How many of `images` are computed together: as many as fit, and as many by each thread.
    fn group(&self, images: usize) -> usize {
        let most = (GROUP / self.padded_len().max(1)).max(1);
        images.div_ceil(images.div_ceil(most).next_multiple_of(threads())).max(1)
    }

    /// The rows of an image and those of the same image with its border.
    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let len = self.width * self.channels;
        let (from, to) = (self.padding * self.channels, self.padded_row());
        let padding = self.padding;
        (0..self.height).map(move |row| {
            let start = (row + padding) * to + from;
            (row * len..(row + 1) * len, start..start + len)
        })
    }

    /// Copies images to where they are with a border; the border is not written.
    #[inline(always)]
    fn pad(&self, images: &[f32], padded: &mut [f32]) {
        let images = images.chunks_exact(self.inputs());
        for (image, padded) in images.zip(padded.chunks_exact_mut(self.padded_len())) {
            for (from, to) in self.rows() {
                padded[to].copy_from_slice(&image[from]);
            }
        }
    }

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

    /// A kernel that fits into the image with its border: tiles rely on it.
    fn check_kernel(&self) {
        let most = self.height.min(self.width) + 2 * self.padding;
        assert!(self.stride > 0 && self.channels > 0, "a convolution of nothing");
        assert!((1..=most).contains(&self.kernel), "the kernel must fit into the image");
    }

    /// Checks the weights, and returns how many filters there are.
    fn check(&self, rows: Matrix, weight: Matrix) -> usize {
        self.check_kernel();
        assert_eq!(weight.rows, self.taps(), "weights must have a row for each tap");
        assert!(rows.column_stride == 1 && rows.row_stride == rows.columns, "no gaps");
        weight.columns
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

/// The columns of panels that a right operand is divided into, and their registers: as equal as can
/// be, because narrow tiles are slow.
#[inline(always)]
fn panels(columns: usize, lanes: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
    let registers = columns.div_ceil(lanes);
    let count = registers.div_ceil(WIDTH);
    (0..count).map(move |panel| {
        let [first, last] = [panel, panel + 1].map(|panel| panel * registers / count);
        (first * lanes..columns.min(last * lanes), last - first)
    })
}

/// A right operand as panels `[depth, registers · lanes]`, in a row.
struct Packed {
    panels: Pooled,
    depth: usize,
    columns: usize,
}

impl Packed {
    fn new(arch: Arch, matrix: Matrix) -> Self {
        struct Pack<'a>(Matrix<'a>);
        impl WithSimd for Pack<'_> {
            type Output = Packed;

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> Packed {
                Packed::of(simd, self.0)
            }
        }
        arch.dispatch(Pack(matrix))
    }

    #[inline(always)]
    fn of<S: Simd>(simd: S, matrix: Matrix) -> Self {
        let (depth, lanes) = (matrix.rows, S::F32_LANES);
        let mut packed = buffer(depth * matrix.columns.next_multiple_of(lanes));
        let mut rest = &mut *packed;
        for (columns, registers) in panels(matrix.columns, lanes) {
            let (panel, next) = rest.split_at_mut(depth * registers * lanes);
            pack::right(simd, matrix, &(0..depth), &columns, registers * lanes, panel);
            rest = next;
        }
        Self { panels: Pooled(packed), depth, columns: matrix.columns }
    }

    /// The columns of each panel, its registers and its numbers.
    #[inline(always)]
    fn panels(&self, lanes: usize) -> impl Iterator<Item = (Range<usize>, usize, &[f32])> {
        panels(self.columns, lanes).map(move |(columns, registers)| {
            let numbers = &self.panels[columns.start * self.depth..];
            (columns, registers, &numbers[..self.depth * registers * lanes])
        })
    }
}

/// [`Convolution::convolve`] of a group of images.
struct Convolve<'a> {
    shape: Convolution,
    places: &'a [usize],
    images: &'a [f32],
    right: &'a Packed,
    bias: Option<&'a [f32]>,
    result: &'a mut [f32],
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, places, images, right, bias, result } = self;
        let (lanes, height, filters) = (S::F32_LANES, tile::rows::<S>(), right.columns);
        let mut padded = Scratch::new(images.len() / shape.inputs() * shape.padded_len());
        padded.fill(0.0);
        shape.pad(images, &mut padded);
        let count = result.len() / filters;
        let rows = shape.kernel_rows();
        let runs = Runs { starts: &rows, len: shape.kernel * shape.channels, step: 1 };
        for (columns, registers, panel) in right.panels(lanes) {
            for first in (0..count).step_by(height) {
                // Rows of the tile that do not exist repeat the last one.
                let row = |row: usize| &padded[places[(first + row).min(count - 1)]..];
                let tile = Tile {
                    left: std::array::from_fn(|index| row(index).as_ptr()),
                    runs,
                    right: panel.as_ptr(),
                    right_stride: registers * lanes,
                    result: result[first * filters + columns.start..].as_mut_ptr(),
                    stride: filters,
                    size: [height.min(count - first), columns.len()],
                    start: bias.map_or(Start::Zero, |bias| {
                        Start::Row(bias[columns.start..columns.end].as_ptr())
                    }),
                };
                // SAFETY: a kernel at any position lies within its padded image, the panel has
                // as many rows as there are taps, and the tile lies within the result.
                unsafe { tile.run(simd, registers) };
            }
        }
    }
}

/// [`Convolution::transpose`] for a group of images.
struct Transpose<'a> {
    shape: Convolution,
    places: &'a [usize],
    values: &'a [f32],
    right: &'a Packed,
    /// For a row of an image.
    bias: Option<&'a [f32]>,
    result: &'a mut [f32],
}

impl WithSimd for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, places, values, right, bias, result } = self;
        let (lanes, height, filters) = (S::F32_LANES, tile::rows::<S>(), right.depth);
        let (count, width) = (values.len() / filters, right.columns.next_multiple_of(lanes));
        let many = (WAITING / width).next_multiple_of(MAX_ROWS);
        let mut scratch =
            Scratch::new(result.len() / shape.inputs() * shape.padded_len() + many * width);
        let (products, padded) = scratch.split_at_mut(many * width);
        padded.fill(0.0);
        for first in (0..count).step_by(many) {
            let here = many.min(count - first);
            for (columns, registers, panel) in right.panels(lanes) {
                for top in (0..here).step_by(height) {
                    let row = |row: usize| (first + top + row).min(count - 1) * filters;
                    let tile = Tile {
                        left: std::array::from_fn(|index| values[row(index)..].as_ptr()),
                        runs: Runs { starts: &[0], len: filters, step: 1 },
                        right: panel.as_ptr(),
                        right_stride: registers * lanes,
                        result: products[top * width + columns.start..].as_mut_ptr(),
                        stride: width,
                        size: [height, registers * lanes],
                        start: Start::Zero,
                    };
                    // SAFETY: each row of values has a number for each filter, as has the panel,
                    // and the products have room for whole tiles.
                    unsafe { tile.run(simd, registers) };
                }
            }
            let (row, run) = (shape.padded_row(), shape.kernel * shape.channels);
            for (index, products) in products.chunks_exact(width).take(here).enumerate() {
                let place = places[first + index];
                for (k, products) in products.chunks_exact(run).take(shape.kernel).enumerate() {
                    let to = &mut padded[place + k * row..][..run];
                    to.iter_mut().zip(products).for_each(|(to, product)| *to += product);
                }
            }
        }
        let images = result.chunks_exact_mut(shape.inputs());
        for (image, padded) in images.zip(padded.chunks_exact(shape.padded_len())) {
            for (to, from) in shape.rows() {
                let (to, from) = (&mut image[to], &padded[from]);
                match bias {
                    None => to.copy_from_slice(from),
                    Some(bias) => {
                        let sums = from.iter().zip(bias).map(|(x, bias)| x + bias);
                        to.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum);
                    }
                }
            }
        }
    }
}

/// The rows `taps` of [`Convolution::by_weight`], added to the result.
struct ByWeight<'a> {
    shape: Convolution,
    images: &'a [f32],
    gradient: &'a [f32],
    filters: usize,
    taps: Range<usize>,
    result: &'a Shared,
}

impl WithSimd for ByWeight<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, images, gradient, filters, taps, result } = self;
        let (lanes, height) = (S::F32_LANES, tile::rows::<S>());
        let (group, [rows, columns]) =
            (shape.group(images.len() / shape.inputs()), shape.output_size());
        let panel_len = group * shape.positions() * WIDTH * lanes;
        let mut scratch = Scratch::new(group * shape.padded_len() + panel_len);
        let (padded, panel) = scratch.split_at_mut(group * shape.padded_len());
        padded.fill(0.0);
        // A run is a row of positions.
        let starts: Vec<usize> = (0..group * rows).map(|row| shape.place(row * columns)).collect();
        let run = shape.kernel * shape.channels;
        let groups = images.chunks(group * shape.inputs());
        for (images, gradient) in groups.zip(gradient.chunks(group * shape.positions() * filters)) {
            shape.pad(images, padded);
            let count = images.len() / shape.inputs();
            let runs = Runs {
                starts: &starts[..count * rows],
                len: columns,
                step: shape.stride * shape.channels,
            };
            let matrix = Matrix::new(gradient, count * shape.positions(), filters);
            for (columns, registers) in panels(filters, lanes) {
                let width = registers * lanes;
                let (right, right_stride) = if columns.len() == width {
                    (gradient[columns.start..].as_ptr(), filters)
                } else {
                    let panel = &mut panel[..matrix.rows * width];
                    pack::right(simd, matrix, &(0..matrix.rows), &columns, width, panel);
                    (panel.as_ptr(), width)
                };
                for first in taps.clone().step_by(height) {
                    let tap = |row: usize| (first + row).min(taps.end - 1);
                    let place = |tap: usize| tap / run * shape.padded_row() + tap % run;
                    let tile = Tile {
                        left: std::array::from_fn(|row| padded[place(tap(row))..].as_ptr()),
                        runs,
                        right,
                        right_stride,
                        // SAFETY: `taps` and `columns` lie within the result.
                        result: unsafe { result.at(first * filters + columns.start) },
                        stride: filters,
                        size: [height.min(taps.end - first), columns.len()],
                        start: Start::Result,
                    };
                    // SAFETY: a tap at any position lies within its padded image, the gradient has
                    // a row for each position, and only this thread uses these rows.
                    unsafe { tile.run(simd, registers) };
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests;
