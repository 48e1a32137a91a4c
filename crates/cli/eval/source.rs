//! The samples to evaluate: read from files, or generated from a checkpoint.

use std::path::PathBuf;

use anyhow::anyhow;
use burn::tensor::Device;
use gan_core::atomic_file::directory;
use gan_core::memory;
use gan_core::stream::{Purpose, stream};
use gan_data::{Dataset, read_labels, read_samples};
use gan_eval::{Predicts, random_labels, random_subset};
use gan_model::Generator;
use gan_model::checkpoint::{Checkpoint, Header, Weights};
use gan_sample::Sampler;

use super::args::{EvalArgs, MIN};
use crate::common::data::shape_flags;
use crate::common::image_args::ImageArgs;
use crate::common::{Data, DatasetArgs, DatasetName, Failure, checkpoint_path, output, usage};

/// Samples, and where they come from.
pub struct Source {
    pub path: PathBuf,
    /// `[n, height, width, channels]`
    pub pixels: Vec<u8>,
    /// The class that each was asked for, if they were.
    pub asked: Option<Vec<u16>>,
    /// The header of the checkpoint that generated them, and which of its weights.
    pub checkpoint: Option<(Header, &'static str)>,
}

/// A checkpoint to generate samples from.
pub struct Trained {
    path: PathBuf,
    header: Header,
    generator: Generator,
    weights: &'static str,
}

impl Trained {
    /// Opens the checkpoint that the flags name, if any. The data set, which it records, is loaded after
    /// it.
    pub fn open(args: &EvalArgs, device: &Device) -> Result<Option<Self>, Failure> {
        if let Some(path) = &args.samples {
            // What can fail at once fails before anything is downloaded.
            std::fs::metadata(path)
                .map_err(|error| anyhow!("--samples: cannot read {}: {error}", path.display()))?;
            if path.to_str().is_none() {
                return Err(usage!(
                    "--samples {}: its name is not UTF-8; expected one that is",
                    path.display()
                ));
            }
        }
        let Some(path) = args.checkpoint.as_deref().map(checkpoint_path) else { return Ok(None) };
        let checkpoint = Checkpoint::open(&path)?;
        let (which, weights) =
            if args.raw { (Weights::Raw, "raw") } else { (Weights::Averaged, "averaged") };
        let generator = checkpoint.generator(which, device)?;
        Ok(Some(Self { path, header: checkpoint.header().clone(), generator, weights }))
    }

