//! Latent vectors: one for each sample of a seed, and walks between them.

use std::ops::Range;

use gan_core::stream::{Purpose, normal, stream};

/// The latent vector of sample `index` of `seed`: `len` standard normal numbers.
pub fn sample_latent(seed: u64, index: u64, len: usize) -> Vec<f32> {
    normal(&mut stream(seed, Purpose::Sample, index), len)
}

/// Spherical linear interpolation from `a` to `b` at `t` in [0, 1] (Shoemake 1985). It keeps the
/// length of the vectors that a generator was trained on, unlike linear interpolation (White
/// 2016, section 2.1).
pub fn slerp(a: &[f32], b: &[f32], t: f32) -> Vec<f32> {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let angle = cosine.clamp(-1.0, 1.0).acos();
    // Vectors of the same or of opposite directions define no arc.
    let (from, to) = if angle.sin() < 1e-4 {
        (1.0 - t, t)
    } else {
        (((1.0 - t) * angle).sin() / angle.sin(), (t * angle).sin() / angle.sin())
    };
    a.iter().zip(b).map(|(a, b)| from * a + to * b).collect()
}

/// Vectors `range` of a closed walk through the first `points` samples of `seed`: from each to the
/// next, and from the last to the first, `steps` vectors a leg, both ends included. The walk has
/// `points * steps` vectors.
///
/// The result is `[range.len(), len]`, row-major.
pub fn walk(seed: u64, points: usize, steps: usize, len: usize, range: Range<usize>) -> Vec<f32> {
    let corner = |index: usize| sample_latent(seed, (index % points) as u64, len);
    let last = steps.saturating_sub(1).max(1) as f32;
    let legs = range.start / steps..range.end.div_ceil(steps);
    let leg = |from: usize| {
        let (a, b) = (corner(from), corner(from + 1));
        let begin = from * steps;
        let part = range.start.max(begin) - begin..range.end.min(begin + steps) - begin;
        part.flat_map(move |step| slerp(&a, &b, step as f32 / last))
    };
    legs.flat_map(leg).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slerp_keeps_the_length_and_meets_its_ends() {
        let (a, b) = ([3.0, 0.0], [0.0, 3.0]);
        assert_eq!(slerp(&a, &b, 0.0), a);
        let middle = slerp(&a, &b, 0.5);
        assert!((middle[0] - 3.0 * 0.5_f32.sqrt()).abs() < 1e-6);
        assert!((middle[0] - middle[1]).abs() < 1e-6);
        assert_eq!(slerp(&a, &a, 0.3), a, "no arc between equal points");
        assert!(slerp(&a, &[-3.0, 0.0], 0.5).iter().all(|x| x.is_finite()));
    }

    #[test]
    fn a_walk_passes_through_its_samples() {
        let whole = |range| walk(5, 3, 4, 10, range);
        let walk = whole(0..12);
        assert_eq!(walk.len(), 3 * 4 * 10);
        for range in [0..5, 3..4, 4..8, 7..12, 6..6] {
            assert_eq!(whole(range.clone()), walk[range.start * 10..range.end * 10]);
        }
        let at = |index: usize| &walk[index * 10..][..10];
        for corner in 0..3 {
            assert_eq!(at(corner * 4), sample_latent(5, corner as u64, 10));
        }
        let close = at(11).iter().zip(at(0)).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close, "the last leg ends where the first began");
    }
}
