//! The activation of GPT-2's blocks.

use std::f32::consts::{FRAC_2_SQRT_PI, SQRT_2};

use burn::tensor::{Tensor, activation};
use pulp::{Simd, WithSimd};

use crate::buffer_pool::buffer;
use crate::instruction_set::arch;
use crate::matrix::Matrix;
use crate::operation::{Gradient, Operation, can_run, run_1};
use crate::tanh::tanh_lane;
use crate::thread_pool::for_each_part;

/// x Φ(x) of every number, with the tangent that approximates Φ (Hendrycks and Gimpel 2016, section 2).
///
/// Computed here on Burn's CPU back ends; elsewhere, and as the reference, it is
/// [`activation::gelu_approximate`].
pub fn gelu(x: Tensor<2>) -> Tensor<2> {
    if can_run(&x) { run_1(Gelu, x) } else { activation::gelu_approximate(x) }
}

#[derive(Clone, Debug)]
struct Gelu;

/// √(2 / π)
const SCALE: f32 = FRAC_2_SQRT_PI / SQRT_2;
const CUBIC: f32 = 0.044_715;
/// Multiply-adds that a number costs about as much as.
const COST: usize = 32;

impl Operation<1> for Gelu {
    type Saved = ();

    fn columns(&self, [x]: &[Matrix; 1]) -> usize {
        x.columns
    }

    fn forward(&self, [x]: [Matrix; 1]) -> (Vec<f32>, ()) {
        let mut output = buffer(x.data.len());
        for_each_part([&mut output], x.data.len() * COST, |range, [y]| {
            arch().dispatch(Forward { x: &x.data[range], y });
        });
        (output, ())
    }

    fn backward(
        &self,
        gradient: &mut [f32],
        [x]: [Matrix; 1],
        _: &[f32],
        (): &(),
        _: [bool; 1],
    ) -> [Gradient; 1] {
        for_each_part([gradient], x.data.len() * COST, |range, [gradient]| {
            arch().dispatch(Backward { x: &x.data[range], gradient });
        });
        [Gradient::InPlace]
    }
}

/// x (1 + tanh u) / 2 with u = √(2 / π) (x + 0.044715 x³)
struct Forward<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y = 0.5 * x * (1.0 + tangent(x));
        }
    }
}

/// The derivative: (1 + t) / 2 + x (1 − t²) u′ / 2, where t = tanh u.
struct Backward<'a> {
    x: &'a [f32],
    gradient: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (gradient, &x) in self.gradient.iter_mut().zip(self.x) {
            let t = tangent(x);
            let slope = SCALE * (1.0 + 3.0 * CUBIC * (x * x));
            *gradient *= 0.5 * (1.0 + t + x * (1.0 - t * t) * slope);
        }
    }
}

#[inline(always)]
fn tangent(x: f32) -> f32 {
    tanh_lane(SCALE * x * (1.0 + CUBIC * (x * x)))
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests {
    use burn::tensor::{Device, TensorData, Tolerance};

    use super::*;

    fn value_and_gradient(function: fn(Tensor<2>) -> Tensor<2>) -> [TensorData; 2] {
        let x: Vec<f32> = (-600..600).map(|i| i as f32 / 100.0).collect();
        let x = Tensor::<1>::from_floats(&x[..], &Device::flex().autodiff());
        let x = x.reshape([30, 40]).require_grad();
        let y = function(x.clone());
        let gradient = x.grad(&(y.clone() * y.clone()).sum().backward()).unwrap();
        [y.into_data(), gradient.into_data()]
    }

    #[test]
    fn numbers_of_any_size() {
        let x = [f32::NEG_INFINITY, -1e30, -0.0, 1e30, f32::INFINITY, f32::NAN];
        let x = Tensor::<1>::from_floats(x, &Device::flex()).reshape([1, 6]);
        let y = gelu(x).into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(y[1..5], [0.0, 0.0, 1e30, f32::INFINITY]);
        assert!(y[5].is_nan());
    }

    #[test]
    fn it_and_its_gradient_agree_with_the_reference() {
        let reference = value_and_gradient(activation::gelu_approximate);
        for (ours, reference) in value_and_gradient(gelu).iter().zip(&reference) {
            ours.assert_approx_eq::<f32>(reference, Tolerance::rel_abs(1e-5, 2e-6));
        }
    }
}
