//! How useful images are to learn from: the classification accuracy score (Ravuri and Vinyals 2019).

use burn::tensor::Device;
use gan_data::Dataset;

use crate::feature_extractor_training::{ExtractorProgress, train_feature_extractor};
use crate::{FeatureExtractorError, Predicts};

/// The share of the `test` images, in [0, 1], that a classifier classifies correctly which was trained on
/// `images` and their labels alone. Trained on generated images, with the classes that were asked for
/// as labels, it tells how much of what distinguishes the classes they have; it is compared with the
/// share for as many real images.
///
/// The classifier has the layers of a feature extractor, and is trained alike: at least 1000 updates,
/// with augmentation.
///
/// # Errors
/// When images have no labels or more than 256 classes, or are too small, too large or of two sizes.
pub fn usefulness(
    images: &Dataset,
    test: &Dataset,
    seed: u64,
    device: &Device,
    observe: impl FnMut(ExtractorProgress),
) -> Result<f64, FeatureExtractorError> {
    let predicts = Predicts::Labels;
    train_feature_extractor("classifier", images, test, predicts, seed, device, observe)
        .map(|classifier| classifier.accuracy())
}
