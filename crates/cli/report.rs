//! `gan-report`: writes a report of runs as one HTML file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use gan_run::{Record, find_runs};
use gan_view::{ViewError, write_report};
use serde_json::json;

use crate::common::{CODES, Failure, output, usage};

const EXAMPLES: &str = "Examples:
  gan-report runs/0001-mnist-dense --out report.html
  gan-report runs/0001-mnist-dense runs/0002-mnist-dense --out compared.html
  gan-report runs                                  all runs of a folder, side by side

gan-train writes a report of its run to report.html in the run's directory; gan-runs lists runs.";

/// Write a report of runs: samples, loss curves, settings and warnings.
///
/// The report is one HTML file without external resources. For several runs it shows which
/// settings differ. A run may still be in progress. The path of the report is printed on stdout.
#[derive(Parser, Debug)]
#[command(name = "gan-report", after_help = format!("{EXAMPLES}\n\n{CODES}"))]
pub struct ReportArgs {
    /// Directories of runs, or folders of runs
    #[arg(value_name = "RUN", required_unless_present_any = ["completions", "man"])]
    runs: Vec<PathBuf>,

    /// The file to write; an earlier report is replaced, any other file is not [default: the
    /// next free report-0001.html]
    #[arg(long, short, value_name = "FILE.html")]
    out: Option<PathBuf>,

    /// Replace the file at --out even if it is not a report
    #[arg(long, requires = "out")]
    force: bool,

    /// Print the results as one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Any exit other than success.
pub fn main(args: &ReportArgs) -> Result<(), Failure> {
    if let Some(out) = args.out.as_deref().filter(|out| out.is_dir()) {
        return Err(usage!(
            "--out: {} is a folder; expected a file, such as {}",
            out.display(),
            out.join("report.html").display()
        ));
    }
    let records = args.runs.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?.concat();
    let out = output::write_file(args.out.as_deref(), ["report", "html"], |out| {
        let force = args.force || args.out.is_none();
        write_report(&records, out, force).map_err(|error| match error {
            ViewError::NotAReport(_) => anyhow!("{error}, or use --force"),
            error => error.into(),
        })
    })?;
    if args.json {
        let runs: Vec<_> =
            records.iter().map(|record| record.paths.root().to_string_lossy()).collect();
        output::print_json(&json!({ "out": out.to_string_lossy(), "runs": runs }))?;
    } else {
        output::print(out.display())?;
    }
    Ok(())
}

/// The run in a directory, or all runs in a folder.
fn read(path: &Path) -> Result<Vec<Record>> {
    let mut runs = Vec::new();
    if path.is_dir() {
        runs = find_runs(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    if runs.is_empty() {
        // The error says what is missing.
        runs.push(path.to_path_buf());
    }
    Ok(runs.iter().map(|run| Record::read(run)).collect::<Result<_, _>>()?)
}
