//! The three products of a convolution, tile by tile.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::shape::Convolution;
use crate::buffer_pool::{Pooled, buffer};
use crate::matrix::Matrix;
use crate::pack;
use crate::scratch::Scratch;
use crate::thread_pool::Shared;
use crate::tile::{self, MAX_ROWS, Runs, Start, Tile, WIDTH};

/// Numbers of the products that wait to be added by a transpose.
const WAITING: usize = 1 << 15;

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
pub(super) struct Packed {
    panels: Pooled,
    depth: usize,
    columns: usize,
}

impl Packed {
    pub fn new(arch: Arch, matrix: Matrix) -> Self {
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
    pub fn of<S: Simd>(simd: S, matrix: Matrix) -> Self {
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
pub(super) struct Convolve<'a> {
    pub shape: Convolution,
    pub places: &'a [usize],
    pub images: &'a [f32],
    pub right: &'a Packed,
    pub bias: Option<&'a [f32]>,
    pub result: &'a mut [f32],
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
pub(super) struct Transpose<'a> {
    pub shape: Convolution,
    pub places: &'a [usize],
    pub values: &'a [f32],
    pub right: &'a Packed,
    /// For a row of an image.
    pub bias: Option<&'a [f32]>,
    pub result: &'a mut [f32],
}

impl WithSimd for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, places, values, right, bias, result } = self;
        let (lanes, height, filters) = (S::F32_LANES, tile::rows::<S>(), right.depth);
        let (count, width) = (values.len() / filters, right.columns.next_multiple_of(lanes));
        let many = (WAITING / width).max(1).next_multiple_of(MAX_ROWS);
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
pub(super) struct ByWeight<'a> {
    pub shape: Convolution,
    pub images: &'a [f32],
    pub gradient: &'a [f32],
    pub filters: usize,
    pub taps: Range<usize>,
    pub result: &'a Shared,
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
