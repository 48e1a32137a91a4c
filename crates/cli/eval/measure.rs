//! Everything that is measured, with a progress bar, and the files of it.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Result, anyhow};
use gan_core::memory;
use gan_core::stream::{Purpose, stream};
use gan_data::Dataset;
use gan_eval::classes::labels;
use gan_eval::memorisation::{Memorisation, closest, memorisation};
use gan_eval::{
    Extracted, ExtractorProgress, FeatureExtractor, Measures, Nearest, Options, Reference, nearest,
    random_subset, usefulness,
};
use gan_model::device::SelectedDevice;
use gan_sample::{Grid, write_png};
use npyz::WriterBuilder;

use super::args::EvalArgs;
use super::source::Source;
use crate::common::{Data, output};

/// Number of samples, and of test images, whose nearest training images are searched.
const SEARCHED: usize = 2_000;
/// About how many bytes an evaluation needs in addition to its data set and its images.
const MEMORY: usize = 256 << 20;
const MEMORY_PER_SAMPLE: usize = 5 << 10;
/// Number of pairs, and pairs per row.
const PAIRS: [usize; 2] = [40, 20];

/// The results of an evaluation.
pub struct Results {
    pub source: Source,
    pub extractor: FeatureExtractor,
    pub dataset: String,
    pub class_names: Vec<String>,
    /// Number of test images, and whether they were held out of the training images.
    pub tests: usize,
    pub held_out: bool,
    /// Share of the test images that the extractor classifies correctly, if that is known.
    pub accuracy: Option<f64>,
    pub measures: Measures,
    /// The measures of real images in place of the samples.
    pub floor: Measures,
    pub memorisation: Memorisation,
    /// The accuracy of a classifier trained on the samples, and of one trained on real images.
    pub usefulness: Option<[f64; 2]>,
    /// Whether the files that the flags name were written.
    pub files: Result<()>,
}

impl Results {
    /// Evaluates the samples of `source` and writes the files that the flags name.
    pub fn measure(
        args: &EvalArgs,
        source: Source,
        data: &Data,
        extractor: FeatureExtractor,
        device: &SelectedDevice,
    ) -> Result<Self> {
        let asked = source.asked.as_deref();
        let samples = &source.pixels;
        let test = (data.test)()?;
        let len = data.train.shape().len();
        let count = samples.len() / len;
        // The real images; and those searched for, of both kinds, and as numbers.
        let images = (count + 6 * SEARCHED) * len;
        memory::check(MEMORY + count * MEMORY_PER_SAMPLE + images)
            .map_err(|error| anyhow!("cannot measure {count} samples: {error}"))?;
        let random = |purpose, index| stream(args.seed, purpose, index);
        let bar = output::progress_bar("  [{bar:24}] {msg}", args.output.quiet)?;
        let stage = |what| {
            bar.set_message(what);
            bar.set_position(0);
            bar.tick();
        };
        let extract = |what, images: &[u8]| {
            stage(what);
            bar.set_length((images.len() / len) as u64);
            extractor.extract(images, &|done| bar.set_position(done as u64))
        };
        let options = Options { seed: args.seed, ..Options::default() };

        let real = extract("features of test images", test.images());
        let mut reference = Reference::new(&extractor, real);
        if asked.is_some() {
            let (labels, classes) = class_labels(&source, &test)?;
            reference = reference.with_labels(labels, classes);
        }
        let extracted = extract("features of samples", samples);
        stage("measures of samples");
        let measures = reference.evaluate(&extracted, asked, options);
        let floor = || random(Purpose::Floor, 0);
        let real_images = random_subset(data.train.images(), len, count, &mut floor());
        let real_labels = data.train.labels().filter(|_| asked.is_some());
        let real_labels = real_labels.map(|labels| random_subset(labels, 1, count, &mut floor()));
        let real = extract("features of real images", &real_images);
        stage("measures of real images");
        let floor = Options { resamples: 0, ..options };
        let floor = reference.evaluate(&real, real_labels.as_deref(), floor);
        let some = random_subset(samples, len, SEARCHED, &mut random(Purpose::Subset, 1));
        let some_test =
            random_subset(test.images(), len, SEARCHED, &mut random(Purpose::Subset, 2));
        stage("nearest training images");
        let nearest = |images: &[u8]| {
            nearest(images, data.train.images(), data.train.shape(), &device.device, &|part| {
                bar.set_length(100);
                bar.set_position((100.0 * part) as u64);
            })
        };
        let (near, near_test) = (nearest(&some), nearest(&some_test));
        let distances = |near: &[Nearest]| near.iter().map(|n| n.distance).collect::<Vec<_>>();
        let (found, expected) = (distances(&near), distances(&near_test));
        // The resamples of the measures count from 1.
        let mut rng = random(Purpose::Bootstrap, 0);
        let memorisation = memorisation(&found, &expected, options.resamples, &mut rng);
        let usefulness = match asked.filter(|_| args.usefulness) {
            None => None,
            Some(asked) => {
                let classes = data.train.class_names();
                let train = |what, pixels: &[u8], labels: &[u16]| -> Result<f64> {
                    stage(what);
                    let images = Dataset::new("images", data.train.shape(), pixels.to_vec())?;
                    let images = images.with_labels(labels.to_vec(), classes.to_vec())?;
                    let observe = |progress: ExtractorProgress| {
                        bar.set_length(progress.total);
                        bar.set_position(progress.done);
                    };
                    Ok(usefulness(&images, &test, args.seed, &device.device, observe)?)
                };
                let labels = real_labels.as_deref().unwrap_or_default();
                let rng = || random(Purpose::Subset, 5);
                let samples = random_subset(samples, len, labels.len(), &mut rng());
                let asked = random_subset(asked, 1, labels.len(), &mut rng());
                let found = train("a classifier of samples", &samples, &asked)?;
                Some([found, train("a classifier of real images", &real_images, labels)?])
            }
        };
        bar.finish_and_clear();

        let pairs = args.pairs.as_deref();
        let pairs = pairs.map(|path| write_pairs(path, &some, &data.train, &near));
        let features = args.features.as_deref();
        let features =
            features.map(|folder| write_features(folder, reference.real(), &extracted, &extractor));
        Ok(Self {
            // The results are worth showing all the same.
            files: pairs.into_iter().chain(features).collect(),
            accuracy: accuracy(&extractor, &test, reference.real()),
            source,
            extractor,
            dataset: data.train.name().to_owned(),
            class_names: data.train.class_names().to_vec(),
            tests: test.len(),
            held_out: data.held_out.is_some(),
            measures,
            floor,
            memorisation,
            usefulness,
        })
    }
}

