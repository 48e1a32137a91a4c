//! The flags of `gan-sample`.

use std::path::PathBuf;

use clap::Parser;
use gan_core::atomic_file::directory;
use gan_sample::Output;

use crate::common::{CODES, DeviceArgs, Failure, absolute, check_range, check_truncation, usage};

const EXAMPLES: &str = "Examples:
  gan-sample --checkpoint ckpt.mpk                          a row of ten samples
  gan-sample --checkpoint runs/0001-mnist-dense --count 100 --scale 2 --out samples.png
  gan-sample --checkpoint ckpt.mpk --count 10000 --out samples.npy
  gan-sample --checkpoint ckpt.mpk --count 50 --out folder  one PNG per sample
  gan-sample --checkpoint ckpt.mpk --interpolate 8 --scale 4 --out walk.gif

With a checkpoint of gan-train --conditional:
  gan-sample --checkpoint ckpt.mpk                          ten samples, one a class
  gan-sample --checkpoint ckpt.mpk --class 7 --count 20
  gan-sample --checkpoint ckpt.mpk --class all              a row for each class, a column for each style
  gan-sample --checkpoint ckpt.mpk --write 20261127 --scale 2
  gan-sample --checkpoint ckpt.mpk --interpolate --class 7  styles of one class
  gan-sample --checkpoint ckpt.mpk --interpolate --write 0123456789
                                                            classes of one style
  gan-sample --checkpoint ckpt.mpk --count 10000 --out s.npy --labels-out labels.npy";

/// Generate samples from a checkpoint of gan-train.
///
/// Sample i of a seed is the same whatever --count and --columns are. The path of the file that
/// was written is printed on stdout.
#[derive(Parser, Debug)]
#[command(
    name = "gan-sample",
    after_help = format!("{EXAMPLES}\n\n{CODES}"),
    allow_negative_numbers = true,
    mut_arg("threads", |arg| arg.help(
        "Number of CPU threads; the result does not depend on it [default: one per processor; \
         one for a few samples]"
    ))
)]
pub struct SampleArgs {
    /// The checkpoint, or the directory of its run
    #[arg(long, value_name = "CKPT|DIR", required_unless_present_any = ["completions", "man"])]
    pub checkpoint: Option<PathBuf>,

    /// Number of samples; with --class, of each class; with --interpolate, of frames from one point to
    /// the next [default: 10]
    #[arg(long, value_name = "N")]
    pub count: Option<usize>,

    /// Classes to draw, by name or number, between commas, or all: a row for each, whose samples in one
    /// column have the same latent vector
    #[arg(long, value_name = "CLASS,…|all", conflicts_with = "write")]
    pub class: Option<String>,

    /// Classes to draw side by side, all from one latent vector: a number, or names between commas
    #[arg(long, value_name = "TEXT")]
    pub write: Option<String>,

    /// With --write: draw each class from a latent vector of its own
    #[arg(long, requires = "write")]
    pub vary: bool,

    /// Multiply latent vectors by this, 0 to 1: with less, fewer samples are odd, and they vary less
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub truncation: f32,

    /// Samples per row of a grid [default: 10]
    #[arg(long, value_name = "N")]
    pub columns: Option<usize>,

    /// Enlarge each pixel to a square of N by N
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub scale: usize,

    /// Seed of the samples: the same seed generates the same samples
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// A .png grid, a .gif animation, a .npy array (uint8, [n, height, width], of colour images
    /// [n, height, width, 3]), or a new folder with one PNG per sample; an existing file is replaced
    /// [default: the next free digits-0001.png, or walk-0001.gif with --interpolate]
    #[arg(long, value_name = "FILE|DIR")]
    pub out: Option<PathBuf>,

    /// Use the weights as trained instead of their moving average (EMA)
    #[arg(long)]
    pub raw: bool,

    /// Interpolate between N random latent vectors and back to the first; with --write, between its
    /// classes [default of N: 8, or the length of --write]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "0")]
    pub interpolate: Option<usize>,

    /// Write the class of each sample to this .npy file, [n], of a checkpoint with classes
    #[arg(long, value_name = "FILE.npy")]
    pub labels_out: Option<PathBuf>,

    #[command(flatten)]
    pub device: DeviceArgs,

    /// Print the results as one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

impl SampleArgs {
    /// Checks what needs no checkpoint.
    pub fn check(&self) -> Result<(), Failure> {
        if let Some(out) = &self.out {
            Output::of(out).map_err(|error| usage!("--out: {error}"))?;
        }
        if let Some(path) = &self.labels_out {
            let found = path.display();
            if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("npy")) {
                return Err(usage!("--labels-out {found}: expected a file that ends in .npy"));
            }
            if !directory(path).is_dir() {
                return Err(usage!(
                    "--labels-out {found}: its folder does not exist; create it first"
                ));
            }
            if self.out.as_deref().is_some_and(|out| absolute(out) == absolute(path)) {
                return Err(usage!(
                    "--labels-out {found} is the file of --out too; expected another one"
                ));
            }
        }
        check_truncation(self.truncation)?;
        check_range("columns", self.columns.unwrap_or(1), 1..=1 << 20)?;
        check_range("scale", self.scale, 1..=1 << 10)
    }

    /// The flag that needs a model with classes, if one is given.
    pub fn class_flag(&self) -> Option<&'static str> {
        [
            ("--class", self.class.is_some()),
            ("--write", self.write.is_some()),
            ("--labels-out", self.labels_out.is_some()),
        ]
        .into_iter()
        .find_map(|(flag, is_given)| is_given.then_some(flag))
    }
}
