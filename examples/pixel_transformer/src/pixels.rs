//! The loss of a [`Net`], and its samples.

use anyhow::{Result, ensure};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use clap::Args;
use gan_core::stream::{Purpose, stream};
use gan_kernels::log_softmax;
use one_net::command::positive;
use one_net::guidance::{combine, evaluations};
use one_net::{Batch, Images, Model, matrix, one_hot};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::net::{Net, Sizes};
use crate::patches::Patches;

/// A net that predicts the probability of each level of the next pixel.
#[derive(Module, Debug)]
pub struct PixelTransformer {
    net: Net,
    side: usize,
    levels: usize,
}

/// The sizes of the net.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Levels of a pixel
    #[arg(long, default_value_t = 16)]
    pub levels: usize,
    /// Rows and columns of a patch
    #[arg(long, default_value_t = 4)]
    pub patch: usize,
    /// Width of the transformer
    #[arg(long, default_value_t = 96)]
    pub width: usize,
    /// Blocks of the transformer
    #[arg(long, default_value_t = 3)]
    pub layers: usize,
    /// Heads of each block's attention
    #[arg(long, default_value_t = 4)]
    pub heads: usize,
    /// Hidden units for each pixel of a patch
    #[arg(long, default_value_t = 64)]
    pub units: usize,
}

/// How samples are drawn.
#[derive(Args, Clone, Copy, Debug)]
pub struct Sampling {
    /// Divides the logits: below 1, samples are clearer and less diverse
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    pub temperature: f32,
    /// Classifier-free guidance: above 1, samples are more typical of their class and less diverse; 1
    /// turns it off, and halves the time
    #[arg(long, default_value_t = 1.25, value_parser = positive)]
    pub guidance: f32,
}

impl Model for PixelTransformer {
    const NAME: &'static str = "pixel_transformer";
    const LOSS: &'static str = "bits per dimension";
    const BATCH: usize = 32;
    const LR: f64 = 5e-3;
    type Settings = Settings;
    type Sampling = Sampling;

    fn new(settings: &Settings, images: Images, seed: u64, device: &Device) -> Result<Self> {
        let Settings { levels, patch: side, width, layers, heads, units } = *settings;
        let shape = images.shape;
        ensure!((2..=256).contains(&levels), "--levels is {levels}; expected 2 to 256");
        ensure!(
            side > 0 && shape.height.is_multiple_of(side) && shape.width.is_multiple_of(side),
            "--patch is {side}; expected a divisor of the sides of the images, {shape}"
        );
        ensure!((1..=16).contains(&layers), "--layers is {layers}; expected 1 to 16");
        ensure!((1..=1024).contains(&units), "--units is {units}; expected 1 to 1024");
        ensure!(
            (1..=4096).contains(&width) && heads > 0 && width.is_multiple_of(heads),
            "--width is {width}; expected at most 4096, and a multiple of --heads, {heads}"
        );
        let patches = Patches { image: shape, side, levels };
        let (pixels, patches) = (patches.values(), patches.count());
        let classes = images.classes + 1;
        let sizes = Sizes { patches, pixels, levels, classes, width, layers, heads, units };
        Ok(Self { net: Net::new(sizes, seed, device), side, levels })
    }

    /// Bits per value: −log₂ of the probability of its level, given the values before it and the class.
    fn loss(&self, images: Images, batch: &Batch, _: &mut ChaCha8Rng) -> Tensor<1> {
        let (patches, levels) = (self.patches(images), self.levels);
        let places = patches.places();
        let (mut hot, mut values, mut neighbours) = (Vec::new(), Vec::new(), Vec::new());
        for image in batch.values.chunks_exact(places.len()) {
            let level = |&place: &usize| patches.level(image[place]);
            let drawn: Vec<usize> = places.iter().map(level).collect();
            for &drawn in &drawn {
                hot.extend((0..levels).map(|level| if level == drawn { 1.0 } else { 0.0 }));
            }
            let image: Vec<f32> = drawn.into_iter().map(|level| patches.value(level)).collect();
            let around = |patch| patches.neighbours(&image, patch);
            neighbours.extend((0..patches.count()).flat_map(around));
            values.extend(image);
        }
        let device = Device::flex().autodiff();
        let matrix = |numbers: &[f32], rows| matrix(numbers, rows, &device);
        let (count, rows) = (batch.labels.len(), batch.labels.len() * patches.count());
        let logits = self.net.forward(
            matrix(&neighbours, rows),
            matrix(&values, rows),
            matrix(&one_hot(&batch.labels, images.classes), count),
        );
        let count = values.len();
        let log_likelihood = log_softmax(logits) * matrix(&hot, count);
        log_likelihood.sum() / (-std::f64::consts::LN_2 * count as f64)
    }

    fn samples(
        &self,
        images: Images,
        sampling: &Sampling,
        seed: u64,
        indices: &[u64],
        labels: &[Option<u16>],
    ) -> Vec<u8> {
        let (net, device, count) = (self.net.valid(), Device::flex(), labels.len());
        let patches = self.patches(images);
        let (places, levels) = (patches.places(), self.levels);
        let mut rngs: Vec<_> =
            indices.iter().map(|index| stream(seed, Purpose::Sample, *index)).collect();
        let (size, len) = (patches.values(), places.len());
        // Values patch by patch.
        let mut values = vec![0.0; count * len];
        let mut samples = vec![0; count * len];
        let mut evaluations: Vec<_> = evaluations(labels, sampling.guidance)
            .iter()
            .map(|labels| matrix(&one_hot(labels, images.classes), count, &device))
            .map(|classes| (classes, net.caches()))
            .collect();
        for patch in 0..patches.count() {
            let of_image = |image| patches.neighbours(image, patch);
            let neighbours: Vec<f32> = values.chunks_exact(len).flat_map(of_image).collect();
            let neighbours = matrix(&neighbours, count, &device);
            let features: Vec<_> = evaluations
                .iter_mut()
                .map(|(class, cache)| net.next(patch, neighbours.clone(), class.clone(), cache))
                .collect();
            let mut patch_values = vec![0.0; count * size];
            for pixel in 0..size {
                let drawn = matrix(&patch_values, count, &device);
                let logits = features
                    .iter()
                    .map(|of_patch| net.pixel(pixel, of_patch.clone(), drawn.clone()));
                let logits = combine(logits, sampling.guidance).into_data();
                let logits: Vec<f32> = logits.iter::<f32>().collect();
                let at = patch * size + pixel;
                for (row, logits) in logits.chunks_exact(levels).enumerate() {
                    let level = level(logits, sampling.temperature, rngs[row].random());
                    let value = patches.value(level);
                    patch_values[row * size + pixel] = value;
                    values[row * len + at] = value;
                    samples[row * len + places[at]] = patches.grey(level);
                }
            }
        }
        samples
    }
}

impl PixelTransformer {
    fn patches(&self, images: Images) -> Patches {
        Patches { image: images.shape, side: self.side, levels: self.levels }
    }
}

/// A level, drawn by a uniform number in [0, 1).
fn level(logits: &[f32], temperature: f32, uniform: f64) -> usize {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: &f32| f64::from((logit - largest) / temperature).exp();
    let weights: Vec<f64> = logits.iter().map(weight).collect();
    let mut left = uniform * weights.iter().sum::<f64>();
    let drawn = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    drawn.unwrap_or(weights.len() - 1)
}
