//! The flags of `gan-report`.

use std::path::PathBuf;

use clap::Parser;

use crate::shell::ForShells;

const EXAMPLES: &str = "Examples:
  gan-report runs/0001-mnist-dense --out report.html
  gan-report runs/0001-mnist-dense runs/0002-mnist-dense --out compared.html
  gan-report runs                                  all runs of a folder side by side

gan-train leaves a report of its run as report.html in the run's directory; gan-runs lists the
runs that there are.

Exit codes: 0 success, 1 failure, 2 wrong usage.";

/// Make a web page of runs: their digits, curves, settings, and what went wrong.
///
/// The page is one file that needs nothing beside itself, to keep or to send. Of several runs it
/// says in which settings they differ. A run may still be going on. The path of what was
/// written goes to stdout.
#[derive(Parser, Debug)]
#[command(name = "gan-report", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct ReportArgs {
    /// Directories of runs, or folders with runs in them
    #[arg(value_name = "RUN", required_unless_present_any = ["completions", "man"])]
    pub runs: Vec<PathBuf>,

    /// The page; an older report is replaced, another file is not [default: the next free
    /// report-0001.html]
    #[arg(long, short, value_name = "FILE.html")]
    pub out: Option<PathBuf>,

    /// Replace the file at --out whatever it is
    #[arg(long, requires = "out")]
    pub force: bool,

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
        ReportArgs::command().debug_assert();
    }
}
