//! The objectives: pure functions of the discriminator's logits.
//!
//! With r the logits of real images, f those of generated ones and D = σ(logit), the means over
//! the batch of:
//!
//! | loss | discriminator | generator | source |
//! |---|---|---|---|
//! | `bce` | −½ (log σ(r) + log σ(−f)) | −log σ(f) | Goodfellow et al. 2014, equation 1 and section 3 |
//! | `minimax` | the same | log σ(−f) | the same, equation 1 |
//! | `least-squares` | ½ ((r − 1)² + f²) | ½ (f − 1)² | Mao et al. 2017, equation 9 |
//! | `hinge` | max(0, 1 − r) + max(0, 1 + f) | −f | Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17 |
//! | `wasserstein` | f − r | −f | Arjovsky et al. 2017, algorithm 1 |
//! | `relativistic` | −log σ(r − f) | −log σ(f − r) | Jolicoeur-Martineau 2019, section 4; Huang et al. 2024, equation 2 |
//!
//! Everything is computed from logits with log-sigmoid, which neither overflows nor rounds to log 0.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use gan_kernels::{log_sigmoid, log_softmax};

use crate::{Labels, Loss};

/// The discriminator's loss `[1]`, from the logits `[n, 1]` of real and of generated images.
///
/// With `bce` and `minimax` the label of real images is 1 − `smoothing` (one-sided label smoothing,
/// Salimans et al. 2016, section 3.4); the others ignore it.
pub fn discriminator(kind: Loss, real: Tensor<2>, fake: Tensor<2>, smoothing: f64) -> Tensor<1> {
    match kind {
        Loss::Bce | Loss::Minimax => {
            let mut likely = log_sigmoid(real.clone()).mean();
            if smoothing > 0.0 {
                // s log σ(−r) + (1 − s) log σ(r), and log σ(−r) = log σ(r) − r.
                likely = likely - real.mean().mul_scalar(smoothing);
            }
            (likely + log_sigmoid(fake.neg()).mean()).mul_scalar(-0.5)
        }
        Loss::LeastSquares => ((real - 1.0).square().mean() + fake.square().mean()).mul_scalar(0.5),
        Loss::Hinge => relu(real.neg() + 1.0).mean() + relu(fake + 1.0).mean(),
        Loss::Wasserstein => fake.mean() - real.mean(),
        Loss::Relativistic => log_sigmoid(real - fake).mean().neg(),
    }
}

/// The generator's loss `[1]`, from the logits `[n, 1]` of its images; `real` has as many logits of
/// real images, which only `relativistic` uses.
///
/// # Panics
/// When the loss is `relativistic` and there are no logits of real images.
pub fn generator(kind: Loss, fake: Tensor<2>, real: Option<Tensor<2>>) -> Tensor<1> {
    match kind {
        Loss::Bce => log_sigmoid(fake).mean().neg(),
        Loss::Minimax => log_sigmoid(fake.neg()).mean(),
        Loss::LeastSquares => (fake - 1.0).square().mean().mul_scalar(0.5),
        Loss::Hinge | Loss::Wasserstein => fake.mean().neg(),
        Loss::Relativistic => {
            let Some(real) = real else { panic!("relativistic needs logits of real images") };
            log_sigmoid(fake - real).mean().neg()
        }
    }
}

