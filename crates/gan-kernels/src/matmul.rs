//! Matrix products of slices, split over threads, with work on each part while it is in cache.

use std::ops::Range;

use gemm::Parallelism;

use crate::parallel;

/// A matrix in a slice: element (i, j) is at `i * row + j * column`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    row: usize,
    column: usize,
}

impl<'a> Matrix<'a> {
    /// Rows one after the other.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "a matrix must fill its slice");
        Self { data, rows, columns, row: columns, column: 1 }
    }

    /// The same numbers with rows and columns exchanged; nothing is copied.
    pub(crate) fn transposed(self) -> Self {
        let Self { data, rows, columns, row, column } = self;
        Self { data, rows: columns, columns: rows, row: column, column: row }
    }
}

/// A row-major matrix that threads write to, each its own columns or rows.
struct Shared {
    data: *mut f32,
    columns: usize,
}

// SAFETY: the threads of `parallel::ranges` get disjoint ranges, and touch nothing outside.
unsafe impl Sync for Shared {}

impl Shared {
    /// The numbers of `columns` in `row`.
    ///
    /// # Safety
    /// Both must lie within the matrix, and nobody else may use them meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the threads' parts are disjoint")]
    unsafe fn part(&self, row: usize, columns: &Range<usize>) -> &mut [f32] {
        // SAFETY: within the matrix, and unshared, as the caller promises.
        unsafe {
            let start = self.data.add(row * self.columns + columns.start);
            std::slice::from_raw_parts_mut(start, columns.len())
        }
    }
}

/// `left · right`, each row started from `bias` if there is one, and `finish` run over
/// pieces of the result while they are in cache.
pub(crate) fn product(
    left: Matrix,
    right: Matrix,
    bias: Option<&[f32]>,
    finish: impl Fn(&mut [f32]) + Sync,
) -> Vec<f32> {
    let (m, n, k) = (left.rows, right.columns, left.columns);
    assert_eq!(k, right.rows, "inner sizes must agree");
    assert!(bias.is_none_or(|bias| bias.len() == n), "one bias a column");
    let mut output = vec![0.0; m * n];
    let shared = Shared { data: output.as_mut_ptr(), columns: n };
    let part = |rows: Range<usize>, columns: Range<usize>| {
        if let Some(bias) = bias {
            for row in rows.clone() {
                // SAFETY: `row` and `columns` are this thread's own part of the output.
                unsafe { shared.part(row, &columns) }.copy_from_slice(&bias[columns.clone()]);
            }
        }
        // SAFETY: `left` and `right` fill their slices (checked when they were made), the
        // ranges lie within them and the output, and this part of the output is ours.
        unsafe {
            gemm::gemm(
                rows.len(),
                columns.len(),
                k,
                shared.data.add(rows.start * n + columns.start),
                1,
                n as isize,
                bias.is_some(),
                left.data.as_ptr().add(rows.start * left.row),
                left.column as isize,
                left.row as isize,
                right.data.as_ptr().add(columns.start * right.column),
                right.column as isize,
                right.row as isize,
                1.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
        for row in rows {
            // SAFETY: `row` and `columns` are this thread's own part of the output.
            finish(unsafe { shared.part(row, &columns) });
        }
    };
    // The longer side is split: less of the other matrix is read twice.
    let cost = m * n * k;
    if n >= m {
        parallel::ranges(n, cost, |columns| part(0..m, columns));
    } else {
        parallel::ranges(m, cost, |rows| part(rows, 0..n));
    }
    output
}

/// Runs `work` over matching rows of `gradient` and `output`, both `[rows, columns]`, and
/// sums the gradient's columns after it.
pub(crate) fn rows_then_sums(
    gradient: &mut [f32],
    output: &[f32],
    columns: usize,
    work: impl Fn(&mut [f32], &[f32]) + Sync,
) -> Vec<f32> {
    let rows = gradient.len() / columns;
    assert_eq!([gradient.len(), output.len()], [rows * columns; 2], "sizes must agree");
    let mut sums = vec![0.0; columns];
    let gradient = Shared { data: gradient.as_mut_ptr(), columns };
    let total = Shared { data: sums.as_mut_ptr(), columns };
    // An element costs about as much as a few dozen multiply-adds of a product.
    parallel::ranges(columns, 32 * rows * columns, |range| {
        // SAFETY: `range` is this thread's own part of the sums.
        let sums = unsafe { total.part(0, &range) };
        pulp::Arch::new().dispatch(|| {
            for row in 0..rows {
                // SAFETY: `range` is this thread's own part of each row.
                let gradient = unsafe { gradient.part(row, &range) };
                work(gradient, &output[row * columns..][range.clone()]);
                sums.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += *g);
            }
        });
    });
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    #[test]
    fn products_are_sums_of_products_for_any_layout() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (128, 1, 64), (130, 257, 65), (256, 100, 128)] {
            let (a, b, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
            let exact = |i: usize, j: usize| {
                let sum: f64 =
                    (0..k).map(|p| f64::from(a[i * k + p]) * f64::from(b[p * n + j])).sum();
                sum + f64::from(bias[j])
            };
            let transposed = |x: &[f32], rows: usize, columns: usize| -> Vec<f32> {
                (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
            };
            let (at, bt) = (transposed(&a, m, k), transposed(&b, k, n));
            for left in [Matrix::new(&a, m, k), Matrix::new(&at, k, m).transposed()] {
                for right in [Matrix::new(&b, k, n), Matrix::new(&bt, n, k).transposed()] {
                    let result = product(left, right, Some(&bias), |_| ());
                    for (index, &found) in result.iter().enumerate() {
                        let expected = exact(index / n, index % n);
                        assert!((f64::from(found) - expected).abs() < 1e-4, "{m} {n} {k}");
                    }
                }
            }
        }
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let (m, n, k) = (128, 784, 300);
        let (a, b, y) = (numbers(m * k, 1), numbers(k * n, 2), numbers(m * n, 3));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let wide = product(Matrix::new(&a, m, k), Matrix::new(&b, k, n), None, |_| ());
                let high = product(
                    Matrix::new(&b, k, n).transposed(),
                    Matrix::new(&a, m, k).transposed(),
                    None,
                    |_| (),
                );
                let mut gradient = wide.clone();
                let sums = rows_then_sums(&mut gradient, &y, n, |g, y| {
                    g.iter_mut().zip(y).for_each(|(g, y)| *g *= y);
                });
                (wide, high, gradient, sums)
            })
        };
        let one = with(1);
        for threads in [2, 3, 8] {
            assert!(with(threads) == one, "{threads} threads");
        }
    }
}
