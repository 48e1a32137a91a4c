//! How good the pictures of a training are, measured while it goes on.

use std::cell::OnceCell;

use burn::tensor::Device;
use gan_data::Dataset;
use gan_eval::{FeatureExtractor, Options, Reference};
use gan_run::Quality;
use gan_sample::Sampler;

use crate::trainer::Trainer;

/// Judges a training's pictures by a ruler.
pub struct Evaluator {
    ruler: FeatureExtractor,
    test: Dataset,
    /// Extracted when they are needed first, which takes some seconds.
    reference: OnceCell<Reference>,
}

impl Evaluator {
    /// Judges against test images, which no training sees.
    #[must_use]
    pub fn new(ruler: FeatureExtractor, test: Dataset) -> Self {
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
        let seen = self.ruler.extract(&pictures, &|_| ());
        let options = Options { resamples: 0, ..Options::default() };
        let look = || Reference::new(&self.ruler, self.ruler.extract(self.test.images(), &|_| ()));
        let found = self.reference.get_or_init(look).evaluate(&seen, options);
        Quality {
            count: found.count,
            // As many digits as JSON gives back to the last bit: what is the best so far is told
            // by the row when a training goes on.
            frechet: (found.frechet.value * 1e6).round() / 1e6,
            precision: found.precision.value,
            recall: found.recall.value,
            density: found.density.value,
            coverage: found.coverage.value,
            score: found.score.value,
            confidence: found.confidence.value,
            diversity: found.diversity.value,
            shares: found.shares,
            missing: found.missing,
        }
    }
}
