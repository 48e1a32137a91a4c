//! Sizes of the nets, and what is built into them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Sizes of the two nets.
///
/// The default is the published listing's: a generator 100-256-512-1024-784 and
/// a discriminator 784-512-256-1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// What lies between a hidden layer of the generator and its LeakyReLU.
    #[serde(default)]
    pub generator_norm: Normalisation,
    /// Whether the discriminator's weights are divided by their largest singular value
    /// (Miyato et al. 2018).
    #[serde(default)]
    pub spectral_norm: bool,
    /// Images that the discriminator judges together (Lin et al. 2018, `PacGAN`); 1 is each alone.
    #[serde(default = "one")]
    pub pack: usize,
    /// Packs over which the discriminator sees the standard deviation of its last hidden layer
    /// (Karras et al. 2018, section 3); 0 is none.
    #[serde(default)]
    pub minibatch_stddev: usize,
    /// What the discriminator subtracts from every pixel, in [−1, 1]; 0 changes nothing.
    ///
    /// Hundreds of pixels that are −1 in every image push a unit all together, for Adam takes a step
    /// of its rate with each of their weights. Inputs with a mean near 0 leave that to the bias
    /// (`LeCun` et al. 1998, Efficient `BackProp`, section 4.3).
    #[serde(default)]
    pub pixel_mean: f64,
}

const fn one() -> usize {
    1
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

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            latent: 100,
            generator_hidden: vec![256, 512, 1024],
            discriminator_hidden: vec![512, 256],
            height: 28,
            width: 28,
            generator_norm: Normalisation::None,
            spectral_norm: false,
            pack: 1,
            minibatch_stddev: 0,
            pixel_mean: 0.0,
        }
    }
}

/// A size that no net can have, or that no machine should be asked for.
#[derive(Debug, Error, PartialEq)]
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
    /// A mean that no pixels have.
    #[error("pixel-mean is {0}; expected -1 to 1")]
    PixelMean(f64),
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

    /// Inputs and outputs of each layer of the discriminator.
    #[must_use]
    pub fn discriminator_layers(&self) -> Vec<[usize; 2]> {
        let first = self.image_len().saturating_mul(self.pack);
        let widths = [&[first], &*self.discriminator_hidden, &[1]].concat();
        let mut layers: Vec<_> = widths.windows(2).map(|pair| [pair[0], pair[1]]).collect();
        if let Some([inputs, _]) = layers.last_mut()
            && self.minibatch_stddev > 0
        {
            *inputs += 1;
        }
        layers
    }

    /// All numbers that a generator holds, statistics of its normalisation among them.
    #[must_use]
    pub fn generator_parameters(&self) -> usize {
        let layers: Vec<_> =
            self.generator_widths().windows(2).map(|pair| [pair[0], pair[1]]).collect();
        // Scale, shift, mean and variance of a unit, in place of its bias.
        let norms = match self.generator_norm {
            Normalisation::None => 0,
            Normalisation::Batch => 3 * self.generator_hidden.iter().sum::<usize>(),
        };
        parameters(&layers).saturating_add(norms)
    }

    /// All numbers that a discriminator holds.
    #[must_use]
    pub fn discriminator_parameters(&self) -> usize {
        let layers = self.discriminator_layers();
        let directions = layers.iter().map(|[inputs, _]| inputs).sum::<usize>();
        parameters(&layers) + if self.spectral_norm { directions } else { 0 }
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
        check_width("pack", self.pack, 64)?;
        if self.minibatch_stddev > 0 {
            check_width("minibatch-stddev", self.minibatch_stddev, Self::MAX_WIDTH)?;
        }
        if !(-1.0..=1.0).contains(&self.pixel_mean) {
            return Err(ConfigError::PixelMean(self.pixel_mean));
        }
        let found = self.generator_parameters().saturating_add(self.discriminator_parameters());
        if found > Self::MAX_PARAMETERS {
            return Err(ConfigError::Parameters { found, max: Self::MAX_PARAMETERS });
        }
        Ok(())
    }
}

/// Weights and biases of dense layers of these sizes.
fn parameters(layers: &[[usize; 2]]) -> usize {
    let each = layers.iter().map(|[inputs, outputs]| (inputs + 1).saturating_mul(*outputs));
    each.fold(0, usize::saturating_add)
}

fn check_width(name: &'static str, found: usize, max: usize) -> Result<(), ConfigError> {
    if (1..=max).contains(&found) {
        return Ok(());
    }
    Err(ConfigError::Width { name, found, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_published_listing() {
        let config = ModelConfig::default();
        assert_eq!(config.generator_widths(), [100, 256, 512, 1024, 784]);
        assert_eq!(config.discriminator_layers(), [[784, 512], [512, 256], [256, 1]]);
        assert_eq!(config.generator_parameters(), 1_486_352);
        assert_eq!(config.discriminator_parameters(), 533_505);
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
        assert_eq!(error(|c| c.pixel_mean = f64::NAN), "pixel-mean is NaN; expected -1 to 1");
    }
}
