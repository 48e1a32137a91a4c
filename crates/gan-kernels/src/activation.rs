//! What follows a dense layer's sum, and its derivative told from the output.

use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, tanh};

use crate::tanh::tanh_lane;

/// The function that a dense layer's output goes through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// y = x
    None,
    /// y = x above zero and `slope` · x below, the slope positive.
    LeakyRelu(f32),
    /// y = tanh x
    Tanh,
}

impl Activation {
    /// Plain Burn's form of it.
    #[must_use]
    pub fn reference(self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::None => x,
            Self::LeakyRelu(slope) => leaky_relu(x, f64::from(slope)),
            Self::Tanh => tanh(x),
        }
    }

    /// `gradient` times the slope of y at x, told from y, in plain Burn.
    #[must_use]
    pub fn vjp(self, gradient: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        match self {
            Self::None => gradient,
            Self::LeakyRelu(slope) => {
                let less = gradient.clone().mul_scalar(slope);
                gradient.mask_where(y.lower_equal_elem(0.0), less)
            }
            Self::Tanh => gradient * (y.square().neg() + 1.0),
        }
    }

    /// Replaces each x by y.
    #[inline(always)]
    pub(crate) fn apply(self, x: &mut [f32]) {
        match self {
            Self::None => {}
            // For 0 < slope <= 1 the greater one; as a maximum it takes one instruction.
            Self::LeakyRelu(slope) => x.iter_mut().for_each(|x| *x = x.max(*x * slope)),
            Self::Tanh => x.iter_mut().for_each(|x| *x = tanh_lane(*x)),
        }
    }

    /// Replaces each gradient of y by that of x; `y` is the output of the forward pass.
    #[inline(always)]
    pub(crate) fn differentiate(self, gradient: &mut [f32], y: &[f32]) {
        let pairs = gradient.iter_mut().zip(y);
        match self {
            Self::None => {}
            Self::LeakyRelu(slope) => {
                pairs.for_each(|(g, &y)| *g *= if y > 0.0 { 1.0 } else { slope });
            }
            Self::Tanh => pairs.for_each(|(g, &y)| *g *= 1.0 - y * y),
        }
    }
}
