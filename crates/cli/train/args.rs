//! The flags of `gan-train`, as they were typed or stand in a file.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser};
use clap_complete::Shell;
use serde::Deserialize;

use crate::exit;

const EXAMPLES: &str = "Examples:
  gan-train                                  10000 epochs of batch 128 on MNIST
  gan-train --epochs 10000 --batch 128       the same, said in full
  gan-train --dataset synthetic --offline    on digits that the program draws itself
  gan-train --resume runs/0001-mnist-dense   go on where a run was stopped
  gan-train --resume runs/0001-mnist-dense --epochs 20000
  gan-train --config my.toml --seed 7        flags win over the file, the file over defaults
  gan-train --dry-run                        show the effective settings and stop";

const AFTER: &str = "The configuration file has the names of the flags as its keys:
  epochs = 2000
  recipe = \"plain\"
  generator-hidden = [128, 256]";

/// Train a GAN on MNIST: a generator learns to draw digits that a discriminator
/// takes for real.
///
/// A run leaves a directory (runs/0001-mnist-dense and on) with its settings, its
/// losses, a row of ten digits every --sample-every epochs, and the checkpoint that
/// gan-sample draws from. Ctrl-C saves before it leaves; --resume goes on to exactly
/// what an uninterrupted run gives.
#[derive(Parser, Debug)]
#[command(
    name = "gan-train",
    version,
    after_help = format!("{EXAMPLES}\n\n{AFTER}\n\n{}", exit::CODES),
    allow_negative_numbers = true,
    max_term_width = 100
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct TrainArgs {
    #[command(flatten)]
    pub settings: Settings,

    /// Go on with this run or checkpoint, in its directory; --epochs is the new total
    #[arg(long, value_name = "CKPT|DIR")]
    pub resume: Option<PathBuf>,

    /// Read settings from this file; flags win over it
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,

    /// Print one JSON object on stdout at the end
    #[arg(long)]
    pub json: bool,

    /// Say nothing but warnings and errors
    #[arg(long, short)]
    pub quiet: bool,

    /// Show the effective settings, write nothing, and stop
    #[arg(long)]
    pub dry_run: bool,

    /// Print a completion script for this shell and stop
    #[arg(long, value_name = "SHELL", hide_short_help = true)]
    pub completions: Option<Shell>,

    /// Print the manual page (roff) and stop
    #[arg(long, hide_short_help = true)]
    pub man: bool,
}

/// What a configuration file may hold too. `None` is what nobody said.
#[derive(Args, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Steps in all: one update of each net a step [default: 10000]
    #[arg(long, value_name = "N")]
    pub epochs: Option<u64>,

    /// Real images a step, and as many generated ones [default: 128]
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,

    /// What to learn from; auto is MNIST from --data-dir, else from the network, else
    /// digits that the program draws [default: auto]
    #[arg(long, value_parser = PossibleValuesParser::new(["auto", "mnist", "fashion-mnist", "kmnist", "synthetic"]))]
    pub dataset: Option<String>,

    /// Folder of the four data files, raw or .gz [default: data/mnist, or data/ and the
    /// data set's name]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Never use the network
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub offline: Option<bool>,

    /// Settings to start from: default is the best we have measured, plain the same with
    /// smaller steps, listing the published settings, which fail [default: default]
    #[arg(long, value_parser = PossibleValuesParser::new(["default", "plain", "listing"]))]
    pub recipe: Option<String>,

    /// Adam's step size [default: 0.0007; with --recipe plain 0.0002, listing 0.001]
    #[arg(long, value_name = "RATE")]
    pub lr: Option<f64>,

    /// Adam's decay rate of the first moment [default: 0.5; with --recipe listing 0.9]
    #[arg(long, value_name = "RATE")]
    pub beta1: Option<f64>,

    /// Numbers in a latent vector [default: 100]
    #[arg(long, value_name = "N")]
    pub latent: Option<usize>,

    /// Units of the generator's hidden layers [default: 256,512,1024]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    pub generator_hidden: Option<Vec<usize>>,

    /// Units of the discriminator's hidden layers [default: 512,256]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    pub discriminator_hidden: Option<Vec<usize>>,

    /// Decay rate a step of the averaged weights that pictures are drawn with; 0 is no
    /// averaging [default: 0.999; with --recipe listing 0]
    #[arg(long, value_name = "RATE")]
    pub ema: Option<f64>,

    /// The generator's loss: non-saturating binary cross-entropy, or the minimax game's
    /// own [default: bce]
    #[arg(long, value_parser = PossibleValuesParser::new(["bce", "minimax"]))]
    pub loss: Option<String>,

    /// Epochs between rows of ten digits [default: 1000]
    #[arg(long, value_name = "N")]
    pub sample_every: Option<u64>,

    /// Epochs between checkpoints [default: 1000]
    #[arg(long, value_name = "N")]
    pub checkpoint_every: Option<u64>,

    /// Seed of all randomness: equal seeds give equal runs [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// auto, flex, ndarray, wgpu[:N], cuda[:N] or rocm[:N]; auto is a GPU if one is
    /// compiled in and there, else the CPU [default: auto]
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,

    /// Threads of the CPU that share the work; the result does not depend on them
    /// [default: one a processor]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,

    /// Directory of the run, new or empty [default: the next free runs/0001-mnist-dense]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl Settings {
    /// These settings, and `other`'s where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        macro_rules! or {
            ($($field:ident)*) => { Self { $($field: self.$field.or(other.$field),)* } };
        }
        or!(epochs batch dataset data_dir offline recipe lr beta1 latent generator_hidden
            discriminator_hidden ema loss sample_every checkpoint_every seed device threads out)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        TrainArgs::command().debug_assert();
    }

    #[test]
    fn earlier_settings_win() {
        let flags = Settings { epochs: Some(1), ..Settings::default() };
        let file = Settings { epochs: Some(2), batch: Some(3), ..Settings::default() };
        let both = flags.or(file);
        assert_eq!((both.epochs, both.batch, both.seed), (Some(1), Some(3), None));
    }
}
