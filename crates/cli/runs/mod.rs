//! `gan-runs`: lists runs.

mod query;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use clap::Parser;
use gan_run::{MetricsRow, Record, best_measured, find_runs};
use humantime::format_rfc3339_seconds;
use serde_json::{Value, json};

use self::query::Condition;
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
  gan-runs sweeps/my --where state=done --where 'lr>=0.001' --sort frechet
  gan-runs --json | jq -r '.runs[] | select(.state == \"stopped\").path'";

/// List runs: data set, settings, progress, losses and quality.
///
/// KID and FD are the kernel and the Fréchet distance of the samples when they were last evaluated;
/// less is better. The kernel distance can be compared whatever the number of samples, the Fréchet
/// distance, which is larger with fewer samples but varies less, between runs with the same
/// --eval-count. P and R are precision and recall. Nothing is written, and trainings are not
/// disturbed.
#[derive(Parser, Debug)]
#[command(name = "gan-runs", after_help = format!("{AFTER}\n\n{CODES}"))]
pub struct RunsArgs {
    /// A folder of runs, or the directory of one run
    #[arg(value_name = "FOLDER", default_value = "runs")]
    folder: PathBuf,

    /// List only runs for which this holds, such as state=done, 'lr>=0.001' or recipe~tuned (contains);
    /// a setting by the name of its flag, or name, state, data, epochs-done, seconds, d-loss, g-loss,
    /// frechet, kid, precision, recall, density, coverage; several of these must all hold
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<Condition>,

    /// Sort by such a value, the smallest first; runs without it come last [default: by number]
    #[arg(long, value_name = "NAME")]
    sort: Option<String>,

    /// With --sort: the largest first
    #[arg(long, requires = "sort")]
    reverse: bool,

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
    let names = args.conditions.iter().map(|condition| &condition.name).chain(&args.sort);
    for name in names {
        if !runs.is_empty() && runs.iter().all(|run| query::value(run, name).is_none()) {
            output::log(format!("warning: no run has a value {name:?}; --help lists the names"));
        }
    }
    let all = runs.len();
    runs.retain(|run| args.conditions.iter().all(|condition| condition.holds(run)));
    if let Some(name) = &args.sort {
        query::sort(&mut runs, name, args.reverse);
    }
    if args.json {
        let runs: Vec<_> = runs.iter().map(summary).collect();
        output::print_json(&json!({ "folder": args.folder.to_string_lossy(), "runs": runs }))?;
    } else if runs.is_empty() && all > 0 {
        output::log(format!("none of the {all} runs in {folder} is as --where says"));
    } else if runs.is_empty() {
        output::log(format!("no runs in {folder}; start one with: gan-train"));
    } else {
        output::print(table(&runs))?;
    }
    Ok(())
}

/// The listed properties of a run.
fn summary(record: &Record) -> Value {
    let measures = |row: &MetricsRow| {
        let quality = row.quality.as_ref()?;
        Some(json!({
            "epoch": row.epoch,
            "frechet": quality.frechet,
            "kernel_distance": quality.kernel_distance,
            "precision": quality.precision,
            "recall": quality.recall,
        }))
    };
    json!({
        "name": record.name(),
        "path": record.paths.root().to_string_lossy(),
        "state": record.state(),
        "dataset": record.setting("dataset.name"),
        "recipe": record.setting("training.recipe"),
        "epochs": record.epochs_done(),
        "total_epochs": record.total_epochs(),
        "seconds": record.seconds(),
        "losses": record.rows.last().map(output::losses),
        "quality": record.rows.iter().rev().find_map(measures),
        "best": best_measured(&record.rows).and_then(measures),
        // The time of the last write, in UTC.
        "when": record.last_modified().map(|when| format_rfc3339_seconds(when).to_string()),
    })
}

fn cells(record: &Record) -> [String; 8] {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    let total = record.total_epochs().map(|total| total.to_string());
    let losses = |row: &MetricsRow| format!("{:.3} / {:.3}", row.d_loss, row.g_loss);
    let quality = record.rows.iter().rev().find_map(|row| row.quality.as_ref());
    let quality = quality.map(|q| {
        let kid = q.kernel_distance.map_or(String::new(), |kid| format!("KID {kid:.3}  "));
        format!("{kid}FD {:.1}  P {:.2}  R {:.2}", q.frechet, q.precision, q.recall)
    });
    let age = record.last_modified().and_then(|when| SystemTime::now().duration_since(when).ok());
    [
        record.name(),
        record.state().to_string(),
        or_dash(record.setting("dataset.name")),
        or_dash(record.setting("training.recipe")),
        format!("{}/{}", record.epochs_done(), or_dash(total)),
        or_dash(record.rows.last().map(losses)),
        or_dash(quality),
        or_dash(age.map(ago)),
    ]
}

/// `3m05s ago`, or `4 days ago`.
fn ago(age: Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    match age.as_secs() / DAY {
        0 | 1 => format!("{} ago", output::duration(age.as_secs() as f64)),
        days => format!("{days} days ago"),
    }
}

/// The runs as a table with a header line.
fn table(runs: &[Record]) -> String {
    let head = ["run", "state", "data", "recipe", "epochs", "losses D / G", "quality", "written"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(runs.iter().map(|run| cells(run).map(|cell| output::printable(&cell))));
    let widths: [usize; 8] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    let line = |row: &[String; 8]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gan_run::Quality;

    fn record(name: &str, rows: Vec<MetricsRow>) -> Record {
        let config = json!({
            "training": { "epochs": 1000, "recipe": "plain" },
            "dataset": { "name": "mnist" },
        });
        Record { paths: gan_run::RunPaths::new(name), config, rows }
    }

    #[test]
    fn columns_are_aligned() {
        let row = json!({
            "epoch": 20, "d_loss": 0.5, "g_loss": 1.25, "d_real": 0.7, "d_fake": 0.3,
            "seconds": 1.0,
        });
        let rows = vec![serde_json::from_value(row).unwrap()];
        let runs = [record("a", rows), record("a-long-name", Vec::new())];
        let text = table(&runs);
        assert_eq!(
            text,
            "run          state   data   recipe  epochs   losses D / G   quality  written\n\
             a            killed  mnist  plain   20/1000  0.500 / 1.250  -        -\n\
             a-long-name  killed  mnist  plain   0/1000   -              -        -"
        );
    }

    #[test]
    fn quality_has_the_kernel_distance_where_there_is_one() {
        let run = |kernel_distance| {
            let (frechet, precision, recall) = (12.5, 0.875, 0.75);
            let quality =
                Quality { frechet, kernel_distance, precision, recall, ..Quality::default() };
            record("a", vec![MetricsRow { quality: Some(quality), ..MetricsRow::default() }])
        };
        assert_eq!(cells(&run(Some(0.0625)))[6], "KID 0.062  FD 12.5  P 0.88  R 0.75");
        assert_eq!(cells(&run(None))[6], "FD 12.5  P 0.88  R 0.75");
        assert_eq!(summary(&run(Some(0.0625)))["quality"]["kernel_distance"], 0.0625);
        assert!(summary(&run(None))["quality"]["kernel_distance"].is_null());
    }

    #[test]
    fn control_characters_in_a_name_are_replaced() {
        let text = table(&[record("\u{1b}[2Jgone", Vec::new())]);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn ages_are_in_days_from_two_days_on() {
        let of = |seconds| ago(Duration::from_secs(seconds));
        assert_eq!([5, 3725, 400_000].map(of), ["5.0s ago", "1h02m ago", "4 days ago"]);
    }
}
