//! Batch normalisation followed by an activation, as one operation.

use std::ops::Range;
use std::sync::Arc;

use crate::activation::Activation;
use crate::buffer_pool::{Pooled, buffer};
use crate::instruction_set::arch;
use crate::matrix::Matrix;
use crate::operation::{Gradient, Operation, can_run, run_3};
use crate::thread_pool::{Shared, for_each_part, for_each_range};
use burn::tensor::Tensor;

/// activation(γ · (x − μ) / √(σ² + ε) + β), with the mean μ and the biased variance σ² of
/// every channel over the batch and all positions (Ioffe and Szegedy 2015, algorithm 1):
/// `[batch, positions · channels]`, `[channels]` and `[channels]` to
/// `[batch, positions · channels]`. Gradients go through μ and σ² too. Units of a dense layer are
/// channels with one position.
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
    let ([rows, columns], [channels]) = (x.dims(), gamma.dims());
    let x = x.reshape([rows * columns / channels, channels]);
    let centred = x.clone() - x.mean_dim(0);
    let variance = centred.clone().square().mean_dim(0);
    let normalised = centred / (variance + epsilon).sqrt();
    let scaled = normalised * gamma.unsqueeze() + beta.unsqueeze();
    activation.reference(scaled.reshape([rows, columns]))
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

/// What a number costs, in multiply-adds of a product.
const COST: usize = 32;

impl Operation<3> for BatchNorm {
    type Saved = Arc<Normalised>;

    fn columns(&self, [x, ..]: &[Matrix; 3]) -> usize {
        x.columns
    }

    fn forward(&self, [x, gamma, beta]: [Matrix; 3]) -> (Vec<f32>, Arc<Normalised>) {
        let (len, [rows, width], channels) = (x.data.len(), x.size(), gamma.columns);
        let (scale, cost) = (1.0 / (len / channels) as f32, COST * len);
        let (mut normalised, mut output) = (buffer(len), buffer(len));
        let [to, y] = [&mut normalised, &mut output].map(|to| Shared::new(to));
        let arch = arch();

        let mut mean = vec![0.0; width];
        for_each_part([&mut mean], cost, |columns, [mean]| {
            arch.dispatch(|| {
                for place in places(rows, width, &columns) {
                    mean.iter_mut().zip(&x.data[place]).for_each(|(sum, x)| *sum += x * scale);
                }
            });
        });
        let mean = over_positions(mean, channels);

        let mut inverse = vec![0.0; width];
        for_each_part([&mut inverse], cost, |columns, [square]| {
            let mean = &mean[columns.clone()];
            arch.dispatch(|| {
                for place in places(rows, width, &columns) {
                    // SAFETY: only this thread uses these columns.
                    let centred = unsafe { to.part(place.clone()) };
                    let x = x.data[place].iter().zip(mean);
                    for ((centred, (x, mean)), square) in
                        centred.iter_mut().zip(x).zip(&mut *square)
                    {
                        *centred = x - mean;
                        *square += *centred * *centred * scale;
                    }
                }
            });
        });
        let mut inverse = over_positions(inverse, channels);
        for variance in &mut inverse {
            *variance = (*variance + self.epsilon).sqrt().recip();
        }

        let [gamma, beta] = [gamma.data, beta.data].map(|vector| vector.repeat(width / channels));
        for_each_range(width, cost, |columns| {
            let [gamma, beta, inverse] = [&gamma, &beta, &inverse].map(|v| &v[columns.clone()]);
            arch.dispatch(|| {
                for place in places(rows, width, &columns) {
                    // SAFETY: only this thread uses these columns.
                    let (x, y) = unsafe { (to.part(place.clone()), y.part(place)) };
                    x.iter_mut().zip(inverse).for_each(|(x, inverse)| *x *= inverse);
                    for ((y, x), (gamma, beta)) in y.iter_mut().zip(x).zip(gamma.iter().zip(beta)) {
                        *y = gamma * *x + beta;
                    }
                    self.activation.apply(y);
                }
            });
        });
        (output, Arc::new(Normalised { x: Pooled(normalised), inverse }))
    }

