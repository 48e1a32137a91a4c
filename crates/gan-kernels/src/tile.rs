//! The innermost loop of a matrix product: a tile of the result that stays in registers.

use pulp::{Simd, WithSimd, cast_lossy};

/// The width of a tile in registers. Together with [`rows`], a tile takes three quarters of
/// the registers, which leaves room for a row of the right operand and one number of the left.
pub(crate) const WIDTH: usize = 3;
/// Rows of the highest tile of any machine.
pub(crate) const MAX_ROWS: usize = 8;
/// Lanes of the widest register of any machine.
pub(crate) const MAX_LANES: usize = 16;

/// Rows of a tile on a machine with these registers: 8 where there are 32, else 4.
pub(crate) const fn rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 8 } else { 4 }
}

/// The initial value of a tile's sums.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    Zero,
    /// The same row of numbers for each row of the tile.
    Row(*const f32),
    /// The numbers in the result.
    Result,
}

/// The terms of a tile's sums, as places in the left operand: number `i` of a run is `i * step`
/// behind the run's start, and that is `starts[run]` behind the start of the tile's row.
#[derive(Clone, Copy)]
pub(crate) struct Runs<'a> {
    pub starts: &'a [usize],
    pub len: usize,
    pub step: usize,
}

/// Where each row of a tile's left operand starts.
pub(crate) trait Rows: Copy {
    fn row(&self, index: usize) -> *const f32;
}

/// Anywhere.
impl Rows for [*const f32; MAX_ROWS] {
    #[inline(always)]
    fn row(&self, index: usize) -> *const f32 {
        self[index]
    }
}

/// The rows of a left operand that is packed by [`crate::pack`], as `[depth, rows]`.
#[derive(Clone, Copy)]
pub(crate) struct PackedRows(pub *const f32);

impl Rows for PackedRows {
    #[inline(always)]
    fn row(&self, index: usize) -> *const f32 {
        self.0.wrapping_add(index)
    }
}

/// A tile of a product.
#[derive(Clone, Copy)]
pub(crate) struct Tile<'a, L> {
    pub left: L,
    pub runs: Runs<'a>,
    /// `[depth, registers * lanes]`: the right operand's part, and the distance of its rows.
    pub right: *const f32,
    pub right_stride: usize,
    /// The tile's place in the result, and the distance of the result's rows.
    pub result: *mut f32,
    pub stride: usize,
    /// Rows and columns that exist; the packed operands are padded with zeros.
    pub size: [usize; 2],
    pub start: Start,
}

impl<L: Rows> Tile<'_, L> {
    /// Adds the product of the operands to the initial value.
    ///
    /// # Safety
    /// The operands are as large as described for `S` and `registers`, and initialised, those of
    /// all rows of such a tile.
    /// `size` fits into a tile; the result's rows, and [`Start::Row`]'s, have as many columns,
    /// and nothing else uses them meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn run<S: Simd>(self, simd: S, registers: usize) {
        match (rows::<S>(), registers) {
            (8, 3) => simd.vectorize(Sized::<L, 8, 3>(self)),
            (8, 2) => simd.vectorize(Sized::<L, 8, 2>(self)),
            (8, _) => simd.vectorize(Sized::<L, 8, 1>(self)),
            (_, 3) => simd.vectorize(Sized::<L, 4, 3>(self)),
            (_, 2) => simd.vectorize(Sized::<L, 4, 2>(self)),
            _ => simd.vectorize(Sized::<L, 4, 1>(self)),
        }
    }
}

/// A tile of `R` rows and `N` registers. Only [`Tile::run`] makes one, as its caller's promises
/// allow.
struct Sized<'a, L, const R: usize, const N: usize>(Tile<'a, L>);

impl<L: Rows, const R: usize, const N: usize> WithSimd for Sized<'_, L, R, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.0;
        if tile.size == [R, N * S::F32_LANES] {
            // SAFETY: the whole tile lies in the result, as `run`'s caller promised.
            return unsafe { sum::<S, L, R, N>(simd, tile) };
        }
        // At the edge the sums are computed in a scratch tile, with the same operations as in
        // the result, so the place of the edge does not change a bit.
        let mut scratch = [[0.0_f32; WIDTH * MAX_LANES]; MAX_ROWS];
        let [rows, columns] = tile.size;
        for (row, scratch) in scratch[..rows].iter_mut().enumerate() {
            for (column, number) in scratch[..columns].iter_mut().enumerate() {
                // SAFETY: within the result's part and the row, as `run`'s caller promised.
                *number = unsafe {
                    match tile.start {
                        Start::Zero => 0.0,
                        Start::Row(numbers) => *numbers.add(column),
                        Start::Result => *tile.result.add(row * tile.stride + column),
                    }
                };
            }
        }
        let (result, stride) = (scratch.as_mut_ptr().cast(), WIDTH * MAX_LANES);
        // SAFETY: `scratch` holds the largest tile.
        unsafe { sum::<S, L, R, N>(simd, Tile { result, stride, start: Start::Result, ..tile }) };
        for (row, scratch) in scratch[..rows].iter().enumerate() {
            // SAFETY: within the result's part, as `run`'s caller promised.
            let row = unsafe { tile.result.add(row * tile.stride) };
            for (column, number) in scratch[..columns].iter().enumerate() {
                // SAFETY: as above.
                unsafe { *row.add(column) = *number };
            }
        }
    }
}

