//! The built-in ruler against MNIST itself, where `GAN_DATA_DIR` names its folder.

use std::path::Path;

use burn::tensor::Device;
use gan_data::{KnownDataset, load_folder};
use gan_eval::{FeatureExtractor, classes};

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_built_in_ruler_reads_as_many_test_images_as_it_says() {
    let Some(folder) = std::env::var_os("GAN_DATA_DIR") else {
        eprintln!("skipped: GAN_DATA_DIR names no folder with MNIST's files");
        return;
    };
    let loaded = load_folder(Path::new(&folder), KnownDataset::Mnist).expect("MNIST's files");
    let ruler = FeatureExtractor::mnist(&Device::flex());
    assert_eq!(ruler.dataset_digest(), loaded.train.digest(), "it learnt from these");
    let seen = ruler.look(loaded.test.images(), &|_| ());
    let found = classes::labels(&seen.probabilities, ruler.classes());
    let right = found.iter().zip(loaded.test.labels()).filter(|(a, b)| **a == usize::from(**b));
    let accuracy = right.count() as f64 / loaded.test.len() as f64;
    assert!(accuracy >= 0.992, "{accuracy}");
    // Another processor may round otherwise, and so take a doubtful one for something else.
    assert!((accuracy - ruler.accuracy()).abs() < 2e-4, "{accuracy}, not {}", ruler.accuracy());
}
