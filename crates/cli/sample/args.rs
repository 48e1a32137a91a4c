//! The flags of `gan-sample`.

use std::path::PathBuf;

use clap::Parser;

use crate::exit;
use crate::shell::ForShells;

const EXAMPLES: &str = "Examples:
  gan-sample --checkpoint ckpt.mpk                          a row of ten digits
  gan-sample --checkpoint runs/0001-mnist-dense --count 100 --scale 2 --out digits.png
  gan-sample --checkpoint ckpt.mpk --count 10000 --out digits.npy
  gan-sample --checkpoint ckpt.mpk --count 50 --out folder  one PNG a digit
  gan-sample --checkpoint ckpt.mpk --interpolate 8 --scale 4 --out walk.gif";

/// Draw digits from a checkpoint of gan-train.
///
/// Picture i of a seed is the same whatever --count and --columns are. The path of
/// what was written goes to stdout.
#[derive(Parser, Debug)]
#[command(
    name = "gan-sample",
    version,
    after_help = format!("{EXAMPLES}\n\n{}", exit::CODES),
    allow_negative_numbers = true,
    max_term_width = 100
)]
pub struct SampleArgs {
    /// The checkpoint, or the directory of its run
    #[arg(long, value_name = "CKPT|DIR", required_unless_present_any = ["completions", "man"])]
    pub checkpoint: Option<PathBuf>,

    /// How many pictures; with --interpolate, how many from a point to the next
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub count: usize,

    /// Pictures in a row of a grid
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub columns: usize,

    /// Width and height of a pixel
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub scale: usize,

    /// Which pictures: equal seeds give equal ones
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// A .png grid, a .gif, an .npy array (uint8 [n, 28, 28]), or a new folder for one
    /// PNG a picture; an existing file is replaced [default: the next free
    /// digits-0001.png, or walk-0001.gif]
    #[arg(long, value_name = "FILE|DIR")]
    pub out: Option<PathBuf>,

    /// Draw with the weights as trained, not with their average
    #[arg(long)]
    pub raw: bool,

    /// Walk through the latent space past N points and back to the first
    #[arg(long, value_name = "N")]
    pub interpolate: Option<usize>,

    /// auto, flex, ndarray, wgpu[:N], cuda[:N] or rocm[:N]
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub device: String,

    /// Threads of the CPU that share the work [default: one a processor; for a few
    /// pictures one]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,

    /// Print one JSON object on stdout instead of the path
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub shell: ForShells,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        SampleArgs::command().debug_assert();
    }
}
