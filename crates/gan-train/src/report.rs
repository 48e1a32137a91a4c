//! What a step computed: on its device, and read from it.

use burn::tensor::Tensor;
use gan_model::{Labels, probability};
use gan_run::MetricsRow;

/// Epochs between readings of the losses: each makes the host wait for the device.
pub(crate) const READ_EVERY: u64 = 20;
/// Beyond this, less than a ten-thousandth of a gradient passes through tanh.
const SATURATED: f32 = 0.999_95;

/// What one step computed, still on its device: reading it waits for the device.
pub struct StepReport {
    /// Epochs done.
    pub(crate) epoch: u64,
    pub(crate) update: DiscriminatorUpdate,
    pub(crate) generator_loss: Tensor<1>,
}

/// What an update of the discriminator computed.
pub(crate) struct DiscriminatorUpdate {
    pub(crate) loss: Tensor<1>,
    /// Of the real and of the generated images.
    pub(crate) logits: [Tensor<2>; 2],
    /// Real images, then as many generated ones.
    pub(crate) images: Tensor<2>,
    /// The same as the discriminator's input, with instance noise if there is any.
    pub(crate) inputs: Tensor<2>,
    /// The classes of all of them, for a model with classes.
    pub(crate) labels: Option<Labels>,
    /// The outputs of the discriminator's hidden layers for all of them.
    pub(crate) hidden: Vec<Tensor<2>>,
}

impl StepReport {
    /// Waits for the device and reads the numbers: a row of metrics without a time.
    pub fn read(self) -> MetricsRow {
        let DiscriminatorUpdate { loss, logits, images, hidden, .. } = self.update;
        let batch = images.dims()[0] / 2;
        let images = [0, batch].map(|first| images.clone().narrow(0, first, batch));
        let pixels = images[1].clone().into_data();
        let pixels = pixels.iter::<f32>();
        let (all, saturated) = pixels.fold((0_usize, 0_usize), |(all, saturated), x| {
            (all + 1, saturated + usize::from(x.abs() >= SATURATED))
        });
        let [real, fake] = logits.map(|logits| probability(logits).mean().into_scalar());
        let [real_variance, fake_variance] = images.map(variance);
        MetricsRow {
            epoch: self.epoch,
            d_loss: loss.into_scalar(),
            g_loss: self.generator_loss.into_scalar(),
            d_real: real,
            d_fake: fake,
            spread: fake_variance / real_variance.max(1e-6),
            saturated: saturated as f32 / all as f32,
            idle: idle(hidden),
            ..MetricsRow::default()
        }
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
    fn spread_saturation_and_idle_units_are_reported() {
        let device = Device::flex();
        let matrix = |rows: [[f32; 2]; 2]| Tensor::<2>::from_floats(rows, &device);
        let update = DiscriminatorUpdate {
            loss: Tensor::from_floats([0.5], &device),
            logits: [(); 2].map(|()| Tensor::from_floats([[0.0]], &device)),
            images: Tensor::from_floats(
                [[0.0, 0.4], [0.4, 0.0], [-1.0, 0.2], [-1.0, 0.0]],
                &device,
            ),
            labels: None,
            inputs: matrix([[0.0, 0.4], [0.4, 0.0]]),
            // The second unit is always positive, the first is not.
            hidden: vec![matrix([[1.0, 2.0], [-1.0, 3.0]]), matrix([[-1.0, 0.0], [-2.0, 1.0]])],
        };
        let generator_loss = Tensor::from_floats([0.7], &device);
        let read = StepReport { epoch: 1, update, generator_loss }.read();
        assert!((read.spread - 0.01 / 0.08).abs() < 1e-6, "{}", read.spread);
        assert_eq!((read.saturated, read.idle, read.d_real), (0.5, 0.5, 0.5));
    }
}
