//! The layers that nets are stacks of.
//!
//! A layer maps `[batch, inputs]` to `[batch, outputs]`, whatever shape it gives its values
//! inside; some use the class of each row, too. It offers three passes:
//!
//! - forward, for training and for sampling;
//! - the directional derivative (JVP): how its output changes along a change of its input;
//! - the gradient with respect to its input (VJP): a gradient of its output, carried back.
//!
//! The last two are what gradient penalties are computed from, so R1 and R2 work through any stack.
//! To add a layer, write its file, its variant in [`LayerSpec`] and [`Layer`] with their match arms,
//! and its case in [`build`].

mod affine;
mod init;
mod labels;
mod minibatch_stddev;
mod spec;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::{Device, Tensor};
use gan_core::stream::Purpose;

use self::affine::Affine;
use self::labels::{Embedding, Projection};
pub use self::labels::{Labels, one_hot};
use self::minibatch_stddev::MinibatchStddev;
pub(crate) use self::spec::{AffineSpec, Init, LayerSpec, parameters};

/// One layer of a net.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a net has only a few layers")]
pub(crate) enum Layer {
    Dense(Affine),
    Convolution(Affine),
    Embedding(Embedding),
    Projection(Projection),
    MinibatchStddev(MinibatchStddev),
}

impl Layer {
    /// Applies the layer as it is used outside of training: statistics of batch normalisation are
    /// those that [`calibrate`](Self::calibrate) computed.
    pub fn forward(&self, x: Tensor<2>, labels: Option<&Labels>) -> Tensor<2> {
        match self {
            Self::Dense(layer) | Self::Convolution(layer) => layer.forward(x),
            Self::Embedding(layer) => layer.forward(x, labels),
            Self::Projection(layer) => layer.forward(x, labels),
            Self::MinibatchStddev(layer) => layer.forward(x),
        }
    }

    /// Applies the layer as in training: batch normalisation uses the statistics of this batch.
    pub fn forward_batch(&self, x: Tensor<2>, labels: Option<&Labels>) -> Tensor<2> {
        match self {
            Self::Dense(layer) | Self::Convolution(layer) => layer.forward_batch(x),
            _ => self.forward(x, labels),
        }
    }

    /// Sets the population statistics of batch normalisation to those of the batch `x`, and
    /// returns the layer's output with them.
    pub fn calibrate(&mut self, x: Tensor<2>, labels: Option<&Labels>) -> Tensor<2> {
        match self {
            Self::Dense(layer) | Self::Convolution(layer) => layer.calibrate(x),
            _ => self.forward(x, labels),
        }
    }

    /// The directional derivative of the output along `tangent`, a change of the input. `input`
    /// and `output` are those of a forward pass; few layers need the input.
    pub fn jvp(
        &self,
        tangent: Tensor<2>,
        input: impl FnOnce() -> Tensor<2>,
        output: Option<&Tensor<2>>,
        labels: Option<&Labels>,
    ) -> Tensor<2> {
        match self {
            Self::Dense(layer) | Self::Convolution(layer) => layer.jvp(tangent, output),
            Self::Embedding(layer) => layer.jvp(tangent),
            Self::Projection(layer) => layer.jvp(tangent, labels),
            Self::MinibatchStddev(layer) => layer.jvp(tangent, input()),
        }
    }

    /// The gradient with respect to the input, from `gradient` with respect to the output.
    pub fn vjp(
        &self,
        gradient: Tensor<2>,
        input: impl FnOnce() -> Tensor<2>,
        output: Option<&Tensor<2>>,
        labels: Option<&Labels>,
    ) -> Tensor<2> {
        match self {
            Self::Dense(layer) | Self::Convolution(layer) => layer.vjp(gradient, output),
            Self::Embedding(layer) => layer.vjp(gradient),
            Self::Projection(layer) => layer.vjp(&gradient, labels),
            Self::MinibatchStddev(layer) => layer.vjp(gradient, input()),
        }
    }

    /// Units with a nonlinearity, which dropout applies to; none of a linear layer.
    pub fn hidden_units(&self) -> Option<usize> {
        match self {
            Self::Dense(layer) | Self::Convolution(layer) => layer.hidden_units(),
            _ => None,
        }
    }

    pub fn has_batch_norm(&self) -> bool {
        match self {
            Self::Dense(layer) | Self::Convolution(layer) => layer.has_batch_norm(),
            _ => false,
        }
    }

    /// Whether its directional derivative is constant between kinks.
    pub fn is_piecewise_linear(&self) -> bool {
        match self {
            Self::Dense(_) | Self::Convolution(_) | Self::Embedding(_) | Self::Projection(_) => {
                true
            }
            Self::MinibatchStddev(_) => false,
        }
    }

    /// Improves the estimate of the weights' largest singular value by one power iteration.
    pub fn power_iteration(self) -> Self {
        match self {
            Self::Dense(layer) => Self::Dense(layer.power_iteration()),
            Self::Convolution(layer) => Self::Convolution(layer.power_iteration()),
            Self::Projection(layer) => Self::Projection(layer.power_iteration()),
            layer @ (Self::Embedding(_) | Self::MinibatchStddev(_)) => layer,
        }
    }

    /// Limits weights and biases to ±`bound`.
    pub fn clip(self, bound: f64) -> Self {
        match self {
            Self::Dense(layer) => Self::Dense(layer.clip(bound)),
            Self::Convolution(layer) => Self::Convolution(layer.clip(bound)),
            Self::Embedding(layer) => Self::Embedding(layer.clip(bound)),
            Self::Projection(layer) => Self::Projection(layer.clip(bound)),
            layer @ Self::MinibatchStddev(_) => layer,
        }
    }
}

/// Builds a net's layers: with initial weights, or without for a record to fill.
pub(crate) fn build(specs: &[LayerSpec], init: Option<Init>, device: &Device) -> Vec<Layer> {
    // Layers with weights are numbered from 0; each has its own stream.
    let mut index = 0;
    let layer = |spec: &LayerSpec| {
        let affine = |spec| Affine::new(spec, init, index, device);
        let layer = match spec {
            LayerSpec::Dense(spec) => Layer::Dense(affine(spec)),
            LayerSpec::Convolution(spec) => Layer::Convolution(affine(spec)),
            LayerSpec::Embedding { .. } => {
                Layer::Embedding(Embedding::new(spec, init, index, device))
            }
            LayerSpec::Projection { .. } => {
                Layer::Projection(Projection::new(spec, init, index, device))
            }
            LayerSpec::MinibatchStddev { group, .. } => {
                return Layer::MinibatchStddev(MinibatchStddev::new(*group));
            }
        };
        index += 1;
        layer
    };
    let layers: Vec<_> = specs.iter().map(layer).collect();
    match init {
        Some(Init { weights, .. }) => with_param_ids(layers, weights),
        None => layers,
    }
}

/// Assigns fixed identities to all parameters of a net, told from the purpose of its initial
/// weights, in place of those of a file: Adam finds its moments by them.
pub(crate) fn with_param_ids<M: Module>(net: M, weights: Purpose) -> M {
    struct Number(u64);
    impl ModuleMapper for Number {
        fn map_float<const D: usize>(&mut self, mut param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.id = ParamId::from(self.0);
            self.0 += 1;
            param
        }
    }
    net.map(&mut Number(if weights == Purpose::GeneratorWeights { 1_000 } else { 2_000 }))
}
