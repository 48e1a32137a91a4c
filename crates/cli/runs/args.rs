//! The flags of `gan-runs`.

use std::path::PathBuf;

use clap::Parser;

use crate::shell::ForShells;

const AFTER: &str = "States:
  running   a gan-train is at work on it
  done      all epochs are done
  stopped   told to stop, by Ctrl-C or --stop-after; go on with gan-train --resume RUN
  diverged  a loss was no number any more
  killed    nobody is at work on it, and it did not say how it ended; --resume goes on from its
            last checkpoint

Examples:
  gan-runs                       the runs in runs/
  gan-runs elsewhere/runs
  gan-runs --json | jq -r '.runs[] | select(.state == \"stopped\").path'

Exit codes: 0 success, 1 failure, 2 wrong usage.";

/// List runs: what they learn, how far they are, how good they are.
///
/// FD is the last measured Fréchet distance of the digits, less is better; P and R are their
/// precision and recall. Nothing is written, and no training is disturbed.
#[derive(Parser, Debug)]
#[command(name = "gan-runs", version, after_help = AFTER, max_term_width = 100)]
pub struct RunsArgs {
    /// A folder of runs, or the directory of a single one
    #[arg(value_name = "FOLDER", default_value = "runs")]
    pub folder: PathBuf,

    /// Print one JSON object on stdout instead of the table
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
        RunsArgs::command().debug_assert();
    }
}
