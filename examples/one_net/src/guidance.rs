//! Classifier-free guidance (Ho and Salimans 2022): a net trained with and without classes is evaluated
//! both ways, and the result extrapolated from the one without to the one with the class.

use burn::tensor::Tensor;
use rand::{Rng, RngExt};

/// The share of training images whose class is dropped.
const WITHOUT_CLASS: f64 = 0.1;

/// The label for training: sometimes none.
pub fn drop_label(label: Option<u16>, rng: &mut impl Rng) -> Option<u16> {
    label.filter(|_| !rng.random_bool(WITHOUT_CLASS))
}

/// The labels for each evaluation of the net that [`combine`] needs: as asked for, and without classes.
pub fn evaluations(labels: &[Option<u16>], guidance: f32) -> Vec<Vec<Option<u16>>> {
    let without = vec![None; labels.len()];
    let own = labels.to_vec();
    if guidance == 1.0 || own == without { vec![own] } else { vec![own, without] }
}

/// The guided result of [`evaluations`]: u + guidance · (c − u), where c is the net's output with the
/// classes and u without (equation 6, with guidance = 1 + w, for any kind of prediction).
///
/// # Panics
/// Without an evaluation.
pub fn combine(evaluated: impl IntoIterator<Item = Tensor<2>>, guidance: f32) -> Tensor<2> {
    let guided = |own: Tensor<2>, without: Tensor<2>| (own - without.clone()) * guidance + without;
    evaluated.into_iter().reduce(guided).expect("at least the evaluation for the classes")
}
