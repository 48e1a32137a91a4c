//! `gan-watch`: serves a live page of runs.

use std::path::PathBuf;
use std::thread;

use clap::Parser;
use gan_serve::{Limits, Runs};

use crate::common::{CODES, Failure, PageArgs, output, page_url};

const EXAMPLES: &str = "Examples:
  gan-watch                                  all runs in runs/
  gan-watch runs/0001-mnist-dense            one run, in progress or ended
  gan-watch runs --serve 127.0.0.1:9000      on another port
  gan-watch runs --serve 0.0.0.0:8787 --serve-anyone   for other machines as well

For a run on another machine, without --serve-anyone: ssh -L 8787:localhost:8787 MACHINE, then
open http://localhost:8787/ here.";

/// Serve a live page of runs for a browser, during training and after.
///
/// The page shows loss curves, samples and the log of each run, and compares the settings of
/// several runs. Files are read only while a page is open, and none is written. The address is
/// printed on stdout; Ctrl-C ends the program.
#[derive(Parser, Debug)]
#[command(name = "gan-watch", after_help = format!("{EXAMPLES}\n\n{CODES}"))]
pub struct WatchArgs {
    /// Directory of a run, or a folder of runs, including runs that start later
    #[arg(value_name = "RUN|FOLDER", default_value = "runs")]
    runs: PathBuf,

    #[command(flatten)]
    page: PageArgs,
}

/// # Errors
/// Any exit other than success.
pub fn main(args: &WatchArgs) -> Result<(), Failure> {
    let runs = Runs::in_folder(&args.runs)?;
    let listener = args.page.listen()?;
    let url = page_url(&listener);
    let _server = listener.serve(runs, Limits::default())?;
    output::print(url)?;
    // Nothing has to be saved, so Ctrl-C may end the process.
    loop {
        thread::park();
    }
}
