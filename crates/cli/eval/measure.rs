//! Everything that is measured, with a progress bar.

use anyhow::Result;
use gan_core::stream::{Purpose, stream};
use gan_data::{Dataset, IMAGE_LEN};
use gan_eval::bootstrap::Interval;
use gan_eval::classes::labels;
use gan_eval::memory::{Memory, memory, memory_intervals};
use gan_eval::{
    Extracted, FeatureExtractor, Measures, Nearest, Options, Reference, evenly, nearest, stand_ins,
};
use gan_model::device::SelectedDevice;
use indicatif::ProgressBar;

use super::args::EvalArgs;
use super::files;
use crate::common::data::Data;
use crate::common::output;

/// Number of samples, and of test images, whose nearest training images are searched.
const SEARCHED: usize = 2_000;

/// The results of an evaluation.
pub struct Results {
    pub dataset: String,
    /// Number of test images.
    pub tests: usize,
    /// Share of the test images that the extractor classifies correctly.
    pub accuracy: f64,
    pub measures: Measures,
    /// The measures of real images in place of the samples.
    pub floor: Measures,
    pub memorisation: Memory,
    /// The intervals of its ratio and its share.
    pub memorisation_intervals: [Interval; 2],
}

impl Results {
    /// Evaluates samples `[n, 28, 28]` and writes the files that the flags name.
    pub fn measure(
        args: &EvalArgs,
        samples: &[u8],
        data: &mut Data,
        extractor: &FeatureExtractor,
        device: &SelectedDevice,
    ) -> Result<Self> {
        let test = data.test()?;
        let count = samples.len() / IMAGE_LEN;
        let bar = Bar(output::progress_bar("  [{bar:24}] {msg}", args.output.quiet)?);
        let options = Options { seed: args.seed, ..Options::default() };

        let real = bar.extract("features of test images", extractor, test.images());
        let reference = Reference::new(extractor, real);
        let extracted = bar.extract("features of samples", extractor, samples);
        bar.stage("measures of samples");
        let measures = reference.judge(&extracted, options);
        let real = stand_ins(data.train.images(), count, args.seed);
        let real = bar.extract("features of real images", extractor, &real);
        bar.stage("measures of real images");
        let floor = reference.judge(&real, Options { resamples: 0, ..options });
        let some = evenly(samples, IMAGE_LEN, SEARCHED);
        let (near, memorisation, memorisation_intervals) =
            memorised(&bar, &some, &data.train, &test, device, options);
        bar.0.finish_and_clear();

        if let Some(path) = &args.pairs {
            files::write_pairs(path, &some, &data.train, &near)?;
        }
        if let Some(folder) = &args.features {
            files::write_features(folder, reference.seen(), &extracted, extractor)?;
        }
        let classified = labels(&reference.seen().probabilities, extractor.classes());
        let correct = classified.iter().zip(test.labels()).filter(|&(&a, &b)| a == usize::from(b));
        Ok(Self {
            dataset: data.train.name().to_owned(),
            tests: test.len(),
            accuracy: correct.count() as f64 / test.len() as f64,
            measures,
            floor,
            memorisation,
            memorisation_intervals,
        })
    }
}

/// How close samples are to training images, compared with [`SEARCHED`] test images.
fn memorised(
    bar: &Bar,
    samples: &[u8],
    train: &Dataset,
    test: &Dataset,
    device: &SelectedDevice,
    options: Options,
) -> (Vec<Nearest>, Memory, [Interval; 2]) {
    bar.stage("nearest training images");
    let near = |images: &[u8]| {
        nearest(images, train.images(), &device.device, &|part| {
            bar.0.set_length(100);
            bar.0.set_position((100.0 * part) as u64);
        })
    };
    let (near, test) = (near(samples), near(&evenly(test.images(), IMAGE_LEN, SEARCHED)));
    let distances = |near: &[Nearest]| near.iter().map(|n| n.distance).collect::<Vec<_>>();
    let (found, expected) = (distances(&near), distances(&test));
    // The resamples of the measures count from 1.
    let mut rng = stream(options.seed, Purpose::Bootstrap, 0);
    let intervals = memory_intervals(&found, &expected, options.resamples, &mut rng);
    (near, memory(&found, &expected), intervals)
}

/// The current stage, on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn stage(&self, what: &'static str) {
        self.0.set_message(what);
        self.0.set_position(0);
        self.0.tick();
    }

    fn extract(
        &self,
        what: &'static str,
        extractor: &FeatureExtractor,
        images: &[u8],
    ) -> Extracted {
        self.stage(what);
        self.0.set_length((images.len() / IMAGE_LEN) as u64);
        extractor.look(images, &|done| self.0.set_position(done as u64))
    }
}
