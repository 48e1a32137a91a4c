//! Failures of a training that its metrics show.

use serde::{Deserialize, Serialize};

/// A failure that the metrics show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Warning {
    /// D(real) near 1, D(fake) near 0, and the generator's loss rises.
    DiscriminatorWins,
    /// The discriminator classifies samples as real, more often than real images.
    GeneratorWins,
    /// The samples of a batch hardly differ.
    Collapse,
    /// Hardly any sample is of some class.
    #[serde(rename = "missing-digits", alias = "missing-classes")]
    MissingClasses,
    /// Samples are not of the classes that they were asked for.
    ClassesIgnored,
    /// The samples of some class hardly differ.
    ClassCollapse,
    /// The losses oscillate.
    Oscillation,
    /// Nearly all pixels are at the ends of tanh's range, where gradients vanish.
    Saturation,
    /// Most hidden units of the discriminator do not distinguish images.
    IdleUnits,
}

impl Warning {
    /// Every warning.
    pub const ALL: [Self; 9] = [
        Self::DiscriminatorWins,
        Self::GeneratorWins,
        Self::Collapse,
        Self::MissingClasses,
        Self::ClassesIgnored,
        Self::ClassCollapse,
        Self::Oscillation,
        Self::Saturation,
        Self::IdleUnits,
    ];

    /// What it means, and what to try.
    pub const fn message(self) -> &'static str {
        match self {
            Self::DiscriminatorWins => {
                "the discriminator wins: it classifies nearly every image correctly, so the \
                 generator gets no useful gradient; try --r1 0.1, a smaller --d-lr, --beta1 0.5, \
                 or --recipe default"
            }
            Self::GeneratorWins => {
                "the generator wins: the discriminator classifies its samples as real, so it gets \
                 no useful gradient; try a larger --d-lr, --d-steps 2, or a smaller --r1"
            }
            Self::Collapse => {
                "mode collapse: the samples of a batch are much more alike than real images; try \
                 --r1 0.1, --pack 2 or --minibatch-stddev 4, a smaller --lr and --d-lr, or \
                 --recipe default"
            }
            Self::MissingClasses => {
                "missing classes: hardly any sample is of some classes (\"missing\" in \
                 metrics.jsonl); try --generator-norm batch, --pack 2, or more epochs"
            }
            Self::ClassesIgnored => {
                "classes ignored: the samples are hardly more often of the class that was asked for \
                 than by chance; check the labels of the images (gan-train --dry-run --preview), or try \
                 --class-head projection, a smaller --r1, or more epochs"
            }
            Self::ClassCollapse => {
                "a class has collapsed: its samples are much more alike than its real images \
                 (\"diversity\" of \"asked\" in metrics.jsonl); try --class-head projection, \
                 --minibatch-stddev 4, --r1 0.1, or a smaller --lr and --d-lr"
            }
            Self::Oscillation => {
                "oscillation: the losses swing, each network undoing the other's progress; try a \
                 smaller --lr and --d-lr, --beta1 0.5 or less, --r1 0.1, or --schedule linear"
            }
            Self::Saturation => {
                "saturation: nearly every pixel value is at an end of its range, where the \
                 gradient of tanh vanishes; try a smaller --lr and --d-lr, or --generator-norm batch"
            }
            Self::IdleUnits => {
                "idle units: most hidden units of the discriminator have the same sign for every \
                 image and carry no information; try a smaller --d-lr or --lr"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_classes_keeps_its_name_in_files() {
        let name = serde_json::to_string(&Warning::MissingClasses).unwrap();
        assert_eq!(name, "\"missing-digits\"");
        for name in [name.as_str(), "\"missing-classes\""] {
            assert_eq!(serde_json::from_str::<Warning>(name).unwrap(), Warning::MissingClasses);
        }
    }
}
