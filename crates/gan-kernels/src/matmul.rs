//! Matrix products, split over threads, with work on each part while it is in cache.
//!
//! The scheme is that of Goto and van de Geijn 2008, "Anatomy of high-performance matrix
//! multiplication": a block of the left operand and a panel of the right one are packed to
//! stay in the second-level cache, and tiles of the result in registers.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::buffer_pool::buffer;
use crate::instruction_set::arch;
use crate::matrix::Matrix;
use crate::pack;
use crate::scratch::Scratch;
use crate::thread_pool::{Shared, for_each_block, for_each_range};
use crate::tile::{self, MAX_LANES, PackedRows, Runs, Start, Tile, WIDTH};

/// Terms of a sum that are added before a tile is written back; with fewer, that happens more often.
const DEPTH: usize = 512;
/// Rows of the left operand that are packed at once: half a megabyte, half of most caches.
const HEIGHT: usize = 256;
/// A panel that at most this many tiles use is not packed: that would cost more than it saves.
const FEW_TILES: usize = 16;

/// `left · right + bias`, with `finish` run over pieces of the result while they are in cache.
pub(crate) fn product(
    left: Matrix,
    right: Matrix,
    bias: Option<&[f32]>,
    finish: impl Fn(&mut [f32]) + Sync,
) -> Vec<f32> {
    let (m, n, k) = (left.rows, right.columns, left.columns);
    assert_eq!(k, right.rows, "inner sizes must agree");
    assert!(bias.is_none_or(|bias| bias.len() == n), "one bias a column");
    let mut result = buffer(m * n);
    if n == 1 && right.row_stride == 1 {
        // One column would leave nearly all of a tile empty.
        result.fill(bias.map_or(0.0, |bias| bias[0]));
        arch().dispatch(AddColumn { matrix: left, vector: right.data, result: &mut result });
        finish(&mut result);
        return result;
    }
    let shared = Shared::new(&mut result);
    let arch = arch();
    for_each_block([m, n], m * n * k, |rows, columns| {
        let (result, finish) = (&shared, &finish);
        arch.dispatch(Block { left, right, bias, result, rows, columns, finish });
    });
    result
}

/// Adds `matrix · vector` to `result`.
struct AddColumn<'a> {
    matrix: Matrix<'a>,
    vector: &'a [f32],
    result: &'a mut [f32],
}

impl WithSimd for AddColumn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { matrix, vector, result } = self;
        if matrix.column_stride == 1 {
            for (row, result) in result.iter_mut().enumerate() {
                *result += dot(&matrix.data[row * matrix.row_stride..][..matrix.columns], vector);
            }
        } else {
            for (j, factor) in vector.iter().enumerate() {
                let column = &matrix.data[j * matrix.column_stride..][..matrix.rows];
                result.iter_mut().zip(column).for_each(|(result, x)| *result += factor * x);
            }
        }
    }
}

/// The dot product, summed in an order that fills registers.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 4 * MAX_LANES;
    let mut sums = [0.0_f32; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sum_by_halves(&mut sums) + rest
}

/// The sum of a power of two of numbers.
#[inline(always)]
fn sum_by_halves(mut sums: &mut [f32]) -> f32 {
    while sums.len() > 1 {
        let (low, high) = sums.split_at_mut(sums.len() / 2);
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
        sums = low;
    }
    sums[0]
}

/// `matrix · vector`, in the order in which Burn 0.22 sums it on x86-64 for up to 256 rows, so that
/// trainings with a gradient penalty continue as they began.
pub(crate) fn product_as_burn(matrix: Matrix, vector: &[f32]) -> Vec<f32> {
    assert_eq!(matrix.columns, vector.len(), "a product needs operands that fit");
    let mut result = buffer(matrix.rows);
    result.fill(0.0);
    arch().dispatch(AddColumnAsBurn { matrix, vector, result: &mut result });
    result
}

struct AddColumnAsBurn<'a> {
    matrix: Matrix<'a>,
    vector: &'a [f32],
    result: &'a mut [f32],
}

impl WithSimd for AddColumnAsBurn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { matrix, vector, result } = self;
        // The C library of some systems does not round once.
        let mul_add = |a: f32, b, c| {
            if S::IS_SCALAR { tile::mul_add(a, b, c) } else { a.mul_add(b, c) }
        };
        if matrix.column_stride == 1 {
            for (result, row) in result.iter_mut().zip(matrix.data.chunks(matrix.columns.max(1))) {
                for (row, vector) in row.chunks(1024).zip(vector.chunks(1024)) {
                    let mut sums = [0.0_f32; 8];
                    for (a, b) in row.chunks(8).zip(vector.chunks(8)) {
                        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                            *sum = mul_add(*a, *b, *sum);
                        }
                    }
                    *result += sum_by_halves(&mut sums);
                }
            }
        } else {
            for (j, factor) in vector.iter().enumerate() {
                let column = &matrix.data[j * matrix.column_stride..][..matrix.rows];
                result
                    .iter_mut()
                    .zip(column)
                    .for_each(|(sum, x)| *sum = mul_add(*x, *factor, *sum));
            }
        }
    }
}

