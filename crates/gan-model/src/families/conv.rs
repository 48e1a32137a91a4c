//! Convolutional nets after DCGAN (Radford et al. 2016).

use gan_core::ImageShape;
use gan_kernels::{Activation, Convolution, Map};
use serde::{Deserialize, Serialize};

use super::Normalisation;
use super::net_io::NetIo;
use super::stack::{HIDDEN, check_hidden, discriminator_dense, generator_dense, head};
use crate::config::{ClassHead, ConfigError};
use crate::layers::{AffineSpec, LayerSpec};

/// The most filters of the layer next to the images.
const MAX_FILTERS: usize = 512;
/// The smallest and largest side of images.
const SIDES: [usize; 2] = [16, 64];

/// How the generator doubles the sides of images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upsampling {
    /// Transposed convolutions.
    #[default]
    Transposed,
    /// Nearest-neighbour resizes, each followed by a convolution, against checkerboard artefacts (Odena et
    /// al. 2016). Its kernel has one row and column less than [`ConvConfig::kernel`].
    Resize,
}

/// Settings of convolutional nets.
///
/// The discriminator halves the sides of the images two times (three times from 40 pixels on, where
/// the sides are multiples of 8) and doubles the filters after the first. The generator does the
/// same in reverse, from a dense layer. More dense layers may be between the convolutions and the
/// latent vector or the logit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConvConfig {
    /// Filters of the layers next to the images; deeper layers have multiples of them.
    pub filters: usize,
    /// Rows and columns of each kernel.
    pub kernel: usize,
    /// Units of dense layers of the generator, between the latent vector and the first image.
    #[serde(default)]
    pub generator_hidden: Vec<usize>,
    /// Units of dense layers of the discriminator, between the last convolution and the logit.
    #[serde(default)]
    pub discriminator_hidden: Vec<usize>,
    /// How the generator doubles the sides of images.
    #[serde(default)]
    pub upsampling: Upsampling,
    /// Normalisation of the generator's hidden layers, before the activation.
    pub generator_norm: Normalisation,
    /// Whether the discriminator's weights are divided by their largest singular value, as matrices
    /// of `[taps, filters]` (Miyato et al. 2018).
    pub spectral_norm: bool,
    /// Images over which the discriminator sees the standard deviation of its last hidden layer
    /// (Karras et al. 2018, section 3); 0 is none.
    pub minibatch_stddev: usize,
}

impl Default for ConvConfig {
    fn default() -> Self {
        Self {
            filters: 32,
            kernel: 4,
            generator_hidden: Vec::new(),
            discriminator_hidden: Vec::new(),
            upsampling: Upsampling::Transposed,
            generator_norm: Normalisation::Batch,
            spectral_norm: false,
            minibatch_stddev: 0,
        }
    }
}

impl ConvConfig {
    /// With classes, the generator's dense layers get a learnt vector of the class.
    pub(super) fn generator_layers(&self, io: NetIo) -> Vec<LayerSpec> {
        let mut convolutions = self.convolutions(io.image);
        convolutions.reverse();
        let first = convolutions.first().map(|(shape, filters)| shape.positions() * filters);
        let widths = [&[io.latent], &*self.generator_hidden, first.as_slice()].concat();
        let batch_norm = self.generator_norm == Normalisation::Batch;
        let mut layers = generator_dense(&widths, batch_norm, io.conditional);
        let last = convolutions.len().saturating_sub(1);
        for (index, (shape, filters)) in convolutions.into_iter().enumerate() {
            let resize = self.upsampling == Upsampling::Resize;
            let side = if resize { shape.kernel - 1 } else { shape.kernel };
            layers.push(LayerSpec::Convolution(AffineSpec {
                map: Map::Transposed(shape),
                weight: [side * side * shape.channels, filters],
                resize,
                activation: if index < last { HIDDEN } else { Activation::Tanh },
                batch_norm: batch_norm && index < last,
                spectral_norm: false,
            }));
        }
        layers
    }

    pub(super) fn discriminator_layers(&self, io: NetIo) -> Vec<LayerSpec> {
        let mut inputs = io.image.len();
        let mut layers = Vec::new();
        for (shape, filters) in self.convolutions(io.image) {
            layers.push(LayerSpec::Convolution(AffineSpec {
                map: Map::Convolution(shape),
                weight: [shape.taps(), filters],
                resize: false,
                activation: HIDDEN,
                batch_norm: false,
                spectral_norm: self.spectral_norm,
            }));
            inputs = shape.positions() * filters;
        }
        let (hidden, inputs) =
            discriminator_dense(inputs, &self.discriminator_hidden, self.spectral_norm);
        layers.extend(hidden);
        layers.extend(head(inputs, self.minibatch_stddev, self.spectral_norm, io));
        layers
    }

    /// The discriminator's convolutions, each with its filters; none for settings that are refused.
    fn convolutions(&self, image: ImageShape) -> Vec<(Convolution, usize)> {
        if self.validate_sizes(image).is_err() {
            return Vec::new();
        }
        let ImageShape { mut channels, mut height, mut width } = image;
        let mut filters = self.filters;
        let mut convolutions = Vec::new();
        for _ in 0..halvings(image) {
            let shape = Convolution {
                height,
                width,
                channels,
                kernel: self.kernel,
                stride: 2,
                padding: (self.kernel - 1) / 2,
            };
            convolutions.push((shape, filters));
            [height, width] = shape.output_size();
            channels = filters;
            filters *= 2;
        }
        convolutions
    }

    fn validate_sizes(
        &self,
        ImageShape { height, width, .. }: ImageShape,
    ) -> Result<(), ConfigError> {
        ConfigError::unless_width("filters", self.filters, MAX_FILTERS)?;
        let kernel = self.kernel;
        ConfigError::unless((3..=7).contains(&kernel), "kernel", kernel, "3 to 7")?;
        let [least, most] = SIDES;
        ConfigError::unless(
            [height, width].iter().all(|side| (least..=most).contains(side) && side % 4 == 0),
            "size",
            format_args!("{height}x{width}"),
            format_args!(
                "sides that are multiples of 4, {least} to {most}, for convolutional networks"
            ),
        )
    }

    pub(super) fn validate(&self, io: NetIo) -> Result<(), ConfigError> {
        self.validate_sizes(io.image)?;
        check_hidden("generator-hidden", &self.generator_hidden)?;
        check_hidden("discriminator-hidden", &self.discriminator_hidden)?;
        let pack = io.pack;
        ConfigError::unless(pack == 1, "pack", pack, "1 with convolutional networks")?;
        let head = io.conditional.map(|conditional| conditional.class_head);
        ConfigError::unless(
            head != Some(ClassHead::Concatenation),
            "class-head",
            "concatenation",
            "projection or auxiliary with convolutional networks",
        )?;
        let group = self.minibatch_stddev;
        ConfigError::unless(
            group == 0 || (2..=crate::config::MAX_WIDTH).contains(&group),
            "minibatch-stddev",
            group,
            "0, or 2 to 65536",
        )
    }
}

/// How often the sides of images are halved.
fn halvings(image: ImageShape) -> usize {
    let sides = [image.height, image.width];
    if sides.iter().all(|side| *side >= 40 && side % 8 == 0) { 3 } else { 2 }
}
