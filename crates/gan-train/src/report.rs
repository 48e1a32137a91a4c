//! What a step measured, on its device, and read from it.

use burn::tensor::Tensor;
use gan_model::probability;
use gan_run::MetricsRow;

/// A pixel this near to an end of tanh's range passes on less than a ten-thousandth of what it
/// should learn.
const SATURATED: f32 = 0.999_95;

/// What one step measured, still on its device: reading it waits for the device.
pub struct StepReport {
    pub(crate) taught: DiscriminatorUpdate,
    pub(crate) generator_loss: Tensor<1>,
}

/// What an update of the discriminator measured.
pub(crate) struct DiscriminatorUpdate {
    pub(crate) loss: Tensor<1>,
    /// Of real and of generated images, and so the next.
    pub(crate) logits: [Tensor<2>; 2],
    /// Real images, then as many generated ones.
    pub(crate) images: Tensor<2>,
    /// The same as the discriminator saw them, with noise if there was any.
    pub(crate) seen: Tensor<2>,
    /// The discriminator's hidden layers on all of them.
    pub(crate) hidden: Vec<Tensor<2>>,
}

/// What one step measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readings {
    /// The discriminator's objective; of binary cross-entropy, log 2 at chance.
    pub discriminator_loss: f32,
    /// The generator's objective.
    pub generator_loss: f32,
    /// D(real): mean probability that the real images are real.
    pub real: f32,
    /// D(fake): mean probability that the generated images are real.
    pub fake: f32,
    /// How far generated images differ from one another, the real ones of the step being at 1:
    /// the ratio of the variances of their pixels, summed over the pixels.
    pub spread: f32,
    /// Share of the generated pixels at an end of tanh's range, where they hardly learn.
    pub saturated: f32,
    /// Share of the discriminator's hidden units that do not tell any two images of the step
    /// apart by their sign: they are as good as linear, or dead.
    pub idle: f32,
}

impl StepReport {
    /// Waits for the device and reads the numbers.
    #[must_use]
    pub fn read(self) -> Readings {
        let DiscriminatorUpdate { loss, logits, images, hidden, .. } = self.taught;
        let batch = images.dims()[0] / 2;
        let images = [0, batch].map(|first| images.clone().narrow(0, first, batch));
        let pixels = images[1].clone().into_data();
        let pixels = pixels.iter::<f32>();
        let (all, saturated) = pixels.fold((0_usize, 0_usize), |(all, saturated), x| {
            (all + 1, saturated + usize::from(x.abs() >= SATURATED))
        });
        let [real, fake] = logits.map(|logits| probability(logits).mean().into_scalar());
        let [varied, varies] = images.map(variance);
        Readings {
            discriminator_loss: loss.into_scalar(),
            generator_loss: self.generator_loss.into_scalar(),
            real,
            fake,
            spread: varies / varied.max(1e-6),
            saturated: saturated as f32 / all as f32,
            idle: idle(hidden),
        }
    }
}

impl Readings {
    /// The row of a step that was read `seconds` into the training.
    #[must_use]
    pub fn row(&self, epoch: u64, seconds: f64) -> MetricsRow {
        MetricsRow {
            epoch,
            d_loss: self.discriminator_loss,
            g_loss: self.generator_loss,
            d_real: self.real,
            d_fake: self.fake,
            spread: self.spread,
            saturated: self.saturated,
            idle: self.idle,
            quality: None,
            warning: None,
            seconds,
        }
    }

    /// Whether both losses are numbers.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.discriminator_loss.is_finite() && self.generator_loss.is_finite()
    }
}

/// The variances of all columns, summed.
fn variance(x: Tensor<2>) -> f32 {
    let centred = x.clone() - x.mean_dim(0);
    centred.square().mean_dim(0).sum().into_scalar()
}

/// The share of columns in which every number has the same sign.
fn idle(layers: Vec<Tensor<2>>) -> f32 {
    let (mut idle, mut all) = (0, 0);
    for layer in layers {
        let [rows, units] = layer.dims();
        let data = layer.into_data();
        let mut positive = vec![0_usize; units];
        let numbers: Vec<f32> = data.iter::<f32>().collect();
        for row in numbers.chunks_exact(units) {
            positive.iter_mut().zip(row).for_each(|(count, x)| *count += usize::from(*x > 0.0));
        }
        all += units;
        idle += positive.iter().filter(|&&count| count == 0 || count == rows).count();
    }
    idle as f32 / all.max(1) as f32
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn spread_saturation_and_idle_units_are_told() {
        let device = Device::flex();
        let matrix = |rows: [[f32; 2]; 2]| Tensor::<2>::from_floats(rows, &device);
        let taught = DiscriminatorUpdate {
            loss: Tensor::from_floats([0.5], &device),
            logits: [(); 2].map(|()| Tensor::from_floats([[0.0]], &device)),
            images: Tensor::from_floats(
                [[0.0, 0.4], [0.4, 0.0], [-1.0, 0.2], [-1.0, 0.0]],
                &device,
            ),
            seen: matrix([[0.0, 0.4], [0.4, 0.0]]),
            // The second unit is always on, the first is not.
            hidden: vec![matrix([[1.0, 2.0], [-1.0, 3.0]]), matrix([[-1.0, 0.0], [-2.0, 1.0]])],
        };
        let generator_loss = Tensor::from_floats([0.7], &device);
        let read = StepReport { taught, generator_loss }.read();
        assert!((read.spread - 0.01 / 0.08).abs() < 1e-6, "{}", read.spread);
        assert_eq!((read.saturated, read.idle, read.real), (0.5, 0.5, 0.5));
    }
}
