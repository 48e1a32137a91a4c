//! The loss of a [`Net`], and its samples.

use anyhow::{Result, ensure};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use clap::Args;
use gan_core::stream::{Purpose, stream};
use gan_data::{Dataset, draw_batch};
use gan_kernels::log_softmax;
use one_net::{Images, Model, matrix};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::net::{Net, Sizes};
use crate::patches::Patches;

/// A net that knows how likely each level of the next pixel is.
#[derive(Module, Debug)]
pub struct PixelTransformer {
    net: Net,
    side: usize,
    levels: usize,
}

/// What decides the net's layers.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Levels of a pixel
    #[arg(long, default_value_t = 16)]
    pub levels: usize,
    /// Rows and columns of a patch
    #[arg(long, default_value_t = 4)]
    pub patch: usize,
    /// Width of the transformer
    #[arg(long, default_value_t = 128)]
    pub width: usize,
    /// Blocks of the transformer
    #[arg(long, default_value_t = 4)]
    pub layers: usize,
    /// Heads of each block's attention
    #[arg(long, default_value_t = 4)]
    pub heads: usize,
    /// Hidden units for each pixel of a patch
    #[arg(long, default_value_t = 32)]
    pub units: usize,
}

/// How samples are drawn.
#[derive(Args, Clone, Copy, Debug)]
pub struct Sampling {
    /// Divides the logits: below 1 clearer and less varied
    #[arg(long, default_value_t = 1.0)]
    pub temperature: f64,
}

impl Model for PixelTransformer {
    const NAME: &'static str = "pixel_transformer";
    const LOSS: &'static str = "bits per dimension";
    const LR: f64 = 1e-3;
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

    /// Bits per pixel: −log₂ of the probability of each pixel, given those before it and the class.
    fn loss(&self, dataset: &Dataset, batch: usize, seed: u64, epoch: u64) -> Tensor<1> {
        let mut images = vec![0.0; batch * dataset.shape().len()];
        let labels = draw_batch(dataset, &mut stream(seed, Purpose::Batch, epoch), &mut images);
        let (images_of, levels) = (Images::of(dataset), self.levels);
        let patches = self.patches(images_of);
        let places = patches.places();
        let (mut hot, mut values, mut neighbours) = (Vec::new(), Vec::new(), Vec::new());
        for image in images.chunks_exact(places.len()) {
            let level = |&place: &usize| patches.level(image[place]);
            let drawn: Vec<usize> = places.iter().map(level).collect();
            hot.extend(one_hot(drawn.iter().copied(), levels));
            let image: Vec<f32> = drawn.into_iter().map(|level| patches.value(level)).collect();
            let around = |patch| patches.neighbours(&image, patch);
            neighbours.extend((0..patches.count()).flat_map(around));
            values.extend(image);
        }
        let class = |index| class(labels.as_ref().map(|labels| labels[index]), images_of.classes);
        let classes: Vec<f32> = one_hot((0..batch).map(class), images_of.classes + 1).collect();
        let device = Device::flex().autodiff();
        let matrix = |numbers: &[f32], rows| matrix(numbers, rows, &device);
        let (rows, count) = (batch * patches.count(), values.len());
        let logits = self.net.forward(
            matrix(&neighbours, rows),
            matrix(&values, rows),
            matrix(&classes, batch),
        );
        let likely = log_softmax(logits) * matrix(&hot, count);
        likely.sum() / (-std::f64::consts::LN_2 * count as f64)
    }

    fn samples(
        &self,
        images: Images,
        sampling: &Sampling,
        seed: u64,
        first: u64,
        labels: &[Option<u16>],
    ) -> Vec<u8> {
        let (net, device, count) = (self.net.valid(), Device::flex(), labels.len());
        let patches = self.patches(images);
        let (places, levels) = (patches.places(), self.levels);
        let mut rngs: Vec<_> = (first..first + count as u64)
            .map(|index| stream(seed, Purpose::Sample, index))
            .collect();
        let (size, len) = (patches.values(), places.len());
        // Values patch by patch.
        let mut values = vec![0.0; count * len];
        let mut samples = vec![0; count * len];
        let mut caches = net.caches();
        let classes = labels.iter().map(|label| class(*label, images.classes));
        let classes: Vec<f32> = one_hot(classes, images.classes + 1).collect();
        let classes = matrix(&classes, count, &device);
        for patch in 0..patches.count() {
            let of_image = |image| patches.neighbours(image, patch);
            let neighbours: Vec<f32> = values.chunks_exact(len).flat_map(of_image).collect();
            let neighbours = matrix(&neighbours, count, &device);
            let known = net.next(patch, neighbours, classes.clone(), &mut caches);
            let mut patch_values = vec![0.0; count * size];
            for pixel in 0..size {
                let logits = net.pixel(pixel, known.clone(), matrix(&patch_values, count, &device));
                let logits: Vec<f32> = logits.into_data().iter::<f32>().collect();
                let at = patch * size + pixel;
                for (row, logits) in logits.chunks_exact(levels).enumerate() {
                    let level = draw(logits, sampling.temperature, rngs[row].random());
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

/// The level at which the sum of the probabilities exceeds a uniform number.
fn draw(logits: &[f32], temperature: f64, uniform: f64) -> usize {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: &f32| (f64::from(logit - largest) / temperature).exp();
    let mut left = uniform * logits.iter().map(weight).sum::<f64>();
    let level = logits.iter().position(|logit| {
        left -= weight(logit);
        left < 0.0
    });
    level.unwrap_or(logits.len() - 1)
}

/// Classes are 0 to `classes` − 1, and none is the next.
fn class(label: Option<u16>, classes: usize) -> usize {
    label.map_or(classes, usize::from)
}

fn one_hot(numbers: impl Iterator<Item = usize>, of: usize) -> impl Iterator<Item = f32> {
    let row = move |one| (0..of).map(move |other| if other == one { 1.0 } else { 0.0 });
    numbers.flat_map(row)
}
