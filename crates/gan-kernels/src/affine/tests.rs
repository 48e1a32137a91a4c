//! The layers and their derivatives agree with Burn and with finite differences.

use std::cell::Cell;

use burn::tensor::{Device, TensorData, Tolerance};

use super::*;
use crate::reference::with_reference;

const ALL: [Activation; 3] = [Activation::None, Activation::LeakyRelu(0.2), Activation::Tanh];

/// The next numbers of a test, in [−1, 1) and the same in every run: at a kink of an activation a
/// difference is no derivative.
fn numbers<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    thread_local! {
        static STATE: Cell<u32> = const { Cell::new(1) };
    }
    let next = || {
        let state = STATE.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        STATE.set(state);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let numbers: Vec<f32> = std::iter::repeat_with(next).take(shape.iter().product()).collect();
    Tensor::from_data(TensorData::new(numbers, shape), device)
}

/// A layer's map and sizes.
#[derive(Clone, Copy, Debug)]
struct Case {
    map: Map,
    batch: usize,
    inputs: usize,
    weight: [usize; 2],
    channels: usize,
    outputs: usize,
}

impl Case {
    fn dense([batch, inputs, outputs]: [usize; 3]) -> Self {
        let weight = [inputs, outputs];
        Self { map: Map::Dense, batch, inputs, weight, channels: outputs, outputs }
    }

    fn convolution(shape: Convolution, filters: usize, batch: usize) -> [Self; 2] {
        let (weight, images) = ([shape.taps(), filters], shape.inputs());
        let values = shape.positions() * filters;
        let (down, up) = (Map::Convolution(shape), Map::Transposed(shape));
        let channels = shape.channels;
        [
            Self { map: down, batch, inputs: images, weight, channels: filters, outputs: values },
            Self { map: up, batch, inputs: values, weight, channels, outputs: images },
        ]
    }
}

/// Every map, with one number and with more than a tile; sides, strides and borders that differ.
fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = [[1, 1, 1], [5, 7, 3], [32, 100, 64], [64, 784, 1], [128, 100, 256]]
        .map(Case::dense)
        .into();
    for (size, [kernel, stride, padding], filters, batch) in [
        ([1, 1, 1], [1, 1, 0], 1, 1),
        ([7, 7, 2], [3, 1, 1], 5, 3),
        ([8, 6, 3], [4, 2, 1], 20, 2),
        ([14, 14, 4], [5, 2, 2], 33, 9),
        ([5, 9, 1], [2, 3, 0], 16, 1),
        ([28, 28, 1], [5, 2, 2], 64, 8),
    ] {
        let [height, width, channels] = size;
        let shape = Convolution { height, width, channels, kernel, stride, padding };
        cases.extend(Case::convolution(shape, filters, batch));
    }
    cases
}

/// Sums of many terms in two orders differ by a share of the terms' size.
fn assert_close(found: &TensorData, expected: &TensorData, what: &str) {
    let [found, expected] = [found, expected].map(|data| data.as_slice::<f32>().unwrap());
    let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-5 * largest, "{what}: {found} is not {expected}");
    }
}

/// Output and the three gradients of a weighted sum of the outputs.
fn run(
    map: Map,
    tensors: (&Tensor<2>, &Tensor<2>, &Tensor<1>, &Tensor<2>),
    activation: Activation,
) -> [TensorData; 4] {
    let (input, weight, bias, factors) = tensors;
    let [input, weight] = [input, weight].map(|t| t.clone().autodiff().require_grad());
    let bias = bias.clone().autodiff().require_grad();
    let output = affine(map, input.clone(), weight.clone(), bias.clone(), activation);
    let gradients = (output.clone() * factors.clone().autodiff()).sum().backward();
    [
        output.into_data(),
        input.grad(&gradients).unwrap().into_data(),
        weight.grad(&gradients).unwrap().into_data(),
        bias.grad(&gradients).unwrap().into_data(),
    ]
}

