//! Families of nets. A family is a description of two stacks of layers; everything else that nets do
//! is the same for all.
//!
//! To add a family, write its file with its settings and its two stacks, and its variant here; the
//! other files to touch are in ARCHITECTURE.md, "How to add …".

mod dense;
mod net_io;

use serde::{Deserialize, Serialize};

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
}

impl Default for Family {
    fn default() -> Self {
        Self::Dense(DenseConfig::default())
    }
}

impl Family {
    /// Every family, with its default settings.
    pub fn all() -> Vec<Self> {
        vec![Self::Dense(DenseConfig::default())]
    }

    /// Its name, such as `dense`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Dense(_) => "dense",
        }
    }

    /// The generator's layers, from latent vector to image, and the discriminator's, from images to
    /// logit.
    pub(crate) fn layers(&self, io: NetIo) -> [Vec<LayerSpec>; 2] {
        match self {
            Self::Dense(dense) => [dense.generator_layers(io), dense.discriminator_layers(io)],
        }
    }

    pub(crate) fn fit_batch(&mut self, packs: usize) {
        match self {
            Self::Dense(dense) => dense.fit_batch(packs),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        match self {
            Self::Dense(dense) => dense.validate(),
        }
    }
}
