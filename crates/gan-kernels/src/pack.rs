//! Operands of a matrix product, copied into the order in which a tile reads them.

use std::ops::Range;

use pulp::Simd;

use crate::matmul::Matrix;
use crate::tile;

/// Panels of the left operand that are packed side by side.
const TOGETHER: usize = 4;

/// The `rows` and `depth` of a left operand as panels `[depth, R]`, `R` rows of a tile each,
/// the last filled up with zeros.
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
    for to in to.chunks_mut(TOGETHER * panel) {
        let here = (TOGETHER * R).min(rows.end - first);
        let part = matrix.part(first..first + here, depth.clone());
        if here == TOGETHER * R && part.row == 1 {
            // Whole cache lines are read, though a panel takes less of them.
            for j in 0..depth.len() {
                let (from, _) = part.data[j * part.column..].as_chunks::<R>();
                for (k, from) in from[..TOGETHER].iter().enumerate() {
                    to[k * panel + j * R..][..R].copy_from_slice(from);
                }
            }
        } else {
            for (k, to) in to.chunks_mut(panel).enumerate().take(here.div_ceil(R)) {
                let rows = R.min(here - k * R);
                let from = &part.data[k * R * part.row..];
                transpose(from, [part.row, part.column], [rows, depth.len()], R, to);
            }
        }
        first += here;
        if first == rows.end {
            break;
        }
    }
}

/// The `depth` and `columns` of a right operand as one panel `[depth, width]`, filled up
/// with zeros.
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
    let part = matrix.part(depth.clone(), columns.clone());
    if columns.len() == width && part.column == 1 {
        for (i, to) in to.chunks_exact_mut(width).enumerate() {
            let from = &part.data[i * part.row..][..width];
            let registers = from.chunks_exact(lanes).zip(to.chunks_exact_mut(lanes));
            registers.for_each(|(from, to)| to.copy_from_slice(from));
        }
    } else {
        let size = [columns.len(), depth.len()];
        transpose(part.data, [part.column, part.row], size, width, to);
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

/// Asks for the `depth` and `columns` of a right operand to be brought closer, of which
/// piece `piece` of `pieces`.
#[inline(always)]
pub(crate) fn fetch(
    matrix: Matrix,
    depth: &Range<usize>,
    columns: &Range<usize>,
    piece: usize,
    pieces: usize,
) {
    // Runs of numbers that lie together.
    let (runs, run, stride) = if matrix.column == 1 {
        (depth.len(), columns.len(), matrix.row)
    } else {
        (columns.len(), depth.len(), matrix.column)
    };
    let first = depth.start * matrix.row + columns.start * matrix.column;
    let share = runs.div_ceil(pieces);
    for i in (piece * share)..runs.min((piece + 1) * share) {
        for j in (0..run).step_by(16) {
            prefetch(matrix.data.as_ptr().wrapping_add(first + i * stride + j));
        }
    }
}

#[inline(always)]
fn prefetch(number: *const f32) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint, which reads nothing and so is sound for any address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(number.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = number;
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
