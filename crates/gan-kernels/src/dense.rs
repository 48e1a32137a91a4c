//! The dense layer, its directional derivative (JVP) and its gradient by the input (VJP).

use std::sync::Arc;

use burn::tensor::Tensor;
use burn::tensor::module::linear;
use pulp::Arch;

use crate::activation::Activation;
use crate::buffer_pool::{Pooled, buffer};
use crate::matmul::{apply_and_sum_columns, product, product_as_burn};
use crate::matrix::Matrix;
use crate::operation::{Gradient, Operation, can_run, run_3};

/// activation(input · weight + bias): `[batch, inputs]`, `[inputs, outputs]` and
/// `[outputs]` to `[batch, outputs]`.
///
/// One fused operation on a CPU back end, Burn's own operations elsewhere; the two agree to
/// rounding.
pub fn dense(
    input: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<2> {
    if can_run(&input) && can_run(&weight) {
        return run_3(Dense(activation), input, weight, bias);
    }
    activation.reference(linear(input, weight, Some(bias)))
}

/// The directional derivative of a [`dense`] layer along `tangent`, where the layer's result is
/// `output`: (tangent · weight) ⊙ activation′, `[batch, inputs]` and `[inputs, outputs]` to
/// `[batch, outputs]`.
///
/// `output` counts as a constant, and without an activation it is not read. For a piecewise
/// linear activation that is exact almost everywhere.
pub fn dense_jvp(
    tangent: Tensor<2>,
    weight: Tensor<2>,
    output: Tensor<2>,
    activation: Activation,
) -> Tensor<2> {
    let output = output.detach();
    if can_run(&tangent) && can_run(&weight) {
        return run_3(DenseJvp(activation), tangent, weight, output);
    }
    activation.vjp(tangent.matmul(weight), output)
}

/// The gradient by the input of a [`dense`] layer whose result is `output`, from the `gradient`
/// by that result: (gradient ⊙ activation′) · weightᵀ, `[batch, outputs]` and
/// `[inputs, outputs]` to `[batch, inputs]`. `output` counts as in [`dense_jvp`].
///
/// Unlike the backward pass of [`dense`], it can itself be differentiated, by `gradient` and
/// `weight`.
pub fn dense_vjp(
    gradient: Tensor<2>,
    weight: Tensor<2>,
    output: Tensor<2>,
    activation: Activation,
) -> Tensor<2> {
    let output = output.detach();
    if can_run(&gradient) && can_run(&weight) {
        return run_3(DenseVjp(activation), gradient, weight, output);
    }
    activation.vjp(gradient, output).matmul(weight.transpose())
}

#[derive(Clone, Debug)]
struct Dense(Activation);

impl Operation<3> for Dense {
    type Saved = ();

    fn columns(&self, [_, weight, _]: &[Matrix; 3]) -> usize {
        weight.columns
    }

    fn forward(&self, [input, weight, bias]: [Matrix; 3]) -> (Vec<f32>, ()) {
        let arch = Arch::new();
        let apply = |row: &mut [f32]| arch.dispatch(|| self.0.apply(row));
        (product(input, weight, Some(bias.data), apply), ())
    }

    fn backward(
        &self,
        gradient: &mut [f32],
        [input, weight, _]: [Matrix; 3],
        output: &[f32],
        (): &(),
        wanted: [bool; 3],
    ) -> [Gradient; 3] {
        let by_bias = apply_and_sum_columns(gradient, output, weight.columns, |gradient, y| {
            self.0.backward(gradient, y);
        });
        let gradient = Matrix::new(gradient, input.rows, weight.columns);
        let by_weight = product_if(wanted[1], input.transposed(), gradient);
        let by_input = product_if(wanted[0], gradient, weight.transposed());
        [by_input, by_weight, Gradient::New(by_bias)]
    }
}

fn product_if(wanted: bool, left: Matrix, right: Matrix) -> Gradient {
    if wanted { Gradient::New(product(left, right, None, |_| ())) } else { Gradient::NotComputed }
}

#[derive(Clone, Debug)]
struct DenseJvp(Activation);

impl Operation<3> for DenseJvp {
    type Saved = ();

    fn columns(&self, [_, weight, _]: &[Matrix; 3]) -> usize {
        weight.columns
    }

    fn forward(&self, [tangent, weight, output]: [Matrix; 3]) -> (Vec<f32>, ()) {
        let mut result = match weight.columns {
            1 => product_as_burn(tangent, weight.data),
            _ => product(tangent, weight, None, |_| ()),
        };
        Arch::new().dispatch(|| self.0.backward(&mut result, output.data));
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
        Arch::new().dispatch(|| self.0.backward(gradient, output.data));
        let gradient = Matrix::new(gradient, tangent.rows, weight.columns);
        let by_weight = match weight.columns {
            1 if wanted[1] => Gradient::New(product_as_burn(tangent.transposed(), gradient.data)),
            _ => product_if(wanted[1], tangent.transposed(), gradient),
        };
        let by_tangent = product_if(wanted[0], gradient, weight.transposed());
        [by_tangent, by_weight, Gradient::NotComputed]
    }
}

#[derive(Clone, Debug)]
struct DenseVjp(Activation);

impl Operation<3> for DenseVjp {
    /// The gradient before the activation.
    type Saved = Arc<Pooled>;

    fn columns(&self, [_, weight, _]: &[Matrix; 3]) -> usize {
        weight.rows
    }

    fn forward(&self, [gradient, weight, output]: [Matrix; 3]) -> (Vec<f32>, Arc<Pooled>) {
        let mut before = buffer(gradient.data.len());
        before.copy_from_slice(gradient.data);
        Arch::new().dispatch(|| self.0.backward(&mut before, output.data));
        let left = Matrix::new(&before, gradient.rows, gradient.columns);
        (product(left, weight.transposed(), None, |_| ()), Arc::new(Pooled(before)))
    }

    fn backward(
        &self,
        gradient: &mut [f32],
        [left, weight, output]: [Matrix; 3],
        _: &[f32],
        before: &Arc<Pooled>,
        wanted: [bool; 3],
    ) -> [Gradient; 3] {
        let gradient = Matrix::new(gradient, left.rows, weight.rows);
        let before = Matrix::new(&before.0, left.rows, left.columns);
        let by_weight = product_if(wanted[1], gradient.transposed(), before);
        let mut by_left = product_if(wanted[0], gradient, weight);
        if let Gradient::New(by_left) = &mut by_left {
            Arch::new().dispatch(|| self.0.backward(by_left, output.data));
        }
        [by_left, by_weight, Gradient::NotComputed]
    }
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests;
