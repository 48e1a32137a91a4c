//! log σ(x), which every loss of a GAN is made of.

use burn::tensor::Tensor;
use burn::tensor::activation;

/// log σ(x) of every number; neither overflows nor rounds to log 0.
///
/// On Burn's CPU back ends it is computed here, the same to the last bit on each;
/// elsewhere, and as the reference, it is [`activation::log_sigmoid`].
#[must_use]
pub fn log_sigmoid(x: Tensor<2>) -> Tensor<2> {
    #[cfg(any(feature = "flex", feature = "ndarray"))]
    if crate::fused::can_run(&x) {
        return crate::fused::log_sigmoid_of(x);
    }
    activation::log_sigmoid(x)
}

/// log σ(x) = min(x, 0) − log(1 + exp(−|x|))
#[cfg(any(feature = "flex", feature = "ndarray"))]
pub(crate) fn log_sigmoid_lane(x: f32) -> f32 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

/// The slope of log σ at x: σ(−x).
#[cfg(all(feature = "autodiff", any(feature = "flex", feature = "ndarray")))]
pub(crate) fn log_sigmoid_slope(x: f32) -> f32 {
    let e = (-x.abs()).exp();
    (if x > 0.0 { e } else { 1.0 }) / (1.0 + e)
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests {
    use burn::tensor::{Device, TensorData, Tolerance};

    use super::*;

    fn value_and_slope(function: fn(Tensor<2>) -> Tensor<2>) -> [TensorData; 2] {
        let device = Device::flex().autodiff();
        let x = [-90.0, -20.0, -3.0, -1e-3, 0.0, 0.5, 4.0, 30.0, 90.0];
        let x = Tensor::<2>::from_floats([x], &device).require_grad();
        let y = function(x.clone());
        let slope = x.grad(&y.clone().sum().backward()).unwrap();
        [y.into_data(), slope.into_data()]
    }

    #[test]
    fn it_agrees_with_plain_burn_and_so_does_its_slope() {
        let plain = value_and_slope(activation::log_sigmoid);
        for (ours, plain) in value_and_slope(log_sigmoid).iter().zip(&plain) {
            ours.assert_approx_eq::<f32>(plain, Tolerance::rel_abs(1e-5, 1e-7));
        }
    }
}
