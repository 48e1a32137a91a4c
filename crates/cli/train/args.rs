//! The flags of `gan-train`.

use std::path::PathBuf;

use clap::{Args, Parser};

use super::settings::Settings;
use crate::common::{OutputArgs, PageArgs};

const EXAMPLES: &str = "Examples:
  gan-train                                  10000 epochs of batch size 128 on MNIST
  gan-train --epochs 10000 --batch 128       the same, with the defaults written out
  gan-train --dataset synthetic --offline    on built-in synthetic digits, without a download
  gan-train --resume runs/0001-mnist-dense   continue an interrupted run
  gan-train --resume runs/0001-mnist-dense --epochs 20000
  gan-train --config my.toml --seed 7        flags override the file, the file the recipe
  gan-train --serve                          with a live page for a browser
  gan-train --dry-run                        show the effective settings and exit";

const AFTER: &str = "Keys of the configuration file are the names of flags:
  epochs = 2000
  recipe = \"plain\"
  generator-hidden = [128, 256]";

const CODES: &str = "Exit codes: 0 success, 1 failure, 2 wrong usage, 3 training diverged, \
129 terminal closed (SIGHUP), 130 interrupted (Ctrl-C), 143 terminated (SIGTERM). An interrupted \
training has saved its checkpoint.";

/// Train a GAN on MNIST or images of the same shape.
///
/// A generator turns random latent vectors into images, and a discriminator classifies images as
/// real or generated; each is trained against the other. An epoch is one training step: one
/// update of each network with one batch, not a pass over the data set.
///
/// Each run gets a directory (runs/0001-mnist-dense, ...) for its settings, its losses, a preview
/// of ten samples every --sample-every epochs, and the checkpoint that gan-sample generates
/// samples from. Ctrl-C saves a checkpoint and exits; --resume continues with exactly the result
/// of an uninterrupted training.
#[derive(Parser, Debug)]
#[command(
    name = "gan-train",
    after_help = format!("{EXAMPLES}\n\n{AFTER}\n\n{CODES}"),
    allow_negative_numbers = true
)]
pub struct TrainArgs {
    #[command(flatten)]
    pub settings: Settings,

    /// Continue this run, or this checkpoint in its run; --epochs is the new total
    #[arg(long, value_name = "CKPT|DIR")]
    pub resume: Option<PathBuf>,

    /// Read settings from this file; flags override it
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    pub run: RunArgs,
}

/// Flags that are neither recorded with a run nor allowed in a configuration file.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct RunArgs {
    #[command(flatten)]
    pub output: OutputArgs,

    /// Show a dashboard in the terminal: loss curves, samples, and keys to control the training
    #[arg(long)]
    pub watch: bool,

    /// Also write event files for TensorBoard, to the folder tensorboard of the run
    #[arg(long)]
    pub tensorboard: bool,

    /// Do not write report.html and training.gif to the run's directory at the end
    #[arg(long)]
    pub no_report: bool,

    /// Show the effective settings, write nothing, and exit
    #[arg(long)]
    pub dry_run: bool,

    /// Stop after this epoch as Ctrl-C does, but with exit code 0; --epochs remains the total,
    /// which --resume continues to
    #[arg(long, value_name = "N")]
    pub stop_after: Option<u64>,

    #[command(flatten)]
    pub page: PageArgs,
}
