//! Shared code of the examples that train a single net: [`training`] is the loop and the run directory,
//! which `gan-watch`, `gan-report` and `gan-runs` show; [`command`] is the command line, and [`guidance`]
//! classifier-free guidance.

pub mod command;
pub mod guidance;
pub mod training;

use std::ops::Range;

use anyhow::Result;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use clap::Args;
use gan_core::ImageShape;
use gan_core::stream::{Purpose, normal, stream};
use gan_data::{Dataset, draw_batch};
use rand_chacha::ChaCha8Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::guidance::drop_label;

/// A net that generates images, with its loss and its sampler.
pub trait Model: Module + Clone {
    /// The name of its package, and the family of its runs.
    const NAME: &'static str;
    /// What the loss is.
    const LOSS: &'static str;
    /// The default batch size.
    const BATCH: usize;
    /// The default learning rate.
    const LR: f64;
    /// The sizes of the net: flags of `train`.
    type Settings: Args + Clone + Serialize + DeserializeOwned;
    /// Settings of the sampler: flags of `sample`; previews use the defaults.
    type Sampling: Args + Clone;

    /// A net with initial weights from the seed.
    ///
    /// # Errors
    /// When a setting is out of its range, or does not suit the images.
    fn new(settings: &Self::Settings, images: Images, seed: u64, device: &Device) -> Result<Self>;

    /// The mean loss `[1]` of a batch.
    fn loss(&self, images: Images, batch: &Batch, rng: &mut ChaCha8Rng) -> Tensor<1>;

    /// A sample for each index and label, `[labels, height, width, channels]`, which depends on these
    /// two and on the seed alone.
    fn samples(
        &self,
        images: Images,
        sampling: &Self::Sampling,
        seed: u64,
        indices: &[u64],
        labels: &[Option<u16>],
    ) -> Vec<u8>;
}

/// The images of a net.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Images {
    /// The shape of one.
    #[serde(flatten)]
    pub shape: ImageShape,
    /// Classes that can be asked for; 0 without labels.
    pub classes: usize,
}

impl Images {
    /// Those of a data set.
    pub fn of(dataset: &Dataset) -> Self {
        Self { shape: dataset.shape(), classes: dataset.classes().unwrap_or(0) }
    }

    /// The classes in turn, from a sample on.
    pub fn turns(self, first: usize, count: usize) -> Vec<Option<u16>> {
        let class = |index: usize| (self.classes > 0).then(|| (index % self.classes) as u16);
        (first..first + count).map(class).collect()
    }
}

/// A batch for training: images with values in [−1, 1], and their labels.
pub struct Batch {
    /// `[labels, height, width, channels]`, row by row.
    pub values: Vec<f32>,
    /// The class of each image, if it is known to the net.
    pub labels: Vec<Option<u16>>,
}

impl Batch {
    /// Images drawn with replacement; the labels of some are dropped.
    pub fn draw(dataset: &Dataset, count: usize, seed: u64, epoch: u64) -> Self {
        let mut rng = stream(seed, Purpose::Batch, epoch);
        let mut values = vec![0.0; count * dataset.shape().len()];
        let labels = draw_batch(dataset, &mut rng, &mut values);
        let labels = (0..count).map(|index| labels.as_ref().map(|labels| labels[index]));
        let labels = labels.map(|label| drop_label(label, &mut rng)).collect();
        Self { values, labels }
    }

    /// The images of a range in their order, with their labels.
    pub fn of(dataset: &Dataset, range: Range<usize>) -> Self {
        let len = dataset.shape().len();
        let values = &dataset.images()[range.start * len..range.end * len];
        let label = |index: usize| dataset.labels().map(|labels| labels[index]);
        Self {
            values: values.iter().map(|&x| (f32::from(x) - 127.5) / 127.5).collect(),
            labels: range.map(label).collect(),
        }
    }
}

/// Normally distributed weights `[inputs, outputs]`; `index` distinguishes the layers of a net.
pub fn weights(
    seed: u64,
    index: u64,
    size: [usize; 2],
    deviation: f32,
    device: &Device,
) -> Param<Tensor<2>> {
    let mut numbers =
        normal(&mut stream(seed, Purpose::GeneratorWeights, index), size[0] * size[1]);
    for x in &mut numbers {
        *x *= deviation;
    }
    Param::from_tensor(matrix(&numbers, size[0], device))
}

/// One-hot classes, with a last place for no class, `[labels · (classes + 1)]`.
pub fn one_hot(labels: &[Option<u16>], classes: usize) -> Vec<f32> {
    let mut hot = vec![0.0; labels.len() * (classes + 1)];
    for (label, hot) in labels.iter().zip(hot.chunks_exact_mut(classes + 1)) {
        hot[label.map_or(classes, usize::from)] = 1.0;
    }
    hot
}

/// Numbers as a matrix with this many rows.
pub fn matrix(numbers: &[f32], rows: usize, device: &Device) -> Tensor<2> {
    Tensor::<1>::from_floats(numbers, device).reshape([rows, numbers.len() / rows])
}
