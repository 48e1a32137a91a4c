//! How nets use the classes of images.

use serde::{Deserialize, Serialize};

use super::error::ConfigError;

/// The settings of a model with classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Conditional {
    /// Classes of the images.
    pub classes: usize,
    /// Numbers in the learnt vector of a class that each dense layer of the generator gets.
    pub class_embedding: usize,
    /// How the discriminator uses the class.
    pub class_head: ClassHead,
    /// Weight of the cross-entropy of predicted classes in the losses of both nets, for a
    /// discriminator that predicts them.
    #[serde(default = "one")]
    pub class_weight: f64,
}

const fn one() -> f64 {
    1.0
}

/// How a discriminator uses the class of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassHead {
    /// The logit has the product of a learnt vector of the class with the last features (Miyato
    /// and Koyama 2018, equation 3).
    #[default]
    Projection,
    /// The image comes with a learnt vector of the class (Mirza and Osindero 2014).
    Concatenation,
    /// It also predicts the class, and both nets learn from that (Odena et al. 2017, AC-GAN).
    Auxiliary,
    /// Projection, and it also predicts the class, which it learns from real images alone and the
    /// generator from it.
    ProjectionAuxiliary,
}

impl ClassHead {
    /// Every head with its name and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (
            Self::Projection,
            "projection",
            "its last features are projected on a vector of the class",
        ),
        (Self::Concatenation, "concatenation", "a vector of the class is part of its input"),
        (Self::Auxiliary, "auxiliary", "it predicts the class as well (AC-GAN)"),
        (
            Self::ProjectionAuxiliary,
            "projection-auxiliary",
            "projection, and it predicts the class of real images",
        ),
    ];
}

impl ClassHead {
    /// Whether the discriminator predicts classes.
    pub fn predicts(self) -> bool {
        matches!(self, Self::Auxiliary | Self::ProjectionAuxiliary)
    }
}

impl Conditional {
    /// The most classes.
    pub const MAX_CLASSES: usize = 1024;
    /// The longest vector of a class.
    const MAX_EMBEDDING: usize = 4096;

    /// The default settings for `classes` classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, class_embedding: 64, class_head: ClassHead::default(), class_weight: 1.0 }
    }

    pub(super) fn validate(&self, pack: usize) -> Result<(), ConfigError> {
        let Self { classes, class_embedding, class_head, class_weight } = *self;
        ConfigError::unless(
            (2..=Self::MAX_CLASSES).contains(&classes),
            "number of classes",
            classes,
            format_args!("2 to {} for --conditional", Self::MAX_CLASSES),
        )?;
        ConfigError::unless_width("class-embedding", class_embedding, Self::MAX_EMBEDDING)?;
        ConfigError::unless(
            (0.0..=1000.0).contains(&class_weight),
            "class-weight",
            class_weight,
            "0 to 1000",
        )?;
        ConfigError::unless(
            pack == 1 || !class_head.predicts(),
            "pack",
            pack,
            "1 with an auxiliary --class-head, which predicts the class of each image",
        )
    }
}
