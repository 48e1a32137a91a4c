//! `gan-sample`, from flags to exit code.

mod args;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Instant;

use clap::{CommandFactory, Parser};
use gan_model::checkpoint::{Checkpoint, Weights};
use gan_sample::{Grid, Output, Sampler, walk};
use serde_json::json;

use self::args::SampleArgs;
use crate::exit::Failure;
use crate::say;
use crate::train::resume::checkpoint_path;
use crate::train::{choose_device, use_threads};

/// Pictures drawn at once while a file is written: what bounds its memory.
const AT_ONCE: usize = 1024;

/// Up to as many pictures are drawn sooner than a thread is started.
const FEW: usize = 64;

/// # Errors
/// How the program ends when it does not succeed.
pub fn main() -> Result<(), Failure> {
    let begin = Instant::now();
    let args = SampleArgs::parse();
    if args.shell.print(SampleArgs::command())? {
        return Ok(());
    }
    if let Some(out) = &args.out {
        Output::of(out).map_err(|error| Failure::Usage(format!("--out: {error}")))?;
    }
    let grid = grid(&args)?;

    let path = args.checkpoint.clone().unwrap_or_default();
    let checkpoint = Checkpoint::open(&checkpoint_path(&path))?;
    let device = choose_device(Some(&args.device))?;
    let weights = if args.raw { Weights::Raw } else { Weights::Averaged };
    let generator = checkpoint.generator(weights, &device.device)?;
    let model = &checkpoint.header().model;
    let sampler = Sampler::new(&generator, model, &device.device);
    let size = [model.width, model.height];

    let named = args.out.is_some();
    let out = match args.out {
        Some(out) => out,
        None => reserve_next(args.interpolate.is_some())?,
    };
    let output = Output::of(&out)?;
    let count = match args.interpolate {
        None => args.count,
        Some(points) => points * args.count,
    };
    match args.threads {
        Some(threads) => use_threads(threads)?,
        None if count <= FEW => use_threads(1)?,
        None => {}
    }
    let written = match args.interpolate {
        None => output.write(&out, grid, count, size, |first| {
            sampler.pictures(args.seed, first as u64, AT_ONCE.min(count - first))
        }),
        Some(points) => output.write(&out, grid, count, size, |first| {
            let range = first..count.min(first + AT_ONCE);
            sampler.draw(&walk(args.seed, points, args.count, model.latent, range))
        }),
    };
    if written.is_err() && !named {
        // The error that matters is the first one.
        let _ = fs::remove_file(&out);
    }
    written?;

    if args.json {
        say::json(&json!({
            "out": out,
            "pictures": count,
            "seed": args.seed,
            "weights": if args.raw { "raw" } else { "averaged" },
            "checkpoint": checkpoint.path(),
            "epochs": checkpoint.header().step,
            "device": device.name,
            "seconds": begin.elapsed().as_secs_f64(),
        }))?;
    } else {
        say::data(out.display())?;
    }
    Ok(())
}

/// The grid, when the numbers make one.
fn grid(args: &SampleArgs) -> Result<Grid, Failure> {
    let check = |flag: &str, value: usize, least: usize, most: usize| {
        if (least..=most).contains(&value) {
            return Ok(());
        }
        Err(Failure::Usage(format!("--{flag} is {value}; expected {least} to {most}")))
    };
    check("columns", args.columns, 1, 1 << 20)?;
    check("scale", args.scale, 1, 1 << 10)?;
    if let Some(points) = args.interpolate {
        check("interpolate", points, 2, 1 << 10)?;
        check("count", args.count, 2, 1 << 10)?;
        return Ok(Grid { columns: args.count, scale: args.scale });
    }
    check("count", args.count, 1, u32::MAX as usize)?;
    Ok(Grid { columns: args.columns, scale: args.scale })
}

/// An empty file in this directory under the first name that nothing has yet: whoever
/// draws at the same moment gets the next one.
fn reserve_next(walk: bool) -> anyhow::Result<PathBuf> {
    let mut number = 1_u64;
    loop {
        let name =
            if walk { format!("walk-{number:04}.gif") } else { format!("digits-{number:04}.png") };
        match File::create_new(&name) {
            Ok(_) => return Ok(name.into()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => anyhow::bail!("cannot write {name}: {error}; choose a place with --out"),
        }
    }
}
