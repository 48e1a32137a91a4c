//! The dense layer that a net calls.

use burn::tensor::Tensor;
use burn::tensor::module::linear;

use crate::Activation;

/// activation(input · weight + bias): `[batch, inputs]`, `[inputs, outputs]` and
/// `[outputs]` to `[batch, outputs]`.
///
/// Fused where there is a fused form, [`dense_reference`] elsewhere; the two agree
/// to rounding.
#[must_use]
pub fn dense(
    input: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<2> {
    #[cfg(any(feature = "flex", feature = "ndarray"))]
    if crate::fused::can_run(&input) && crate::fused::can_run(&weight) {
        return crate::fused::dense(input, weight, bias, activation);
    }
    dense_reference(input, weight, bias, activation)
}

/// [`dense`] in plain Burn operations.
#[must_use]
pub fn dense_reference(
    input: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<2> {
    activation.reference(linear(input, weight, Some(bias)))
}

/// The slope of a [`dense`] layer along `tangent`, where the layer's result is `output`:
/// (tangent · weight) ⊙ activation′, `[batch, inputs]` and `[inputs, outputs]` to
/// `[batch, outputs]`.
///
/// `output`, which without an activation is not looked at, counts as a constant, which for a piecewise linear activation it is almost
/// everywhere: there, gradients of the slope are exact.
#[must_use]
pub fn dense_jvp(
    tangent: Tensor<2>,
    weight: Tensor<2>,
    output: Tensor<2>,
    activation: Activation,
) -> Tensor<2> {
    #[cfg(any(feature = "flex", feature = "ndarray"))]
    if crate::fused::can_run(&tangent) && crate::fused::can_run(&weight) {
        return crate::fused::dense_jvp(tangent, weight, output, activation);
    }
    dense_jvp_reference(tangent, weight, output, activation)
}

/// [`dense_jvp`] in plain Burn operations.
#[must_use]
pub fn dense_jvp_reference(
    tangent: Tensor<2>,
    weight: Tensor<2>,
    output: Tensor<2>,
    activation: Activation,
) -> Tensor<2> {
    activation.vjp(tangent.matmul(weight), output)
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests {
    use burn::tensor::{Device, Distribution, TensorData, Tolerance};

    use super::*;

    const ALL: [Activation; 3] = [Activation::None, Activation::LeakyRelu(0.2), Activation::Tanh];

    fn numbers<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
        Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), device)
    }

    /// Output and the three gradients of a weighted sum of the outputs.
    fn run(
        layer: impl Fn(Tensor<2>, Tensor<2>, Tensor<1>, Activation) -> Tensor<2>,
        tensors: (&Tensor<2>, &Tensor<2>, &Tensor<1>, &Tensor<2>),
        activation: Activation,
    ) -> [TensorData; 4] {
        let (input, weight, bias, factors) = tensors;
        let [input, weight] = [input, weight].map(|t| t.clone().autodiff().require_grad());
        let bias = bias.clone().autodiff().require_grad();
        let output = layer(input.clone(), weight.clone(), bias.clone(), activation);
        let gradients = (output.clone() * factors.clone().autodiff()).sum().backward();
        [
            output.into_data(),
            input.grad(&gradients).unwrap().into_data(),
            weight.grad(&gradients).unwrap().into_data(),
            bias.grad(&gradients).unwrap().into_data(),
        ]
    }

    #[test]
    fn the_fused_layer_agrees_with_plain_burn_and_so_do_its_gradients() {
        let device = Device::flex();
        for [batch, inputs, outputs] in [[1, 1, 1], [5, 7, 3], [64, 784, 1], [128, 100, 256]] {
            let (input, weight) =
                (numbers([batch, inputs], &device), numbers([inputs, outputs], &device));
            let (bias, factors) = (numbers([outputs], &device), numbers([batch, outputs], &device));
            let tensors = (&input, &weight, &bias, &factors);
            for activation in ALL {
                let fused = run(dense, tensors, activation);
                let plain = run(dense_reference, tensors, activation);
                for (fused, plain) in fused.iter().zip(&plain) {
                    fused.assert_approx_eq::<f32>(plain, Tolerance::rel_abs(1e-4, 2e-5));
                }
            }
        }
    }

    #[test]
    fn the_slope_along_a_tangent_is_a_difference_and_both_forms_of_it_agree() {
        let device = Device::flex();
        let (input, tangent) = (numbers([5, 7], &device), numbers([5, 7], &device));
        let (weight, bias) = (numbers([7, 3], &device), numbers([3], &device));
        let factors = numbers([5, 3], &device).autodiff();
        for activation in ALL {
            let layer = |x| dense(x, weight.clone(), bias.clone(), activation);
            let output = layer(input.clone());
            let run = |slope: fn(_, _, _, _) -> Tensor<2>| {
                let [tangent, weight] =
                    [&tangent, &weight].map(|t| t.clone().autodiff().require_grad());
                let y =
                    slope(tangent.clone(), weight.clone(), output.clone().autodiff(), activation);
                let gradients = (y.clone() * factors.clone()).sum().backward();
                [
                    y.into_data(),
                    tangent.grad(&gradients).unwrap().into_data(),
                    weight.grad(&gradients).unwrap().into_data(),
                ]
            };
            let (fused, plain) = (run(dense_jvp), run(dense_jvp_reference));
            for (fused, plain) in fused.iter().zip(&plain) {
                fused.assert_approx_eq::<f32>(plain, Tolerance::rel_abs(1e-4, 1e-5));
            }
            let h = 1e-3;
            let step = tangent.clone().mul_scalar(h);
            let ahead = layer(input.clone() + step.clone());
            let slope = (ahead - layer(input.clone() - step)).div_scalar(2.0 * h);
            fused[0].assert_approx_eq::<f32>(&slope.into_data(), Tolerance::rel_abs(1e-2, 1e-3));
        }
    }

    #[test]
    fn gradients_are_slopes() {
        let device = Device::flex();
        let [batch, inputs, outputs] = [3, 4, 2];
        let (input, weight) =
            (numbers([batch, inputs], &device), numbers([inputs, outputs], &device));
        let (bias, factors) = (numbers([outputs], &device), numbers([batch, outputs], &device));
        let at = |data: &Tensor<2>| data.to_data().try_into_vec::<f32>().unwrap();
        let (x, w, f) = (at(&input), at(&weight), at(&factors));
        let b: Vec<f32> = bias.to_data().try_into_vec().unwrap();

        // The same sum in double precision, with one weight moved by `h`.
        let sum = |activation: Activation, moved: usize, h: f64| -> f64 {
            let mut total = 0.0;
            for i in 0..batch {
                for j in 0..outputs {
                    let mut z = f64::from(b[j]);
                    for p in 0..inputs {
                        let index = p * outputs + j;
                        let shift = if index == moved { h } else { 0.0 };
                        z += f64::from(x[i * inputs + p]) * (f64::from(w[index]) + shift);
                    }
                    let y = match activation {
                        Activation::None => z,
                        Activation::LeakyRelu(slope) => z.max(z * f64::from(slope)),
                        Activation::Tanh => z.tanh(),
                    };
                    total += y * f64::from(f[i * outputs + j]);
                }
            }
            total
        };
        for activation in ALL {
            let [_, _, gradient, _] = run(dense, (&input, &weight, &bias, &factors), activation);
            for (index, &found) in gradient.as_slice::<f32>().unwrap().iter().enumerate() {
                let h = 1e-6;
                let slope = (sum(activation, index, h) - sum(activation, index, -h)) / (2.0 * h);
                assert!((f64::from(found) - slope).abs() < 1e-5, "{activation:?}: {found} {slope}");
            }
        }
    }

    #[test]
    fn gradients_that_nobody_asked_for_are_not_there() {
        let device = Device::flex();
        let input = numbers([4, 3], &device).autodiff();
        let weight = numbers([3, 2], &device).autodiff().require_grad();
        let output = dense(input.clone(), weight.clone(), numbers([2], &device), Activation::Tanh);
        let gradients = output.sum().backward();
        assert!(weight.grad(&gradients).is_some());
        assert!(input.grad(&gradients).is_none());
    }

    #[test]
    fn tensors_that_are_views_are_understood() {
        let device = Device::flex();
        let (wide, weight) = (numbers([6, 8], &device), numbers([4, 3], &device));
        let (bias, view) = (numbers([3], &device), wide.slice([1..4, 2..6]));
        let fused = dense(view.clone(), weight.clone(), bias.clone(), Activation::Tanh);
        let plain = dense_reference(view, weight, bias, Activation::Tanh);
        fused
            .into_data()
            .assert_approx_eq::<f32>(&plain.into_data(), Tolerance::rel_abs(1e-5, 1e-6));
    }
}
