//! Batch normalisation followed by an activation, as one operation.

use std::sync::Arc;

use burn::tensor::Tensor;
use pulp::{Arch, Simd, WithSimd};

use crate::activation::Activation;
use crate::buffer_pool::{Pooled, buffer};
use crate::matrix::Matrix;
use crate::operation::{Gradient, Operation, can_run, run_3};

/// activation(γ · (x − μ) / √(σ² + ε) + β), with the mean μ and the biased variance σ² of
/// every column over the batch (Ioffe and Szegedy 2015, algorithm 1): `[batch, units]`,
/// `[units]` and `[units]` to `[batch, units]`. Gradients go through μ and σ² too.
///
/// One fused operation on a CPU back end, Burn's own operations elsewhere; the two agree to
/// rounding.
pub fn batch_norm(
    x: Tensor<2>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    activation: Activation,
    epsilon: f32,
) -> Tensor<2> {
    if can_run(&x) {
        return run_3(BatchNorm { activation, epsilon }, x, gamma, beta);
    }
    let centred = x.clone() - x.mean_dim(0);
    let variance = centred.clone().square().mean_dim(0);
    let normalised = centred / (variance + epsilon).sqrt();
    activation.reference(normalised * gamma.unsqueeze() + beta.unsqueeze())
}

#[derive(Clone, Debug)]
struct BatchNorm {
    activation: Activation,
    epsilon: f32,
}

/// (x − μ) / √(σ² + ε), and 1 / √(σ² + ε) of every column.
#[derive(Debug)]
struct Normalised {
    x: Pooled,
    inverse: Vec<f32>,
}

impl Operation<3> for BatchNorm {
    type Saved = Arc<Normalised>;

    fn columns(&self, [x, ..]: &[Matrix; 3]) -> usize {
        x.columns
    }

    fn forward(&self, [x, gamma, beta]: [Matrix; 3]) -> (Vec<f32>, Arc<Normalised>) {
        let len = x.data.len();
        let (mut normalised, mut output) = (buffer(len), buffer(len));
        normalised.copy_from_slice(x.data);
        let inverse = Arch::new().dispatch(Forward {
            x: &mut normalised,
            output: &mut output,
            gamma: gamma.data,
            beta: beta.data,
            activation: self.activation,
            epsilon: self.epsilon,
        });
        (output, Arc::new(Normalised { x: Pooled(normalised), inverse }))
    }

    fn backward(
        &self,
        gradient: &mut [f32],
        [_, gamma, _]: [Matrix; 3],
        output: &[f32],
        normalised: &Arc<Normalised>,
        _: [bool; 3],
    ) -> [Gradient; 3] {
        let [by_gamma, by_beta] = Arch::new().dispatch(Backward {
            gradient,
            normalised,
            y: output,
            gamma: gamma.data,
            activation: self.activation,
        });
        [Gradient::InPlace, Gradient::New(by_gamma), Gradient::New(by_beta)]
    }
}

/// Replaces `x` by (x − μ) / √(σ² + ε), writes the output, and returns 1 / √(σ² + ε) of every
/// column.
struct Forward<'a> {
    x: &'a mut [f32],
    output: &'a mut [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    activation: Activation,
    epsilon: f32,
}

impl WithSimd for Forward<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        let Self { x, output, gamma, beta, activation, epsilon } = self;
        let columns = gamma.len();
        let inverse = normalise(x, columns, epsilon);
        for (y, x) in output.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
            for ((y, x), (gamma, beta)) in y.iter_mut().zip(x).zip(gamma.iter().zip(beta)) {
                *y = gamma * x + beta;
            }
            activation.apply(y);
        }
        inverse
    }
}

/// Replaces `x` by (x − μ) / √(σ² + ε), and returns 1 / √(σ² + ε) of every column.
#[inline(always)]
fn normalise(x: &mut [f32], columns: usize, epsilon: f32) -> Vec<f32> {
    let scale = 1.0 / (x.len() / columns) as f32;
    let mut mean = vec![0.0; columns];
    for row in x.chunks_exact(columns) {
        mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x * scale);
    }
    let mut inverse = vec![0.0; columns];
    for row in x.chunks_exact_mut(columns) {
        for ((x, mean), square) in row.iter_mut().zip(&mean).zip(&mut inverse) {
            *x -= mean;
            *square += *x * *x * scale;
        }
    }
    for variance in &mut inverse {
        *variance = (*variance + epsilon).sqrt().recip();
    }
    for row in x.chunks_exact_mut(columns) {
        row.iter_mut().zip(&inverse).for_each(|(x, inverse)| *x *= inverse);
    }
    inverse
}

