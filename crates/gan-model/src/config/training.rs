//! The settings of a training.

use serde::{Deserialize, Serialize};

/// The objective of the two nets; [`loss`](crate::loss) has the equations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Binary cross-entropy, the generator's in its non-saturating form.
    #[default]
    Bce,
    /// Binary cross-entropy, the generator's as in the minimax game.
    Minimax,
    /// Squared distance of the logits from 1 and 0.
    LeastSquares,
    /// The hinge loss.
    Hinge,
    /// The Wasserstein distance; needs clipped weights or a gradient penalty.
    Wasserstein,
    /// Compares each generated image with a real one.
    Relativistic,
}

impl Loss {
    /// Every loss with its name and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Bce, "bce", "binary cross-entropy, with the non-saturating generator loss"),
        (Self::Minimax, "minimax", "binary cross-entropy, with the saturating generator loss"),
        (Self::LeastSquares, "least-squares", "squared distance to the labels"),
        (Self::Hinge, "hinge", "hinge loss"),
        (
            Self::Wasserstein,
            "wasserstein",
            "difference of the mean outputs, by default with clipped weights",
        ),
        (Self::Relativistic, "relativistic", "each generated image is compared with a real one"),
    ];
}

/// How the learning rate falls over a training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It is constant.
    #[default]
    Constant,
    /// Linear decay to zero, from [`TrainingConfig::decay_from`] on.
    Linear,
    /// Cosine decay to zero (Loshchilov and Hutter 2017, equation 5).
    Cosine,
}

/// A random change of the images that the discriminator sees, real and generated ones alike, through
/// which the generator's gradient passes (differentiable augmentation, Zhao et al. 2020).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Augmentation {
    /// A shift of up to an eighth of each side; the border is repeated.
    Translation,
    /// Left and right exchanged, in half of the images.
    Flip,
    /// A grey rectangle with half of each side.
    Cutout,
    /// Another brightness, saturation and contrast.
    Colour,
}

impl Augmentation {
    /// Every augmentation with its name and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Translation, "translation", "a shift of up to an eighth of each side"),
        (Self::Flip, "flip", "left and right exchanged, in half of the images"),
        (Self::Cutout, "cutout", "a grey rectangle with half of each side"),
        (Self::Colour, "colour", "another brightness, saturation and contrast"),
    ];
}

/// All settings of a training except the nets and the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// The recipe these settings started from.
    pub recipe: String,
    /// Steps in all, with one generator update each.
    pub epochs: u64,
    /// Real images of an update, and as many generated ones.
    pub batch: usize,
    /// Adam's step size.
    pub lr: f64,
    /// Adam's step size for the discriminator, if it differs (Heusel et al. 2017, two time-scale
    /// update rule).
    #[serde(default)]
    pub d_lr: Option<f64>,
    /// How the step sizes decay.
    #[serde(default)]
    pub schedule: Schedule,
    /// Part of the training after which linear decay begins, in [0, 1).
    #[serde(default = "half")]
    pub decay_from: f64,
    /// Adam's decay rate of the first moment, in [0, 1).
    pub beta1: f64,
    /// Adam's decay rate of the second moment, in [0, 1).
    pub beta2: f64,
    /// Adam's ε, which prevents division by zero.
    pub epsilon: f64,
    /// Decay rate of the moving average of the generator's weights, in [0, 1): step t uses the
    /// smaller of this and (1 + t) / (10 + t); 0 copies the weights.
    pub ema: f64,
    /// The objective.
    pub loss: Loss,
    /// Discriminator updates a step.
    #[serde(default = "one")]
    pub d_steps: usize,
    /// γ of the gradient penalty on real images, γ/2 E|∇D(x)|² (Mescheder et al. 2018,
    /// equation 9); 0 is none. `bce` and `minimax` average their two halves where the paper sums
    /// them, so γ weighs twice as much here.
    #[serde(default)]
    pub r1: f64,
    /// γ of the penalty on generated images (the same, equation 10); 0 is none.
    #[serde(default)]
    pub r2: f64,
    /// Discriminator updates from one penalty to the next, which is multiplied by this number (lazy
    /// regularisation, Karras et al. 2020, appendix B).
    #[serde(default = "one")]
    pub penalty_every: usize,
    /// Limit of the discriminator's weights (Arjovsky et al. 2017, algorithm 1); 0 is none.
    #[serde(default)]
    pub clip: f64,
    /// Dropout rate of the discriminator's hidden units, in [0, 1).
    #[serde(default)]
    pub dropout: f64,
    /// The label of real images is 1 minus this, in [0, 0.5].
    #[serde(default)]
    pub label_smoothing: f64,
    /// Standard deviation of the noise on the discriminator's input images at the first step; it
    /// decays linearly to zero at the last (Sønderby et al. 2017, section 3).
    #[serde(default)]
    pub instance_noise: f64,
    /// Changes of the images that the discriminator sees. Files without any do not have the field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub augment: Vec<Augmentation>,
    /// Seed of every random stream.
    pub seed: u64,
    /// Epochs between previews.
    pub sample_every: u64,
    /// Epochs between checkpoints.
    pub checkpoint_every: u64,
    /// Epochs between evaluations; 0 is never.
    #[serde(default)]
    pub eval_every: u64,
    /// Samples in an evaluation.
    #[serde(default = "eval_count")]
    pub eval_count: usize,
}

const fn one() -> usize {
    1
}

const fn half() -> f64 {
    0.5
}

const fn eval_count() -> usize {
    2_000
}

impl Default for TrainingConfig {
    /// The published training with Adam 2e-4, β₁ 0.5 and the moving average of the weights.
    fn default() -> Self {
        Self {
            recipe: "plain".into(),
            epochs: 10_000,
            batch: 128,
            lr: 2e-4,
            d_lr: None,
            schedule: Schedule::Constant,
            decay_from: half(),
            beta1: 0.5,
            beta2: 0.999,
            epsilon: 1e-8,
            ema: 0.999,
            loss: Loss::Bce,
            d_steps: 1,
            r1: 0.0,
            r2: 0.0,
            penalty_every: 1,
            clip: 0.0,
            dropout: 0.0,
            label_smoothing: 0.0,
            instance_noise: 0.0,
            augment: Vec::new(),
            seed: 0,
            sample_every: 1_000,
            checkpoint_every: 1_000,
            eval_every: 0,
            eval_count: eval_count(),
        }
    }
}

impl TrainingConfig {
    /// The factor of the step sizes in the step after `epoch` steps.
    pub fn rate(&self, epoch: u64) -> f64 {
        let left = 1.0 - epoch as f64 / self.epochs.max(1) as f64;
        match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Linear => (left / (1.0 - self.decay_from)).clamp(0.0, 1.0),
            Schedule::Cosine => 0.5 - 0.5 * libm::cos(std::f64::consts::PI * left.clamp(0.0, 1.0)),
        }
    }

    /// Whether a step depends on the total number of steps.
    pub fn depends_on_total(&self) -> bool {
        self.schedule != Schedule::Constant || self.instance_noise > 0.0
    }

    /// Standard deviation of the instance noise in the step after `epoch` steps.
    pub fn image_noise(&self, epoch: u64) -> f64 {
        let left = 1.0 - epoch as f64 / self.epochs.max(1) as f64;
        self.instance_noise * left.clamp(0.0, 1.0)
    }
}
