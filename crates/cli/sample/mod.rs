//! `gan-sample`: generates samples from a checkpoint.

mod args;
mod plan;

use std::path::Path;
use std::time::Instant;

use anyhow::anyhow;
use gan_model::checkpoint::{Checkpoint, Weights};
use gan_sample::{Output, Sampler, write_labels};
use serde_json::json;

pub(crate) use self::args::SampleArgs;
use self::plan::Plan;
use crate::common::{Failure, checkpoint_path, output};

/// Samples that are held in memory at once while a file is written.
const CHUNK: usize = 1024;

/// Up to this many samples are generated faster than threads are started.
const FEW: usize = 64;

/// # Errors
/// Any exit other than success.
pub fn main(args: &SampleArgs) -> Result<(), Failure> {
    let begin = Instant::now();
    args.check()?;
    let device = args.device.select()?;

    let path = checkpoint_path(args.checkpoint.as_deref().unwrap_or(Path::new("")));
    let checkpoint = Checkpoint::open(&path)?;
    let weights = if args.raw { Weights::Raw } else { Weights::Averaged };
    let generator = checkpoint.generator(weights, &device.device)?;
    let model = &checkpoint.header().model;
    let plan = Plan::new(args, checkpoint.header())?;
    let sampler = Sampler::new(&generator, model, &device.device).truncated(args.truncation);

    if args.device.threads.is_none() && plan.count <= FEW {
        gan_kernels::set_threads(1);
    }
    let name = if plan.is_walk() { ["walk", "gif"] } else { ["digits", "png"] };
    let out = output::write_file(args.out.as_deref(), name, |out| {
        Ok(Output::of(out)?.write(out, plan.grid, plan.count, model.image, |first| {
            let (latents, classes) = plan.inputs(first..plan.count.min(first + CHUNK));
            sampler.generate(&latents, classes.as_deref())
        })?)
    })?;
    if let Some(path) = &args.labels_out {
        write_labels(path, &plan.labels())
            .map_err(|error| anyhow!("cannot write --labels-out {}: {error}", path.display()))?;
    }

    if args.json {
        output::print_json(&json!({
            "out": out.to_string_lossy(),
            "samples": plan.count,
            // The name before `samples`.
            "pictures": plan.count,
            "seed": args.seed,
            "weights": if args.raw { "raw" } else { "averaged" },
            "checkpoint": checkpoint.path().to_string_lossy(),
            "epochs": checkpoint.header().step,
            "device": device.name,
            "seconds": begin.elapsed().as_secs_f64(),
        }))?;
    } else {
        output::print(out.display())?;
    }
    Ok(())
}
