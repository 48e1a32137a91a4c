//! Batch normalisation with the activation behind it, as one operation.

use burn::tensor::Tensor;

use crate::Activation;

/// activation(γ · (x − μ) / √(σ² + ε) + β), with the mean μ and the biased variance σ² of
/// every column over the batch (Ioffe and Szegedy 2015, algorithm 1): `[batch, units]`,
/// `[units]` and `[units]` to `[batch, units]`. Gradients go through μ and σ² too.
///
/// Fused where there is a fused form, [`batch_norm_reference`] elsewhere; the two agree
/// to rounding.
#[must_use]
pub fn batch_norm(
    x: Tensor<2>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    activation: Activation,
    epsilon: f32,
) -> Tensor<2> {
    #[cfg(any(feature = "flex", feature = "ndarray"))]
    if crate::fused::can_run(&x) {
        return crate::fused::batch_norm(x, gamma, beta, activation, epsilon);
    }
    batch_norm_reference(x, gamma, beta, activation, epsilon)
}

/// [`batch_norm`] in plain Burn operations.
#[must_use]
pub fn batch_norm_reference(
    x: Tensor<2>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    activation: Activation,
    epsilon: f32,
) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(0);
    let variance = centred.clone().square().mean_dim(0);
    let normal = centred / (variance + epsilon).sqrt();
    activation.reference(normal * gamma.unsqueeze() + beta.unsqueeze())
}

/// Normalised numbers and what they were divided by: `x` becomes (x − μ) / √(σ² + ε) in
/// place, and 1 / √(σ² + ε) of every column is returned.
#[cfg(any(feature = "flex", feature = "ndarray"))]
#[inline(always)]
pub(crate) fn normalise(x: &mut [f32], columns: usize, epsilon: f32) -> Vec<f32> {
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

/// Replaces the gradient of the output by that of the input, and returns those of γ and β.
/// `normal` and `inverse` are what [`normalise`] left, `y` is the output.
#[cfg(all(feature = "autodiff", any(feature = "flex", feature = "ndarray")))]
#[inline(always)]
pub(crate) fn differentiate(
    gradient: &mut [f32],
    [normal, y, inverse, gamma]: [&[f32]; 4],
    activation: Activation,
) -> [Vec<f32>; 2] {
    let columns = gamma.len();
    let scale = 1.0 / (gradient.len() / columns) as f32;
    let (mut to_gamma, mut to_beta) = (vec![0.0; columns], vec![0.0; columns]);
    let rows = normal.chunks_exact(columns).zip(y.chunks_exact(columns));
    for (row, (normal, y)) in gradient.chunks_exact_mut(columns).zip(rows) {
        activation.differentiate(row, y);
        let sums = to_gamma.iter_mut().zip(&mut to_beta);
        for ((g, x), (to_gamma, to_beta)) in row.iter().zip(normal).zip(sums) {
            *to_gamma += g * x;
            *to_beta += g;
        }
    }
    let factors: Vec<f32> = gamma.iter().zip(inverse).map(|(gamma, inv)| gamma * inv).collect();
    for (row, normal) in gradient.chunks_exact_mut(columns).zip(normal.chunks_exact(columns)) {
        let sums = to_gamma.iter().zip(&to_beta).zip(&factors);
        for ((g, x), ((to_gamma, to_beta), factor)) in row.iter_mut().zip(normal).zip(sums) {
            *g = factor * (*g - scale * (to_beta + x * to_gamma));
        }
    }
    [to_gamma, to_beta]
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests {
    use burn::tensor::{Device, Distribution, TensorData, Tolerance};

    use super::*;

    type Norm = fn(Tensor<2>, Tensor<1>, Tensor<1>, Activation, f32) -> Tensor<2>;

    /// Output and the three gradients of a weighted sum of the outputs.
    fn run(
        norm: Norm,
        activation: Activation,
        [x, factors]: &[Tensor<2>; 2],
        vectors: &[Tensor<1>; 2],
    ) -> [TensorData; 4] {
        let x = x.clone().autodiff().require_grad();
        let [gamma, beta] = vectors.clone().map(|v| v.autodiff().require_grad());
        let y = norm(x.clone(), gamma.clone(), beta.clone(), activation, 1e-5);
        let gradients = (y.clone() * factors.clone().autodiff()).sum().backward();
        [
            y.into_data(),
            x.grad(&gradients).unwrap().into_data(),
            gamma.grad(&gradients).unwrap().into_data(),
            beta.grad(&gradients).unwrap().into_data(),
        ]
    }

    #[test]
    fn the_fused_form_agrees_with_plain_burn_and_so_do_its_gradients() {
        let device = Device::flex();
        for shape in [[2, 1], [7, 3], [128, 256]] {
            let wide = Distribution::Normal(0.3, 2.0);
            let matrices = [(); 2].map(|()| Tensor::<2>::random(shape, wide, &device));
            let narrow = Distribution::Uniform(-1.0, 2.0);
            let vectors = [(); 2].map(|()| Tensor::<1>::random([shape[1]], narrow, &device));
            for activation in [Activation::None, Activation::LeakyRelu(0.2), Activation::Tanh] {
                let fused = run(batch_norm, activation, &matrices, &vectors);
                let plain = run(batch_norm_reference, activation, &matrices, &vectors);
                for (fused, plain) in fused.iter().zip(&plain) {
                    fused.assert_approx_eq::<f32>(plain, Tolerance::rel_abs(1e-3, 2e-4));
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
