//! The logarithm of a softmax, of which the loss of predicted classes is made.

use burn::tensor::Tensor;
use burn::tensor::activation;

use crate::buffer_pool::buffer;
use crate::elementary::exp;
use crate::matrix::Matrix;
use crate::operation::{Gradient, Operation, can_run, run_1};

/// log softmax(x) of each row; neither overflows nor rounds to log 0.
///
/// Computed here on Burn's CPU back ends, which add the numbers of a row in an order that depends
/// on the processor; elsewhere, and as the reference, it is [`activation::log_softmax`].
pub fn log_softmax(x: Tensor<2>) -> Tensor<2> {
    if can_run(&x) { run_1(LogSoftmax, x) } else { activation::log_softmax(x, 1) }
}

#[derive(Clone, Debug)]
struct LogSoftmax;

impl Operation<1> for LogSoftmax {
    type Saved = ();

    fn columns(&self, [x]: &[Matrix; 1]) -> usize {
        x.columns
    }

    /// (x − max) − log Σ exp(x − max)
    fn forward(&self, [x]: [Matrix; 1]) -> (Vec<f32>, ()) {
        let mut output = buffer(x.data.len());
        for (y, x) in output.chunks_exact_mut(x.columns).zip(x.data.chunks_exact(x.columns)) {
            let (max, sum) = max_and_sum(x);
            let log = libm::logf(sum);
            y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - max) - log);
        }
        (output, ())
    }

    /// From the gradient g: g − softmax(x) Σ g.
    fn backward(
        &self,
        gradient: &mut [f32],
        [x]: [Matrix; 1],
        _: &[f32],
        (): &(),
        _: [bool; 1],
    ) -> [Gradient; 1] {
        let rows = gradient.chunks_exact_mut(x.columns).zip(x.data.chunks_exact(x.columns));
        for (gradient, x) in rows {
            let (max, sum) = max_and_sum(x);
            let factor = -gradient.iter().sum::<f32>() * sum.recip();
            gradient.iter_mut().zip(x).for_each(|(g, x)| *g += factor * exp(x - max));
        }
        [Gradient::InPlace]
    }
}

/// The largest number of a row, and the sum of all exp(x − max).
fn max_and_sum(row: &[f32]) -> (f32, f32) {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (max, row.iter().map(|x| exp(x - max)).sum())
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests {
    use burn::tensor::{Device, TensorData, Tolerance};

    use super::*;

    fn value_and_gradient(function: fn(Tensor<2>) -> Tensor<2>) -> [TensorData; 2] {
        let device = Device::flex().autodiff();
        let x = [[-90.0, 0.0, 3.0, 1e-3], [0.5, 0.5, 0.25, -7.0], [300.0, -300.0, 299.0, 0.0]];
        let x = Tensor::<2>::from_floats(x, &device).require_grad();
        let weights = [[1.0, 0.0, -2.0, 0.5], [0.0, 1.0, 0.0, 0.0], [0.3, 0.2, 0.1, 4.0]];
        let y = function(x.clone());
        let weighted = y.clone() * Tensor::from_floats(weights, &device);
        let gradient = x.grad(&weighted.sum().backward()).unwrap();
        [y.into_data(), gradient.into_data()]
    }

    #[test]
    fn it_and_its_gradient_agree_with_the_reference() {
        let reference = value_and_gradient(|x| activation::log_softmax(x, 1));
        for (ours, reference) in value_and_gradient(log_softmax).iter().zip(&reference) {
            ours.assert_approx_eq::<f32>(reference, Tolerance::rel_abs(1e-5, 1e-6));
        }
    }
}