    fn backward(
        &self,
        gradient: &mut [f32],
        [x, gamma, _]: [Matrix; 3],
        output: &[f32],
        normalised: &Arc<Normalised>,
        _: [bool; 3],
    ) -> [Gradient; 3] {
        let (len, [rows, width], channels) = (gradient.len(), x.size(), gamma.columns);
        let (scale, cost) = (1.0 / (len / channels) as f32, COST * len);
        let (to, arch) = (Shared::new(gradient), arch());

        let [mut by_gamma, mut by_beta] = [(); 2].map(|()| vec![0.0; width]);
        for_each_part([&mut by_gamma, &mut by_beta], cost, |columns, [by_gamma, by_beta]| {
            arch.dispatch(|| {
                for place in places(rows, width, &columns) {
                    // SAFETY: only this thread uses these columns.
                    let gradient = unsafe { to.part(place.clone()) };
                    self.activation.backward(gradient, &output[place.clone()]);
                    let sums = by_gamma.iter_mut().zip(&mut *by_beta);
                    let numbers = gradient.iter().zip(&normalised.x[place]);
                    for ((g, x), (by_gamma, by_beta)) in numbers.zip(sums) {
                        *by_gamma += g * x;
                        *by_beta += g;
                    }
                }
            });
        });
        let [by_gamma, by_beta] = [by_gamma, by_beta].map(|sums| over_positions(sums, channels));

        let gamma = gamma.data.iter().cycle();
        let factors: Vec<f32> = gamma.zip(&normalised.inverse).map(|(g, inv)| g * inv).collect();
        for_each_range(width, cost, |columns| {
            let vectors = [&by_gamma, &by_beta, &factors].map(|v| &v[columns.clone()]);
            arch.dispatch(|| {
                for place in places(rows, width, &columns) {
                    let [by_gamma, by_beta, factors] = vectors;
                    // SAFETY: only this thread uses these columns.
                    let gradient = unsafe { to.part(place.clone()) };
                    let numbers = gradient.iter_mut().zip(&normalised.x[place]);
                    let sums = by_gamma.iter().zip(by_beta).zip(factors);
                    for ((g, x), ((by_gamma, by_beta), factor)) in numbers.zip(sums) {
                        *g = factor * (*g - scale * (by_beta + x * by_gamma));
                    }
                }
            });
        });
        let first = |mut sums: Vec<f32>| {
            sums.truncate(channels);
            Gradient::New(sums)
        };
        [Gradient::InPlace, first(by_gamma), first(by_beta)]
    }
}

/// Where `columns` of each row are, in a matrix of this size.
#[inline(always)]
fn places(
    rows: usize,
    width: usize,
    columns: &Range<usize>,
) -> impl Iterator<Item = Range<usize>> + use<> {
    let Range { start, end } = *columns;
    (0..rows).map(move |row| row * width + start..row * width + end)
}

/// The sum of each channel over its positions, at each of them.
fn over_positions(columns: Vec<f32>, channels: usize) -> Vec<f32> {
    let positions = columns.len() / channels;
    if positions == 1 {
        return columns;
    }
    let mut sums = vec![0.0; channels];
    for position in columns.chunks_exact(channels) {
        sums.iter_mut().zip(position).for_each(|(sum, x)| *sum += x);
    }
    sums.repeat(positions)
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
        for (shape, positions) in [([2, 1], 1), ([7, 3], 1), ([128, 256], 1), ([7, 12], 4)] {
            let wide = Distribution::Normal(0.3, 2.0);
            let matrices = [(); 2].map(|()| Tensor::<2>::random(shape, wide, &device));
            let narrow = Distribution::Uniform(-1.0, 2.0);
            let vectors =
                [(); 2].map(|()| Tensor::<1>::random([shape[1] / positions], narrow, &device));
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