/// # Safety
/// That of [`Tile::run`], the whole tile lying in the result.
#[inline(always)]
unsafe fn sum<S: Simd, L: Rows, const R: usize, const N: usize>(simd: S, tile: Tile<L>) {
    let lanes = S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    // SAFETY: every address lies in the operand, row or result that it is derived from.
    unsafe {
        match tile.start {
            Start::Zero => {}
            Start::Row(numbers) => {
                for (n, &numbers) in load::<S, N>(numbers).iter().enumerate() {
                    for sums in &mut sums {
                        sums[n] = numbers;
                    }
                }
            }
            Start::Result => {
                for (row, sums) in sums.iter_mut().enumerate() {
                    *sums = load::<S, N>(tile.result.add(row * tile.stride));
                }
            }
        }
        let mut right = tile.right;
        for &start in tile.runs.starts {
            let left: [_; R] = std::array::from_fn(|row| tile.left.row(row).add(start));
            let mut place = 0;
            for _ in 0..tile.runs.len {
                for n in 0..N {
                    prefetch::<3>(right.wrapping_add(AHEAD * tile.right_stride + n * lanes));
                }
                let numbers = load::<S, N>(right);
                for (left, sums) in left.iter().zip(&mut sums) {
                    let factor = simd.splat_f32s(*left.add(place));
                    for (sum, &number) in sums.iter_mut().zip(&numbers) {
                        *sum = multiply_add(simd, factor, number, *sum);
                    }
                }
                place += tile.runs.step;
                right = right.wrapping_add(tile.right_stride);
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            let row = tile.result.add(row * tile.stride);
            for (n, &sum) in sums.iter().enumerate() {
                row.add(n * lanes).cast::<S::f32s>().write_unaligned(sum);
            }
        }
    }
}

/// a · b + c, rounded once (on wasm with SIMD twice: it has no such instruction).
#[inline(always)]
fn multiply_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if S::IS_SCALAR {
        simd.splat_f32s(mul_add(cast_lossy(a), cast_lossy(b), cast_lossy(c)))
    } else {
        simd.mul_add_e_f32s(a, b, c)
    }
}

/// a · b + c, rounded once, for processors without such an instruction: the same bits on all.
///
/// The sum of the exact product and `c` is rounded to double precision, which rounds twice where
/// the result lies half-way between two numbers of single precision. There the double is moved to
/// the neighbour on the side of the exact sum, if it is even (Boldo and Melquiond 2008, "Emulation
/// of FMA and correctly rounded sums: proved algorithms using rounding to odd").
#[inline(always)]
pub(crate) fn mul_add(a: f32, b: f32, c: f32) -> f32 {
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    let bits = sum.to_bits();
    if bits.trailing_zeros() < f64::MANTISSA_DIGITS - f32::MANTISSA_DIGITS - 1 {
        return sum as f32;
    }
    let rest = sum - product;
    let error = (product - (sum - rest)) + (c - rest);
    if error.abs() > 0.0 {
        let outward = (error > 0.0) == (sum > 0.0);
        return f64::from_bits(if outward { bits + 1 } else { bits - 1 }) as f32;
    }
    sum as f32
}

/// Rows of the right operand that are prefetched: it is too long for the first-level cache.
const AHEAD: usize = 8;

/// Prefetches a cache line into all levels (3) or all but the first (2).
#[inline(always)]
pub(crate) fn prefetch<const LEVELS: i32>(number: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which reads nothing and so is sound for any address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<LEVELS>(number.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = number;
}

/// # Safety
/// There are `N` registers of numbers.
#[inline(always)]
unsafe fn load<S: Simd, const N: usize>(numbers: *const f32) -> [S::f32s; N] {
    let numbers = numbers.cast::<S::f32s>();
    // SAFETY: as the caller promises.
    std::array::from_fn(|n| unsafe { numbers.add(n).read_unaligned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_instruction_for_it_a_product_and_sum_is_rounded_once() {
        // Half-way between two numbers but for 2⁻⁶⁰; near the smallest and the largest numbers.
        let (near, odd, tiny) = (2.0_f32.powi(-18), 1.0 + f32::EPSILON, f32::MIN_POSITIVE);
        let below = (1.0 - near) * f32::EPSILON / 2.0;
        let mut cases = vec![
            (1.0 + near, below, odd),
            (-1.0 - near, below, -odd),
            (1.0 + near, -below, 1.0),
            (1e-30, 1e-30, odd),
            (tiny, f32::EPSILON * odd, tiny / 2.0),
            (tiny, 0.5, -tiny / 2.0),
            (f32::MAX, 2.0, f32::NEG_INFINITY),
            (f32::MAX, f32::MAX, -1.0),
            (f32::MAX, -f32::MAX, 1.0),
            (0.0, -1.0, 0.0),
            (0.0, -1.0, -0.0),
        ];
        let mut state = 1_u64;
        let mut next = |bits: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Few bits, so that sums are often half-way.
            let mantissa = (state >> 40) as u32 & (0x7f_ffff << bits) & 0x7f_ffff;
            let exponent = 100 + (state >> 33) as u32 % 30;
            f32::from_bits((state >> 32) as u32 & 1 << 31 | exponent << 23 | mantissa)
        };
        for case in 0..if cfg!(miri) { 100 } else { 1_000_000 } {
            let bits = case % 23;
            cases.push((next(bits), next(22 - bits), next(bits / 2)));
        }
        for (a, b, c) in cases {
            let (found, expected) = (mul_add(a, b, c), a.mul_add(b, c));
            assert_eq!(found.to_bits(), expected.to_bits(), "{a:e} · {b:e} + {c:e}");
        }
        assert!(mul_add(f32::INFINITY, 0.0, 1.0).is_nan());
        assert!(mul_add(1.0, f32::NAN, 1.0).is_nan());
    }
}