#[test]
fn the_layer_and_its_gradients_agree_with_the_reference() {
    let device = Device::flex();
    for case in cases() {
        let Case { map, batch, inputs, weight, channels, outputs } = case;
        let (input, weight) = (numbers([batch, inputs], &device), numbers(weight, &device));
        let (bias, factors) = (numbers([channels], &device), numbers([batch, outputs], &device));
        let tensors = (&input, &weight, &bias, &factors);
        for activation in ALL {
            let fused = run(map, tensors, activation);
            let reference = with_reference(|| run(map, tensors, activation));
            for (fused, reference) in fused.iter().zip(&reference) {
                assert_close(fused, reference, &format!("{case:?} {activation:?}"));
            }
        }
    }
}

type Derivative = fn(Map, Tensor<2>, Tensor<2>, Tensor<2>, Activation) -> Tensor<2>;

/// A derivative along `direction`, and the gradients of a weighted sum of its numbers by
/// `direction` and `weight`.
fn derive(
    derivative: Derivative,
    map: Map,
    [direction, weight, output, factors]: [&Tensor<2>; 4],
    activation: Activation,
) -> [TensorData; 3] {
    let [direction, weight] = [direction, weight].map(|t| t.clone().autodiff().require_grad());
    let output = output.clone().autodiff();
    let y = derivative(map, direction.clone(), weight.clone(), output, activation);
    let gradients = (y.clone() * factors.clone().autodiff()).sum().backward();
    [
        y.into_data(),
        direction.grad(&gradients).unwrap().into_data(),
        weight.grad(&gradients).unwrap().into_data(),
    ]
}

#[test]
fn derivatives_and_their_gradients_agree_with_the_reference() {
    let device = Device::flex();
    for case in cases() {
        let Case { map, batch, inputs, weight, outputs, .. } = case;
        let (by_input, by_output) =
            (numbers([batch, inputs], &device), numbers([batch, outputs], &device));
        let weight = numbers(weight, &device);
        let output = numbers([batch, outputs], &device);
        for activation in ALL {
            let derivatives: [(Derivative, [_; 4]); 2] = [
                (affine_jvp, [&by_input, &weight, &output, &by_output]),
                (affine_vjp, [&by_output, &weight, &output, &by_input]),
            ];
            for (derivative, tensors) in derivatives {
                let fused = derive(derivative, map, tensors, activation);
                let reference = with_reference(|| derive(derivative, map, tensors, activation));
                for (fused, reference) in fused.iter().zip(&reference) {
                    assert_close(fused, reference, &format!("{case:?} {activation:?}"));
                }
            }
        }
    }
}

#[test]
fn the_directional_derivative_is_a_difference_and_the_gradient_is_its_transpose() {
    let device = Device::flex();
    let shape = Convolution { height: 5, width: 4, channels: 2, kernel: 3, stride: 2, padding: 1 };
    let [down, up] = Case::convolution(shape, 3, 2);
    for case in [Case::dense([5, 7, 3]), down, up] {
        let Case { map, batch, inputs, weight, channels, outputs } = case;
        let (input, tangent) =
            (numbers([batch, inputs], &device), numbers([batch, inputs], &device));
        let (weight, bias) = (numbers(weight, &device), numbers([channels], &device));
        let gradient = numbers([batch, outputs], &device);
        for activation in ALL {
            let layer = |x| affine(map, x, weight.clone(), bias.clone(), activation);
            let output = layer(input.clone());
            let jvp = affine_jvp(map, tangent.clone(), weight.clone(), output.clone(), activation);
            let h = 1e-3;
            let step = tangent.clone().mul_scalar(h);
            let [after, before] = [input.clone() + step.clone(), input.clone() - step].map(layer);
            // Where a kink lies between, a difference is no derivative.
            let crossed = (after.clone() * before.clone()).lower_equal_elem(0.0);
            let slope = ((after - before).div_scalar(2.0 * h)).mask_where(crossed, jvp.clone());
            jvp.to_data()
                .assert_approx_eq::<f32>(&slope.into_data(), Tolerance::rel_abs(1e-2, 1e-3));

            let vjp = affine_vjp(map, gradient.clone(), weight.clone(), output, activation);
            let by_output = (jvp * gradient.clone()).sum().into_data();
            let by_input = (vjp * tangent.clone()).sum().into_data();
            by_input.assert_approx_eq::<f32>(&by_output, Tolerance::rel_abs(1e-4, 1e-4));
        }
    }
}

