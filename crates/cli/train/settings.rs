//! The settings of a training, as flags or in a configuration file.

use std::num::ParseIntError;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use gan_model::{Augmentation, ClassHead, Family, Loss};
use gan_train::Recipe;
use serde::{Deserialize, Serialize};

use super::fields::{Fields, fields};
use crate::common::{DatasetArgs, DeviceArgs, Failure, usage};

/// An empty list; so is an empty text, which a sweep writes.
const NONE: &str = "none";
const NETWORKS: &str = "Networks";
const OPTIMISER: &str = "Optimiser and updates";
const LOSS: &str = "Loss and regularisation";

/// Settings for the command line and the configuration file. Names that are also fields of
/// `ModelConfig` or `TrainingConfig` override those; `None` is not set.
#[derive(Args, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Total number of training steps; a step is --d-steps updates of the discriminator, each with a
    /// batch, and one of the generator [default: 10000; with --recipe long 100000, conditional-short 1500]
    #[arg(long, value_name = "N")]
    pub epochs: Option<u64>,

    /// Batch size: real images per update of the discriminator, and as many generated ones
    /// [default: 128]
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,

    #[command(flatten)]
    #[serde(flatten)]
    pub dataset: DatasetArgs,

    /// Named settings to start from, which other flags override; --dry-run shows the result
    /// [default: default]
    #[arg(long, value_parser = PossibleValuesParser::new(Recipe::ALL.map(|r| PossibleValue::new(r.name()).help(r.about()))))]
    pub recipe: Option<String>,

    /// Kind of networks; another kind than the recipe's has its own default layers [default: the recipe's]
    #[arg(long, help_heading = NETWORKS, value_parser = PossibleValuesParser::new(Family::all().iter().map(Family::name).collect::<Vec<_>>()))]
    pub family: Option<String>,

    /// Length of the latent vectors, the generator's input [default: 100]
    #[arg(long, value_name = "N", help_heading = NETWORKS)]
    pub latent: Option<usize>,

    /// Units of the generator's hidden dense layers [default: 256,512,1024; with
    /// --family conv none, or the recipe's]
    #[arg(long, help_heading = NETWORKS, value_name = "N,N,…|none", overrides_with = "generator_hidden")]
    pub generator_hidden: Option<Units>,

    /// Units of the discriminator's hidden dense layers [default: 512,256; with
    /// --family conv none, or the recipe's]
    #[arg(long, help_heading = NETWORKS, value_name = "N,N,…|none", overrides_with = "discriminator_hidden")]
    pub discriminator_hidden: Option<Units>,

    /// With --family conv: filters of the layers next to the images; deeper layers have multiples
    /// [default: 32]
    #[arg(long, help_heading = NETWORKS, value_name = "N")]
    pub filters: Option<usize>,

    /// With --family conv: rows and columns of each kernel [default: 4]
    #[arg(long, help_heading = NETWORKS, value_name = "N")]
    pub kernel: Option<usize>,

    /// With --family conv: how the generator doubles the sides of images: by transposed convolutions, or
    /// by nearest-neighbour resizes and convolutions, which leave no checkerboard pattern in areas of
    /// one colour [default: transposed]
    #[arg(long, help_heading = NETWORKS, value_parser = PossibleValuesParser::new(["transposed", "resize"]))]
    pub upsampling: Option<String>,

    /// Normalisation of the generator's hidden layers [default: the recipe's]
    #[arg(long, help_heading = NETWORKS, value_parser = PossibleValuesParser::new(["none", "batch"]))]
    pub generator_norm: Option<String>,

    /// Spectral normalisation: divide the discriminator's weights by their largest singular value
    /// [default: false]
    #[arg(long, help_heading = NETWORKS, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub spectral_norm: Option<bool>,

    /// Packing: number of images that the discriminator classifies together, against mode
    /// collapse [default: 1]
    #[arg(long, help_heading = NETWORKS, value_name = "N")]
    pub pack: Option<usize>,

    /// Give the discriminator the standard deviation over groups of N images, against mode
    /// collapse; 0 is off [default: the recipe's]
    #[arg(long, help_heading = NETWORKS, value_name = "N")]
    pub minibatch_stddev: Option<usize>,

    /// Train networks that can be asked for a class, on images with labels [default: the recipe's]
    #[arg(long, help_heading = NETWORKS, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub conditional: Option<bool>,

    /// With --conditional: length of the learnt vector of a class that each dense layer of the
    /// generator gets beside its inputs [default: 64, or the recipe's]
    #[arg(long, help_heading = NETWORKS, value_name = "N")]
    pub class_embedding: Option<usize>,

    /// With --conditional: how the discriminator uses the class [default: projection, or the recipe's]
    #[arg(long, help_heading = NETWORKS, value_parser = PossibleValuesParser::new(ClassHead::ALL.map(|(_, name, help)| PossibleValue::new(name).help(help))))]
    pub class_head: Option<String>,

    /// Weight of the predicted class in the losses, with an auxiliary --class-head [default: the
    /// recipe's]
    #[arg(long, help_heading = NETWORKS, value_name = "WEIGHT")]
    pub class_weight: Option<Finite>,

    /// Mean that the discriminator subtracts from every pixel, which is between -1 (black) and 1
    /// (white), so that its inputs are centred at 0; auto is the mean of the training images
    /// [default: the recipe's, auto or 0]
    #[arg(long, help_heading = NETWORKS, value_name = "auto|MEAN")]
    pub pixel_mean: Option<PixelMean>,

    /// Adam's learning rate [default: the recipe's]
    #[arg(long, help_heading = OPTIMISER, value_name = "RATE")]
    pub lr: Option<Finite>,

    /// Adam's learning rate for the discriminator [default: the recipe's, or --lr where it has
    /// none]
    #[arg(long, help_heading = OPTIMISER, value_name = "RATE")]
    pub d_lr: Option<Finite>,

    /// How the learning rates decrease to the end of the training: not at all, linearly, or as a
    /// cosine [default: the recipe's]
    #[arg(long, help_heading = OPTIMISER, value_parser = PossibleValuesParser::new(["constant", "linear", "cosine"]))]
    pub schedule: Option<String>,

    /// Share of the training after which the linear schedule begins [default: the recipe's]
    #[arg(long, help_heading = OPTIMISER, value_name = "SHARE")]
    pub decay_from: Option<Finite>,

    /// Adam's decay rate of the first moment [default: the recipe's]
    #[arg(long, help_heading = OPTIMISER, value_name = "RATE")]
    pub beta1: Option<Finite>,

    /// Adam's decay rate of the second moment [default: the recipe's]
    #[arg(long, help_heading = OPTIMISER, value_name = "RATE")]
    pub beta2: Option<Finite>,

    /// Adam's epsilon, added to the root of the second moment [default: the recipe's]
    #[arg(long, help_heading = OPTIMISER, value_name = "EPSILON")]
    pub epsilon: Option<Finite>,

    /// Decay rate per step of the moving average (EMA) of the generator's weights, with which
    /// samples are generated; 0 is no average [default: the recipe's]
    #[arg(long, help_heading = OPTIMISER, value_name = "RATE")]
    pub ema: Option<Finite>,

    /// The same as the number of epochs after which a weight counts half in the average:
    /// ema = 0.5^(1/N)
    #[arg(long, help_heading = OPTIMISER, value_name = "N", conflicts_with = "ema")]
    pub ema_half_life: Option<Finite>,

    /// Discriminator updates per generator update [default: 1]
    #[arg(long, help_heading = OPTIMISER, value_name = "N")]
    pub d_steps: Option<usize>,

    /// Loss of both networks [default: bce]
    #[arg(long, help_heading = LOSS, value_parser = PossibleValuesParser::new(Loss::ALL.map(|(_, name, help)| PossibleValue::new(name).help(help))))]
    pub loss: Option<String>,

    /// Weight γ of the R1 gradient penalty, γ/2 |∇D|² on real images; 0 is off. The losses bce and
    /// minimax average real and generated images and do not sum them, so γ weighs twice as much as in
    /// the paper [default: the recipe's]
    #[arg(long, help_heading = LOSS, value_name = "GAMMA")]
    pub r1: Option<Finite>,

    /// Weight of the R2 gradient penalty, the same on generated images [default: 0]
    #[arg(long, help_heading = LOSS, value_name = "GAMMA")]
    pub r2: Option<Finite>,

    /// Compute the gradient penalties in every N-th discriminator update only, weighted N times
    /// [default: the recipe's]
    #[arg(long, help_heading = LOSS, value_name = "N")]
    pub penalty_every: Option<usize>,

    /// Clip the discriminator's weights to [-BOUND, BOUND]; 0 is off [default: 0; or 0.01 with --loss
    /// wasserstein where R1 and R2 are 0, as in the recipe plain, without --spectral-norm]
    #[arg(long, help_heading = LOSS, value_name = "BOUND")]
    pub clip: Option<Finite>,

    /// Dropout rate of the discriminator's hidden layers [default: 0]
    #[arg(long, help_heading = LOSS, value_name = "SHARE")]
    pub dropout: Option<Finite>,

    /// One-sided label smoothing: the label of real images is 1 - SHARE [default: 0]
    #[arg(long, help_heading = LOSS, value_name = "SHARE")]
    pub label_smoothing: Option<Finite>,

    /// Standard deviation of noise that is added to the discriminator's input; it decreases to 0
    /// over the training [default: 0]
    #[arg(long, help_heading = LOSS, value_name = "SIGMA")]
    pub instance_noise: Option<Finite>,

    /// Differentiable augmentation, for data sets of hundreds of images: the discriminator sees real
    /// and generated images after these random changes only; samples have none [default: none]
    #[arg(long, help_heading = LOSS, value_name = "CHANGE,…|none", value_delimiter = ',', value_parser = PossibleValuesParser::new(Augmentation::ALL.map(|(_, name, help)| PossibleValue::new(name).help(help)).into_iter().chain([PossibleValue::new(NONE).alias("").help("No change")])))]
    pub augment: Option<Vec<String>>,

    /// Epochs between previews, a row of ten samples each [default: 1000]
    #[arg(long, value_name = "N")]
    pub sample_every: Option<u64>,

    /// Epochs between checkpoints [default: 1000]
    #[arg(long, value_name = "N")]
    pub checkpoint_every: Option<u64>,

    /// Epochs between evaluations of the samples, which keep the best checkpoint as best.mpk; 0
    /// is never [default: a fifth of --epochs; never if --epochs is below 500]
    #[arg(long, value_name = "N")]
    pub eval_every: Option<u64>,

    /// Number of samples per evaluation [default: 2000]
    #[arg(long, value_name = "N")]
    pub eval_count: Option<usize>,

    /// Seed of all random numbers; on a CPU the same seed and settings give the same run
    /// [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    #[command(flatten)]
    #[serde(flatten)]
    pub device: DeviceArgs,

    /// Directory of the run, new or empty [default: the next free runs/0001-mnist-dense]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl Settings {
    /// The settings that are set, with `ema` for a half-life.
    pub fn set(mut self) -> Result<Fields, Failure> {
        if let Some(Finite(epochs)) = self.ema_half_life.take() {
            if self.ema.is_some() {
                return Err(usage!("--ema and --ema-half-life set the same; give one of them"));
            }
            // Beyond this --ema is 1 in single precision, in which the step computes.
            if !(0.0..=23_258_159.0).contains(&epochs) {
                return Err(usage!("--ema-half-life is {epochs}; expected 0 to 23258159 epochs"));
            }
            self.ema = Some(Finite(libm::exp2(-1.0 / epochs)));
        }
        // `none`, or the empty text.
        if let Some([none]) = self.augment.as_deref()
            && (none == NONE || none.is_empty())
        {
            self.augment = Some(Vec::new());
        }
        // Nothing else has no text.
        let mut fields = fields(&self).map_err(|_| {
            usage!(
                "a path of --out, --data or --data-dir is not Unicode, and config.json records it as \
                 text; expected another name"
            )
        })?;
        fields.retain(|_, value| !value.is_null());
        Ok(fields)
    }
}

