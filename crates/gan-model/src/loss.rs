//! The objectives: pure functions of the discriminator's logits.
//!
//! With D = sigmoid(logit), Goodfellow et al. 2014, equation 1: the
//! discriminator ascends log D(x) + log(1 − D(G(z))), the generator descends
//! log(1 − D(G(z))), or, against vanishing gradients, ascends log D(G(z))
//! (section 3, the non-saturating form). Everything is computed from logits
//! with log-sigmoid, which neither overflows nor rounds to log 0.

use burn::tensor::Tensor;
use gan_kernels::log_sigmoid;

use crate::GeneratorLoss;

/// Mean binary cross-entropy of the discriminator, real images labelled 1 and
/// generated ones 0, over both: `[batch, 1]` logits each, to `[1]`. At chance it is log 2.
#[must_use]
pub fn discriminator(real: Tensor<2>, fake: Tensor<2>) -> Tensor<1> {
    (log_sigmoid(real).mean() + log_sigmoid(fake.neg()).mean()).mul_scalar(-0.5)
}

/// The generator's loss on `[batch, 1]` logits of its images, to `[1]`.
#[must_use]
pub fn generator(fake: Tensor<2>, kind: GeneratorLoss) -> Tensor<1> {
    match kind {
        GeneratorLoss::Bce => log_sigmoid(fake).mean().neg(),
        GeneratorLoss::Minimax => log_sigmoid(fake.neg()).mean(),
    }
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

    #[test]
    fn losses_are_cross_entropies() {
        let (real, fake) = ([2.0, -1.0], [0.5, -3.0]);
        let log_d = |x: f32| -(1.0 + (-f64::from(x)).exp()).ln();
        let mean =
            |values: [f32; 2], sign: f32| values.iter().map(|x| log_d(sign * x)).sum::<f64>() / 2.0;
        let expected = -0.5 * (mean(real, 1.0) + mean(fake, -1.0));
        close(discriminator(logits(&real), logits(&fake)), expected);
        close(generator(logits(&fake), GeneratorLoss::Bce), -mean(fake, 1.0));
        close(generator(logits(&fake), GeneratorLoss::Minimax), mean(fake, -1.0));
    }

    #[test]
    fn a_guess_costs_log_two_and_extreme_logits_stay_finite() {
        close(discriminator(logits(&[0.0]), logits(&[0.0])), 2_f64.ln());
        close(generator(logits(&[-200.0]), GeneratorLoss::Bce), 200.0);
        close(discriminator(logits(&[-200.0]), logits(&[200.0])), 200.0);
        close(generator(logits(&[200.0]), GeneratorLoss::Minimax), -200.0);
    }

    #[test]
    fn gradients_are_those_of_binary_cross_entropy() {
        let device = Device::flex().autodiff();
        let x = Tensor::<2>::from_floats([[1.5], [-0.5]], &device).require_grad();
        let grads = generator(x.clone(), GeneratorLoss::Bce).backward();
        let grad: Vec<f32> = x.grad(&grads).unwrap().into_data().try_into_vec().unwrap();
        for (grad, x) in grad.iter().zip([1.5_f32, -0.5]) {
            // d(−log σ(x))/dx = σ(x) − 1, over a mean of two.
            let expected = (1.0 / (1.0 + (-x).exp()) - 1.0) / 2.0;
            assert!((grad - expected).abs() < 1e-6, "{grad} is not {expected}");
        }
    }
}
