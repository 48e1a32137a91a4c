//! Measures of class probabilities: confidence, shares of the classes, diversity within them.
//!
//! Sample `i` is taken `weights[i]` times: once, or as often as it is in a resample.

/// A class is missing when its share is below this part of its share of real images, or of an equal
/// share if that is less.
pub const MISSING_BELOW: f64 = 0.1;

/// The likeliest class of each sample, from probabilities `[n, classes]`; the first of equals.
///
/// # Panics
/// When the last row is not whole.
pub fn labels(probabilities: &[f32], classes: usize) -> Vec<usize> {
    let label = |row: &[f32]| {
        let mut best = 0;
        for (class, &probability) in row.iter().enumerate() {
            if probability > row[best] {
                best = class;
            }
        }
        best
    };
    rows(probabilities, classes).map(label).collect()
}

/// The probability of each sample's likeliest class, from probabilities `[n, classes]`, in
/// [1 / classes, 1]. Its mean is the mean confidence.
///
/// # Panics
/// When the last row is not whole.
pub fn confidences(probabilities: &[f32], classes: usize) -> Vec<f32> {
    rows(probabilities, classes).map(|row| row.iter().copied().fold(0.0, f32::max)).collect()
}

/// The classifier score exp(E KL(p(y|x) ‖ p(y))) of probabilities `[n, classes]` (Salimans
/// et al. 2016, section 4), over all samples at once and not over splits.
///
/// From 1, when all samples have the same probabilities, to `classes`, when each sample is
/// certain and the classes are equally frequent. It is the Inception score with another
/// classifier.
///
/// # Panics
/// When the weights sum to 0, or there is not one a row.
pub fn classifier_score(probabilities: &[f32], classes: usize, weights: &[u32]) -> f64 {
    assert_eq!(probabilities.len(), weights.len() * classes, "not one weight a sample");
    // E Σ p ln p − Σ p(y) ln p(y) is the mean divergence, and needs one pass.
    let information = |p: f64| if p > 0.0 { p * p.ln() } else { 0.0 };
    let (mut marginal, mut within, mut count) = (vec![0.0; classes], 0.0, 0.0);
    let weighted = weights.iter().zip(rows(probabilities, classes));
    for (&weight, row) in weighted.filter(|&(&weight, _)| weight > 0) {
        let weight = f64::from(weight);
        count += weight;
        for (sum, &p) in marginal.iter_mut().zip(row) {
            *sum += weight * f64::from(p);
            within += weight * information(f64::from(p));
        }
    }
    assert!(count > 0.0, "no samples");
    let overall: f64 = marginal.iter().map(|sum| information(sum / count)).sum();
    (within / count - overall).exp()
}

/// The share of each class among the labels, `[classes]`; they sum to 1.
///
/// # Panics
/// When the weights sum to 0, there is not one a label, or a label is not below `classes`.
pub fn shares(labels: &[usize], classes: usize, weights: &[u32]) -> Vec<f64> {
    assert_eq!(weights.len(), labels.len(), "not one weight a sample");
    let mut counts = vec![0_u64; classes];
    for (&label, &weight) in labels.iter().zip(weights) {
        counts[label] += u64::from(weight);
    }
    let all: u64 = counts.iter().sum();
    assert!(all > 0, "no labels");
    counts.into_iter().map(|count| count as f64 / all as f64).collect()
}

/// The total variation distance ½ Σ |share − 1 / classes| to equal shares, in [0, 1]: the part of
/// the samples that would have to change class.
pub fn imbalance(shares: &[f64]) -> f64 {
    let equal = 1.0 / shares.len() as f64;
    shares.iter().map(|share| (share - equal).abs()).sum::<f64>() / 2.0
}

/// The classes whose share is below a tenth ([`MISSING_BELOW`]) of the `real` images' share, or of an
/// equal one if that is less.
///
/// # Panics
/// When there is not one share of the real images a class.
pub fn missing(shares: &[f64], real: &[f64]) -> Vec<usize> {
    assert_eq!(shares.len(), real.len(), "numbers of classes differ");
    let equal = 1.0 / shares.len() as f64;
    // A share of exactly a tenth is not missing, however the product rounds.
    let least = |class: usize| MISSING_BELOW * real[class].min(equal) * (1.0 - 1e-9);
    let below = |&class: &usize| shares[class] < least(class);
    (0..shares.len()).filter(below).collect()
}

