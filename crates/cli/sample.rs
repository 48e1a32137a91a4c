//! `gan-sample`: generates samples from a checkpoint.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use gan_model::checkpoint::{Checkpoint, Weights};
use gan_sample::{Grid, Output, Sampler, walk};
use serde_json::json;

use crate::common::{CODES, DeviceArgs, Failure, check_range, checkpoint_path, output, usage};

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
    checkpoint: Option<PathBuf>,

    /// Number of samples; with --interpolate, number of frames from one point to the next
    #[arg(long, value_name = "N", default_value_t = 10)]
    count: usize,

    /// Samples per row of a grid
    #[arg(long, value_name = "N", default_value_t = 10)]
    columns: usize,

    /// Enlarge each pixel to a square of N by N
    #[arg(long, value_name = "N", default_value_t = 1)]
    scale: usize,

    /// Seed of the samples: the same seed generates the same samples
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// A .png grid, a .gif animation, a .npy array (uint8, [n, height, width]), or a new folder with one
    /// PNG per sample; an existing file is replaced [default: the next free digits-0001.png, or
    /// walk-0001.gif with --interpolate]
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,

    /// Use the weights as trained instead of their moving average (EMA)
    #[arg(long)]
    raw: bool,

    /// Interpolate between N random latent vectors and back to the first
    #[arg(long, value_name = "N")]
    interpolate: Option<usize>,

    #[command(flatten)]
    device: DeviceArgs,

    /// Print the results as one JSON object on stdout
    #[arg(long)]
    json: bool,
}

impl SampleArgs {
    /// Checks the numbers and the name of the output; returns the layout of a grid.
    fn grid(&self) -> Result<Grid, Failure> {
        if let Some(out) = &self.out {
            Output::of(out).map_err(|error| usage!("--out: {error}"))?;
        }
        check_range("columns", self.columns, 1..=1 << 20)?;
        check_range("scale", self.scale, 1..=1 << 10)?;
        if let Some(points) = self.interpolate {
            check_range("interpolate", points, 2..=1 << 10)?;
            check_range("count", self.count, 2..=1 << 10)?;
            return Ok(Grid { columns: self.count, scale: self.scale });
        }
        check_range("count", self.count, 1..=u32::MAX as usize)?;
        Ok(Grid { columns: self.columns, scale: self.scale })
    }
}

/// Samples that are held in memory at once while a file is written.
const CHUNK: usize = 1024;

/// Up to this many samples are generated faster than threads are started.
const FEW: usize = 64;

/// # Errors
/// Any exit other than success.
pub fn main(args: &SampleArgs) -> Result<(), Failure> {
    let begin = Instant::now();
    let grid = args.grid()?;
    let count = args.count * args.interpolate.unwrap_or(1);
    let device = args.device.select()?;

    let path = checkpoint_path(args.checkpoint.as_deref().unwrap_or(Path::new("")));
    let checkpoint = Checkpoint::open(&path)?;
    let weights = if args.raw { Weights::Raw } else { Weights::Averaged };
    let generator = checkpoint.generator(weights, &device.device)?;
    let model = &checkpoint.header().model;
    let sampler = Sampler::new(&generator, model, &device.device);

    if args.device.threads.is_none() && count <= FEW {
        gan_kernels::set_threads(1);
    }
    let name = if args.interpolate.is_some() { ["walk", "gif"] } else { ["digits", "png"] };
    let out = output::write_file(args.out.as_deref(), name, |out| {
        Ok(Output::of(out)?.write(out, grid, count, model.image, |first| {
            let chunk = CHUNK.min(count - first);
            let Some(points) = args.interpolate else {
                return sampler.samples(args.seed, first as u64, chunk, None);
            };
            let frames = first..first + chunk;
            sampler.generate(&walk(args.seed, points, args.count, model.latent, frames), None)
        })?)
    })?;

    if args.json {
        output::print_json(&json!({
            "out": out,
            "samples": count,
            // The name before `samples`.
            "pictures": count,
            "seed": args.seed,
            "weights": if args.raw { "raw" } else { "averaged" },
            "checkpoint": checkpoint.path(),
            "epochs": checkpoint.header().step,
            "device": device.name,
            "seconds": begin.elapsed().as_secs_f64(),
        }))?;
    } else {
        output::print(out.display())?;
    }
    Ok(())
}