/// A value of `--pixel-mean`.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "kebab-case", untagged)]
pub enum PixelMean {
    #[serde(with = "auto")]
    Auto,
    Number(Finite),
}

impl FromStr for PixelMean {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" { Ok(Self::Auto) } else { Ok(Self::Number(text.parse()?)) }
    }
}

/// The word for [`PixelMean::Auto`].
mod auto {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("auto")
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "auto" { Ok(()) } else { Err(D::Error::custom("expected auto or a number")) }
    }
}

/// Units of some layers, perhaps of none.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(transparent)]
pub struct Units(pub Vec<usize>);

impl FromStr for Units {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        // A sweep's empty list is an empty text.
        if text == NONE || text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// A number that is neither infinite nor NaN.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(try_from = "f64")]
pub struct Finite(f64);

impl TryFrom<f64> for Finite {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        let finite = number.is_finite().then_some(Self(number));
        finite.ok_or_else(|| format!("expected a finite number, not {number}"))
    }
}

impl FromStr for Finite {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<f64>().map_err(|_| "expected a number".to_owned())?.try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_half_life_is_the_longest_that_single_precision_has() {
        let ema = |epochs| -> Option<f32> {
            let ema_half_life = Some(Finite(epochs));
            let set = Settings { ema_half_life, ..Settings::default() }.set().ok()?;
            Some(set["ema"].as_f64()? as f32)
        };
        assert!(ema(23_258_159.0).unwrap() < 1.0);
        assert_eq!(ema(23_258_160.0), None);
    }
}
