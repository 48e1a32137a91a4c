//! The flags of `gan-eval`.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::exit;
use crate::shell::ForShells;
use crate::train::DATASETS;

const EXAMPLES: &str = "Examples:
  gan-eval --checkpoint runs/0001-mnist-dense           10000 digits of a run
  gan-eval --checkpoint ckpt.mpk --json                 one JSON object
  gan-eval --samples digits.npy                         what any other program drew
  gan-eval --checkpoint ckpt.mpk --pairs closest.png    see whether digits were copied
  gan-eval --ruler train --dataset fashion-mnist        make a ruler for another data set";

const READING: &str = "How to read it: the last column says what real images get that stand in for \
generated ones. No generator does better but by chance. The Fréchet distance is the figure to \
compare by, less being better; precision tells of pictures that look like none, recall and \
coverage of kinds that are never drawn. Figures compare only with the same ruler and --count.";

/// Measure how good generated digits are.
///
/// A frozen classifier, the ruler, looks at generated images and at the test images of the
/// data set. One for MNIST is built in, and reads the built-in digits too.
#[derive(Parser, Debug)]
#[command(
    name = "gan-eval",
    version,
    after_help = format!("{EXAMPLES}\n\n{READING}\n\n{}", exit::CODES),
    allow_negative_numbers = true,
    max_term_width = 100
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct EvalArgs {
    /// The checkpoint to draw from, or the directory of its run
    #[arg(long, value_name = "CKPT|DIR")]
    pub checkpoint: Option<PathBuf>,

    /// Pictures to measure instead: an array of uint8 [n, 28, 28], or a folder of 28x28 PNGs,
    /// 0 for paper and 255 for ink
    #[arg(long, value_name = "FILE.npy|DIR", conflicts_with = "checkpoint")]
    pub samples: Option<PathBuf>,

    /// What to hold them against [default: what the checkpoint learnt from, else mnist]
    #[arg(long, value_parser = PossibleValuesParser::new(DATASETS))]
    pub dataset: Option<String>,

    /// Folder of the four data files, raw or .gz [default: that of the checkpoint's run, else
    /// data/mnist, or data/ and the data set's name]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Never use the network
    #[arg(long)]
    pub offline: bool,

    /// How many pictures are measured
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub count: usize,

    /// Which pictures, and which resamples: equal seeds give equal figures
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// A ruler's file; or train, which makes one for the data set and keeps it beside its files
    /// [default: the one built in, or the one kept]
    #[arg(long, value_name = "FILE|train", alias = "feature-extractor")]
    pub ruler: Option<PathBuf>,

    /// Draw the pictures closest to training images here, each above its image; an existing
    /// picture is replaced
    #[arg(long, value_name = "FILE.png")]
    pub pairs: Option<PathBuf>,

    /// Write what the ruler saw to this new folder: real.npy and fake.npy, [n, 128],
    /// probabilities.npy, [n, classes]
    #[arg(long, value_name = "DIR")]
    pub features: Option<PathBuf>,

    /// Draw with the weights as trained, not with their average
    #[arg(long, conflicts_with = "samples")]
    pub raw: bool,

    /// auto, flex, ndarray, wgpu[:N], cuda[:N] or rocm[:N]
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub device: String,

    /// Threads of the CPU that share the work [default: one a processor]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,

    /// Print one JSON object on stdout instead of the table
    #[arg(long)]
    pub json: bool,

    /// Say nothing but warnings and errors
    #[arg(long, short)]
    pub quiet: bool,

    #[command(flatten)]
    pub shell: ForShells,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        EvalArgs::command().debug_assert();
    }
}
