//! `gan-runs`, from flags to exit code.

mod args;
mod summary;

use clap::{CommandFactory, Parser};
use gan_run::{Record, find_runs};
use serde_json::json;

use self::args::RunsArgs;
use self::summary::{Summary, table};
use crate::exit::Failure;
use crate::say;

/// # Errors
/// How the program ends when it does not succeed.
pub fn main() -> Result<(), Failure> {
    let args = RunsArgs::parse();
    if args.shell.print(RunsArgs::command())? {
        return Ok(());
    }
    let folder = args.folder.display();
    let found = find_runs(&args.folder).map_err(|error| {
        anyhow::anyhow!(
            "cannot read {folder}: {error}; expected a folder of runs, which gan-train makes as runs/"
        )
    })?;
    let mut runs = Vec::new();
    for root in found {
        match Record::read(&root) {
            Ok(record) => runs.push(Summary::of(&record)),
            // The others can still be listed.
            Err(error) => say::note(format!("warning: left out: {error}")),
        }
    }
    if args.json {
        say::json(&json!({ "folder": args.folder, "runs": runs }))?;
    } else if runs.is_empty() {
        say::note(format!("no runs in {folder}; begin one with: gan-train"));
    } else {
        say::data(table(&runs))?;
    }
    Ok(())
}
