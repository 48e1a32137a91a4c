//! Families of nets. A family is a description of two stacks of layers; everything else that nets do
//! is the same for all.
//!
//! To add a family, write its file with its settings and its two stacks, and its variant here; the
//! other files to touch are in ARCHITECTURE.md, "How to add …".

mod conv;
mod dense;
mod net_io;
mod stack;

use serde::{Deserialize, Serialize};

pub use self::conv::{ConvConfig, Upsampling};
pub use self::dense::{DenseConfig, Normalisation};
pub(crate) use self::net_io::NetIo;
use crate::config::ConfigError;
use crate::layers::LayerSpec;

/// A kind of nets, with its own settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Family {
    /// Dense layers.
    Dense(DenseConfig),
    /// Convolutions.
    Conv(ConvConfig),
}

impl Default for Family {
    fn default() -> Self {
        Self::Dense(DenseConfig::default())
    }
}

impl Family {
    /// Every family, with its default settings.
    pub fn all() -> Vec<Self> {
        vec![Self::Dense(DenseConfig::default()), Self::Conv(ConvConfig::default())]
    }

    /// Its name, such as `dense`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Dense(_) => "dense",
            Self::Conv(_) => "conv",
        }
    }

    /// The generator's layers, from latent vector to image, and the discriminator's, from images to
    /// logit.
    pub(crate) fn layers(&self, io: NetIo) -> [Vec<LayerSpec>; 2] {
        match self {
            Self::Dense(dense) => [dense.generator_layers(io), dense.discriminator_layers(io)],
            Self::Conv(conv) => [conv.generator_layers(io), conv.discriminator_layers(io)],
        }
    }

    /// Keeps the groups of the minibatch deviation, or takes the largest smaller ones that divide
    /// `packs`.
    pub(crate) fn fit_batch(&mut self, packs: usize) {
        let group = match self {
            Self::Dense(dense) => &mut dense.minibatch_stddev,
            Self::Conv(conv) => &mut conv.minibatch_stddev,
        };
        *group = (2..=*group).rev().find(|group| packs.is_multiple_of(*group)).unwrap_or(0);
    }

    pub(crate) fn validate(&self, io: NetIo) -> Result<(), ConfigError> {
        match self {
            Self::Dense(dense) => dense.validate(),
            Self::Conv(conv) => conv.validate(io),
        }
    }
}
