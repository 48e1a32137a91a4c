//! The flags of `gan-sweep`.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use gan_sweep::Folder;

use crate::common::{CODES, Failure, OutputArgs, PageArgs, absolute, usage};

const EXAMPLES: &str = "A sweep file:
  seeds = [0, 1, 2]
  minimise = \"frechet\"         # or kernel-distance, ...; maximise = \"recall\"

  [base]                       # keys of gan-train's configuration file
  recipe = \"default\"
  epochs = 2000

  [grid]                       # every combination
  lr = [1e-3, 2e-3]
  r1 = [0.0, 0.1]

Instead of [grid]: [[list]] tables of settings, each perhaps with a name; or a random search:
  [random]
  trials = 30
  lr = { log = [1e-4, 1e-2] }
  ema = { uniform = [0.99, 0.9999] }
  latent = { int = [16, 128] }
  loss = [\"bce\", \"hinge\"]

And to stop bad trials early (successive halving, ASHA):
  [halving]
  first = 200                  # epochs before the first comparison
  factor = 3                   # one of three continues, to 600, then 1800 epochs

Examples:
  gan-sweep my.toml                    train all trials that are not done, and rank them
  gan-sweep my.toml --dry-run          print the commands of all trials
  gan-sweep sweeps/my                  the same sweep again: nothing done is done twice
  gan-sweep sweeps/my --ranks          only print the ranks, also while others train
  gan-sweep worker sweeps/my           as many of these as you like, on any machines that share
                                       the folder
  gan-sweep my.toml --slurm --tasks 8 --sbatch=\"--partition=gpu --time=2:00:00\"
  gan-runs sweeps/my                   its trials are ordinary runs";

const INTERRUPTED: &str = "129 (SIGHUP), 130 (Ctrl-C), 138 (SIGUSR1 in a SLURM job), 143 (SIGTERM): \
interrupted, after all trials have saved.";

/// Train a GAN many times, with different settings and seeds, and rank the results.
///
/// Each trial is the directory of an ordinary run, which gan-runs, gan-report, gan-watch and
/// gan-sample read. There is no other state: called again, gan-sweep trains what is missing and
/// resumes what was interrupted, with exactly the result of an uninterrupted training.
#[derive(Parser, Debug)]
#[command(
    name = "gan-sweep",
    after_help = format!("{EXAMPLES}\n\n{CODES} {INTERRUPTED}"),
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct SweepArgs {
    /// A sweep file, or the folder of a sweep that has begun
    #[arg(value_name = "FILE.toml|FOLDER", required_unless_present_any = ["completions", "man"])]
    sweep: Option<PathBuf>,

    /// The folder of the sweep [default: sweeps/ and the name of the file]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    pub slurm: SlurmArgs,

    #[command(flatten)]
    common: Common,

    #[command(subcommand)]
    command: Option<Worker>,
}

/// What both forms of the command have.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Common {
    /// Number of trials at a time, each in a process of its own; processors are divided among them
    /// [default: the number of processors, each trial on one; on a GPU 1]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,

    /// Let the system move trials between processors; else each of several stays on its own, unless
    /// this is a worker
    #[arg(long)]
    pub no_pin: bool,

    /// Print the commands of all trials and exit
    #[arg(long)]
    pub dry_run: bool,

    /// Print the ranks of what is done so far and exit
    #[arg(long, conflicts_with = "dry_run")]
    pub ranks: bool,

    /// Show a table of the trials and their curves in the terminal
    #[arg(long)]
    pub watch: bool,

    #[command(flatten)]
    pub page: PageArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

/// How the sweep is submitted to SLURM.
#[derive(Args, Clone, Debug)]
pub struct SlurmArgs {
    /// Submit the sweep to SLURM as a job array whose tasks train its trials, and exit
    #[arg(long = "slurm", conflicts_with_all = ["ranks", "dry_run"])]
    pub submit: bool,

    /// With --slurm: number of tasks [default: 8, or the number of trials]
    #[arg(long, value_name = "N", requires = "submit")]
    pub tasks: Option<usize>,

    /// With --slurm: options for sbatch, such as --sbatch="--partition=gpu --time=2:00:00"
    #[arg(long, value_name = "OPTIONS", requires = "submit", allow_hyphen_values = true)]
    pub sbatch: Option<String>,
}

#[derive(Subcommand, Debug)]
enum Worker {
    /// Train trials of a sweep that no other process has taken, until none is left
    Worker {
        /// The folder of the sweep
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,

        #[command(flatten)]
        common: Common,
    },
}

/// Where a sweep is described.
pub enum Place<'a> {
    File(&'a Path),
    Folder(&'a Path),
}

impl SweepArgs {
    pub fn place(&self) -> Result<Place<'_>, Failure> {
        match (&self.command, &self.sweep) {
            (Some(Worker::Worker { folder, .. }), _) => Ok(Place::Folder(folder)),
            (None, Some(path)) if path.is_dir() => match &self.out {
                None => Ok(Place::Folder(path)),
                Some(_) => {
                    Err(usage!("--out is for a sweep file, but {} is a folder", path.display()))
                }
            },
            (None, Some(path)) => Ok(Place::File(path)),
            (None, None) => Err(usage!("no sweep is given; expected FILE.toml or a folder")),
        }
    }

    pub fn is_worker(&self) -> bool {
        self.command.is_some()
    }

    pub fn common(&self) -> &Common {
        match &self.command {
            Some(Worker::Worker { common, .. }) => common,
            None => &self.common,
        }
    }

    /// The folder for the sweep of a file.
    pub fn folder(&self, file: &Path) -> Result<Folder, Failure> {
        let stem = file.file_stem().ok_or_else(|| usage!("{} is not a file", file.display()))?;
        let folder = self.out.clone().unwrap_or_else(|| Path::new("sweeps").join(stem));
        Ok(Folder::new(absolute(&folder)))
    }
}
