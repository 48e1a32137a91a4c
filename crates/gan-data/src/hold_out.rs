//! Test images taken from training images, for data sets without any.

use gan_core::stream::{Purpose, stream};
use rand::seq::SliceRandom;

use crate::Dataset;

/// Takes a tenth of the images, at least 100 and at most 10 000, but no more than half of them. The
/// choice depends on their number alone; both parts keep their order.
///
/// # Panics
/// When there are fewer than two images.
pub(crate) fn hold_out(images: Dataset, test_name: String) -> (Dataset, Dataset) {
    let all = images.len();
    let count = (all / 10).clamp(100, 10_000).min(all / 2);
    let mut order: Vec<u32> = (0..all as u32).collect();
    let (chosen, _) = order.partial_shuffle(&mut stream(0, Purpose::HoldOut, 0), count);
    let mut is_test = vec![false; all];
    for &mut index in chosen {
        is_test[index as usize] = true;
    }
    images.divide(&is_test, test_name)
}
