//! log σ(x), which every loss of a GAN is made of.

use burn::tensor::Tensor;
use burn::tensor::activation;

use crate::buffer_pool::buffer;
use crate::elementary::exp;
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
            *y = x.min(0.0) - libm::log1pf(exp(-x.abs()));
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

    #[test]
    fn it_and_its_gradient_agree_with_the_reference() {
        let reference = value_and_gradient(activation::log_sigmoid);
        for (ours, reference) in value_and_gradient(log_sigmoid).iter().zip(&reference) {
            ours.assert_approx_eq::<f32>(reference, Tolerance::rel_abs(1e-5, 1e-7));
        }
    }
}
