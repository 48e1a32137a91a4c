//! The flags of `gan-sample`.

use std::path::PathBuf;

use clap::Parser;
use gan_sample::{Grid, Output};

use crate::common::args::DeviceArgs;
use crate::common::exit::{CODES, Failure};

const EXAMPLES: &str = "Examples:
  gan-sample --checkpoint ckpt.mpk                          a row of ten samples
  gan-sample --checkpoint runs/0001-mnist-dense --count 100 --scale 2 --out samples.png
  gan-sample --checkpoint ckpt.mpk --count 10000 --out samples.npy
  gan-sample --checkpoint ckpt.mpk --count 50 --out folder  one PNG per sample
  gan-sample --checkpoint ckpt.mpk --interpolate 8 --scale 4 --out walk.gif";

/// Generate samples from a checkpoint of gan-train.
///
/// Sample i of a seed is the same whatever --count and --columns are. The path of the file that
/// was written is printed on stdout.
#[derive(Parser, Debug)]
#[command(
    name = "gan-sample",
    version,
    after_help = format!("{EXAMPLES}\n\n{CODES}"),
    allow_negative_numbers = true,
    max_term_width = 100,
    mut_arg("threads", |arg| arg.help(
        "Number of CPU threads; the result does not depend on it [default: one per processor; \
         one for a few samples]"
    ))
)]
pub struct SampleArgs {
    /// The checkpoint, or the directory of its run
    #[arg(long, value_name = "CKPT|DIR", required_unless_present_any = ["completions", "man"])]
    pub checkpoint: Option<PathBuf>,

    /// Number of samples; with --interpolate, number of frames from one point to the next
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub count: usize,

    /// Samples per row of a grid
    #[arg(long, value_name = "N", default_value_t = 10)]
    columns: usize,

    /// Enlarge each pixel to a square of N by N
    #[arg(long, value_name = "N", default_value_t = 1)]
    scale: usize,

    /// Seed of the samples: the same seed generates the same samples
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// A .png grid, a .gif animation, a .npy array (uint8, [n, height, width]), or a new folder with one
    /// PNG per sample; an existing file is replaced [default: the next free digits-0001.png, or
    /// walk-0001.gif with --interpolate]
    #[arg(long, value_name = "FILE|DIR")]
    pub out: Option<PathBuf>,

    /// Use the weights as trained instead of their moving average (EMA)
    #[arg(long)]
    pub raw: bool,

    /// Interpolate between N random latent vectors and back to the first
    #[arg(long, value_name = "N")]
    pub interpolate: Option<usize>,

    #[command(flatten)]
    pub device: DeviceArgs,

    /// Print the results as one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

impl SampleArgs {
    /// Checks the numbers and the name of the output; returns the layout of a grid.
    pub fn grid(&self) -> Result<Grid, Failure> {
        if let Some(out) = &self.out {
            Output::of(out).map_err(|error| Failure::Usage(format!("--out: {error}")))?;
        }
        let check = |flag: &str, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(Failure::Usage(format!("--{flag} is {value}; expected {least} to {most}")))
        };
        check("columns", self.columns, 1, 1 << 20)?;
        check("scale", self.scale, 1, 1 << 10)?;
        if let Some(points) = self.interpolate {
            check("interpolate", points, 2, 1 << 10)?;
            check("count", self.count, 2, 1 << 10)?;
            return Ok(Grid { columns: self.count, scale: self.scale });
        }
        check("count", self.count, 1, u32::MAX as usize)?;
        Ok(Grid { columns: self.columns, scale: self.scale })
    }
}
