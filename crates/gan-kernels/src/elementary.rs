//! Elementary functions with the bits of glibc's on every system. Those of other C libraries round
//! the last bit of some numbers otherwise, and so would a training.
//!
//! The methods and constants are those of Arm's Optimized Routines, which glibc uses.

use std::f64::consts::LOG2_E;

/// eˣ for x ≤ 0, as glibc's `expf`.
pub(crate) fn exp(x: f32) -> f32 {
    // Below, it rounds to 0.
    if x < -104.0 { 0.0 } else { exp2(LOG2_E * f64::from(x)) }
}

/// 1 / √x for x > 0, as glibc's `powf(x, -0.5)`.
pub(crate) fn inverse_sqrt(x: f32) -> f32 {
    if x.is_subnormal() {
        return inverse_sqrt(x * 2_f32.powi(24)) * 4_096.0;
    }
    if !x.is_normal() {
        return x.sqrt().recip();
    }
    // x = 2ᵏ z with z in [0.7, 1.4), a sixteenth of which has 1 / c and log₂ c for a c within.
    let offset = x.to_bits().wrapping_sub(0x3f33_0000);
    let exponent = offset & 0xff80_0000;
    let [inverse, log] = LOGARITHMS[(offset >> 19) as usize % 16];
    let z = f64::from(f32::from_bits(x.to_bits().wrapping_sub(exponent)));
    let k = f64::from(exponent.cast_signed() >> 23);
    // log₂ x = k + log₂ c + log₂ (1 + r)
    let r = z * inverse - 1.0;
    let high = 0.288_457_581_109_214 * r - 0.360_926_062_297_131_64;
    let middle = 0.480_898_481_472_577 * r - 0.721_347_467_500_629_1;
    let low = 1.442_695_040_877_434_2 * r + (log + k);
    let square = r * r;
    exp2(-0.5 * (high * (square * square) + (middle * square + low)))
}

/// 2ˣ, with an error below 0.503 units in the last place: with k = 32 x rounded and r the rest,
/// 2^(k/32) · 2^(r/32), of which the first is looked up and the second a cubic polynomial.
fn exp2(x: f64) -> f32 {
    // Added to a double, it leaves the nearest integer in the low bits.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let scaled = 32.0 * x;
    let shifted = scaled + SHIFT;
    let (k, r) = (shifted.to_bits(), scaled - (shifted - SHIFT));
    let bits = POWERS[k as usize / 4 % 8][k as usize % 4];
    let power = f64::from_bits(bits.wrapping_add(k << 47));
    let low = 0.021_660_849_396_613_134 * r + 1.0;
    let high = 1.693_835_925_092_021_2e-6 * r + 0.000_234_598_097_895_090_04;
    ((high * (r * r) + low) * power) as f32
}

/// The bits of 2^(i/32) less i · 2⁴⁷; with k · 2⁴⁷ added, those of 2^(k/32) where i = k mod 32.
const POWERS: [[u64; 4]; 8] = [
    [0x3ff0_0000_0000_0000, 0x3fef_d9b0_d315_8574, 0x3fef_b558_6cf9_890f, 0x3fef_9301_d012_5b51],
    [0x3fef_72b8_3c7d_517b, 0x3fef_5487_3168_b9aa, 0x3fef_387a_6e75_6238, 0x3fef_1e9d_f51f_dee1],
    [0x3fef_06fe_0a31_b715, 0x3fee_f1a7_373a_a9cb, 0x3fee_dea6_4c12_3422, 0x3fee_ce08_6061_892d],
    [0x3fee_bfda_d536_2a27, 0x3fee_b42b_569d_4f82, 0x3fee_ab07_dd48_5429, 0x3fee_a47e_b03a_5585],
    [0x3fee_a09e_667f_3bcd, 0x3fee_9f75_e8ec_5f74, 0x3fee_a114_73eb_0187, 0x3fee_a589_994c_ce13],
    [0x3fee_ace5_422a_a0db, 0x3fee_b737_b0cd_c5e5, 0x3fee_c491_82a3_f090, 0x3fee_d503_b23e_255d],
    [0x3fee_e89f_995a_d3ad, 0x3fee_ff76_f2fb_5e47, 0x3fef_199b_dd85_529c, 0x3fef_3720_dcef_9069],
    [0x3fef_5818_dcfb_a487, 0x3fef_7c97_337b_9b5f, 0x3fef_a4af_a2a4_90da, 0x3fef_d076_5b6e_4540],
];

/// 1 / c and log₂ c.
const LOGARITHMS: [[f64; 2]; 16] = [
    [1.398_907_162_146_528, -0.484_300_221_862_896_73],
    [1.340_314_189_663_799_8, -0.422_571_229_591_947_04],
    [1.286_432_210_124_115, -0.363_375_434_767_355_6],
    [1.236_715_021_426_989_5, -0.306_513_095_674_055_77],
    [1.190_697_716_671_175_2, -0.251_807_201_605_376_34],
    [1.147_982_102_055_642_9, -0.199_100_149_437_945_63],
    [1.108_225_144_827_215_8, -0.148_251_006_232_816_15],
    [1.071_129_741_305_738_1, -0.099_133_238_073_183_92],
    [1.036_437_278_977_283, -0.051_632_812_977_629_436],
    [1.0, 0.0],
    [0.949_285_979_573_905_7, 0.075_085_319_379_430_04],
    [0.895_104_942_860_900_4, 0.159_871_259_807_131_07],
    [0.847_682_162_035_110_3, 0.238_404_666_431_768_1],
    [0.805_031_485_169_200_1, 0.312_882_886_058_632_57],
    [0.766_467_100_884_310_8, 0.383_704_226_564_531_85],
    [0.731_428_603_316_328, 0.451_211_048_935_815],
];

/// Trainings depend on these bits.
#[cfg(test)]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// Every so many numbers are tried, about a million of all.
    const STEP: usize = if cfg!(miri) { 10_000_019 } else { 1_021 };

    #[test]
    fn the_exponential_has_the_bits_of_glibcs() {
        // From −0 to −∞; of all, one differs, −63.09946.
        for bits in (0x8000_0000..=0xff80_0000).step_by(STEP) {
            let x = f32::from_bits(bits);
            assert_eq!(exp(x).to_bits(), x.exp().to_bits(), "{x}");
        }
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn the_inverse_square_root_has_the_bits_of_glibcs_power() {
        // From 0 to ∞; of all, none differs.
        for bits in (0..=0x7f80_0000).step_by(STEP) {
            let x = f32::from_bits(bits);
            assert_eq!(inverse_sqrt(x).to_bits(), x.powf(-0.5).to_bits(), "{x}");
        }
        assert!(inverse_sqrt(f32::NAN).is_nan());
    }
}
