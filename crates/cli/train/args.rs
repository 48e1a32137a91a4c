//! The flags of `gan-train`, as they were typed or stand in a file.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Parser};
use gan_train::Recipe;
use serde::{Deserialize, Serialize};

use crate::exit;
use crate::shell::ForShells;
use crate::watch::Page;

const EXAMPLES: &str = "Examples:
  gan-train                                  10000 epochs of batch 128 on MNIST
  gan-train --epochs 10000 --batch 128       the same, said in full
  gan-train --dataset synthetic --offline    on digits that the program draws itself
  gan-train --resume runs/0001-mnist-dense   go on where a run was stopped
  gan-train --resume runs/0001-mnist-dense --epochs 20000
  gan-train --config my.toml --seed 7        flags win over the file, the file over defaults
  gan-train --serve                          with a page to watch it in a browser
  gan-train --dry-run                        show the effective settings and stop";

const AFTER: &str = "The configuration file has the names of the flags as its keys:
  epochs = 2000
  recipe = \"plain\"
  generator-hidden = [128, 256]";

const NETS: &str = "The nets";
const STEP: &str = "The step";
const LOSS: &str = "The objective, and what keeps it in check";

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

    /// Show a dashboard on the terminal: curves, the digits themselves, and keys
    #[arg(long)]
    pub watch: bool,

    /// Write event files for TensorBoard, too, to the run's folder tensorboard
    #[arg(long)]
    pub tensorboard: bool,

    /// Leave no report.html and no training.gif in the run's directory at the end
    #[arg(long)]
    pub no_report: bool,

    /// Show the effective settings, write nothing, and stop
    #[arg(long)]
    pub dry_run: bool,

    /// Stop after this epoch as by Ctrl-C, but with success; --epochs stays the plan, and
    /// --resume goes on with it
    #[arg(long, value_name = "N")]
    pub stop_after: Option<u64>,

    #[command(flatten)]
    pub page: Page,

    #[command(flatten)]
    pub shell: ForShells,
}

