//! Which runs are listed, and in which order.

use std::cmp::Ordering;
use std::str::FromStr;

use gan_run::{Quality, Record};

/// A condition such as `lr>=0.001` or `state=done`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub name: String,
    operator: Operator,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Differs,
    Less,
    AtMost,
    More,
    AtLeast,
    Contains,
}

/// Two characters before one.
const OPERATORS: [(&str, Operator); 7] = [
    ("!=", Operator::Differs),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::More),
    ("~", Operator::Contains),
];

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.find(|c| "!<>=~".contains(c));
        let found = at.and_then(|at| {
            let (name, rest) = text.split_at(at);
            let (sign, operator) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign))?;
            let (name, value) = (name.trim().to_owned(), rest[sign.len()..].trim().to_owned());
            let compared = !value.is_empty() && value.parse().is_ok_and(f64::is_nan);
            Some(Self { name, operator: *operator, value })
                .filter(|found| !found.name.is_empty() && !compared)
        });
        found.ok_or_else(|| {
            "expected a name, one of = != < <= > >= ~ (contains), and a value, such as lr>=0.001".into()
        })
    }
}

impl Condition {
    /// Whether it holds for a run; not if the run lacks the value.
    pub fn holds(&self, record: &Record) -> bool {
        let Some(found) = value(record, &self.name) else { return false };
        let order = compare(&found, &self.value);
        match self.operator {
            Operator::Equal => order.is_eq(),
            Operator::Differs => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::More => order.is_gt(),
            Operator::AtLeast => order.is_ge(),
            Operator::Contains => found.contains(&self.value),
        }
    }
}

/// Sorts runs by a value; those that lack it come last.
pub fn sort(records: &mut [Record], name: &str, reverse: bool) {
    records.sort_by_cached_key(|record| {
        let value = value(record, name);
        (value.is_none(), Key { value: value.unwrap_or_default(), reverse })
    });
}

#[derive(PartialEq, Eq)]
struct Key {
    value: String,
    reverse: bool,
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = compare(&self.value, &other.value);
        if self.reverse { order.reverse() } else { order }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Numbers by their size, before all others, which are compared as text.
fn compare(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

/// A property of a run as text: its state, a measure of its last evaluation, or a setting by the name
/// of its flag or by its dotted name in `config.json`.
pub fn value(record: &Record, name: &str) -> Option<String> {
    let quality = || record.rows.iter().rev().find_map(|row| row.quality.as_ref());
    let measure = |of: fn(&Quality) -> Option<f64>| of(quality()?).map(|value| value.to_string());
    let last =
        |of: fn(&gan_run::MetricsRow) -> f32| record.rows.last().map(|row| of(row).to_string());
    match name {
        "name" | "run" => Some(record.name()),
        "state" => Some(record.state().to_string()),
        "epochs-done" => Some(record.epochs_done().to_string()),
        "seconds" => Some(record.seconds().to_string()),
        "d-loss" => last(|row| row.d_loss),
        "g-loss" => last(|row| row.g_loss),
        "frechet" | "fid" | "fd" => measure(|quality| Some(quality.frechet)),
        "kernel-distance" | "kid" => measure(|quality| quality.kernel_distance),
        "precision" => measure(|quality| Some(quality.precision)),
        "recall" => measure(|quality| Some(quality.recall)),
        "density" => measure(|quality| Some(quality.density)),
        "coverage" => measure(|quality| Some(quality.coverage)),
        "data" | "dataset" => record.setting("dataset.name"),
        "conditional" => Some(record.setting("model.classes").is_some().to_string()),
        // As the flag has it.
        "size" => record.setting("images.size").map(|size| size.replace('-', "x")),
        _ => {
            let field = name.replace('-', "_");
            let places = ["training.", "model.", "dataset.", "images.", ""];
            places.iter().find_map(|place| record.setting(&format!("{place}{field}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use gan_run::{MetricsRow, RunPaths};
    use serde_json::json;

    use super::*;

    fn record(lr: f64, frechet: Option<f64>) -> Record {
        let quality = frechet.map(|frechet| Quality { frechet, ..Quality::default() });
        let config =
            json!({ "training": { "lr": lr, "recipe": "plain" }, "dataset": { "name": "mnist" } });
        let rows = vec![MetricsRow { quality, ..MetricsRow::default() }];
        Record { paths: RunPaths::new("a"), config, rows }
    }

    #[test]
    fn conditions_compare_numbers_by_size_and_others_as_text() {
        let run = record(0.002, Some(12.5));
        for (text, holds) in [
            ("lr=0.002", true),
            ("lr = 2e-3", true),
            ("training.lr>=0.002", true),
            ("lr<0.002", false),
            ("lr!=1", true),
            ("frechet<100", true),
            ("fid>100", false),
            ("recipe=plain", true),
            ("recipe~lai", true),
            ("data!=mnist", false),
            ("state=killed", true),
            ("absent=1", false),
            ("absent!=1", false),
        ] {
            assert_eq!(text.parse::<Condition>().unwrap().holds(&run), holds, "{text}");
        }
        for wrong in ["", "lr", "=3", "lr!3", "lr<nan"] {
            assert!(
                wrong.parse::<Condition>().unwrap_err().starts_with("expected a name"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn settings_of_images_and_classes_have_the_names_of_their_flags() {
        let config = json!({
            "model": { "classes": 10 },
            "images": { "size": [48, 32], "fit": "pad", "skip_broken": true },
        });
        let run = Record { config, ..record(1.0, None) };
        for text in ["conditional=true", "size=48x32", "fit=pad", "skip-broken=true"] {
            assert!(text.parse::<Condition>().unwrap().holds(&run), "{text}");
        }
    }

    #[test]
    fn numbers_come_before_text_in_any_order_of_the_runs() {
        let named = |name| Record { paths: RunPaths::new(name), ..record(1.0, None) };
        let mut runs = ["10", "1a", "9"].map(named);
        for _ in 0..3 {
            runs.rotate_left(1);
            sort(&mut runs, "name", false);
            assert_eq!(runs.each_ref().map(Record::name), ["9", "10", "1a"]);
            runs.reverse();
        }
    }

    #[test]
    fn runs_are_sorted_by_any_value_and_those_without_it_come_last() {
        let mut runs = [record(1.0, None), record(2.0, Some(9.5)), record(3.0, Some(10.0))];
        let order = |runs: &[Record]| -> Vec<String> {
            runs.iter().map(|run| value(run, "lr").unwrap()).collect()
        };
        sort(&mut runs, "frechet", false);
        assert_eq!(order(&runs), ["2.0", "3.0", "1.0"]);
        sort(&mut runs, "frechet", true);
        assert_eq!(order(&runs), ["3.0", "2.0", "1.0"]);
        sort(&mut runs, "lr", false);
        assert_eq!(order(&runs), ["1.0", "2.0", "3.0"]);
    }
}
