//! How good the pictures of a training are, measured while it goes on.

use std::cell::OnceCell;

use burn::tensor::Device;
use gan_data::Dataset;
use gan_eval::{Options, Reference, Ruler};
use gan_sample::Sampler;
use serde::{Deserialize, Serialize};

use crate::trainer::Trainer;

/// What is measured of the averaged generator's pictures, against as many test images; of
/// the Fréchet distance, against all. Figures compare within runs of the same count and ruler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Pictures measured.
    pub count: usize,
    /// Fréchet distance; less is better. With few pictures it comes out too large.
    pub frechet: f64,
    /// Share of the pictures that lie among real images.
    pub precision: f64,
    /// Share of the real images that lie among the pictures.
    pub recall: f64,
    /// Pictures' density among real images, as a part of what is to be expected.
    pub density: f64,
    /// Share of the real images that have a picture near.
    pub coverage: f64,
    /// Classifier score, from 1 to the number of classes.
    pub score: f64,
    /// Mean probability of the likeliest class.
    pub confidence: f64,
    /// How much pictures of a class differ, real ones being at 1.
    pub diversity: f64,
    /// Share of each class.
    pub shares: Vec<f64>,
    /// Classes of which there is less than a tenth of an equal share.
    pub missing: Vec<usize>,
}

/// Judges a training's pictures by a ruler.
pub struct Judge {
    ruler: Ruler,
    test: Dataset,
    /// Seen when they are needed first, which takes some seconds.
    reference: OnceCell<Reference>,
}

impl Judge {
    /// Judges against test images, which no training sees.
    #[must_use]
    pub fn new(ruler: Ruler, test: Dataset) -> Self {
        Self { ruler, test, reference: OnceCell::new() }
    }

    /// Measures `eval_count` pictures of the averaged generator, the first of the seed's. Nothing
    /// of the training is changed.
    #[must_use]
    pub fn measure(&self, trainer: &Trainer, device: &Device) -> Quality {
        let generator = trainer.averaged_generator();
        let config = trainer.config();
        let sampler = Sampler::new(&generator, trainer.model(), device);
        let pictures = sampler.pictures(config.seed, 0, config.eval_count);
        let seen = self.ruler.look(&pictures, &|_| ());
        let options = Options { resamples: 0, ..Options::default() };
        let look = || Reference::new(&self.ruler, self.ruler.look(self.test.images(), &|_| ()));
        let found = self.reference.get_or_init(look).judge(&seen, options);
        Quality {
            count: found.count,
            frechet: found.frechet.value,
            precision: found.precision.value,
            recall: found.recall.value,
            density: found.density.value,
            coverage: found.coverage.value,
            score: found.score.value,
            confidence: found.confidence.value,
            diversity: found.diversity,
            shares: found.shares,
            missing: found.missing,
        }
    }
}
