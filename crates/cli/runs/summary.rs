//! A run in one line.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use gan_run::{MetricsRow, Record, RunState, best_measured};
use humantime::format_rfc3339_seconds;
use serde::Serialize;

use crate::say;

/// What is listed of a run.
#[derive(Debug, Serialize)]
pub struct Summary {
    name: String,
    path: PathBuf,
    state: RunState,
    dataset: Option<String>,
    recipe: Option<String>,
    epochs: u64,
    total_epochs: Option<u64>,
    seconds: f64,
    losses: Option<Losses>,
    quality: Option<Measured>,
    best: Option<Measured>,
    /// When it last wrote, in UTC.
    when: Option<String>,
    #[serde(skip)]
    age: Option<Duration>,
}

#[derive(Debug, Serialize)]
struct Losses {
    epoch: u64,
    discriminator: f32,
    generator: f32,
    d_real: f32,
    d_fake: f32,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Measured {
    epoch: u64,
    frechet: f64,
    precision: f64,
    recall: f64,
}

impl Measured {
    fn of(row: &MetricsRow) -> Option<Self> {
        let quality = row.quality.as_ref()?;
        let (frechet, precision) = (quality.frechet, quality.precision);
        Some(Self { epoch: row.epoch, frechet, precision, recall: quality.recall })
    }
}

impl Summary {
    pub fn of(record: &Record) -> Self {
        let when = record.last_modified();
        Self {
            name: record.name(),
            path: record.root.clone(),
            state: record.state(),
            dataset: record.setting("dataset.name"),
            recipe: record.setting("training.recipe"),
            epochs: record.epochs_done(),
            total_epochs: record.total_epochs(),
            seconds: record.seconds(),
            losses: record.rows.last().map(|row| Losses {
                epoch: row.epoch,
                discriminator: row.d_loss,
                generator: row.g_loss,
                d_real: row.d_real,
                d_fake: row.d_fake,
            }),
            quality: record.rows.iter().rev().find_map(Measured::of),
            best: best_measured(&record.rows).and_then(Measured::of),
            when: when.map(|when| format_rfc3339_seconds(when).to_string()),
            age: when.and_then(|when| SystemTime::now().duration_since(when).ok()),
        }
    }

    fn cells(&self) -> [String; 8] {
        let word = |word: &Option<String>| word.clone().unwrap_or_else(none);
        let total = self.total_epochs.map_or_else(none, |total| total.to_string());
        [
            self.name.clone(),
            self.state.to_string(),
            word(&self.dataset),
            word(&self.recipe),
            format!("{}/{total}", self.epochs),
            self.losses.as_ref().map_or_else(none, |losses| {
                format!("{:.3} / {:.3}", losses.discriminator, losses.generator)
            }),
            self.quality.map_or_else(none, |of| {
                format!("FD {:.1}  P {:.2}  R {:.2}", of.frechet, of.precision, of.recall)
            }),
            self.age.map_or_else(none, ago),
        ]
    }
}

/// What stands for something that is not known.
fn none() -> String {
    "-".into()
}

/// `3m05s ago`, or `4 days ago`.
fn ago(age: Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    match age.as_secs() / DAY {
        0 | 1 => format!("{} ago", say::duration(age.as_secs() as f64)),
        days => format!("{days} days ago"),
    }
}

/// The runs as lines of a table, with a line that names the columns.
pub fn table(runs: &[Summary]) -> String {
    let head = ["run", "state", "data", "recipe", "epochs", "losses D / G", "quality", "written"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(runs.iter().map(|run| run.cells().map(|cell| plain(&cell))));
    let widths: [usize; 8] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    let line = |row: &[String; 8]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Without what would steer a terminal: a directory may be called anything.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use gan_run::MetricsRow;
    use serde_json::json;

    use super::*;

    fn record(name: &str, rows: Vec<MetricsRow>) -> Record {
        let config = json!({
            "training": { "epochs": 1000, "recipe": "plain" },
            "dataset": { "name": "mnist" },
        });
        Record { root: PathBuf::from(name), config, rows }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let row = json!({
            "epoch": 20, "d_loss": 0.5, "g_loss": 1.25, "d_real": 0.7, "d_fake": 0.3,
            "seconds": 1.0,
        });
        let rows = vec![serde_json::from_value(row).unwrap()];
        let runs = [record("a", rows), record("a-long-name", Vec::new())];
        let text = table(&runs.each_ref().map(Summary::of));
        assert_eq!(
            text,
            "run          state   data   recipe  epochs   losses D / G   quality  written\n\
             a            killed  mnist  plain   20/1000  0.500 / 1.250  -        -\n\
             a-long-name  killed  mnist  plain   0/1000   -              -        -"
        );
    }

    #[test]
    fn a_name_does_not_steer_the_terminal() {
        let text = table(&[Summary::of(&record("\u{1b}[2Jgone", Vec::new()))]);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn ages_read_well() {
        let of = |seconds| ago(Duration::from_secs(seconds));
        assert_eq!([5, 3725, 400_000].map(of), ["5.0s ago", "1h02m ago", "4 days ago"]);
    }
}
