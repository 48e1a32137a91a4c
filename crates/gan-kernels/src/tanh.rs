//! The hyperbolic tangent without branches, so that it vectorises.

/// 1.5 · 2²³: added to a small number, it puts the nearest integer into the low bits.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts; multiples of the first are exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// exp(r) − 1 over r on [−ln 2 / 2, ln 2 / 2], fitted for least relative error (2e-9).
const EXP: [f32; 6] = [1.0, 0.499_999_94, 0.166_664_32, 0.041_668, 0.008_374_157, 0.001_384_364_8];

/// tanh x to within 2e-7 absolutely; ±1 beyond ±10, and NaN stays NaN.
///
/// tanh x = sign(x) (1 − t) / (1 + t) with t = exp(−2 |x|), which lies in (0, 1].
#[inline(always)]
pub(crate) fn tanh_lane(x: f32) -> f32 {
    let z = -2.0 * x.clamp(-10.0, 10.0).abs();
    // t = 2ⁿ exp(r): n is the nearest integer to z / ln 2, taken from the low bits.
    let shifted = z * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (z - n * LN_2[0]) - n * LN_2[1];
    let power = EXP.iter().rev().fold(0.0, |sum, c| sum * r + c) * r + 1.0;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    let t = power * scale;
    ((1.0 - t) / (1.0 + t)).copysign(x)
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    use super::*;

    /// Compiled for this machine's instruction set, as in a layer.
    fn tanh_in_place(x: &mut [f32]) {
        Arch::new().dispatch(|| x.iter_mut().for_each(|x| *x = tanh_lane(*x)));
    }

    #[test]
    #[cfg_attr(miri, ignore = "many numbers and no unsafe code")]
    fn the_error_is_below_the_stated_bound() {
        let mut x: Vec<f32> = (-2_000_000..=2_000_000).map(|i| i as f32 * 6e-6).collect();
        let exact: Vec<f64> = x.iter().map(|&x| f64::from(x).tanh()).collect();
        tanh_in_place(&mut x);
        let worst = x.iter().zip(exact).map(|(&y, e)| (f64::from(y) - e).abs()).fold(0.0, f64::max);
        assert!(worst < 2e-7, "worst error {worst:e}");
    }

    #[test]
    fn extreme_values_and_nan() {
        let infinity = f32::INFINITY;
        let mut x = [0.0, -0.0, 30.0, -30.0, 1e30, infinity, -infinity, f32::NAN];
        tanh_in_place(&mut x);
        assert_eq!(x[..7], [0.0, 0.0, 1.0, -1.0, 1.0, 1.0, -1.0]);
        assert!(x[1].is_sign_negative() && x[7].is_nan());
    }
}
