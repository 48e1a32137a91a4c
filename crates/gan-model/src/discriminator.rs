//! The discriminator: a stack of layers from images to one logit.

use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use gan_core::stream::Purpose;

use crate::config::{Conditional, ModelConfig};
use crate::layers::{Init, Labels, Layer, build};

/// Maps images to one logit each, or one for `pack` images together (Lin et al. 2018, `PacGAN`).
///
/// The default has no layers: it is what `std::mem::take` leaves behind.
#[derive(Module, Debug, Default)]
pub struct Discriminator {
    layers: Vec<Layer>,
    pack: usize,
    pixel_mean: f64,
    /// Classes that it predicts beside the logit; 0 is none.
    predicted: usize,
}

/// What a forward pass computed.
pub struct DiscriminatorOutput {
    /// `[batch / pack, 1]`; above zero means real.
    pub logits: Tensor<2>,
    /// The logits of the classes, `[batch, classes]`, of a net that predicts them.
    pub class_logits: Option<Tensor<2>>,
    /// The output of each layer before the last, before dropout: `[batch / pack, outputs]`.
    pub features: Vec<Tensor<2>>,
}

/// A factor for each unit of each layer before the last, `[batch / pack, units]`, where dropout
/// applies (Srivastava et al. 2014, section 4); empty without dropout.
pub type DropoutMasks = Vec<Option<Tensor<2>>>;

impl Discriminator {
    /// A discriminator with the initial weights of `seed`.
    pub fn init(config: &ModelConfig, seed: u64, device: &Device) -> Self {
        Self::new(config, Some(Init { seed, weights: Purpose::DiscriminatorWeights }), device)
    }

    /// A discriminator of the right sizes whose weights a record will replace.
    pub(crate) fn empty(config: &ModelConfig, device: &Device) -> Self {
        Self::new(config, None, device)
    }

    fn new(config: &ModelConfig, init: Option<Init>, device: &Device) -> Self {
        let layers = build(&config.discriminator_layers(), init, device);
        let predicts = |conditional: &Conditional| conditional.class_head.predicts();
        let predicted = config.conditional.filter(predicts).map_or(0, |known| known.classes);
        Self { layers, pack: config.pack, pixel_mean: config.pixel_mean, predicted }
    }

    /// Images `[batch, height * width * channels]` in [−1, 1] to logits and features. `labels` are
    /// the images' classes, for a model with classes.
    ///
    /// # Panics
    /// When the batch does not divide into packs, or those into groups for their deviation.
    pub fn forward(
        &self,
        images: Tensor<2>,
        labels: Option<&Labels>,
        masks: &DropoutMasks,
    ) -> DiscriminatorOutput {
        let [batch, len] = images.dims();
        let mut x = if self.pixel_mean == 0.0 { images } else { images - self.pixel_mean };
        // Packed images are adjacent in memory already (Lin et al. 2018, section 3).
        if self.pack > 1 {
            x = x.reshape([batch / self.pack, len * self.pack]);
        }
        let labels = &self.packed(labels);
        let mut features = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                features.push(x.clone());
                x = masked(x, masks, index - 1);
            }
            x = layer.forward(x, labels.as_ref());
        }
        let class_logits = (self.predicted > 0).then(|| x.clone().narrow(1, 1, self.predicted));
        let logits = if self.predicted > 0 { x.narrow(1, 0, 1) } else { x };
        DiscriminatorOutput { logits, class_logits, features }
    }

    /// The labels of each pack side by side.
    fn packed(&self, labels: Option<&Labels>) -> Option<Labels> {
        let [batch, classes] = labels?.dims();
        Some(labels?.clone().reshape([batch / self.pack, classes * self.pack]))
    }

    /// The gradient of the sum of the logits with respect to the images of a forward pass with
    /// these `features`, a row for each of theirs: `[batch / pack, pack * height * width * channels]`.
    /// For a net outside of training: it carries the gradient back layer by layer (VJP) without a
    /// graph.
    pub fn input_gradient(
        &self,
        features: &[Tensor<2>],
        labels: Option<&Labels>,
        masks: &DropoutMasks,
    ) -> Tensor<2> {
        let labels = &self.packed(labels);
        // Without a layer before the last, the gradient is the same for all images of a class.
        let rows = labels.as_ref().map_or(1, |labels| labels.dims()[0]);
        let rows = features.last().map_or(rows, |last| last.dims()[0]);
        let mut gradient = Tensor::ones([rows, 1], &self.devices()[0]);
        if self.predicted > 0 {
            gradient = gradient.pad((0, self.predicted, 0, 0), 0.0);
        }
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let input = || masked(features[index - 1].clone(), masks, index - 1);
            let output = features.get(index);
            gradient = layer.vjp(masked(gradient, masks, index), input, output, labels.as_ref());
        }
        gradient
    }

    /// The directional derivative (JVP) of the logits along `direction`,
    /// `[batch / pack, pack * height * width * channels]`, at the images of a forward pass with these
    /// `features`: `[batch / pack, 1]`. Its own gradient is exact almost everywhere, for a net that
    /// is not [piecewise linear](Self::is_piecewise_linear) only if `features` carry a graph.
    pub fn jvp(
        &self,
        direction: Tensor<2>,
        features: &[Tensor<2>],
        labels: Option<&Labels>,
        masks: &DropoutMasks,
    ) -> Tensor<2> {
        let labels = &self.packed(labels);
        let layers = self.layers.iter().enumerate();
        let derivative = layers.fold(direction, |tangent, (index, layer)| {
            let input = || masked(features[index - 1].clone(), masks, index - 1);
            masked(layer.jvp(tangent, input, features.get(index), labels.as_ref()), masks, index)
        });
        if self.predicted > 0 { derivative.narrow(1, 0, 1) } else { derivative }
    }

    /// Whether the logits are a piecewise linear function of the images.
    pub fn is_piecewise_linear(&self) -> bool {
        self.layers.iter().all(Layer::is_piecewise_linear)
    }

    /// For each layer, the number of units that dropout applies to.
    pub fn hidden_units(&self) -> impl Iterator<Item = Option<usize>> {
        self.layers.iter().map(Layer::hidden_units)
    }

    /// Improves the estimates of spectral normalisation by one power iteration (Miyato et al. 2018,
    /// algorithm 1) in a net in training; does nothing without it.
    #[must_use]
    pub fn power_iteration(self) -> Self {
        self.map_layers(Layer::power_iteration)
    }

    /// Limits every weight and bias of a net in training to ±`bound` (Arjovsky et al. 2017,
    /// algorithm 1).
    #[must_use]
    pub fn clip_weights(self, bound: f64) -> Self {
        self.map_layers(|layer| layer.clip(bound))
    }

    fn map_layers(mut self, change: impl FnMut(Layer) -> Layer) -> Self {
        self.layers = self.layers.into_iter().map(change).collect();
        self
    }
}

/// The probability of being real that a logit means: its sigmoid.
pub fn probability(logits: Tensor<2>) -> Tensor<2> {
    sigmoid(logits)
}

fn masked(x: Tensor<2>, masks: &DropoutMasks, layer: usize) -> Tensor<2> {
    match masks.get(layer) {
        Some(Some(mask)) => x * mask.clone(),
        _ => x,
    }
}

#[cfg(test)]
mod tests;
