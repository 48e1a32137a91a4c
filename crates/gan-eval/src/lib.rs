//! How good generated images are, by measures that anyone can repeat.
//!
//! - A [`FeatureExtractor`] is a frozen classifier: what it sees in an image, and takes it for, is what
//!   is measured. One for MNIST is built in, named in every result; [`train_feature_extractor`] makes one
//!   for other data sets.
//! - A [`Reference`] is the real images, seen through a ruler; it judges others to [`Measures`].
//! - [`nearest`] and [`memory`] tell whether training images were copied.
//! - The measures themselves are functions on slices of numbers: [`frechet`], [`neighbours`],
//!   [`classes`], [`memory`], with [`bootstrap`] for their intervals.
//!
//! Features are row-major `[n, dim]`, one sample a row; probabilities are `[n, classes]`.

pub mod bootstrap;
pub mod classes;
pub mod frechet;
mod judge;
pub mod memory;
mod nearest;
pub mod neighbours;
mod quantile;
mod ruler;
mod ruler_file;
mod ruler_training;

pub use judge::{Measure, Measures, Options, Reference, evenly, stand_ins};
pub use nearest::{Nearest, nearest};
pub use ruler::{Extracted, FeatureExtractor};
pub use ruler_file::FeatureExtractorError;
pub use ruler_training::{ExtractorProgress, train_feature_extractor};
