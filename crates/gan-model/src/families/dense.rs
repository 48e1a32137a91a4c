//! Dense nets, with optional batch and spectral normalisation and minibatch deviation.

use gan_kernels::Activation;
use serde::{Deserialize, Serialize};

use super::net_io::NetIo;
use crate::config::{ClassHead, ConfigError, MAX_WIDTH};
use crate::layers::LayerSpec;

/// The activation of every hidden layer of both nets.
const HIDDEN: Activation = Activation::LeakyRelu(0.2);
/// The largest number of hidden layers of a net.
const MAX_HIDDEN: usize = 16;

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
    pub(super) fn generator_layers(&self, io: NetIo) -> Vec<LayerSpec> {
        let embedding = io.conditional.map(|conditional| LayerSpec::Embedding {
            inputs: io.latent,
            classes: conditional.classes,
            size: conditional.class_embedding,
        });
        let first = embedding.as_ref().map_or(io.latent, LayerSpec::outputs);
        let widths = [&[first], &*self.generator_hidden, &[io.image.len()]].concat();
        let layers = widths.windows(2).enumerate().map(|(index, pair)| {
            let hidden = index < self.generator_hidden.len();
            LayerSpec::Dense {
                inputs: pair[0],
                outputs: pair[1],
                activation: if hidden { HIDDEN } else { Activation::Tanh },
                batch_norm: hidden && self.generator_norm == Normalisation::Batch,
                spectral_norm: false,
            }
        });
        embedding.into_iter().chain(layers).collect()
    }

    pub(super) fn discriminator_layers(&self, io: NetIo) -> Vec<LayerSpec> {
        let dense = |inputs, outputs, activation| LayerSpec::Dense {
            inputs,
            outputs,
            activation,
            batch_norm: false,
            spectral_norm: self.spectral_norm,
        };
        let mut inputs = io.image.len().saturating_mul(io.pack);
        let mut layers = Vec::new();
        let head = io.conditional.map(|conditional| conditional.class_head);
        let classes =
            io.conditional.map_or(0, |conditional| conditional.classes.saturating_mul(io.pack));
        if let Some(conditional) = io.conditional.filter(|_| head == Some(ClassHead::Concatenation))
        {
            let size = conditional.class_embedding;
            layers.push(LayerSpec::Embedding { inputs, classes, size });
            inputs = inputs.saturating_add(size);
        }
        for &units in &self.discriminator_hidden {
            layers.push(dense(inputs, units, HIDDEN));
            inputs = units;
        }
        if self.minibatch_stddev > 0 {
            layers.push(LayerSpec::MinibatchStddev { inputs, group: self.minibatch_stddev });
            inputs += 1;
        }
        let spectral_norm = self.spectral_norm;
        layers.push(match head {
            Some(ClassHead::Projection) => LayerSpec::Projection { inputs, classes, spectral_norm },
            // The logit, and one for each class.
            Some(ClassHead::Auxiliary) => {
                dense(inputs, classes.saturating_add(1), Activation::None)
            }
            Some(ClassHead::Concatenation) | None => dense(inputs, 1, Activation::None),
        });
        layers
    }

    /// Keeps the groups of the minibatch deviation, or takes the largest smaller ones that divide
    /// `packs`.
    pub(super) fn fit_batch(&mut self, packs: usize) {
        let mut groups = (2..=self.minibatch_stddev).rev();
        self.minibatch_stddev = groups.find(|group| packs.is_multiple_of(*group)).unwrap_or(0);
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        for (name, hidden) in [
            ("generator-hidden", &self.generator_hidden),
            ("discriminator-hidden", &self.discriminator_hidden),
        ] {
            let found = hidden.len();
            ConfigError::unless(
                found <= MAX_HIDDEN,
                name,
                format_args!("{found} layers"),
                format_args!("at most {MAX_HIDDEN}"),
            )?;
            let check = |&width| ConfigError::unless_width(name, width, MAX_WIDTH);
            hidden.iter().try_for_each(check)?;
        }
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
