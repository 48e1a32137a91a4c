//! Everything that is measured, with a progress bar.

use anyhow::{Result, anyhow};
use gan_core::memory;
use gan_core::stream::{Purpose, stream};
use gan_data::Dataset;
use gan_eval::bootstrap::Interval;
use gan_eval::classes::labels;
use gan_eval::memorisation::{Memorisation, memorisation, memorisation_intervals};
use gan_eval::{
    Extracted, FeatureExtractor, Measures, Nearest, Options, Reference, nearest, random_subset,
};
use gan_model::device::SelectedDevice;
use indicatif::ProgressBar;

use super::args::EvalArgs;
use super::files;
use crate::common::{Data, output};

/// Number of samples, and of test images, whose nearest training images are searched.
const SEARCHED: usize = 2_000;
/// About how many bytes an evaluation needs in addition to its data set.
const MEMORY: usize = 256 << 20;
const MEMORY_PER_SAMPLE: usize = 5 << 10;

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
    pub memorisation: Memorisation,
    /// The intervals of its ratio and its share.
    pub memorisation_intervals: [Interval; 2],
}

impl Results {
    /// Evaluates samples `[n, height, width, channels]` and writes the files that the flags name.
    pub fn measure(
        args: &EvalArgs,
        samples: &[u8],
        data: &mut Data,
        extractor: &FeatureExtractor,
        device: &SelectedDevice,
    ) -> Result<Self> {
        let test = data.test()?;
        let len = data.train.shape().len();
        let count = samples.len() / len;
        memory::check(MEMORY + count * MEMORY_PER_SAMPLE)
            .map_err(|error| anyhow!("cannot measure {count} samples: {error}"))?;
        let random = |purpose, index| stream(args.seed, purpose, index);
        let bar = Bar(output::progress_bar("  [{bar:24}] {msg}", args.output.quiet)?);
        let options = Options { seed: args.seed, ..Options::default() };

        let real = bar.extract("features of test images", extractor, test.images());
        let reference = Reference::new(extractor, real);
        let extracted = bar.extract("features of samples", extractor, samples);
        bar.stage("measures of samples");
        let measures = reference.evaluate(&extracted, options);
        let real = random_subset(data.train.images(), len, count, &mut random(Purpose::Floor, 0));
        let real = bar.extract("features of real images", extractor, &real);
        bar.stage("measures of real images");
        let floor = reference.evaluate(&real, Options { resamples: 0, ..options });
        let some = random_subset(samples, len, SEARCHED, &mut random(Purpose::Subset, 1));
        let (near, memorisation, memorisation_intervals) =
            memorised(&bar, &some, &data.train, &test, device, options);
        bar.0.finish_and_clear();

        if let Some(path) = &args.pairs {
            files::write_pairs(path, &some, &data.train, &near)?;
        }
        if let Some(folder) = &args.features {
            files::write_features(folder, reference.real(), &extracted, extractor)?;
        }
        let classified = labels(&reference.real().probabilities, extractor.classes());
        let expected = test.labels().unwrap_or_default();
        let correct = classified.iter().zip(expected).filter(|&(&a, &b)| a == usize::from(b));
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
) -> (Vec<Nearest>, Memorisation, [Interval; 2]) {
    bar.stage("nearest training images");
    let near = |images: &[u8]| {
        nearest(images, train.images(), train.shape(), &device.device, &|part| {
            bar.0.set_length(100);
            bar.0.set_position((100.0 * part) as u64);
        })
    };
    let mut rng = stream(options.seed, Purpose::Subset, 2);
    let test = random_subset(test.images(), test.shape().len(), SEARCHED, &mut rng);
    let (near, test) = (near(samples), near(&test));
    let distances = |near: &[Nearest]| near.iter().map(|n| n.distance).collect::<Vec<_>>();
    let (found, expected) = (distances(&near), distances(&test));
    // The resamples of the measures count from 1.
    let mut rng = stream(options.seed, Purpose::Bootstrap, 0);
    let intervals = memorisation_intervals(&found, &expected, options.resamples, &mut rng);
    (near, memorisation(&found, &expected), intervals)
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
        self.0.set_length((images.len() / extractor.shape().len()) as u64);
        extractor.extract(images, &|done| self.0.set_position(done as u64))
    }
}
