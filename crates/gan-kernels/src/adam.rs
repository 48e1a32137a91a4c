//! Adam and the moving average of the weights (EMA) in one pass over the weights.

use crate::instruction_set::arch;
use crate::thread_pool::for_each_part;

/// Number of weights per chunk, so that the EMA is updated while they are in the L1 cache.
const CHUNK: usize = 1 << 10;
/// Cost per weight in multiply-adds; it is read from memory and written back.
const COST: usize = 64;

/// One update by Adam (Kingma and Ba 2015, algorithm 1).
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Decay rate of the first moment.
    pub beta1: f32,
    /// Decay rate of the second moment.
    pub beta2: f32,
    /// α / (1 − β₁ᵗ)
    pub step: f32,
    /// 1 / √(1 − β₂ᵗ)
    pub root: f32,
    /// ε
    pub epsilon: f32,
}

impl AdamStep {
    /// Updates the moments from `gradient`, and `weights` from the moments. With `average`, the
    /// EMA and its decay, the EMA becomes `decay · EMA + (1 − decay) · weights`.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn apply(
        self,
        weights: &mut [f32],
        gradient: &[f32],
        [first, second]: [&mut [f32]; 2],
        average: Option<(&mut [f32], f32)>,
    ) {
        let len = weights.len();
        assert_eq!([gradient.len(), first.len(), second.len()], [len; 3], "lengths differ");
        let arch = arch();
        match average {
            None => for_each_part([weights, first, second], COST * len, |range, [w, m, v]| {
                arch.dispatch(|| self.chunk(w, &gradient[range], m, v));
            }),
            Some((average, decay)) => {
                let slices = [weights, first, second, average];
                for_each_part(slices, COST * len, |range, [w, m, v, a]| {
                    arch.dispatch(|| {
                        let pairs = w.chunks_mut(CHUNK).zip(gradient[range].chunks(CHUNK));
                        let moments = m.chunks_mut(CHUNK).zip(v.chunks_mut(CHUNK));
                        let all = pairs.zip(moments).zip(a.chunks_mut(CHUNK));
                        for (((w, g), (m, v)), a) in all {
                            self.chunk(w, g, m, v);
                            for (a, w) in a.iter_mut().zip(w) {
                                *a = *a * decay + *w * (1.0 - decay);
                            }
                        }
                    });
                });
            }
        }
    }

    #[inline(always)]
    fn chunk(self, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
            *m = *m * self.beta1 + g * (1.0 - self.beta1);
            *v = *v * self.beta2 + g * g * (1.0 - self.beta2);
            *w -= *m * self.step / (v.sqrt() * self.root + self.epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference implementation of algorithm 1 (Kingma and Ba 2015) in double precision.
    fn reference(gradients: &[f64], lr: f64) -> f64 {
        let (beta1, beta2, epsilon) = (0.5_f64, 0.999_f64, 1e-8);
        let (mut w, mut m, mut v) = (1.0, 0.0, 0.0);
        for (t, g) in (1..).zip(gradients) {
            m = beta1 * m + (1.0 - beta1) * g;
            v = beta2 * v + (1.0 - beta2) * g * g;
            let (m_hat, v_hat) = (m / (1.0 - beta1.powi(t)), v / (1.0 - beta2.powi(t)));
            w -= lr * m_hat / (v_hat.sqrt() + epsilon);
        }
        w
    }

    #[test]
    fn updates_equal_the_reference_implementation() {
        let gradients = [0.3, -0.1, 0.7];
        let len = 20 * CHUNK + 5;
        let (mut w, mut m, mut v) = (vec![1.0; len], vec![0.0; len], vec![0.0; len]);
        let mut average = vec![0.0_f32; len];
        let mut expected = 0.0;
        for (t, g) in (1..).zip(gradients) {
            let step = AdamStep {
                beta1: 0.5,
                beta2: 0.999,
                step: (0.01 / (1.0 - 0.5_f64.powi(t))) as f32,
                root: (1.0 - 0.999_f64.powi(t)).sqrt().recip() as f32,
                epsilon: 1e-8,
            };
            let moments = [&mut m[..], &mut v[..]];
            step.apply(&mut w, &vec![g as f32; len], moments, Some((&mut average, 0.9)));
            expected = 0.9 * expected + 0.1 * f64::from(w[0]);
        }
        let all = reference(&gradients, 0.01);
        assert!(w.iter().all(|&w| (f64::from(w) - all).abs() < 1e-6), "{} is not {all}", w[0]);
        assert!(average.iter().all(|&a| (f64::from(a) - expected).abs() < 1e-6));
    }
}