#[test]
fn derivatives_treat_the_output_as_constant() {
    let device = Device::flex();
    let check = |derivative: Derivative| {
        let weight = numbers([4, 4], &device).autodiff().require_grad();
        let output = numbers([2, 4], &device).autodiff().require_grad();
        let direction = numbers([2, 4], &device).autodiff();
        let y = derivative(Map::Dense, direction, weight.clone(), output.clone(), Activation::Tanh);
        let gradients = y.sum().backward();
        assert!(weight.grad(&gradients).is_some());
        assert!(output.grad(&gradients).is_none());
    };
    for derivative in [affine_jvp, affine_vjp] {
        check(derivative);
        with_reference(|| check(derivative));
    }
}

#[test]
fn gradients_are_finite_differences() {
    let device = Device::flex();
    let [batch, inputs, outputs] = [3, 4, 2];
    let (input, weight) = (numbers([batch, inputs], &device), numbers([inputs, outputs], &device));
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
        let [_, _, gradient, _] = run(Map::Dense, (&input, &weight, &bias, &factors), activation);
        for (index, &found) in gradient.as_slice::<f32>().unwrap().iter().enumerate() {
            let h = 1e-6;
            let slope = (sum(activation, index, h) - sum(activation, index, -h)) / (2.0 * h);
            assert!((f64::from(found) - slope).abs() < 1e-5, "{activation:?}: {found} {slope}");
        }
    }
}

/// Trainings with a gradient penalty depend on these bits.
#[test]
#[cfg(target_arch = "x86_64")]
fn the_derivative_of_a_single_output_has_the_bits_of_burns() {
    // Without AVX2, Burn's are others.
    let device = Device::flex();
    let avx2 = pulp::x86::V3::try_new().is_some();
    for [batch, inputs] in [[64, 257], [128, 256], [3, 5], [20, 2049]] {
        let (tangent, weight) = (numbers([batch, inputs], &device), numbers([inputs, 1], &device));
        let factors = numbers([batch, 1], &device);
        let tensors = [&tangent, &weight, &factors, &factors];
        let fused = derive(affine_jvp, Map::Dense, tensors, Activation::None);
        let reference =
            with_reference(|| derive(affine_jvp, Map::Dense, tensors, Activation::None));
        assert!(!avx2 || fused == reference, "{batch} x {inputs}");
    }
}

#[test]
fn only_required_gradients_are_computed() {
    let device = Device::flex();
    let input = numbers([4, 3], &device).autodiff();
    let weight = numbers([3, 2], &device).autodiff().require_grad();
    let output = dense(input.clone(), weight.clone(), numbers([2], &device), Activation::Tanh);
    let gradients = output.sum().backward();
    assert!(weight.grad(&gradients).is_some());
    assert!(input.grad(&gradients).is_none());
}

#[test]
fn views_of_tensors_are_accepted() {
    let device = Device::flex();
    let (wide, weight) = (numbers([6, 8], &device), numbers([4, 3], &device));
    let (bias, view) = (numbers([3], &device), wide.slice([1..4, 2..6]));
    let fused = dense(view.clone(), weight.clone(), bias.clone(), Activation::Tanh);
    let reference = with_reference(|| dense(view, weight, bias, Activation::Tanh));
    fused
        .into_data()
        .assert_approx_eq::<f32>(&reference.into_data(), Tolerance::rel_abs(1e-5, 1e-6));
}
