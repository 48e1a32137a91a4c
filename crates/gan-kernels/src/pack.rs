//! Copies of the operands of a matrix product, in the order in which a tile reads them.

use std::ops::Range;

use pulp::Simd;

use crate::matrix::Matrix;
use crate::tile;

/// Panels of the left operand that are packed together.
const PANELS: usize = 4;

/// The `rows` and `depth` of a left operand as panels `[depth, R]`, `R` rows of a tile each,
/// the last one padded with zeros.
#[inline(always)]
pub(crate) fn left<S: Simd>(
    simd: S,
    matrix: Matrix,
    rows: &Range<usize>,
    depth: &Range<usize>,
    to: &mut [f32],
) {
    match tile::rows::<S>() {
        8 => panels::<S, 8>(simd, matrix, rows, depth, to),
        _ => panels::<S, 4>(simd, matrix, rows, depth, to),
    }
}

#[inline(always)]
fn panels<S: Simd, const R: usize>(
    _simd: S,
    matrix: Matrix,
    rows: &Range<usize>,
    depth: &Range<usize>,
    to: &mut [f32],
) {
    let panel = R * depth.len();
    let mut first = rows.start;
    for to in to.chunks_mut(PANELS * panel) {
        let here = (PANELS * R).min(rows.end - first);
        let part = matrix.block(first..first + here, depth.clone());
        if here == PANELS * R && part.row_stride == 1 {
            // Several panels at once, because one takes less than a cache line.
            for j in 0..depth.len() {
                let (from, _) = part.data[j * part.column_stride..].as_chunks::<R>();
                for (k, from) in from[..PANELS].iter().enumerate() {
                    to[k * panel + j * R..][..R].copy_from_slice(from);
                }
            }
        } else {
            for (k, to) in to.chunks_mut(panel).enumerate().take(here.div_ceil(R)) {
                let rows = R.min(here - k * R);
                let from = &part.data[k * R * part.row_stride..];
                transpose(from, [part.row_stride, part.column_stride], [rows, depth.len()], R, to);
            }
        }
        first += here;
        if first == rows.end {
            break;
        }
    }
}

/// The `depth` and `columns` of a right operand as one panel `[depth, width]`, padded with
/// zeros.
#[inline(always)]
pub(crate) fn right<S: Simd>(
    _simd: S,
    matrix: Matrix,
    depth: &Range<usize>,
    columns: &Range<usize>,
    width: usize,
    to: &mut [f32],
) {
    let lanes = S::F32_LANES;
    let part = matrix.block(depth.clone(), columns.clone());
    if columns.len() == width && part.column_stride == 1 {
        for (i, to) in to.chunks_exact_mut(width).enumerate() {
            let from = &part.data[i * part.row_stride..][..width];
            let registers = from.chunks_exact(lanes).zip(to.chunks_exact_mut(lanes));
            registers.for_each(|(from, to)| to.copy_from_slice(from));
        }
    } else {
        let size = [columns.len(), depth.len()];
        transpose(part.data, [part.column_stride, part.row_stride], size, width, to);
    }
}

/// Number (i, j) of `from`, at `i * row + j * column`, to `j * width + i`; zeros where `i` is
/// `rows` and more.
#[inline(always)]
fn transpose(
    from: &[f32],
    [row, column]: [usize; 2],
    [rows, columns]: [usize; 2],
    width: usize,
    to: &mut [f32],
) {
    if column == 1 && rows == width && rows.is_multiple_of(4) {
        for i in (0..rows).step_by(4) {
            let from: [&[f32]; 4] = std::array::from_fn(|k| &from[(i + k) * row..][..columns]);
            interleave(from, &mut to[i..], width);
        }
        return;
    }
    for (j, to) in to.chunks_exact_mut(width).take(columns).enumerate() {
        for (i, to) in to.iter_mut().enumerate() {
            *to = if i < rows { from[i * row + j * column] } else { 0.0 };
        }
    }
}

/// Number j of row i to `j * width + i`.
#[inline(always)]
fn interleave(rows: [&[f32]; 4], to: &mut [f32], width: usize) {
    let quads = rows.map(|row| row.as_chunks::<4>().0);
    let whole = quads[0].len();
    for q in 0..whole {
        for (k, block) in transposed(quads.map(|row| row[q])).into_iter().enumerate() {
            to[(4 * q + k) * width..][..4].copy_from_slice(&block);
        }
    }
    for j in 4 * whole..rows[0].len() {
        to[j * width..][..4].copy_from_slice(&rows.map(|row| row[j]));
    }
}

/// Prefetches piece `piece` of `pieces` of the `depth` and `columns` of a right operand.
#[inline(always)]
pub(crate) fn prefetch(
    matrix: Matrix,
    depth: &Range<usize>,
    columns: &Range<usize>,
    piece: usize,
    pieces: usize,
) {
    // Runs of adjacent numbers.
    let (runs, run, stride) = if matrix.column_stride == 1 {
        (depth.len(), columns.len(), matrix.row_stride)
    } else {
        (columns.len(), depth.len(), matrix.column_stride)
    };
    let first = depth.start * matrix.row_stride + columns.start * matrix.column_stride;
    let share = runs.div_ceil(pieces);
    for i in (piece * share)..runs.min((piece + 1) * share) {
        for j in (0..run).step_by(16) {
            tile::prefetch::<2>(matrix.data.as_ptr().wrapping_add(first + i * stride + j));
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transposed(block: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    use std::arch::x86_64::{__m128, _MM_TRANSPOSE4_PS};
    let [mut a, mut b, mut c, mut d] = block.map(pulp::cast::<[f32; 4], __m128>);
    // SAFETY: SSE is part of every x86-64.
    unsafe { _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d) };
    [a, b, c, d].map(pulp::cast::<__m128, [f32; 4]>)
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn transposed(block: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    std::array::from_fn(|j| std::array::from_fn(|i| block[i][j]))
}