/// The labels of the test images, which samples that were asked for by class are compared with, and the
/// number of classes.
fn class_labels<'a>(source: &Source, test: &'a Dataset) -> Result<(&'a [u16], usize)> {
    let (Some(labels), Some(classes)) = (test.labels(), test.classes()) else {
        return Err(anyhow!(
            "the samples were asked for by class, and the test images of {} have no labels; give \
             images with labels by --data",
            test.name()
        ));
    };
    let asked = source.asked.iter().flatten().copied().max().unwrap_or(0);
    if usize::from(asked) >= classes {
        return Err(anyhow!(
            "samples were asked for as class {asked}, and {} has {classes} classes; expected 0 to {}",
            test.name(),
            classes - 1
        ));
    }
    Ok((labels, classes))
}

/// The share of the test images that are classified correctly.
fn accuracy(extractor: &FeatureExtractor, test: &Dataset, real: &Extracted) -> Option<f64> {
    // Classes were extracted already, orientations were not.
    let Some(classes) = extractor.classes() else { return extractor.accuracy_on(test) };
    let classified = labels(&real.probabilities, classes);
    let pairs = classified.into_iter().zip(test.labels()?);
    let correct = pairs.filter(|&(class, &label)| class == usize::from(label));
    Some(correct.count() as f64 / test.len() as f64)
}

/// Writes rows of the closest samples, each above a row of their nearest training images.
fn write_pairs(path: &Path, samples: &[u8], train: &Dataset, near: &[Nearest]) -> Result<()> {
    let distances: Vec<_> = near.iter().map(|n| n.distance).collect();
    let (mut pixels, shape) = (Vec::new(), train.shape());
    for row in closest(&distances, PAIRS[0]).chunks(PAIRS[1]) {
        for &index in row {
            pixels.extend_from_slice(&samples[index * shape.len()..][..shape.len()]);
        }
        for &index in row {
            pixels.extend_from_slice(train.image(near[index].index));
        }
    }
    let image = Grid { columns: PAIRS[1], scale: 2 }.draw(&pixels, shape)?;
    write_png(path, &image)
        .map_err(|error| anyhow!("cannot write --pairs {}: {error}", path.display()))
}

/// Writes arrays for other programs, all or none.
fn write_features(
    folder: &Path,
    real: &Extracted,
    fake: &Extracted,
    extractor: &FeatureExtractor,
) -> Result<()> {
    let failed = |error| anyhow!("cannot write --features {}: {error}", folder.display());
    fs::create_dir(folder).map_err(failed)?;
    let mut arrays = vec![
        ("real.npy", &real.features, FeatureExtractor::FEATURES),
        ("fake.npy", &fake.features, FeatureExtractor::FEATURES),
    ];
    arrays.extend(extractor.classes().map(|n| ("probabilities.npy", &fake.probabilities, n)));
    for (name, numbers, width) in arrays {
        let write = || {
            let mut file = BufWriter::new(File::create_new(folder.join(name))?);
            let shape = [numbers.len() / width, width].map(|n| n as u64);
            let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
            let mut npy = options.writer(&mut file).begin_nd()?;
            npy.extend(numbers.iter().copied())?;
            npy.finish()?;
            file.flush()
        };
        if let Err(error) = write() {
            // It is new; the first error is the one to report.
            let _ = fs::remove_dir_all(folder);
            return Err(failed(error));
        }
    }
    Ok(())
}
