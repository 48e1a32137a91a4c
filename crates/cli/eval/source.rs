//! The samples to evaluate: read from files, or generated from a checkpoint.

use std::path::PathBuf;

use anyhow::anyhow;
use gan_core::atomic_file::directory;
use gan_core::stream::{Purpose, stream};
use gan_data::{Dataset, read_labels, read_samples};
use gan_eval::random_subset;
use gan_model::checkpoint::{Checkpoint, Header, Weights};
use gan_model::device::SelectedDevice;
use gan_sample::Sampler;

use super::args::{EvalArgs, MIN};
use crate::common::data::shape_flags;
use crate::common::image_args::ImageArgs;
use crate::common::{DatasetArgs, DatasetName, Failure, checkpoint_path, output, usage};

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

impl Source {
    /// Generates samples from the checkpoint that the flags name, if any. The data set, which
    /// the checkpoint records, is loaded after it.
    pub fn generated(args: &EvalArgs, device: &SelectedDevice) -> Result<Option<Self>, Failure> {
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
        let (weights, name) =
            if args.raw { (Weights::Raw, "raw") } else { (Weights::Averaged, "averaged") };
        let generator = checkpoint.generator(weights, &device.device)?;
        let header = checkpoint.header().clone();
        let sampler = Sampler::new(&generator, &header.model, &device.device);
        let sampler = sampler.truncated(args.truncation);
        let pixels = sampler.samples(args.seed, 0, args.count, None);
        let asked = sampler.turns(0, args.count);
        Ok(Some(Self { path, pixels, asked, checkpoint: Some((header, name)) }))
    }

    /// The samples that the flags name, of the shape of `real` images; `None` when they name none.
    pub fn open(
        generated: Option<Self>,
        args: &EvalArgs,
        real: &Dataset,
    ) -> Result<Option<Self>, Failure> {
        let shape = real.shape();
        if let Some(Self { path, checkpoint: Some((header, _)), .. }) = &generated
            && header.model.image != shape
        {
            let (path, found) = (path.display(), header.model.image);
            return Err(usage!(
                "{path} generates samples of {found}, but the images to compare them with are of \
                 {shape}; expected the same, which you get with {}",
                shape_flags(found)
            ));
        }
        let Some(path) = &args.samples else { return Ok(generated) };
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
pub fn dataset(args: &EvalArgs, source: Option<&Source>) -> Result<DatasetArgs, Failure> {
    let mut dataset = args.dataset.clone();
    if let Some(Source { path, checkpoint: Some((header, _)), .. }) = source {
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
    source: Option<&Source>,
    images: &Dataset,
) -> Result<(), Failure> {
    let DatasetArgs { data, dataset, data_dir, images: flags, .. } = &args.dataset;
    let named = data.is_some() || dataset.is_some() || data_dir.is_some();
    let Some(Source { path, checkpoint: Some((header, _)), .. }) = source else { return Ok(()) };
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
