//! Latent vectors: one for each sample of a seed, and what lies between two.

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
}
