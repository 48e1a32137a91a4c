//! Digits by flow matching.
//!
//!     cargo run --release -p diffusion -- train --data-dir data/mnist
//!     cargo run --release -p diffusion -- sample --run runs/0001-mnist-flow
#![expect(clippy::print_stdout, reason = "a program")]

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use diffusion::flow::{Sampling, samples};
use diffusion::run::{Config, DatasetConfig, ModelConfig, TrainingConfig, load, train, turns};
use gan_data::{Dataset, KnownDataset, load_folder, synthetic};
use gan_run::RunDir;
use gan_sample::{Grid, Output, write_labels};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Train a net that carries noise to digits along straight lines, and draw samples with it.
#[derive(Parser)]
#[command(name = "diffusion")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train on MNIST, or on the built-in digits without --data-dir
    Train {
        /// The folder of MNIST's four files
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Updates of the net
        #[arg(long, default_value_t = 5000)]
        epochs: u64,
        /// Images of an update
        #[arg(long, default_value_t = 128)]
        batch: usize,
        /// Filters next to the images; deeper layers have multiples
        #[arg(long, default_value_t = 16)]
        filters: usize,
        /// Adam's step size
        #[arg(long, default_value_t = 1e-3)]
        lr: f64,
        /// The source of all randomness
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Epochs from a row of samples to the next
        #[arg(long, default_value_t = 500)]
        sample_every: u64,
        /// The run's folder [default: runs/0001-mnist-flow and on]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Draw samples of a run, the classes in turn
    Sample {
        /// The folder of the run
        #[arg(long, value_name = "DIR")]
        run: PathBuf,
        /// How many
        #[arg(long, default_value_t = 100)]
        count: usize,
        /// A grid (.png), or an array for `gan-eval --samples` (.npy)
        #[arg(long, value_name = "FILE", default_value = "flow.png")]
        out: PathBuf,
        /// Also write the classes asked for, for `gan-eval --labels`
        #[arg(long, value_name = "FILE.npy")]
        labels_out: Option<PathBuf>,
        /// Steps from noise to images
        #[arg(long, default_value_t = 10)]
        steps: usize,
        /// More than 1: clearer of their class, and less varied
        #[arg(long, default_value_t = 1.0)]
        guidance: f32,
        /// Samples of equal seeds begin with equal noise
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
}

fn main() -> Result<()> {
    match Args::parse().command {
        Command::Train { data_dir, epochs, batch, filters, lr, seed, sample_every, out } => {
            ensure!(epochs > 0, "--epochs is 0; expected 1 or more");
            ensure!((1..=65_536).contains(&batch), "--batch is {batch}; expected 1 to 65536");
            ensure!((1..=512).contains(&filters), "--filters is {filters}; expected 1 to 512");
            ensure!(lr > 0.0 && lr <= 1.0, "--lr is {lr}; expected more than 0, at most 1");
            ensure!(sample_every > 0, "--sample-every is 0; expected 1 or more");
            let training = TrainingConfig { epochs, batch, lr, seed, sample_every };
            let dataset = dataset(data_dir.as_deref())?;
            let name = dataset.name();
            let run = match out {
                Some(out) => RunDir::create(&out)?,
                None => RunDir::create_next(Path::new("runs"), &format!("{name}-flow"))?,
            };
            let config = Config {
                model: ModelConfig {
                    family: "flow".into(),
                    image: dataset.shape(),
                    classes: dataset.classes().unwrap_or(0),
                    filters,
                },
                training,
                dataset: DatasetConfig { name: name.into(), images: dataset.len() },
            };
            println!("{}", run.root().display());
            train(&config, &dataset, &run, |row| {
                if row.epoch.is_multiple_of(100) {
                    let (epoch, loss) = (row.epoch, row.d_loss);
                    println!("epoch {epoch} of {epochs}  loss {loss:.4}  {:.0} s", row.seconds);
                }
            })?;
        }
        Command::Sample { run, count, out, labels_out, steps, guidance, seed } => {
            ensure!((1..=1_000).contains(&steps), "--steps is {steps}; expected 1 to 1000");
            ensure!(guidance.is_finite(), "--guidance is {guidance}; expected a number");
            let (Config { model, .. }, net) = load(&run)?;
            let sampling = Sampling { steps, guidance, seed };
            Output::of(&out)?.write(
                &out,
                Grid { columns: 10, scale: 2 },
                count,
                model.image,
                |first| {
                    let labels = turns(&model, first, (count - first).min(250));
                    samples(&net, model.image, model.classes, sampling, first as u64, &labels)
                },
            )?;
            if let Some(path) = labels_out {
                let labels: Vec<u16> = turns(&model, 0, count).into_iter().flatten().collect();
                write_labels(&path, &labels)?;
            }
            println!("{}", out.display());
        }
    }
    Ok(())
}

fn dataset(folder: Option<&Path>) -> Result<Dataset> {
    Ok(match folder {
        Some(folder) => load_folder(folder, KnownDataset::Mnist)?.train,
        None => synthetic(10_000, 0)?,
    })
}