/// The cross-entropy `[1]` of predicted classes, from logits `[n, classes]` and one-hot `labels`: what
/// a discriminator that predicts classes adds to both losses (Odena et al. 2017, equation 3).
pub fn classes(logits: Tensor<2>, labels: Labels) -> Tensor<1> {
    let [rows, _] = logits.dims();
    (log_softmax(logits) * labels).sum().mul_scalar(-1.0 / rows as f64)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn logits(values: &[f32]) -> Tensor<2> {
        Tensor::<1>::from_floats(values, &Device::flex()).reshape([values.len(), 1])
    }

    fn close(loss: Tensor<1>, expected: f64) {
        let loss: f32 = loss.into_scalar();
        assert!((f64::from(loss) - expected).abs() < 1e-6, "{loss} is not {expected}");
    }

    const REAL: [f32; 2] = [2.0, -1.0];
    const FAKE: [f32; 2] = [0.5, -3.0];

    fn d(kind: Loss) -> Tensor<1> {
        discriminator(kind, logits(&REAL), logits(&FAKE), 0.0)
    }

    fn g(kind: Loss) -> Tensor<1> {
        generator(kind, logits(&FAKE), Some(logits(&REAL)))
    }

    /// The mean of `f` over pairs of a real and a generated logit.
    fn mean(f: impl Fn(f64, f64) -> f64) -> f64 {
        let pairs = REAL.iter().zip(FAKE);
        pairs.map(|(&r, f_)| f(r.into(), f_.into())).sum::<f64>() / 2.0
    }

    fn log_d(x: f64) -> f64 {
        -(1.0 + (-x).exp()).ln()
    }

    #[test]
    fn each_loss_is_its_papers() {
        close(d(Loss::Bce), mean(|r, f| -0.5 * (log_d(r) + log_d(-f))));
        close(g(Loss::Bce), mean(|_, f| -log_d(f)));
        close(d(Loss::Minimax), mean(|r, f| -0.5 * (log_d(r) + log_d(-f))));
        close(g(Loss::Minimax), mean(|_, f| log_d(-f)));
        close(d(Loss::LeastSquares), mean(|r, f| 0.5 * ((r - 1.0).powi(2) + f * f)));
        close(g(Loss::LeastSquares), mean(|_, f| 0.5 * (f - 1.0).powi(2)));
        close(d(Loss::Hinge), mean(|r, f| (1.0 - r).max(0.0) + (1.0 + f).max(0.0)));
        close(g(Loss::Hinge), mean(|_, f| -f));
        close(d(Loss::Wasserstein), mean(|r, f| f - r));
        close(g(Loss::Wasserstein), mean(|_, f| -f));
        close(d(Loss::Relativistic), mean(|r, f| -log_d(r - f)));
        close(g(Loss::Relativistic), mean(|r, f| -log_d(f - r)));
    }

    #[test]
    fn smoothed_labels_are_a_little_less_than_one() {
        let found = discriminator(Loss::Bce, logits(&REAL), logits(&FAKE), 0.1);
        let real = |r: f64| 0.9 * log_d(r) + 0.1 * log_d(-r);
        close(found, mean(|r, f| -0.5 * (real(r) + log_d(-f))));
    }

    #[test]
    fn a_guess_costs_log_two_and_extreme_logits_stay_finite() {
        let d = |r, f| discriminator(Loss::Bce, logits(&[r]), logits(&[f]), 0.0);
        close(d(0.0, 0.0), 2_f64.ln());
        close(generator(Loss::Bce, logits(&[-200.0]), None), 200.0);
        close(d(-200.0, 200.0), 200.0);
        close(generator(Loss::Minimax, logits(&[200.0]), None), -200.0);
    }

    #[test]
    fn gradients_are_those_of_binary_cross_entropy() {
        let device = Device::flex().autodiff();
        let x = Tensor::<2>::from_floats([[1.5], [-0.5]], &device).require_grad();
        let grads = generator(Loss::Bce, x.clone(), None).backward();
        let grad: Vec<f32> = x.grad(&grads).unwrap().into_data().try_into_vec().unwrap();
        for (grad, x) in grad.iter().zip([1.5_f32, -0.5]) {
            // d(−log σ(x))/dx = σ(x) − 1, over a mean of two.
            let expected = (1.0 / (1.0 + (-x).exp()) - 1.0) / 2.0;
            assert!((grad - expected).abs() < 1e-6, "{grad} is not {expected}");
        }
    }
}
