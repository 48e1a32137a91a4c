//! The flags of `gan-watch`.

use std::path::PathBuf;

use clap::Parser;

use crate::exit;
use crate::shell::ForShells;

const EXAMPLES: &str = "Examples:
  gan-watch                                  all runs in runs/
  gan-watch runs/0001-mnist-dense            one run, going on or ended
  gan-watch runs --serve 127.0.0.1:9000      on a port of your choice
  gan-watch runs --serve 0.0.0.0:8787 --serve-anyone   for other machines too

On another machine, without --serve-anyone: ssh -L 8787:localhost:8787 MACHINE, and then
http://localhost:8787/ here.";

/// Serve a page on which runs can be watched in a browser, while they train and after.
///
/// Its curves, digits and log move as the training goes on; several runs can be laid side by
/// side, with what differs in their settings. Nothing is read while no page is open, and
/// nothing is ever written. The address goes to stdout; Ctrl-C ends.
#[derive(Parser, Debug)]
#[command(
    name = "gan-watch",
    version,
    after_help = format!("{EXAMPLES}\n\n{}", exit::CODES),
    max_term_width = 100
)]
pub struct WatchArgs {
    /// A run's directory, or a folder of runs: those too that begin later
    #[arg(value_name = "RUN|FOLDER", default_value = "runs")]
    pub runs: PathBuf,

    #[command(flatten)]
    pub page: Page,

    #[command(flatten)]
    pub shell: ForShells,
}

/// Where a page is served, for every program that serves one.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Page {
    /// Serve a page to watch runs in a browser: at ADDR:PORT, or at a PORT of this machine; 0 is
    /// any free one. Without a value 127.0.0.1:8787 or, if that is taken, one of the next ports
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1)]
    pub serve: Option<Option<String>>,

    /// Let --serve take an address that other machines can reach: whoever reaches it sees the
    /// runs, without a password and without encryption
    #[arg(long, requires = "serve")]
    pub serve_anyone: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        WatchArgs::command().debug_assert();
    }
}
