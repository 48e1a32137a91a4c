//! `gan-report`, from flags to exit code.

mod args;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{CommandFactory, Parser};
use gan_run::{Record, find_runs};
use gan_view::{ViewError, write_report};
use serde_json::json;

use self::args::ReportArgs;
use crate::exit::Failure;
use crate::say;

/// # Errors
/// How the program ends when it does not succeed.
pub fn main() -> Result<(), Failure> {
    let args = ReportArgs::parse();
    if args.shell.print(ReportArgs::command())? {
        return Ok(());
    }
    if let Some(out) = args.out.as_deref().filter(|out| out.is_dir()) {
        return Err(Failure::Usage(format!(
            "--out: {} is a folder; expected a file, such as {}",
            out.display(),
            out.join("report.html").display()
        )));
    }
    let mut records = Vec::new();
    for run in &args.runs {
        records.extend(read(run)?);
    }
    let out = match args.out {
        Some(out) => {
            write_report(&records, &out, args.force).map_err(|error| match error {
                ViewError::NotAReport(_) => anyhow::anyhow!("{error}, or say --force"),
                error => error.into(),
            })?;
            out
        }
        None => write_next(&records)?,
    };
    if args.json {
        let runs: Vec<&Path> = records.iter().map(|record| record.root.as_path()).collect();
        say::json(&json!({ "out": out, "runs": runs }))?;
    } else {
        say::data(out.display())?;
    }
    Ok(())
}

/// The run in a directory, or all the runs of a folder.
fn read(path: &Path) -> Result<Vec<Record>, Failure> {
    let runs = if path.is_dir() {
        find_runs(path).with_context(|| format!("cannot read {}", path.display()))?
    } else {
        Vec::new()
    };
    if runs.is_empty() {
        // Says what is missing.
        return Ok(vec![Record::read(path)?]);
    }
    Ok(runs.iter().map(|run| Record::read(run)).collect::<Result<_, _>>()?)
}

/// A report in this directory under the first name that nothing has yet.
fn write_next(records: &[Record]) -> Result<PathBuf, Failure> {
    let mut number = 1_u64;
    loop {
        let path = PathBuf::from(format!("report-{number:04}.html"));
        match fs::File::create_new(&path) {
            Ok(_) => {
                let written = write_report(records, &path, true);
                if written.is_err() {
                    // The error that matters is the first one.
                    let _ = fs::remove_file(&path);
                }
                written?;
                return Ok(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => {
                let path = path.display();
                return Err(anyhow::anyhow!(
                    "cannot write {path}: {error}; choose a place with --out"
                )
                .into());
            }
        }
    }
}
