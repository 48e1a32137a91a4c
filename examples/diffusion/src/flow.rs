//! The loss of flow matching, and samples by its differential equation.

use anyhow::{Result, ensure};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use clap::Args;
use gan_core::ImageShape;
use gan_core::stream::{Purpose, normal, stream};
use gan_data::{Dataset, draw_batch};
use one_net::{Images, Model, matrix};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::net::{UNet, condition};

/// A net that knows the velocity of images on their way from noise.
#[derive(Module, Debug)]
pub struct Flow {
    net: UNet,
}

/// What decides the net's layers.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Filters next to the images; deeper layers have multiples
    #[arg(long, default_value_t = 16)]
    pub filters: usize,
}

/// How samples are drawn.
#[derive(Args, Clone, Copy, Debug)]
pub struct Sampling {
    /// Steps from noise to images, each of which evaluates the net twice
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub steps: u16,
    /// More than 1: clearer of their class, and less varied
    #[arg(long, default_value_t = 1.0)]
    pub guidance: f32,
}

/// A share of the images is shown without its class, so that the net also learns the velocity of all
/// classes together (Ho and Salimans 2022).
const WITHOUT_CLASS: f64 = 0.1;

/// The least 1 − t that errors are divided by.
const LEAST: f32 = 0.05;

/// A time in (0, 1): σ of a normal number around −0.8, more often early, where the digit is decided
/// (Esser et al. 2024, section 3.1; Li and He 2025).
fn time(rng: &mut ChaCha8Rng) -> f32 {
    let normal: f32 = 0.8 * normal(rng, 1)[0] - 0.8;
    1.0 / (1.0 + (-normal).exp())
}

impl Model for Flow {
    const NAME: &'static str = "diffusion";
    const LOSS: &'static str = "squared error of the velocity";
    const LR: f64 = 1e-3;
    type Settings = Settings;
    type Sampling = Sampling;

    fn new(settings: &Settings, images: Images, seed: u64, device: &Device) -> Result<Self> {
        let (filters, Images { shape, classes }) = (settings.filters, images);
        ensure!((1..=512).contains(&filters), "--filters is {filters}; expected 1 to 512");
        let ImageShape { height, width, .. } = shape;
        ensure!(
            height.is_multiple_of(4) && width.is_multiple_of(4),
            "the images are {shape}; expected sides that are multiples of 4"
        );
        Ok(Self { net: UNet::new(shape, classes, filters, seed, device) })
    }

    /// A loss of one batch, `[1]`: E |v̂(x, t) − (x₁ − x₀)|², where x₁ is an image, x₀ noise,
    /// x = (1 − t) x₀ + t x₁ (Lipman et al. 2023, equations 14 and 23, without noise at t = 1), and
    /// v̂ = (x̂₁ − x) / (1 − t) from the image x̂₁ that the net expects (Li and He 2025): images lie near
    /// a surface of few dimensions, which a small net learns sooner than noise.
    fn loss(&self, dataset: &Dataset, batch: usize, seed: u64, epoch: u64) -> Tensor<1> {
        let Images { shape, classes } = Images::of(dataset);
        let mut rng = stream(seed, Purpose::Batch, epoch);
        let mut images = vec![0.0; batch * shape.len()];
        let labels = draw_batch(dataset, &mut rng, &mut images);
        let mut rng = stream(seed, Purpose::GeneratorNoise, epoch);
        let mut between = normal(&mut rng, images.len());
        let mut times = Vec::with_capacity(batch * shape.height * shape.width);
        let (mut conditions, mut scales) = (Vec::new(), Vec::with_capacity(batch));
        let rows = between.chunks_exact_mut(shape.len()).zip(images.chunks_exact(shape.len()));
        for (index, (between, image)) in rows.enumerate() {
            let time = time(&mut rng);
            let class = labels.as_ref().map(|labels| labels[index]);
            let class = class.filter(|_| !rng.random_bool(WITHOUT_CLASS));
            conditions.extend(condition(class, classes, time));
            times.extend(std::iter::repeat_n(time, shape.height * shape.width));
            scales.push(1.0 / (1.0 - time).max(LEAST));
            for (x, image) in between.iter_mut().zip(image) {
                *x = (1.0 - time) * *x + time * image;
            }
        }
        let device = Device::flex().autodiff();
        let rows = |numbers: Vec<f32>, rows: usize| matrix(&numbers, rows, &device);
        let pixels = times.len();
        let expected =
            self.net.forward(rows(between, batch), rows(times, pixels), rows(conditions, batch));
        ((expected - rows(images, batch)) * rows(scales, batch)).square().mean()
    }

    /// Heun's method from time 0 to 1. Guidance is that of Ho and Salimans 2022 (equation 6, with 1 + w).
    fn samples(
        &self,
        images: Images,
        sampling: &Sampling,
        seed: u64,
        first: u64,
        labels: &[Option<u16>],
    ) -> Vec<u8> {
        let net = self.net.valid();
        let Images { shape, classes } = images;
        let device = Device::flex();
        let count = labels.len();
        let noise = |index| normal(&mut stream(seed, Purpose::Sample, index), shape.len());
        let noise: Vec<f32> = (first..first + count as u64).flat_map(noise).collect();
        let expected = |x: &Tensor<2>, time: f32| {
            let evaluate = |with_class: bool| {
                let of =
                    |label: &Option<u16>| condition(label.filter(|_| with_class), classes, time);
                let conditions: Vec<f32> = labels.iter().flat_map(of).collect();
                let times = Tensor::full([count * shape.height * shape.width, 1], time, &device);
                net.forward(x.clone(), times, matrix(&conditions, count, &device))
            };
            let of_class = evaluate(true);
            if sampling.guidance == 1.0 || classes == 0 {
                return of_class;
            }
            let of_all = evaluate(false);
            (of_class - of_all.clone()) * sampling.guidance + of_all
        };
        let velocity = |x: &Tensor<2>, time: f32| (expected(x, time) - x.clone()) / (1.0 - time);
        let mut x = matrix(&noise, count, &device);
        let step = 1.0 / f32::from(sampling.steps);
        for index in 0..sampling.steps {
            let time = f32::from(index) * step;
            let slope = velocity(&x, time);
            let ahead = x.clone() + slope.clone() * step;
            // The last step arrives at the image that the net expects.
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
