//! The flags of `gan-eval`.

use std::path::PathBuf;

use clap::Parser;
use gan_core::atomic_file::directory;

use crate::common::{
    CODES, DatasetArgs, DeviceArgs, Failure, OutputArgs, check_png, check_range, check_truncation,
    extractor, usage,
};

const EXAMPLES: &str = "Examples:
  gan-eval --checkpoint runs/0001-mnist-dense           10000 samples of a run
  gan-eval --checkpoint ckpt.mpk --json                 one JSON object
  gan-eval --samples samples.npy                        samples of any other program
  gan-eval --checkpoint ckpt.mpk --pairs closest.png    check whether images were memorised
  gan-eval --feature-extractor train --dataset fashion-mnist
                                                        train an extractor for another data set";

const READING: &str = "How to read the table: the last column is the result for real training \
images in place of samples, the best that a generator can reach. Compare generators by the kernel \
distance (KID), less is better: it does not grow with a smaller --count, and if the intervals of two \
generators do not overlap, they differ. The Fréchet distance is larger with fewer samples. Precision is the share of samples that look real; recall and \
coverage are the share of real images that the samples cover. Results are only comparable with \
the same feature extractor and, but for the kernel distance, the same --count.";

/// The fewest samples with meaningful measures.
pub const MIN: usize = 100;
/// The most: the cost grows with their square.
pub const MAX: usize = 200_000;

/// Evaluate samples: compare them with the test images of a data set.
///
/// Both are reduced to features by a frozen classifier, the feature extractor. The one for MNIST
/// is built in and is used for the synthetic digits as well.
#[derive(Parser, Debug)]
#[command(
    name = "gan-eval",
    after_help = format!("{EXAMPLES}\n\n{READING}\n\n{CODES}"),
    allow_negative_numbers = true,
    mut_arg("data", |arg| arg.help(
        "Images to compare with, from any source: a folder, a .zip, a .npy, .npz or .csv, IDX files; \
         docs/data.md has a table of all"
    )),
    mut_arg("invert", |arg| arg.help("Exchange black and white: of --samples, else of the data set")),
    mut_arg("dataset", |arg| arg.help(
        "Data set to compare with [default: the one the checkpoint was trained on, else mnist]"
    ))
)]
pub struct EvalArgs {
    /// The checkpoint to generate samples from, or the directory of its run
    #[arg(long, value_name = "CKPT|DIR")]
    pub checkpoint: Option<PathBuf>,

    /// Samples of any program to evaluate instead, from any source that --data reads: a .npy, also of
    /// float32 in [-1, 1], a folder of images, a .zip, ...
    #[arg(long, value_name = "PATH", conflicts_with = "checkpoint")]
    pub samples: Option<PathBuf>,

    /// The classes that the --samples were asked for: a .npy of whole numbers, [n]
    #[arg(long, value_name = "FILE.npy", requires = "samples")]
    pub labels: Option<PathBuf>,

    // With --samples, --invert is for them alone.
    #[command(flatten)]
    pub dataset: DatasetArgs,

    /// Number of samples to evaluate
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub count: usize,

    /// Seed of the samples and of the bootstrap resamples
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// File of a feature extractor; or train, which trains one for the data set and saves it beside
    /// the data files, or with --data in ./data/NAME: from its labels or, without labels of 2 to 256
    /// classes, by predicting rotations; or train-without-labels, which does not use labels [default: the built-in one, or the saved
    /// one]
    #[arg(long, visible_alias = "ruler", value_name = "FILE|train|train-without-labels")]
    pub feature_extractor: Option<PathBuf>,

    /// Also train a classifier on the samples, and the classes that they were asked for, and test it on
    /// the test images, beside one that is trained on as many real images; both on at most as many as
    /// there are training images
    #[arg(long)]
    pub usefulness: bool,

    /// Write a PNG of the samples closest to training images, each above its nearest image; an
    /// existing file is replaced
    #[arg(long, value_name = "FILE.png")]
    pub pairs: Option<PathBuf>,

    /// Write the extracted features to this new folder: real.npy and fake.npy, [n, 128], and
    /// probabilities.npy, [n, classes], if the extractor has classes
    #[arg(long, value_name = "DIR")]
    pub features: Option<PathBuf>,

    /// Use the weights as trained instead of their moving average (EMA)
    #[arg(long, conflicts_with = "samples")]
    pub raw: bool,

    /// Multiply latent vectors by this, 0 to 1, as gan-sample does
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, conflicts_with = "samples")]
    pub truncation: f32,

    #[command(flatten)]
    pub device: DeviceArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

impl EvalArgs {
    /// Checks the flags before any work is done.
    pub fn check(&self) -> Result<(), Failure> {
        let training = self.feature_extractor.as_deref().is_some_and(extractor::is_training);
        if self.checkpoint.is_none() && self.samples.is_none() && !training {
            return Err(usage!(
                "nothing to evaluate; give --checkpoint CKPT|DIR or --samples PATH"
            ));
        }
        if self.usefulness && self.samples.is_some() && self.labels.is_none() {
            return Err(usage!(
                "--usefulness needs the classes that the samples were asked for; add --labels"
            ));
        }
        check_range("count", self.count, MIN..=MAX)?;
        check_truncation(self.truncation)?;
        if let Some(path) = &self.features {
            let found = path.display();
            if path.exists() {
                return Err(usage!("--features {found}: already exists; expected a new folder"));
            }
            if !directory(path).is_dir() {
                return Err(usage!(
                    "--features {found}: its folder does not exist; create it first"
                ));
            }
        }
        if let Some(path) = &self.pairs {
            check_png("pairs", path)?;
        }
        Ok(())
    }
}