/// Replaces the gradient of the output `y` by that of the input, and returns those of γ and β.
struct Backward<'a> {
    gradient: &'a mut [f32],
    normalised: &'a Normalised,
    y: &'a [f32],
    gamma: &'a [f32],
    activation: Activation,
}

impl WithSimd for Backward<'_> {
    type Output = [Vec<f32>; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [Vec<f32>; 2] {
        let Self { gradient, normalised, y, gamma, activation } = self;
        let (normal, inverse, columns) = (&*normalised.x, &normalised.inverse, gamma.len());
        let scale = 1.0 / (gradient.len() / columns) as f32;
        let (mut by_gamma, mut by_beta) = (vec![0.0; columns], vec![0.0; columns]);
        let rows = normal.chunks_exact(columns).zip(y.chunks_exact(columns));
        for (row, (normal, y)) in gradient.chunks_exact_mut(columns).zip(rows) {
            activation.backward(row, y);
            let sums = by_gamma.iter_mut().zip(&mut by_beta);
            for ((g, x), (by_gamma, by_beta)) in row.iter().zip(normal).zip(sums) {
                *by_gamma += g * x;
                *by_beta += g;
            }
        }
        let factors: Vec<f32> = gamma.iter().zip(inverse).map(|(gamma, inv)| gamma * inv).collect();
        for (row, normal) in gradient.chunks_exact_mut(columns).zip(normal.chunks_exact(columns)) {
            let sums = by_gamma.iter().zip(&by_beta).zip(&factors);
            for ((g, x), ((by_gamma, by_beta), factor)) in row.iter_mut().zip(normal).zip(sums) {
                *g = factor * (*g - scale * (by_beta + x * by_gamma));
            }
        }
        [by_gamma, by_beta]
    }
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests {
    use burn::tensor::{Device, Distribution, TensorData, Tolerance};

    use super::*;
    use crate::reference::with_reference;

    /// Output and the three gradients of a weighted sum of the outputs.
    fn run(
        activation: Activation,
        [x, factors]: &[Tensor<2>; 2],
        vectors: &[Tensor<1>; 2],
    ) -> [TensorData; 4] {
        let x = x.clone().autodiff().require_grad();
        let [gamma, beta] = vectors.clone().map(|v| v.autodiff().require_grad());
        let y = batch_norm(x.clone(), gamma.clone(), beta.clone(), activation, 1e-5);
        let gradients = (y.clone() * factors.clone().autodiff()).sum().backward();
        [
            y.into_data(),
            x.grad(&gradients).unwrap().into_data(),
            gamma.grad(&gradients).unwrap().into_data(),
            beta.grad(&gradients).unwrap().into_data(),
        ]
    }

    #[test]
    fn the_layer_and_its_gradients_agree_with_the_reference() {
        let device = Device::flex();
        for shape in [[2, 1], [7, 3], [128, 256]] {
            let wide = Distribution::Normal(0.3, 2.0);
            let matrices = [(); 2].map(|()| Tensor::<2>::random(shape, wide, &device));
            let narrow = Distribution::Uniform(-1.0, 2.0);
            let vectors = [(); 2].map(|()| Tensor::<1>::random([shape[1]], narrow, &device));
            for activation in [Activation::None, Activation::LeakyRelu(0.2), Activation::Tanh] {
                let fused = run(activation, &matrices, &vectors);
                let reference = with_reference(|| run(activation, &matrices, &vectors));
                for (fused, reference) in fused.iter().zip(&reference) {
                    fused.assert_approx_eq::<f32>(reference, Tolerance::rel_abs(1e-3, 2e-4));
                }
            }
        }
    }

    #[test]
    fn every_column_has_mean_beta_and_deviation_gamma() {
        let device = Device::flex();
        let x = Tensor::<2>::random([500, 3], Distribution::Normal(40.0, 7.0), &device);
        let gamma = Tensor::from_floats([1.0, 2.0, 3.0], &device);
        let beta = Tensor::from_floats([0.0, -1.0, 5.0], &device);
        let y = batch_norm(x, gamma, beta.clone(), Activation::None, 1e-5);
        let mean = y.clone().mean_dim(0).into_data();
        mean.assert_approx_eq::<f32>(
            &beta.unsqueeze::<2>().into_data(),
            Tolerance::rel_abs(1e-4, 1e-4),
        );
        let spread: Vec<f32> = y.var_bias(0).sqrt().into_data().try_into_vec().unwrap();
        for (spread, expected) in spread.iter().zip([1.0, 2.0, 3.0]) {
            assert!((spread / expected - 1.0).abs() < 1e-3, "{spread} is not {expected}");
        }
    }
}
