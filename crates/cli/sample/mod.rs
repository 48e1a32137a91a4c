//! `gan-sample`: generates samples from a checkpoint.

mod args;

use std::fs;
use std::path::Path;
use std::time::Instant;

use gan_model::checkpoint::{Checkpoint, Weights};
use gan_sample::{Output, Sampler, walk};
use serde_json::json;

pub(crate) use self::args::SampleArgs;
use crate::common::exit::Failure;
use crate::common::{output, paths};

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

    let path = paths::checkpoint_path(args.checkpoint.as_deref().unwrap_or(Path::new("")));
    let checkpoint = Checkpoint::open(&path)?;
    let weights = if args.raw { Weights::Raw } else { Weights::Averaged };
    let generator = checkpoint.generator(weights, &device.device)?;
    let model = &checkpoint.header().model;
    let sampler = Sampler::new(&generator, model, &device.device);

    let out = match (&args.out, args.interpolate) {
        (Some(out), _) => out.clone(),
        (None, None) => paths::reserve("digits", "png")?,
        (None, Some(_)) => paths::reserve("walk", "gif")?,
    };
    let format = Output::of(&out)?;
    if args.device.threads.is_none() && count <= FEW {
        gan_kernels::set_threads(1);
    }
    let written = format.write(&out, grid, count, model.image, |first| {
        let chunk = CHUNK.min(count - first);
        match args.interpolate {
            None => sampler.samples(args.seed, first as u64, chunk, None),
            Some(points) => {
                let frames = first..first + chunk;
                sampler.generate(&walk(args.seed, points, args.count, model.latent, frames), None)
            }
        }
    });
    if written.is_err() && args.out.is_none() {
        // The first error is the one to report.
        let _ = fs::remove_file(&out);
    }
    written?;

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
