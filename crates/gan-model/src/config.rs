//! What a model and its training are made of, as a checkpoint records it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Sizes of the two nets.
///
/// The default is the published listing's: a generator 100-256-512-1024-784 and
/// a discriminator 784-512-256-1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Numbers in a latent vector, the generator's input.
    pub latent: usize,
    /// Units of the generator's hidden layers, from latent to image.
    pub generator_hidden: Vec<usize>,
    /// Units of the discriminator's hidden layers, from image to logit.
    pub discriminator_hidden: Vec<usize>,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            latent: 100,
            generator_hidden: vec![256, 512, 1024],
            discriminator_hidden: vec![512, 256],
            height: 28,
            width: 28,
        }
    }
}

/// A size that no net can have, or that no machine should be asked for.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A width of zero or beyond [`ModelConfig::MAX_WIDTH`].
    #[error("{name} is {found}; expected 1 to {max}")]
    Width {
        /// Which size.
        name: &'static str,
        /// Its value.
        found: usize,
        /// The largest that is accepted.
        max: usize,
    },
    /// More hidden layers than [`ModelConfig::MAX_HIDDEN`].
    #[error("{name} has {found} layers; expected at most {max}")]
    Layers {
        /// Which net.
        name: &'static str,
        /// How many hidden layers.
        found: usize,
        /// The largest number that is accepted.
        max: usize,
    },
    /// More weights than [`ModelConfig::MAX_PARAMETERS`].
    #[error("the nets would have {found} weights; expected at most {max}: use smaller layers")]
    Parameters {
        /// How many.
        found: usize,
        /// The largest number that is accepted.
        max: usize,
    },
}

impl ModelConfig {
    /// The widest layer, latent vector or image side.
    pub const MAX_WIDTH: usize = 1 << 16;
    /// The deepest net, in hidden layers.
    pub const MAX_HIDDEN: usize = 16;
    /// The largest number of weights of both nets: 256 Mi, 1 GiB of `f32`.
    pub const MAX_PARAMETERS: usize = 1 << 28;

    /// Pixels of an image.
    #[must_use]
    pub fn image_len(&self) -> usize {
        self.height * self.width
    }

    /// Widths from the generator's input to its output.
    #[must_use]
    pub fn generator_widths(&self) -> Vec<usize> {
        [&[self.latent], &*self.generator_hidden, &[self.image_len()]].concat()
    }

    /// Widths from the discriminator's input to its output.
    #[must_use]
    pub fn discriminator_widths(&self) -> Vec<usize> {
        [&[self.image_len()], &*self.discriminator_hidden, &[1]].concat()
    }

    /// Checks every size against the stated limits, before anything is allocated.
    ///
    /// # Errors
    /// Names the first size that is out of its range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (name, hidden) in [
            ("generator-hidden", &self.generator_hidden),
            ("discriminator-hidden", &self.discriminator_hidden),
        ] {
            if hidden.len() > Self::MAX_HIDDEN {
                return Err(ConfigError::Layers {
                    name,
                    found: hidden.len(),
                    max: Self::MAX_HIDDEN,
                });
            }
            hidden.iter().try_for_each(|&width| check_width(name, width, Self::MAX_WIDTH))?;
        }
        check_width("latent", self.latent, Self::MAX_WIDTH)?;
        check_width("image height", self.height, 1 << 8)?;
        check_width("image width", self.width, 1 << 8)?;
        let found = parameters(&self.generator_widths()) + parameters(&self.discriminator_widths());
        if found > Self::MAX_PARAMETERS {
            return Err(ConfigError::Parameters { found, max: Self::MAX_PARAMETERS });
        }
        Ok(())
    }
}

/// Weights and biases of a dense net of these widths.
#[must_use]
pub(crate) fn parameters(widths: &[usize]) -> usize {
    widths
        .windows(2)
        .map(|pair| (pair[0] + 1).saturating_mul(pair[1]))
        .fold(0, usize::saturating_add)
}

fn check_width(name: &'static str, found: usize, max: usize) -> Result<(), ConfigError> {
    if (1..=max).contains(&found) {
        return Ok(());
    }
    Err(ConfigError::Width { name, found, max })
}

/// What the generator minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GeneratorLoss {
    /// Non-saturating binary cross-entropy: −log D(G(z)).
    #[default]
    Bce,
    /// The minimax game's own term: log(1 − D(G(z))).
    Minimax,
}

/// Everything beside the nets and the data that decides what a training computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// The recipe these settings started from.
    pub recipe: String,
    /// Steps in all: one discriminator and one generator update each.
    pub epochs: u64,
    /// Real images a step, and as many generated ones for each net.
    pub batch: usize,
    /// Adam's step size.
    pub lr: f64,
    /// Adam's decay rate of the first moment, in [0, 1).
    pub beta1: f64,
    /// Adam's decay rate of the second moment, in [0, 1).
    pub beta2: f64,
    /// Adam's guard against division by zero.
    pub epsilon: f64,
    /// Decay rate of the generator's averaged weights, in [0, 1): step t takes the lesser of
    /// this and (1 + t) / (10 + t); 0 copies the weights.
    pub ema: f64,
    /// What the generator minimises.
    pub loss: GeneratorLoss,
    /// Seed of every random stream.
    pub seed: u64,
    /// Epochs between previews.
    pub sample_every: u64,
    /// Epochs between checkpoints.
    pub checkpoint_every: u64,
}

/// Which images a model learnt from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetInfo {
    /// Its name, such as `mnist`.
    pub name: String,
    /// SHA-256, in hex, of its images in IDX form.
    pub digest: String,
    /// How many images it has.
    pub images: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_published_listing() {
        let config = ModelConfig::default();
        assert_eq!(config.generator_widths(), [100, 256, 512, 1024, 784]);
        assert_eq!(config.discriminator_widths(), [784, 512, 256, 1]);
        assert_eq!(parameters(&config.generator_widths()), 1_486_352);
        assert_eq!(parameters(&config.discriminator_widths()), 533_505);
        assert_eq!(config.validate(), Ok(()));
    }

    #[test]
    fn sizes_out_of_range_are_named() {
        let error = |change: fn(&mut ModelConfig)| {
            let mut config = ModelConfig::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert_eq!(error(|c| c.latent = 0), "latent is 0; expected 1 to 65536");
        assert_eq!(
            error(|c| c.generator_hidden = vec![8, 1 << 20]),
            "generator-hidden is 1048576; expected 1 to 65536"
        );
        assert!(error(|c| c.discriminator_hidden = vec![8; 17]).contains("17 layers"));
        assert!(error(|c| c.generator_hidden = vec![1 << 16; 2]).contains("at most 268435456"));
        assert!(error(|c| c.width = usize::MAX).contains("image width"));
    }
}