    /// Generates samples; of a model with classes, of each as often as the `real` images have it.
    fn generate(self, args: &EvalArgs, real: &Dataset, device: &Device) -> Result<Source, Failure> {
        let Self { path, header, generator, weights } = self;
        let shape = real.shape();
        if header.model.image != shape {
            let (path, found) = (path.display(), header.model.image);
            return Err(usage!(
                "{path} generates samples of {found}, but the images to compare them with are of \
                 {shape}; expected the same, which you get with {}",
                shape_flags(found)
            ));
        }
        let asked = header.model.classes().map(|classes| {
            let known = real.labels().filter(|_| real.classes() == Some(classes));
            let labels = known.ok_or_else(|| {
                usage!(
                    "{} draws {classes} classes, and the images to compare its samples with have {}; \
                     give images with the same classes by --data",
                    path.display(),
                    real.classes().map_or("no labels".into(), |found| format!("{found} classes"))
                )
            })?;
            let mut rng = stream(args.seed, Purpose::SampleLabels, 0);
            Ok::<_, Failure>(random_labels(labels, args.count, &mut rng))
        });
        let asked = asked.transpose()?;
        memory::check(args.count * shape.len())
            .map_err(|error| anyhow!("cannot generate {} samples: {error}", args.count))?;
        let sampler = Sampler::new(&generator, &header.model, device).truncated(args.truncation);
        let pixels = sampler.samples(args.seed, 0, args.count, asked.as_deref());
        Ok(Source { path, pixels, asked, checkpoint: Some((header, weights)) })
    }
}

impl Source {
    /// The samples that the flags name, of the shape of `real` images; `None` when they name none.
    pub fn open(
        trained: Option<Trained>,
        args: &EvalArgs,
        real: &Dataset,
        device: &Device,
    ) -> Result<Option<Self>, Failure> {
        if let Some(trained) = trained {
            return Ok(Some(trained.generate(args, real, device)?));
        }
        let shape = real.shape();
        let Some(path) = &args.samples else { return Ok(None) };
        let source = gan_data::Source { path: path.clone(), options: args.dataset.options() };
        let bar = output::progress_bar(
            "  reading samples [{bar:30}] {pos}/{len}  {eta} left",
            args.output.quiet,
        )?;
        let read = read_samples(&source, shape, &|progress| {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
        });
        bar.finish_and_clear();
        let (pixels, found) = read.map_err(|error| anyhow!("--samples: {error}"))?;
        if !args.output.quiet {
            output::log(format!("samples: {}", found.join(", ")));
        }
        // The same choice of samples and of their labels.
        let rng = || stream(args.seed, Purpose::Subset, 4);
        let all = pixels.len() / shape.len();
        let asked = args.labels.as_deref().map(|path| read_labels(path, all)).transpose();
        let asked = asked.map_err(|error| anyhow!("--labels: {error}"))?;
        let asked = asked.map(|labels| random_subset(&labels, 1, args.count, &mut rng()));
        let pixels = random_subset(&pixels, shape.len(), args.count, &mut rng());
        if let Some(what) = suspicious(&pixels, real.images()) {
            output::log(format!("warning: --samples {}: {what}", path.display()));
        }
        let found = pixels.len() / shape.len();
        if found < MIN {
            let path = path.display();
            return Err(usage!("--samples {path} has {found} samples; expected {MIN} or more"));
        }
        Ok(Some(Self { path: path.clone(), pixels, asked, checkpoint: None }))
    }
}

/// The data set that the flags name, or the one that the checkpoint was trained on.
pub fn dataset(args: &EvalArgs, trained: Option<&Trained>) -> Result<DatasetArgs, Failure> {
    let mut dataset = args.dataset.clone();
    if let Some(Trained { path, header, .. }) = trained {
        let name = &header.dataset.name;
        dataset = dataset.or_recorded(name, directory(path)).ok_or_else(|| {
            usage!(
                "{} was trained on {name:?}, and no run beside it tells where these images are; give \
                 their path with --data",
                path.display()
            )
        })?;
    }
    if dataset.data.is_none() {
        dataset.dataset = dataset.dataset.or(Some(DatasetName::Mnist));
    }
    if args.samples.is_some() {
        // It is the samples that are inverted.
        dataset.images.invert = None;
    }
    Ok(dataset)
}

/// Checks that images that no flag names are those that the checkpoint was trained on: others may
/// have its training images among their test images.
pub fn check_images(
    args: &EvalArgs,
    trained: Option<&Trained>,
    images: &Dataset,
) -> Result<(), Failure> {
    let DatasetArgs { data, dataset, data_dir, images: flags, .. } = &args.dataset;
    let named = data.is_some() || dataset.is_some() || data_dir.is_some();
    let Some(Trained { path, header, .. }) = trained else { return Ok(()) };
    let (found, trained) = (images.digest(), &header.dataset.digest);
    if named || *flags != ImageArgs::default() || found == trained {
        return Ok(());
    }
    Err(usage!(
        "{} was trained on images with sha256 {trained:.12}…, but its run's images have {found:.12}… \
         now; expected the same: to compare with these, give their path with --data",
        path.display()
    ))
}

/// Checks that `--usefulness` can train and test classifiers.
pub fn check_usefulness(trained: Option<&Trained>, data: &Data) -> Result<(), Failure> {
    if trained.is_some_and(|trained| trained.header.model.classes().is_none()) {
        return Err(anyhow!(
            "--usefulness needs the classes that the samples were asked for; give a checkpoint of \
             gan-train --conditional, or --samples with --labels"
        )
        .into());
    }
    let test = (data.test)()?;
    if Predicts::of(&data.train, &test) == Predicts::Labels {
        return Ok(());
    }
    let found = |images: &Dataset| {
        images.classes().map_or("no labels".into(), |classes| format!("{classes} classes"))
    };
    Err(anyhow!(
        "--usefulness needs images with labels of 2 to 256 classes, and the training images of {} have \
         {}, its test images {}; omit it, or give other images by --data",
        data.train.name(),
        found(&data.train),
        found(&test)
    )
    .into())
}

/// A likely mistake in samples that could be read.
fn suspicious(pixels: &[u8], real: &[u8]) -> Option<&'static str> {
    let mean = |pixels: &[u8]| {
        let sum: u64 = pixels.iter().map(|&pixel| u64::from(pixel)).sum();
        sum as f64 / pixels.len() as f64
    };
    let (found, expected) = (mean(pixels), mean(real));
    if pixels.iter().all(|&pixel| pixel <= 1) {
        Some("no pixel is above 1, but white is 255; multiply by 255 if white is 1 in this file")
    } else if found > 127.5 && (255.0 - found - expected).abs() + 64.0 < (found - expected).abs() {
        Some("most pixels are white, but most of the real images are black; add --invert")
    } else {
        None
    }
}
