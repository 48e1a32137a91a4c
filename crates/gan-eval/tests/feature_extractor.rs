//! The built-in feature extractor on MNIST itself, where `GAN_DATA_DIR` is its folder.

use std::path::Path;

use burn::tensor::Device;
use gan_data::{KnownDataset, load_folder};
use gan_eval::FeatureExtractor;

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn the_built_in_extractor_has_the_test_accuracy_in_its_file() {
    let Some(folder) = std::env::var_os("GAN_DATA_DIR") else {
        eprintln!("skipped: GAN_DATA_DIR is no folder with MNIST's files");
        return;
    };
    let loaded = load_folder(Path::new(&folder), KnownDataset::Mnist).expect("MNIST's files");
    let extractor = FeatureExtractor::mnist(&Device::flex());
    assert_eq!(extractor.dataset_digest(), loaded.train.digest(), "its training data set");
    let accuracy = extractor.accuracy_on(&loaded.test).expect("MNIST has labels");
    assert!(accuracy >= 0.992, "{accuracy}");
    // Another processor may round otherwise, and so classify a doubtful image differently.
    let recorded = extractor.accuracy();
    assert!((accuracy - recorded).abs() < 2e-4, "{accuracy}, not {recorded}");
}
