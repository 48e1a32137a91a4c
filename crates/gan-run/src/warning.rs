//! What can go wrong in a training, in plain words.

use serde::{Deserialize, Serialize};

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Warning {
    /// D(real) near 1, D(fake) near 0, and the generator's loss climbs.
    DiscriminatorWins,
    /// Generated images are taken for real ones, more than those.
    GeneratorWins,
    /// Generated images hardly differ from one another.
    Collapse,
    /// A class is hardly ever drawn.
    MissingDigits,
    /// The losses swing from one side to the other.
    Oscillation,
    /// Nearly all pixels sit at the ends of tanh's range, where they do not learn.
    Saturation,
    /// Most of the discriminator's units do not tell images apart.
    IdleUnits,
}

impl Warning {
    /// Every finding.
    pub const ALL: [Self; 7] = [
        Self::DiscriminatorWins,
        Self::GeneratorWins,
        Self::Collapse,
        Self::MissingDigits,
        Self::Oscillation,
        Self::Saturation,
        Self::IdleUnits,
    ];

    /// What it means, and what to try.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::DiscriminatorWins => {
                "the discriminator wins: it tells nearly every picture from a real one, so the \
                 generator no longer learns which way is better; try --r1 0.1, a smaller --d-lr, \
                 --beta1 0.5, or --recipe default"
            }
            Self::GeneratorWins => {
                "the generator wins: the discriminator takes its pictures for real, so there is \
                 nothing to learn from it; try a larger --d-lr or --d-steps 2, or a smaller --r1"
            }
            Self::Collapse => {
                "mode collapse: the pictures of a batch are much more alike than real ones; try \
                 --r1 0.1, --pack 2 or --minibatch-stddev 4, a smaller --lr and --d-lr, or --recipe \
                 default"
            }
            Self::MissingDigits => {
                "digits are missing: some classes are hardly ever drawn (\"missing\" in \
                 metrics.jsonl); try --generator-norm batch, --pack 2, or more epochs"
            }
            Self::Oscillation => {
                "the losses swing: each net undoes what the other learnt; try a smaller --lr \
                 and --d-lr, --beta1 0.5 or less, --r1 0.1, or --schedule linear"
            }
            Self::Saturation => {
                "the pictures are stuck: nearly every pixel is at full paper or ink, where tanh \
                 passes on next to nothing; try a smaller --lr and --d-lr, or \
                 --generator-norm batch"
            }
            Self::IdleUnits => {
                "most of the discriminator's units have the same sign for every picture, so it \
                 cannot tell much; try a smaller --d-lr or --lr"
            }
        }
    }
}
