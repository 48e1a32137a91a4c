//! The loss of flow matching, and the sampler: a solver of its differential equation.

use anyhow::{Result, ensure};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use clap::Args;
use gan_core::ImageShape;
use gan_core::stream::{Purpose, normal, stream};
use one_net::command::positive;
use one_net::guidance::{combine, evaluations};
use one_net::{Batch, Images, Model, matrix};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::net::{UNet, condition};

/// A net that predicts the image x₁ from a point x on the line from noise x₀ to it.
#[derive(Module, Debug)]
pub struct Flow {
    net: UNet,
}

/// The sizes of the net.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Filters at full resolution; layers at half and quarter resolution have 2 and 4 times as many
    #[arg(long, default_value_t = 16)]
    pub filters: usize,
}

/// How samples are drawn.
#[derive(Args, Clone, Copy, Debug)]
pub struct Sampling {
    /// Steps of the solver; each evaluates the net twice, the last one once
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub steps: u16,
    /// Classifier-free guidance: above 1, samples are more typical of their class and less diverse; 1
    /// turns it off, and halves the time
    #[arg(long, default_value_t = 1.25, value_parser = positive)]
    pub guidance: f32,
}

/// The lower bound of 1 − t in the weight of an error.
const LEAST: f32 = 0.05;

/// A time in (0, 1): the sigmoid of a normal number with mean −0.8 and standard deviation 0.8. Early
/// times, at which the digit is decided, are more frequent (Esser et al. 2024, section 3.1; Li and He 2025).
fn time(rng: &mut ChaCha8Rng) -> f32 {
    let normal: f32 = 0.8 * normal(rng, 1)[0] - 0.8;
    1.0 / (1.0 + (-normal).exp())
}

impl Model for Flow {
    const NAME: &'static str = "diffusion";
    const LOSS: &'static str = "squared error of the velocity";
    const BATCH: usize = 64;
    const LR: f64 = 1e-3;
    type Settings = Settings;
    type Sampling = Sampling;

    fn new(settings: &Settings, images: Images, seed: u64, device: &Device) -> Result<Self> {
        let (filters, Images { shape, classes }) = (settings.filters, images);
        ensure!((1..=128).contains(&filters), "--filters is {filters}; expected 1 to 128");
        let ImageShape { height, width, .. } = shape;
        ensure!(
            height.is_multiple_of(4) && width.is_multiple_of(4),
            "the images are {shape}; expected sides that are multiples of 4"
        );
        Ok(Self { net: UNet::new(shape, classes, filters, seed, device) })
    }

    /// (x̂₁ − x₁)² / max(1 − t, 0.05)², where x₁ is an image, x₀ noise, and x̂₁ the net's prediction from
    /// x = (1 − t) x₀ + t x₁. This is the squared error of the velocity (x̂₁ − x) / (1 − t), whose target
    /// is x₁ − x₀ (Lipman et al. 2023, equations 14 and 23, without noise at t = 1). The net predicts the
    /// image and not the velocity, because images lie near a manifold of few dimensions, which a small
    /// net learns faster than noise (Li and He 2025).
    fn loss(&self, images: Images, batch: &Batch, rng: &mut ChaCha8Rng) -> Tensor<1> {
        let Images { shape, classes } = images;
        let (count, pixels) = (batch.labels.len(), shape.height * shape.width);
        let mut points = normal(rng, batch.values.len());
        let (mut times, mut conditions, mut scales) = (Vec::new(), Vec::new(), Vec::new());
        let rows = points.chunks_exact_mut(shape.len()).zip(batch.values.chunks_exact(shape.len()));
        for ((point, image), label) in rows.zip(&batch.labels) {
            let time = time(rng);
            conditions.extend(condition(*label, classes, time));
            times.extend(std::iter::repeat_n(time, pixels));
            scales.push(1.0 / (1.0 - time).max(LEAST));
            for (x, image) in point.iter_mut().zip(image) {
                *x = (1.0 - time) * *x + time * image;
            }
        }
        let device = Device::flex().autodiff();
        let matrix = |numbers: &[f32], rows| matrix(numbers, rows, &device);
        let predicted = self.net.forward(
            matrix(&points, count),
            matrix(&times, count * pixels),
            matrix(&conditions, count),
        );
        ((predicted - matrix(&batch.values, count)) * matrix(&scales, count)).square().mean()
    }

    /// Heun's method from time 0 to 1.
    fn samples(
        &self,
        images: Images,
        sampling: &Sampling,
        seed: u64,
        indices: &[u64],
        labels: &[Option<u16>],
    ) -> Vec<u8> {
        let net = self.net.valid();
        let Images { shape, classes } = images;
        let device = Device::flex();
        let count = labels.len();
        let noise = |index: &u64| normal(&mut stream(seed, Purpose::Sample, *index), shape.len());
        let noise: Vec<f32> = indices.iter().flat_map(noise).collect();
        let evaluations = evaluations(labels, sampling.guidance);
        let predicted = |x: &Tensor<2>, time: f32| {
            let times = Tensor::full([count * shape.height * shape.width, 1], time, &device);
            let evaluate = |labels: &Vec<Option<u16>>| {
                let of = |label: &Option<u16>| condition(*label, classes, time);
                let conditions: Vec<f32> = labels.iter().flat_map(of).collect();
                net.forward(x.clone(), times.clone(), matrix(&conditions, count, &device))
            };
            combine(evaluations.iter().map(evaluate), sampling.guidance)
        };
        let velocity = |x: &Tensor<2>, time: f32| (predicted(x, time) - x.clone()) / (1.0 - time);
        let mut x = matrix(&noise, count, &device);
        let step = 1.0 / f32::from(sampling.steps);
        for index in 0..sampling.steps {
            let time = f32::from(index) * step;
            let slope = velocity(&x, time);
            let ahead = x.clone() + slope.clone() * step;
            // The last step ends at the predicted image.
            x = if index + 1 == sampling.steps {
                ahead
            } else {
                x + (slope + velocity(&ahead, time + step)) * (step / 2.0)
            };
        }
        let pixels = (x * 127.5 + 127.5).into_data();
        pixels.iter::<f32>().map(|x| x.round().clamp(0.0, 255.0) as u8).collect()
    }
}
