//! Dense nets, with optional batch and spectral normalisation and minibatch deviation.

use gan_kernels::Activation;
use serde::{Deserialize, Serialize};

use super::net_io::NetIo;
use super::stack::{check_hidden, class_vector, discriminator_dense, generator_dense, head};
use crate::config::{ClassHead, Conditional, ConfigError, MAX_WIDTH};
use crate::layers::{AffineSpec, LayerSpec};

/// Settings of dense nets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DenseConfig {
    /// Units of the generator's hidden layers, from latent vector to image.
    pub generator_hidden: Vec<usize>,
    /// Units of the discriminator's hidden layers, from image to logit.
    pub discriminator_hidden: Vec<usize>,
    /// Normalisation of the generator's hidden layers, before the activation.
    #[serde(default)]
    pub generator_norm: Normalisation,
    /// Whether the discriminator's weights are divided by their largest singular value
    /// (Miyato et al. 2018).
    #[serde(default)]
    pub spectral_norm: bool,
    /// Packs over which the discriminator sees the standard deviation of its last hidden layer
    /// (Karras et al. 2018, section 3); 0 is none.
    #[serde(default)]
    pub minibatch_stddev: usize,
}

/// Normalisation of a net's hidden layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// None.
    #[default]
    None,
    /// By the mean and the deviation over the batch (Ioffe and Szegedy 2015).
    Batch,
}

impl Default for DenseConfig {
    fn default() -> Self {
        Self {
            generator_hidden: vec![256, 512, 1024],
            discriminator_hidden: vec![512, 256],
            generator_norm: Normalisation::None,
            spectral_norm: false,
            minibatch_stddev: 0,
        }
    }
}

impl DenseConfig {
    /// With classes, each layer gets a learnt vector of the class beside its values.
    pub(super) fn generator_layers(&self, io: NetIo) -> Vec<LayerSpec> {
        let widths = [&[io.latent], &*self.generator_hidden, &[io.image.len()]].concat();
        let batch_norm = self.generator_norm == Normalisation::Batch;
        let mut layers = generator_dense(&widths, batch_norm, io.conditional);
        if let Some(LayerSpec::Dense(last)) = layers.last_mut() {
            *last = AffineSpec { batch_norm: false, activation: Activation::Tanh, ..*last };
        }
        layers
    }

    pub(super) fn discriminator_layers(&self, io: NetIo) -> Vec<LayerSpec> {
        let mut inputs = io.image.len().saturating_mul(io.pack);
        let mut layers = Vec::new();
        let concatenated = |known: &Conditional| known.class_head == ClassHead::Concatenation;
        if let Some(conditional) = io.conditional.filter(concatenated) {
            let classes = conditional.classes.saturating_mul(io.pack);
            layers.push(class_vector(inputs, Conditional { classes, ..conditional }));
            inputs = inputs.saturating_add(conditional.class_embedding);
        }
        let spectral_norm = self.spectral_norm;
        let (hidden, inputs) =
            discriminator_dense(inputs, &self.discriminator_hidden, spectral_norm);
        layers.extend(hidden);
        layers.extend(head(inputs, self.minibatch_stddev, spectral_norm, io));
        layers
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        check_hidden("generator-hidden", &self.generator_hidden)?;
        check_hidden("discriminator-hidden", &self.discriminator_hidden)?;
        let group = self.minibatch_stddev;
        let has_hidden = !self.discriminator_hidden.is_empty();
        ConfigError::unless(
            group == 0 || ((2..=MAX_WIDTH).contains(&group) && has_hidden),
            "minibatch-stddev",
            group,
            "0, or 2 to 65536 with a hidden layer of the discriminator",
        )
    }
}
