//! What examples that train one net share: [`training`] has the loop and the run directory, which
//! `gan-watch`, `gan-report` and `gan-runs` show, and [`command`] the command line.

pub mod command;
pub mod training;

use anyhow::Result;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use clap::Args;
use gan_core::ImageShape;
use gan_data::Dataset;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A net that generates images, and how it is trained and sampled from.
pub trait Model: Module + Clone {
    /// Its name, which is that of its package, and the family of its runs.
    const NAME: &'static str;
    /// What the loss is.
    const LOSS: &'static str;
    /// Adam's step size, unless told otherwise.
    const LR: f64;
    /// What decides the net's layers: flags of `train`.
    type Settings: Args + Clone + Serialize + DeserializeOwned;
    /// How samples are drawn: flags of `sample`, whose defaults are also those of previews.
    type Sampling: Args + Clone;

    /// A net with weights from the seed.
    ///
    /// # Errors
    /// When a setting is out of its range, or does not suit the images.
    fn new(settings: &Self::Settings, images: Images, seed: u64, device: &Device) -> Result<Self>;

    /// The loss `[1]` of a batch that the seed and the number of epochs done decide.
    fn loss(&self, dataset: &Dataset, batch: usize, seed: u64, epoch: u64) -> Tensor<1>;

    /// The samples from `first` on, one for each label, `[labels, height, width, channels]`. Sample *i*
    /// depends on the seed, on *i* and on its label alone.
    fn samples(
        &self,
        images: Images,
        sampling: &Self::Sampling,
        seed: u64,
        first: u64,
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

/// Numbers as a matrix of so many rows.
pub fn matrix(numbers: &[f32], rows: usize, device: &Device) -> Tensor<2> {
    Tensor::<1>::from_floats(numbers, device).reshape([rows, numbers.len() / rows])
}
