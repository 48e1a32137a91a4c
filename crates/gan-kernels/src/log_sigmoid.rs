//! log σ(x), which every loss of a GAN is made of.

use burn::tensor::Tensor;
use burn::tensor::activation;

use crate::buffer_pool::buffer;
use crate::matrix::Matrix;
use crate::operation::{Gradient, Operation, can_run, run_1};

/// log σ(x) of every number; neither overflows nor rounds to log 0.
///
/// Computed here on Burn's CPU back ends, with the same bits on each;
/// elsewhere, and as the reference, it is [`activation::log_sigmoid`].
pub fn log_sigmoid(x: Tensor<2>) -> Tensor<2> {
    if can_run(&x) { run_1(LogSigmoid, x) } else { activation::log_sigmoid(x) }
}

#[derive(Clone, Debug)]
struct LogSigmoid;

impl Operation<1> for LogSigmoid {
    type Saved = ();

    fn columns(&self, [x]: &[Matrix; 1]) -> usize {
        x.columns
    }

    /// log σ(x) = min(x, 0) − log(1 + exp(−|x|))
    fn forward(&self, [x]: [Matrix; 1]) -> (Vec<f32>, ()) {
        let mut output = buffer(x.data.len());
        for (y, x) in output.iter_mut().zip(x.data) {
            *y = x.min(0.0) - exp(-x.abs()).ln_1p();
        }
        (output, ())
    }

    /// The derivative of log σ at x is σ(−x).
    fn backward(
        &self,
        gradient: &mut [f32],
        [x]: [Matrix; 1],
        _: &[f32],
        (): &(),
        _: [bool; 1],
    ) -> [Gradient; 1] {
        for (gradient, &x) in gradient.iter_mut().zip(x.data) {
            let e = exp(-x.abs());
            *gradient *= (if x > 0.0 { e } else { 1.0 }) / (1.0 + e);
        }
        [Gradient::InPlace]
    }
}

/// eˣ for x ≤ 0, with the bits of glibc's `expf`, which other systems' C libraries do not give.
///
/// The method and its constants are those of Arm's Optimized Routines: with k = 32 x / ln 2 rounded
/// and r the rest, eˣ = 2^(k/32) · 2^(r/32), of which the first is looked up and the second a cubic
/// polynomial, in double precision. The error is below 0.503 units in the last place.
fn exp(x: f32) -> f32 {
    // Added to a double, it leaves the nearest integer in the low bits.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    if x < -104.0 {
        return 0.0;
    }
    let scaled = 46.166_241_308_446_83 * f64::from(x);
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

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests {
    use burn::tensor::{Device, TensorData, Tolerance};

    use super::*;

    fn value_and_gradient(function: fn(Tensor<2>) -> Tensor<2>) -> [TensorData; 2] {
        let device = Device::flex().autodiff();
        let x = [-90.0, -20.0, -3.0, -1e-3, 0.0, 0.5, 4.0, 30.0, 90.0];
        let x = Tensor::<2>::from_floats([x], &device).require_grad();
        let y = function(x.clone());
        let gradient = x.grad(&y.clone().sum().backward()).unwrap();
        [y.into_data(), gradient.into_data()]
    }

    /// Trainings depend on these bits.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn the_exponential_has_the_bits_of_glibcs() {
        // Of a million numbers from −0 to −∞; of all, one differs, −63.09946.
        let step = if cfg!(miri) { 10_000_019 } else { 1_021 };
        for bits in (0x8000_0000..=0xff80_0000).step_by(step) {
            let x = f32::from_bits(bits);
            assert_eq!(exp(x).to_bits(), x.exp().to_bits(), "{x}");
        }
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn it_and_its_gradient_agree_with_the_reference() {
        let reference = value_and_gradient(activation::log_sigmoid);
        for (ours, reference) in value_and_gradient(log_sigmoid).iter().zip(&reference) {
            ours.assert_approx_eq::<f32>(reference, Tolerance::rel_abs(1e-5, 1e-7));
        }
    }
}
