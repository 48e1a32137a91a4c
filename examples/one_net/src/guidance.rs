//! Guidance towards a class without a classifier (Ho and Salimans 2022): a net that was also trained
//! without classes is led away from what it makes of all classes together.

use burn::tensor::Tensor;
use rand::{Rng, RngExt};

/// The share of images that are shown without their class in training.
const WITHOUT_CLASS: f64 = 0.1;

/// The label that a net is shown in training.
pub fn hide(label: Option<u16>, rng: &mut impl Rng) -> Option<u16> {
    label.filter(|_| !rng.random_bool(WITHOUT_CLASS))
}

/// The labels of samples for each evaluation of a net that [`combine`] needs.
pub fn evaluations(labels: &[Option<u16>], guidance: f32) -> Vec<Vec<Option<u16>>> {
    let without = vec![None; labels.len()];
    let own = labels.to_vec();
    if guidance == 1.0 || own == without { vec![own] } else { vec![own, without] }
}

/// What a net computed for [`evaluations`], as one result: without + guidance · (own − without), where
/// own is that for the classes (equation 6, where guidance is 1 + w, for any prediction).
///
/// # Panics
/// Without an evaluation.
pub fn combine(evaluated: impl IntoIterator<Item = Tensor<2>>, guidance: f32) -> Tensor<2> {
    let guided = |own: Tensor<2>, without: Tensor<2>| (own - without.clone()) * guidance + without;
    evaluated.into_iter().reduce(guided).expect("at least the evaluation for the classes")
}