/// What a configuration file may hold too. `None` is what nobody said.
#[derive(Args, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Steps in all: one update of each net a step [default: 10000; with --recipe long 100000]
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

    /// Settings to start from; flags below win over them, and --dry-run shows the result
    /// [default: default]
    #[arg(long, value_parser = PossibleValuesParser::new(Recipe::ALL.map(|r| PossibleValue::new(r.name()).help(r.about()))))]
    pub recipe: Option<String>,

    /// Numbers in a latent vector [default: 100]
    #[arg(long, value_name = "N", help_heading = NETS)]
    pub latent: Option<usize>,

    /// Units of the generator's hidden layers [default: 256,512,1024]
    #[arg(long, help_heading = NETS, value_name = "N,N,…", value_delimiter = ',')]
    pub generator_hidden: Option<Vec<usize>>,

    /// Units of the discriminator's hidden layers [default: 512,256]
    #[arg(long, help_heading = NETS, value_name = "N,N,…", value_delimiter = ',')]
    pub discriminator_hidden: Option<Vec<usize>>,

    /// Normalise the generator's hidden layers over the batch, or not [default: the recipe's]
    #[arg(long, help_heading = NETS, value_parser = PossibleValuesParser::new(["none", "batch"]))]
    pub generator_norm: Option<String>,

    /// Divide the discriminator's weights by their largest singular value [default: false]
    #[arg(long, help_heading = NETS, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub spectral_norm: Option<bool>,

    /// Images that the discriminator judges together, against collapse [default: 1]
    #[arg(long, help_heading = NETS, value_name = "N")]
    pub pack: Option<usize>,

    /// Images over whose standard deviation the discriminator sees, against collapse; 0 is
    /// none [default: the recipe's]
    #[arg(long, help_heading = NETS, value_name = "N")]
    pub minibatch_stddev: Option<usize>,

    /// What the discriminator subtracts from every pixel, of which paper is -1 and ink 1, so that
    /// its inputs are about 0 in the mean [default: the recipe's]
    #[arg(long, help_heading = NETS, value_name = "MEAN")]
    pub pixel_mean: Option<f64>,

    /// Adam's step size [default: the recipe's]
    #[arg(long, help_heading = STEP, value_name = "RATE")]
    pub lr: Option<f64>,

    /// Adam's step size for the discriminator [default: the recipe's, or --lr where it has none]
    #[arg(long, help_heading = STEP, value_name = "RATE")]
    pub d_lr: Option<f64>,

    /// How the step sizes fall: not at all, in a line to the end of the training, or as a
    /// cosine [default: the recipe's]
    #[arg(long, help_heading = STEP, value_parser = PossibleValuesParser::new(["constant", "linear", "cosine"]))]
    pub schedule: Option<String>,

    /// Part of the training after which the line begins [default: the recipe's]
    #[arg(long, help_heading = STEP, value_name = "SHARE")]
    pub decay_from: Option<f64>,

    /// Adam's decay rate of the first moment [default: the recipe's]
    #[arg(long, help_heading = STEP, value_name = "RATE")]
    pub beta1: Option<f64>,

    /// Adam's decay rate of the second moment [default: the recipe's]
    #[arg(long, help_heading = STEP, value_name = "RATE")]
    pub beta2: Option<f64>,

    /// What Adam adds to the root of the second moment [default: the recipe's]
    #[arg(long, help_heading = STEP, value_name = "EPSILON")]
    pub epsilon: Option<f64>,

    /// Decay rate a step of the averaged weights that pictures are drawn with; 0 is no
    /// averaging [default: the recipe's]
    #[arg(long, help_heading = STEP, value_name = "RATE")]
    pub ema: Option<f64>,

    /// The same, said as the epochs after which a weight counts half in the average:
    /// ema = 0.5^(1/N)
    #[arg(long, help_heading = STEP, value_name = "N", conflicts_with = "ema")]
    pub ema_half_life: Option<f64>,

    /// Discriminator updates for each of the generator [default: 1]
    #[arg(long, help_heading = STEP, value_name = "N")]
    pub d_steps: Option<usize>,

    /// What the nets minimise: binary cross-entropy with the non-saturating generator's loss,
    /// or with the minimax game's; squared distance from the labels; hinge; Wasserstein's
    /// distance (which sets --clip 0.01, unless --clip, --r1, --r2 or --spectral-norm is there); each generated image
    /// against a real one [default: bce]
    #[arg(long, help_heading = LOSS, value_parser = PossibleValuesParser::new(["bce", "minimax", "least-squares", "hinge", "wasserstein", "relativistic"]))]
    pub loss: Option<String>,

    /// Weight of the gradient penalty on real images, γ/2 |∇D|²; 0 is none. The two halves of
    /// cross-entropy are averaged, not summed, so next to it γ weighs twice what it does in the
    /// paper [default: the recipe's]
    #[arg(long, help_heading = LOSS, value_name = "GAMMA")]
    pub r1: Option<f64>,

    /// Weight of the same on generated images [default: 0]
    #[arg(long, help_heading = LOSS, value_name = "GAMMA")]
    pub r2: Option<f64>,

    /// Discriminator updates from one penalty to the next, which counts as many times
    /// [default: the recipe's]
    #[arg(long, help_heading = LOSS, value_name = "N")]
    pub penalty_every: Option<usize>,

    /// Bound of the discriminator's weights; 0 is none [default: 0]
    #[arg(long, help_heading = LOSS, value_name = "BOUND")]
    pub clip: Option<f64>,

    /// Share of the discriminator's hidden units that drop out of an update [default: 0]
    #[arg(long, help_heading = LOSS, value_name = "SHARE")]
    pub dropout: Option<f64>,

    /// What the label of real images lacks to 1 [default: 0]
    #[arg(long, help_heading = LOSS, value_name = "SHARE")]
    pub label_smoothing: Option<f64>,

    /// Standard deviation of noise on every image that the discriminator sees; it falls to
    /// zero over the training [default: 0]
    #[arg(long, help_heading = LOSS, value_name = "SIGMA")]
    pub instance_noise: Option<f64>,

    /// Epochs between rows of ten digits [default: 1000]
    #[arg(long, value_name = "N")]
    pub sample_every: Option<u64>,

    /// Epochs between checkpoints [default: 1000]
    #[arg(long, value_name = "N")]
    pub checkpoint_every: Option<u64>,

    /// Epochs between measurements of the pictures, which keep the best checkpoint as best.mpk;
    /// 0 is never [default: a fifth of --epochs; never if those are below 500]
    #[arg(long, value_name = "N")]
    pub eval_every: Option<u64>,

    /// Pictures that are measured [default: 2000]
    #[arg(long, value_name = "N")]
    pub eval_count: Option<usize>,

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
        or!(epochs batch dataset data_dir offline recipe latent generator_hidden
            discriminator_hidden generator_norm spectral_norm pack minibatch_stddev pixel_mean lr d_lr
            schedule decay_from beta1 beta2 epsilon ema ema_half_life d_steps loss r1 r2 penalty_every clip dropout
            label_smoothing instance_noise sample_every checkpoint_every eval_every eval_count
            seed device threads out)
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
