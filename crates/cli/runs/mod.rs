//! `gan-runs`: lists runs.

mod summary;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Parser;
use gan_run::{Record, find_runs};
use serde_json::json;

use crate::common::{CODES, Failure, output};

const AFTER: &str = "States:
  running   a gan-train process is training it
  done      all epochs are done
  stopped   interrupted, by Ctrl-C or --stop-after; continue with gan-train --resume RUN
  diverged  a loss or a weight became infinite or NaN
  killed    the process ended without recording how; --resume continues from the last checkpoint

Examples:
  gan-runs                       the runs in runs/
  gan-runs elsewhere/runs
  gan-runs --json | jq -r '.runs[] | select(.state == \"stopped\").path'";

/// List runs: data set, settings, progress, losses and quality.
///
/// FD is the Fréchet distance of the samples when they were last evaluated, less is better; P and
/// R are their precision and recall. Nothing is written, and trainings are not disturbed.
#[derive(Parser, Debug)]
#[command(name = "gan-runs", after_help = format!("{AFTER}\n\n{CODES}"))]
pub struct RunsArgs {
    /// A folder of runs, or the directory of one run
    #[arg(value_name = "FOLDER", default_value = "runs")]
    folder: PathBuf,

    /// Print the results as one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Any exit other than success.
pub fn main(args: &RunsArgs) -> Result<(), Failure> {
    let folder = args.folder.display();
    let roots = find_runs(&args.folder).map_err(|error| {
        anyhow!(
            "cannot read {folder}: {error}; expected a folder of runs, such as runs/ of gan-train"
        )
    })?;
    let mut runs = Vec::new();
    for root in roots {
        match Record::read(&root) {
            Ok(record) => runs.push(record),
            // The others can still be listed.
            Err(error) => output::log(format!("warning: run skipped: {error}")),
        }
    }
    if args.json {
        let runs: Vec<_> = runs.iter().map(summary::json).collect();
        output::print_json(&json!({ "folder": args.folder, "runs": runs }))?;
    } else if runs.is_empty() {
        output::log(format!("no runs in {folder}; start one with: gan-train"));
    } else {
        output::print(summary::table(&runs))?;
    }
    Ok(())
}
