//! Layers that are linear up to a bias and an activation: dense ones and convolutions. Each has a
//! directional derivative (JVP) and a gradient by the input (VJP).

use std::sync::Arc;

use burn::tensor::Tensor;
use burn::tensor::module::linear;

use crate::activation::Activation;
use crate::buffer_pool::{Pooled, buffer};
use crate::convolution::Convolution;
use crate::instruction_set::arch;
use crate::matmul::{apply_and_sum_columns, product, product_as_burn};
use crate::matrix::Matrix;
use crate::operation::{Gradient, Operation, can_run, run_3};

/// How a layer's weights and its inputs make sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Map {
    /// A matrix product: `[batch, inputs]` and `[inputs, units]` to `[batch, units]`.
    Dense,
    /// A convolution: `[batch, height · width · channels]` and `[taps, filters]` to
    /// `[batch, rows · columns · filters]`.
    Convolution(Convolution),
    /// The transpose of a convolution, which makes its input from its output:
    /// `[batch, rows · columns · filters]` and `[taps, filters]` to
    /// `[batch, height · width · channels]`.
    Transposed(Convolution),
}

/// activation(map(input, weight) + bias), with a bias for each unit or channel of the result.
///
/// One fused operation on a CPU back end, Burn's own operations elsewhere; the two agree to
/// rounding.
pub fn affine(
    map: Map,
    input: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<2> {
    if can_run(&input) && can_run(&weight) {
        return run_3(Affine { map, activation }, input, weight, bias);
    }
    activation.reference(match map {
        Map::Dense => linear(input, weight, Some(bias)),
        Map::Convolution(shape) => shape.reference(input, weight, Some(bias)),
        Map::Transposed(shape) => shape.reference_transposed(input, weight, Some(bias)),
    })
}

/// A dense layer: [`affine`] with [`Map::Dense`].
pub fn dense(
    input: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<2> {
    affine(Map::Dense, input, weight, bias, activation)
}

/// The directional derivative of an [`affine`] layer along `tangent`, where the layer's result is
/// `output`: map(tangent, weight) ⊙ activation′.
///
/// `output` counts as a constant, and without an activation it is not read. For a piecewise
/// linear activation that is exact almost everywhere.
pub fn affine_jvp(
    map: Map,
    tangent: Tensor<2>,
    weight: Tensor<2>,
    output: Tensor<2>,
    activation: Activation,
) -> Tensor<2> {
    let output = output.detach();
    if can_run(&tangent) && can_run(&weight) {
        return run_3(AffineJvp { map, activation }, tangent, weight, output);
    }
    let change = match map {
        Map::Dense => tangent.matmul(weight),
        Map::Convolution(shape) => shape.reference(tangent, weight, None),
        Map::Transposed(shape) => shape.reference_transposed(tangent, weight, None),
    };
    activation.vjp(change, output)
}

/// The gradient by the input of an [`affine`] layer whose result is `output`, from the `gradient`
/// by that result: the transpose of the map, of gradient ⊙ activation′. `output` counts as in
/// [`affine_jvp`].
///
/// Unlike the backward pass of [`affine`], it can itself be differentiated, by `gradient` and
/// `weight`.
pub fn affine_vjp(
    map: Map,
    gradient: Tensor<2>,
    weight: Tensor<2>,
    output: Tensor<2>,
    activation: Activation,
) -> Tensor<2> {
    let output = output.detach();
    if can_run(&gradient) && can_run(&weight) {
        return run_3(AffineVjp { map, activation }, gradient, weight, output);
    }
    let before = activation.vjp(gradient, output);
    match map {
        Map::Dense => before.matmul(weight.transpose()),
        Map::Convolution(shape) => shape.reference_transposed(before, weight, None),
        Map::Transposed(shape) => shape.reference(before, weight, None),
    }
}

impl Map {
    /// Values of a row of the input, with weights of this size.
    pub const fn inputs(self, [rows, columns]: [usize; 2]) -> usize {
        match self {
            Self::Dense => rows,
            Self::Convolution(shape) => shape.inputs(),
            Self::Transposed(shape) => shape.positions() * columns,
        }
    }

    /// Values of a row of the result, with weights of this size.
    pub const fn outputs(self, [_, columns]: [usize; 2]) -> usize {
        match self {
            Self::Dense => columns,
            Self::Convolution(shape) => shape.positions() * columns,
            Self::Transposed(shape) => shape.inputs(),
        }
    }

    /// Units or channels of the result, which have a bias each, with weights of this size.
    pub const fn channels(self, [_, columns]: [usize; 2]) -> usize {
        match self {
            Self::Dense | Self::Convolution(_) => columns,
            Self::Transposed(shape) => shape.channels,
        }
    }

    /// map(x, weight) + bias, with `finish` run over pieces of it while they are in cache.
    fn apply(
        self,
        x: Matrix,
        weight: Matrix,
        bias: Option<&[f32]>,
        finish: impl Fn(&mut [f32]) + Sync,
    ) -> Vec<f32> {
        match self {
            Self::Dense => product(x, weight, bias, finish),
            Self::Convolution(shape) => shape.convolve(x, weight, bias, finish),
            Self::Transposed(shape) => shape.transpose(x, weight, bias, finish),
        }
    }

    /// The transpose of the map.
    fn transpose(self, y: Matrix, weight: Matrix) -> Vec<f32> {
        match self {
            Self::Dense => product(y, weight.transposed(), None, |_| ()),
            Self::Convolution(shape) => shape.transpose(y, weight, None, |_| ()),
            Self::Transposed(shape) => shape.convolve(y, weight, None, |_| ()),
        }
    }

    /// The gradient by the weights, from an input and the gradient by its result.
    fn by_weight(self, x: Matrix, gradient: Matrix) -> Vec<f32> {
        match self {
            Self::Dense => product(x.transposed(), gradient, None, |_| ()),
            Self::Convolution(shape) => shape.by_weight(x, gradient),
            Self::Transposed(shape) => shape.by_weight(gradient, x),
        }
    }
}

#[derive(Clone, Debug)]
struct Affine {
    map: Map,
    activation: Activation,
}

impl Operation<3> for Affine {
    type Saved = ();

    fn columns(&self, [_, weight, _]: &[Matrix; 3]) -> usize {
        self.map.outputs(weight.size())
    }

    fn forward(&self, [input, weight, bias]: [Matrix; 3]) -> (Vec<f32>, ()) {
        let arch = arch();
        let finish = |row: &mut [f32]| arch.dispatch(|| self.activation.apply(row));
        (self.map.apply(input, weight, Some(bias.data), finish), ())
    }

    fn backward(
        &self,
        gradient: &mut [f32],
        [input, weight, _]: [Matrix; 3],
        output: &[f32],
        (): &(),
        wanted: [bool; 3],
    ) -> [Gradient; 3] {
        let (map, outputs) = (self.map, self.map.outputs(weight.size()));
        let sums = apply_and_sum_columns(gradient, output, outputs, |gradient, y| {
            self.activation.backward(gradient, y);
        });
        let by_bias = sum_positions(sums, map.channels(weight.size()));
        let gradient = Matrix::new(gradient, input.rows, outputs);
        let by_weight = Gradient::compute(wanted[1], || map.by_weight(input, gradient));
        let by_input = Gradient::compute(wanted[0], || map.transpose(gradient, weight));
        [by_input, by_weight, Gradient::New(by_bias)]
    }
}

/// Adds the numbers of each channel, which are last.
fn sum_positions(numbers: Vec<f32>, channels: usize) -> Vec<f32> {
    if numbers.len() == channels {
        return numbers;
    }
    let mut sums = buffer(channels);
    sums.fill(0.0);
    for position in Pooled(numbers).chunks_exact(channels) {
        sums.iter_mut().zip(position).for_each(|(sum, x)| *sum += x);
    }
    sums
}

#[derive(Clone, Debug)]
struct AffineJvp {
    map: Map,
    activation: Activation,
}

impl Operation<3> for AffineJvp {
    type Saved = ();

    fn columns(&self, [_, weight, _]: &[Matrix; 3]) -> usize {
        self.map.outputs(weight.size())
    }

    fn forward(&self, [tangent, weight, output]: [Matrix; 3]) -> (Vec<f32>, ()) {
        let mut result = match self.map {
            Map::Dense if weight.columns == 1 => product_as_burn(tangent, weight.data),
            map => map.apply(tangent, weight, None, |_| ()),
        };
        arch().dispatch(|| self.activation.backward(&mut result, output.data));
        (result, ())
    }

    fn backward(
        &self,
        gradient: &mut [f32],
        [tangent, weight, output]: [Matrix; 3],
        _: &[f32],
        (): &(),
        wanted: [bool; 3],
    ) -> [Gradient; 3] {
        let map = self.map;
        arch().dispatch(|| self.activation.backward(gradient, output.data));
        let gradient = Matrix::new(gradient, tangent.rows, map.outputs(weight.size()));
        let by_weight = Gradient::compute(wanted[1], || match map {
            Map::Dense if weight.columns == 1 => {
                product_as_burn(tangent.transposed(), gradient.data)
            }
            map => map.by_weight(tangent, gradient),
        });
        let by_tangent = Gradient::compute(wanted[0], || map.transpose(gradient, weight));
        [by_tangent, by_weight, Gradient::NotComputed]
    }
}

#[derive(Clone, Debug)]
struct AffineVjp {
    map: Map,
    activation: Activation,
}

impl Operation<3> for AffineVjp {
    /// The gradient before the activation.
    type Saved = Arc<Pooled>;

    fn columns(&self, [_, weight, _]: &[Matrix; 3]) -> usize {
        self.map.inputs(weight.size())
    }

    fn forward(&self, [gradient, weight, output]: [Matrix; 3]) -> (Vec<f32>, Arc<Pooled>) {
        let mut before = buffer(gradient.data.len());
        before.copy_from_slice(gradient.data);
        arch().dispatch(|| self.activation.backward(&mut before, output.data));
        let left = Matrix::new(&before, gradient.rows, gradient.columns);
        (self.map.transpose(left, weight), Arc::new(Pooled(before)))
    }

    fn backward(
        &self,
        gradient: &mut [f32],
        [left, weight, output]: [Matrix; 3],
        _: &[f32],
        before: &Arc<Pooled>,
        wanted: [bool; 3],
    ) -> [Gradient; 3] {
        let map = self.map;
        let gradient = Matrix::new(gradient, left.rows, map.inputs(weight.size()));
        let before = Matrix::new(&before.0, left.rows, left.columns);
        let by_weight = Gradient::compute(wanted[1], || map.by_weight(gradient, before));
        let by_left = Gradient::compute(wanted[0], || {
            let mut by_left = map.apply(gradient, weight, None, |_| ());
            arch().dispatch(|| self.activation.backward(&mut by_left, output.data));
            by_left
        });
        [by_left, by_weight, Gradient::NotComputed]
    }
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests;