/// A block of a product, which one thread computes.
struct Block<'a, F> {
    left: Matrix<'a>,
    right: Matrix<'a>,
    bias: Option<&'a [f32]>,
    result: &'a Shared,
    rows: Range<usize>,
    columns: Range<usize>,
    finish: &'a F,
}

impl<F: Fn(&mut [f32])> WithSimd for Block<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let height = HEIGHT.min(self.rows.len()).next_multiple_of(tile::rows::<S>());
        let panel = DEPTH * WIDTH * S::F32_LANES;
        let mut scratch = Scratch::new(panel + DEPTH * height);
        let (right, left) = scratch.split_at_mut(panel);
        let all = self.left.columns;
        for top in self.rows.clone().step_by(height) {
            let rows = top..self.rows.end.min(top + height);
            let mut depth = 0..0;
            loop {
                // Pieces of about the same depth; a single empty one where there are no terms.
                let pieces = (all - depth.end).div_ceil(DEPTH).max(1);
                depth = depth.end..depth.end + (all - depth.end).div_ceil(pieces);
                self.add(simd, &rows, &depth, left, right);
                if depth.end == all {
                    break;
                }
            }
        }
    }
}

impl<F: Fn(&mut [f32])> Block<'_, F> {
    /// Adds the terms of `depth` to `rows`.
    #[inline(always)]
    fn add<S: Simd>(
        &self,
        simd: S,
        rows: &Range<usize>,
        depth: &Range<usize>,
        left: &mut [f32],
        right: &mut [f32],
    ) {
        let (lanes, height, stride) = (S::F32_LANES, tile::rows::<S>(), self.right.columns);
        if !depth.is_empty() {
            let end = self.columns.end.min(self.columns.start + WIDTH * lanes);
            pack::prefetch(self.right, depth, &(self.columns.start..end), 0, 1);
            pack::left(simd, self.left, rows, depth, left);
        }
        for first in self.columns.clone().step_by(WIDTH * lanes) {
            let columns = first..self.columns.end.min(first + WIDTH * lanes);
            let registers = columns.len().div_ceil(lanes);
            let width = registers * lanes;
            let in_place = self.right.column_stride == 1
                && columns.len() == width
                && !depth.is_empty()
                && rows.len() <= FEW_TILES * height;
            let (right, right_stride) = if in_place {
                let part = self.right.block(depth.clone(), columns.clone());
                (part.data.as_ptr(), part.row_stride)
            } else {
                let right = &mut right[..depth.len() * width];
                if !depth.is_empty() {
                    pack::right(simd, self.right, depth, &columns, width, right);
                }
                (right.as_ptr(), width)
            };
            let start = match self.bias {
                _ if depth.start > 0 => Start::Result,
                Some(bias) => Start::Row(bias[columns.clone()].as_ptr()),
                None => Start::Zero,
            };
            let next = columns.end..self.columns.end.min(columns.end + WIDTH * lanes);
            let tiles = rows.len().div_ceil(height);
            for (index, row) in rows.clone().step_by(height).enumerate() {
                pack::prefetch(self.right, depth, &next, index, tiles);
                let panel = &left[(row - rows.start) * depth.len()..][..height * depth.len()];
                let tile = Tile {
                    left: PackedRows(panel.as_ptr()),
                    runs: Runs { starts: &[0], len: depth.len(), step: height },
                    right,
                    right_stride,
                    // SAFETY: `rows` and `columns` lie within the result.
                    result: unsafe { self.result.at(row * stride + columns.start) },
                    stride,
                    size: [height.min(rows.end - row), columns.len()],
                    start,
                };
                // SAFETY: the operands have just been packed in the sizes of such a tile, the
                // bias is cut to its columns, and only this thread uses its rows and columns.
                unsafe { tile.run(simd, registers) };
            }
            if depth.end == self.left.columns {
                for row in rows.clone() {
                    let range = row * stride + columns.start..row * stride + columns.end;
                    // SAFETY: only this thread uses this part of the result.
                    (self.finish)(unsafe { self.result.part(range) });
                }
            }
        }
    }
}

/// Runs `work` over matching rows of `gradient` and `output`, both of `columns`, and returns the
/// sums of the gradient's columns.
pub(crate) fn apply_and_sum_columns(
    gradient: &mut [f32],
    output: &[f32],
    columns: usize,
    work: impl Fn(&mut [f32], &[f32]) + Sync,
) -> Vec<f32> {
    let rows = gradient.len() / columns;
    assert_eq!([gradient.len(), output.len()], [rows * columns; 2], "sizes must agree");
    let mut sums = buffer(columns);
    sums.fill(0.0);
    let (gradient, total) = (Shared::new(gradient), Shared::new(&mut sums));
    // An element costs about as much as a few dozen multiply-adds of a product.
    for_each_range(columns, 32 * rows * columns, |range| {
        // SAFETY: only this thread uses `range` of the sums.
        let sums = unsafe { total.part(range.clone()) };
        arch().dispatch(|| {
            for row in 0..rows {
                let range = row * columns + range.start..row * columns + range.end;
                // SAFETY: only this thread uses `range` of each row.
                let gradient = unsafe { gradient.part(range.clone()) };
                work(gradient, &output[range]);
                sums.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += *g);
            }
        });
    });
    sums
}

#[cfg(test)]
pub(crate) mod tests;
