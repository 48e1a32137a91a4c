//! Products are sums of products, with the same bits on every processor.

use super::*;

pub(crate) fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[test]
fn products_are_sums_of_products_for_any_layout() {
    let sizes = [(1, 1, 1), (3, 5, 7), (9, 1, 6), (1, 1, 9), (130, 257, 65), (256, 100, 128)];
    // Miri counts every access.
    for &(m, n, k) in if cfg!(miri) { &sizes[..4] } else { &sizes[..] } {
        let (a, b, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
        let exact = |i: usize, j: usize| {
            let sum: f64 = (0..k).map(|p| f64::from(a[i * k + p]) * f64::from(b[p * n + j])).sum();
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

/// A block whose result is not changed further.
type Unfinished<'a> = Block<'a, fn(&mut [f32])>;

fn nothing(_: &mut [f32]) {}

#[test]
fn every_instruction_set_computes_the_same() {
    let sizes = [(9, 50, 1), (13, 11, 9), (100, 130, 600), (300, 48, 33)];
    for &(m, n, k) in if cfg!(miri) { &sizes[..2] } else { &sizes[..] } {
        let (a, b, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
        let mut runs = Vec::new();
        let mut with = |run: &dyn Fn(Unfinished)| {
            let mut result = vec![0.0; m * n];
            run(Block {
                left: Matrix::new(&a, m, k),
                right: Matrix::new(&b, n, k).transposed(),
                bias: Some(&bias),
                result: &Shared::new(&mut result),
                rows: 0..m,
                columns: 0..n,
                finish: &(nothing as fn(&mut [f32])),
            });
            runs.push(result);
        };
        with(&|block| arch().dispatch(block));
        with(&|block| Simd::vectorize(pulp::Scalar::new(), block));
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            with(&|block| Simd::vectorize(v3, block));
        }
        for run in &runs[1..] {
            assert!(*run == runs[0], "{m} {n} {k}");
        }
    }
}

#[test]
fn every_instruction_set_multiplies_a_column_alike() {
    let (rows, columns) = (37, 1100);
    let (a, vector) = (numbers(rows * columns, 1), numbers(columns, 2));
    for matrix in [Matrix::new(&a, rows, columns), Matrix::new(&a, columns, rows).transposed()] {
        let mut runs = Vec::new();
        let mut with = |run: &dyn Fn(AddColumnAsBurn)| {
            let mut result = vec![0.0; rows];
            run(AddColumnAsBurn { matrix, vector: &vector, result: &mut result });
            runs.push(result);
        };
        with(&|column| arch().dispatch(column));
        with(&|column| Simd::vectorize(pulp::Scalar::new(), column));
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            with(&|column| Simd::vectorize(v3, column));
        }
        for run in &runs[1..] {
            assert_eq!(*run, runs[0]);
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (m, n, k) = if cfg!(miri) { (16, 35, 6) } else { (128, 784, 300) };
    let (a, b, y) = (numbers(m * k, 1), numbers(k * n, 2), numbers(m * n, 3));
    let with = |threads| {
        crate::thread_pool::with_threads(threads, || {
            let wide = product(Matrix::new(&a, m, k), Matrix::new(&b, k, n), None, |_| ());
            let high = product(
                Matrix::new(&b, k, n).transposed(),
                Matrix::new(&a, m, k).transposed(),
                None,
                |_| (),
            );
            let mut gradient = wide.clone();
            let sums = apply_and_sum_columns(&mut gradient, &y, n, |g, y| {
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