/// The diversity of each class, `[classes]`, from features `[n, dim]` and labels `[n]`: the mean
/// squared distance between two of its samples, in the features' unit squared; `None` for a
/// class of fewer than two.
///
/// Divided by that of real images it is about 1, and near 0 when a class has collapsed to one
/// image, which the shares of the classes do not show.
///
/// # Panics
/// When there is not one weight and one row of `features` a label, or a label is not below
/// `classes`.
pub fn diversity(
    features: &[f32],
    dim: usize,
    labels: &[usize],
    classes: usize,
    weights: &[u32],
) -> Vec<Option<f64>> {
    assert_eq!(features.len(), labels.len() * dim, "not one label a sample");
    assert_eq!(weights.len(), labels.len(), "not one weight a sample");
    let samples = || {
        let weighted = weights.iter().zip(labels).zip(rows(features, dim));
        weighted.filter(|((weight, _), _)| **weight > 0).map(|((&w, &label), x)| (w, label, x))
    };
    let mut counts = vec![0_usize; classes];
    let mut means = vec![0.0; classes * dim];
    for (weight, label, x) in samples() {
        counts[label] += weight as usize;
        for (sum, &x) in means[label * dim..].iter_mut().zip(x) {
            *sum += f64::from(weight) * f64::from(x);
        }
    }
    for (mean, &count) in means.chunks_exact_mut(dim).zip(&counts) {
        for sum in mean {
            *sum /= count.max(1) as f64;
        }
    }
    // Over all pairs the mean is 2 (E|x|² − |E x|²) n / (n − 1), which is twice the sum of
    // squares around the mean, over n − 1: this form subtracts no large numbers.
    let mut sums = vec![0.0; classes];
    for (weight, label, x) in samples() {
        let apart = x.iter().zip(&means[label * dim..]).map(|(&x, mean)| f64::from(x) - mean);
        sums[label] += f64::from(weight) * apart.map(|apart| apart * apart).sum::<f64>();
    }
    let pairs = sums.iter().zip(&counts);
    pairs.map(|(sum, &count)| (count > 1).then(|| 2.0 * sum / (count - 1) as f64)).collect()
}

fn rows(numbers: &[f32], width: usize) -> std::slice::ChunksExact<'_, f32> {
    assert!(width > 0 && numbers.len().is_multiple_of(width), "no whole number of rows");
    numbers.chunks_exact(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four samples of three classes: two certainly of class 0, one of class 2, one uncertain.
    const PROBABILITIES: [f32; 12] = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.25, 0.5, 0.25];

    #[test]
    fn labels_confidences_and_shares_are_correct() {
        let labels = labels(&PROBABILITIES, 3);
        assert_eq!(labels, [0, 0, 2, 1]);
        assert_eq!(confidences(&PROBABILITIES, 3), [1.0, 1.0, 1.0, 0.5]);
        assert_eq!(shares(&labels, 3, &[1; 4]), [0.5, 0.25, 0.25]);
        assert_eq!(super::labels(&[0.5, 0.5], 2), [0], "the first of equals");
    }

    #[test]
    fn the_score_is_between_one_and_the_number_of_classes() {
        let same = [0.2, 0.3, 0.5].repeat(7);
        assert!((classifier_score(&same, 3, &[1; 7]) - 1.0).abs() < 1e-12);
        let certain = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        assert!((classifier_score(&certain, 3, &[1; 3]) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn weights_count_as_copies() {
        let copies = [
            PROBABILITIES[..3].repeat(2),
            PROBABILITIES[6..9].to_vec(),
            PROBABILITIES[9..].repeat(3),
        ]
        .concat();
        let drawn = classifier_score(&PROBABILITIES, 3, &[2, 0, 1, 3]);
        assert!((drawn - classifier_score(&copies, 3, &[1; 6])).abs() < 1e-12);

        let (labels, weights) = ([0, 0, 2, 0], [2, 0, 1, 3]);
        assert_eq!(shares(&labels, 3, &weights), [5.0 / 6.0, 0.0, 1.0 / 6.0]);
        let copied = diversity(&copies, 3, &[0, 0, 2, 0, 0, 0], 3, &[1; 6]);
        let drawn = diversity(&PROBABILITIES, 3, &labels, 3, &weights);
        assert!((drawn[0].unwrap() - copied[0].unwrap()).abs() < 1e-12);
        assert_eq!(drawn[1..], [None, None]);
    }

    #[test]
    fn shares_are_compared_with_equal_ones() {
        assert_eq!(imbalance(&[0.5, 0.5]), 0.0);
        assert_eq!(imbalance(&[1.0, 0.0]), 0.5);
        assert_eq!(imbalance(&[0.75, 0.25]), 0.25);
    }

    #[test]
    fn classes_are_missing_that_real_images_have() {
        let missing_of =
            |shares: &[f64]| missing(shares, &vec![1.0 / shares.len() as f64; shares.len()]);
        assert_eq!(missing_of(&[0.96, 0.04, 0.0]), [2]);
        assert_eq!(missing_of(&[0.96, 0.02, 0.02]), [1, 2]);
        let ten = [0.01, 0.0099, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.08, 0.0001];
        assert_eq!(missing_of(&ten), [1, 9], "a tenth of the share is not missing");
        let real = [0.96, 0.03, 0.01, 0.0];
        assert_eq!(missing(&[0.97, 0.029, 0.0009, 0.0], &real), [2], "a rare class is not missing");
    }

    #[test]
    fn diversity_is_the_mean_over_pairs() {
        // Class 0 at (0, 0), (3, 4) and (0, 4): squared distances 25, 16 and 9.
        let features = [0.0, 0.0, 9.0, 9.0, 3.0, 4.0, 0.0, 4.0];
        let found = diversity(&features, 2, &[0, 1, 0, 0], 3, &[1; 4]);
        assert_eq!(found[1..], [None, None], "one sample, and none");
        assert!((found[0].unwrap() - 50.0 / 3.0).abs() < 1e-12);
    }
}
