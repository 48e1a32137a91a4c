//! Random subsets, and random classes.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// `count` rows of `width` values each, chosen at random without replacement and in random order;
/// all of them, in their own order, when there are no more than `count`.
///
/// # Panics
/// When `width` is 0.
pub fn random_subset<T: Copy>(
    rows: &[T],
    width: usize,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<T> {
    let all = rows.len() / width;
    if count >= all {
        return rows.to_vec();
    }
    let mut order: Vec<usize> = (0..all).collect();
    let (chosen, _) = order.partial_shuffle(rng, count);
    chosen.iter().flat_map(|&row| &rows[row * width..][..width]).copied().collect()
}

/// The classes to ask a generator for, so that its samples are of the classes of real images as often as
/// these: `count` of their `labels`, chosen at random with replacement.
///
/// # Panics
/// When there are no labels.
pub fn random_labels(labels: &[u16], count: usize, rng: &mut ChaCha8Rng) -> Vec<u16> {
    (0..count).map(|_| labels[rng.random_range(0..labels.len())]).collect()
}

#[cfg(test)]
mod tests {
    use gan_core::stream::{Purpose, stream};

    use super::*;

    #[test]
    fn a_subset_is_random_and_without_replacement() {
        let rows: Vec<u32> = (0..1000).flat_map(|row| [row, row + 5000]).collect();
        let subset =
            |index, count| random_subset(&rows, 2, count, &mut stream(0, Purpose::Subset, index));
        let chosen = subset(0, 100);
        assert_eq!(chosen.len(), 200);
        assert!(chosen.chunks(2).all(|row| row[0] < 1000 && row[1] == row[0] + 5000));
        let mut distinct: Vec<u32> = chosen.iter().copied().step_by(2).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 100);
        // Neither the first rows nor every tenth.
        assert!(distinct.iter().filter(|&&row| row < 100).count() < 30);
        assert!(distinct.iter().filter(|&&row| row % 10 == 0).count() < 30);
        assert_eq!(chosen, subset(0, 100));
        assert_ne!(chosen, subset(1, 100));
        assert_eq!(subset(0, 1000), rows);
        assert_eq!(subset(0, 2000), rows);
    }
}
