//! The activation of a layer, and its derivative as a function of the output.

use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, tanh};

use crate::tanh::tanh_lane;

/// The activation function of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// y = x
    None,
    /// y = x above zero and `slope` · x below, with a slope in [0, 1].
    LeakyRelu(f32),
    /// y = tanh x
    Tanh,
}

impl Activation {
    /// y, in Burn's own operations.
    pub(crate) fn reference(self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::None => x,
            Self::LeakyRelu(slope) => leaky_relu(x, f64::from(slope)),
            Self::Tanh => tanh(x),
        }
    }

    /// `gradient` times dy/dx as a function of `y`, in Burn's own operations. For a function of
    /// single numbers, this is its JVP as well.
    pub fn vjp(self, gradient: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        match self {
            Self::None => gradient,
            Self::LeakyRelu(slope) => {
                let scaled = gradient.clone().mul_scalar(slope);
                gradient.mask_where(y.lower_equal_elem(0.0), scaled)
            }
            Self::Tanh => gradient * (y.square().neg() + 1.0),
        }
    }

    /// Replaces each x by y.
    #[inline(always)]
    pub(crate) fn apply(self, x: &mut [f32]) {
        match self {
            Self::None => {}
            // For 0 <= slope <= 1 and finite x this is the larger of both; a maximum is one instruction.
            Self::LeakyRelu(slope) => x.iter_mut().for_each(|x| *x = x.max(*x * slope)),
            Self::Tanh => x.iter_mut().for_each(|x| *x = tanh_lane(*x)),
        }
    }

    /// Replaces the gradient of `y` by that of x.
    #[inline(always)]
    pub(crate) fn backward(self, gradient: &mut [f32], y: &[f32]) {
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
