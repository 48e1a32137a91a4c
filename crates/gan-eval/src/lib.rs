//! Measures of how good generated images are.
//!
//! - A [`FeatureExtractor`] is a classifier with fixed weights: its features and probabilities of
//!   an image are what is measured. One for MNIST is built in; [`train_feature_extractor`] trains
//!   one for another data set, with or without labels.
//! - A [`Reference`] has the features of real images, and evaluates others to [`Measures`].
//! - [`nearest()`] and [`memorisation()`](memorisation::memorisation) detect copies of training
//!   images.
//! - The measures themselves are functions on slices: [`frechet`], [`kernel_distance`],
//!   [`neighbours`], [`classes`], [`memorisation`], with [`bootstrap`] for most of their intervals.
//!
//! Features are row-major `[n, dim]`, an image per row; probabilities are `[n, classes]`.

pub mod bootstrap;
pub mod classes;
pub mod conditional;
mod evaluate;
mod feature_extractor;
mod feature_extractor_file;
mod feature_extractor_training;
pub mod frechet;
pub mod kernel_distance;
mod measure;
pub mod memorisation;
mod nearest;
pub mod neighbours;
mod subset;
mod usefulness;

pub use conditional::AskedMeasures;
pub use evaluate::{ClassMeasures, Measures, Options, Reference};
pub use feature_extractor::{Extracted, FeatureExtractor, Predicts};
pub use feature_extractor_file::FeatureExtractorError;
pub use feature_extractor_training::{ExtractorProgress, train_feature_extractor};
pub use measure::Measure;
pub use nearest::{Nearest, nearest};
pub use subset::{random_labels, random_subset};
pub use usefulness::usefulness;
