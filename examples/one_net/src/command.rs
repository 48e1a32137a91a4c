//! The command line: `train`, `test` and `sample`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use gan_data::{Dataset, KnownDataset, load_folder, synthetic};
use gan_run::RunDir;
use gan_sample::{Grid, Output, write_labels};

use crate::training::{Config, DatasetConfig, ModelConfig, TrainingConfig, load, mean_loss, train};
use crate::{Images, Model};

/// Images in a batch of evaluation or sampling.
pub(crate) const TOGETHER: usize = 250;

#[derive(Parser)]
struct CommandLine<S: Args, D: Args> {
    #[command(subcommand)]
    command: Command<S, D>,
}

#[derive(Subcommand)]
enum Command<S: Args, D: Args> {
    /// Train on MNIST, or on the built-in digits without --data-dir
    Train {
        /// The folder of MNIST's four files
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// The run's folder [default: the next number in runs]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        #[command(flatten)]
        settings: S,
        #[command(flatten)]
        training: TrainingConfig,
    },
    /// Compute the loss of a run's net on MNIST's test images, or on built-in digits without --data-dir
    Test {
        /// The folder of the run
        #[arg(long, value_name = "DIR")]
        run: PathBuf,
        /// The folder of MNIST's four files
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Draw samples of a run, the classes in turn
    Sample {
        /// The folder of the run
        #[arg(long, value_name = "DIR")]
        run: PathBuf,
        /// Number of samples
        #[arg(long, default_value_t = 100, value_parser = count)]
        count: usize,
        /// A grid (.png), an array for `gan-eval --samples` (.npy), an animation (.gif), or a folder of PNGs
        #[arg(long, value_name = "PATH")]
        out: PathBuf,
        /// Also write the class of each sample, for `gan-eval --labels`
        #[arg(long, value_name = "FILE.npy")]
        labels_out: Option<PathBuf>,
        /// Random seed; equal seeds give equal samples
        #[arg(long, default_value_t = 0)]
        seed: u64,
        #[command(flatten)]
        sampling: D,
    },
}

/// Runs the command line of a program; `about` is the first line of its help.
///
/// # Errors
/// Names the flag or file at fault, or says why the training failed.
pub fn run<M: Model>(about: &'static str) -> Result<()> {
    let command = CommandLine::<M::Settings, M::Sampling>::command().name(M::NAME).about(about);
    // Each net has its own defaults, which the help shows.
    let command = command.mut_subcommand("train", |train| {
        let default = |value: String| |arg: Arg| arg.required(false).default_value(&*value.leak());
        train
            .mut_arg("batch", default(M::BATCH.to_string()))
            .mut_arg("lr", default(M::LR.to_string()))
    });
    let line = CommandLine::<M::Settings, M::Sampling>::from_arg_matches(&command.get_matches())?;
    match line.command {
        Command::Train { data_dir, out, settings, training } => {
            training.check()?;
            let (dataset, test) = datasets(data_dir.as_deref())?;
            let (name, images) = (dataset.name(), Images::of(&dataset));
            let net = M::new(&settings, images, training.seed, &Device::flex())?;
            let config = Config {
                model: ModelConfig { family: M::NAME.into(), images, settings },
                training,
                dataset: DatasetConfig { name: name.into(), images: dataset.len() },
            };
            let run = match out {
                Some(out) => {
                    let (path, new) = (out.display(), !out.exists());
                    ensure!(new, "--out {path} exists; expected the name of a new folder");
                    RunDir::create(&out)?
                }
                None => RunDir::create_next(Path::new("runs"), &format!("{name}-{}", M::NAME))?,
            };
            // The training goes on without a reader.
            let progress = |line: String| drop(writeln!(io::stderr(), "{line}"));
            progress(format!("{}, {} weights", run.root().display(), net.num_params()));
            let net = train(net, &config, &dataset, &run, |row| {
                if row.epoch.is_multiple_of(100) {
                    let (epoch, of) = (row.epoch, config.training.epochs);
                    let (loss, seconds) = (row.d_loss, row.seconds);
                    progress(format!("epoch {epoch} of {of}  loss {loss:.4}  {seconds:.0} s"));
                }
            })?;
            print_loss(&net, images, &test)?;
        }
        Command::Test { run, data_dir } => {
            let ((config, net), (train, test)) = (load::<M>(&run)?, datasets(data_dir.as_deref())?);
            let (trained, found) = (config.dataset.name, train.name());
            ensure!(
                trained == found,
                "{} was trained on {trained}, these are images of {found}; expected the same data \
                 set, by --data-dir or without it",
                run.display()
            );
            print_loss(&net, config.model.images, &test)?;
        }
        Command::Sample { run, count, out, labels_out, seed, sampling } => {
            let kind = Output::of(&out).context("--out")?;
            if let Some(path) = &labels_out {
                check_labels(path, &out)?;
            }
            let (config, net) = load::<M>(&run)?;
            let images = config.model.images;
            let grid = Grid { columns: 10, scale: if kind == Output::Png { 2 } else { 1 } };
            kind.write(&out, grid, count, images.shape, |first| {
                let labels = images.turns(first, (count - first).min(TOGETHER));
                let indices: Vec<u64> = (first as u64..).take(labels.len()).collect();
                net.samples(images, &sampling, seed, &indices, &labels)
            })?;
            if let Some(path) = labels_out {
                let labels: Vec<u16> = images.turns(0, count).into_iter().flatten().collect();
                write_labels(&path, &labels)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
            writeln!(io::stdout(), "{}", out.display())?;
        }
    }
    Ok(())
}

fn print_loss<M: Model>(net: &M, images: Images, test: &Dataset) -> Result<()> {
    let loss = mean_loss(net, images, test);
    Ok(writeln!(io::stdout(), "{} of test images: {loss:.4}", M::LOSS)?)
}

/// Checks --labels-out before samples are drawn.
fn check_labels(path: &Path, out: &Path) -> Result<()> {
    let (found, folder) = (path.display(), path.parent().unwrap_or(Path::new("")));
    let npy = path.extension().is_some_and(|ending| ending == "npy");
    ensure!(npy, "--labels-out is {found}; expected a file that ends in .npy");
    ensure!(path != out, "--labels-out {found} is the file of --out too; expected another one");
    ensure!(
        Path::new(".").join(folder).is_dir(),
        "--labels-out is {found}, whose folder does not exist; create it first"
    );
    Ok(())
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "expected 1 or more".into())
}

/// A flag's value above 0.
///
/// # Errors
/// When it is not.
pub fn positive(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|x: &f32| *x > 0.0 && x.is_finite());
    number.ok_or_else(|| "expected a number above 0".into())
}

/// Flags with their default values.
pub(crate) fn defaults<A: Args>() -> A {
    let command = A::augment_args(clap::Command::new("defaults").no_binary_name(true));
    let matches = command.get_matches_from(std::iter::empty::<&str>());
    A::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The images to train on and those to test with.
fn datasets(folder: Option<&Path>) -> Result<(Dataset, Dataset)> {
    Ok(match folder {
        Some(folder) => {
            let loaded = load_folder(folder, KnownDataset::Mnist)?;
            (loaded.train, loaded.test)
        }
        None => (synthetic(10_000, 0)?, synthetic(2_000, 1)?),
    })
}
