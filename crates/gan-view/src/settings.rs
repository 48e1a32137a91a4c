//! The settings of runs side by side.

use std::collections::BTreeMap;

use gan_run::Record;

/// One setting of every run, in the runs' order.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, such as `lr`.
    pub name: String,
    /// What each run has; empty where it has no such setting.
    pub values: Vec<String>,
}

impl Setting {
    /// Whether two runs have it otherwise.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.values.iter().any(|value| *value != self.values[0])
    }
}

/// All settings of all runs, those that differ first. Where a data set lies on someone's disk
/// is left out: its digest says which one it is, and a report may be sent to others.
#[must_use]
pub fn side_by_side(records: &[Record]) -> Vec<Setting> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        for (name, value) in record.settings() {
            if name == "data_dir" {
                continue;
            }
            let row = values.entry(name).or_insert_with(|| vec![String::new(); records.len()]);
            row[index] = value;
        }
    }
    let mut settings: Vec<Setting> =
        values.into_iter().map(|(name, values)| Setting { name: short(&name), values }).collect();
    settings.sort_by_key(|setting| !setting.differs());
    settings
}

/// Without the part of the record that it stands in, where it needs none.
fn short(name: &str) -> String {
    match name.split_once('.') {
        Some(("training" | "model", name)) => name.into(),
        Some((group, name)) => format!("{group} {name}"),
        None => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;

    fn record(config: serde_json::Value) -> Record {
        Record { root: PathBuf::from("run"), config, rows: Vec::new() }
    }

    #[test]
    fn what_differs_comes_first_and_is_told() {
        let one = record(json!({
            "training": { "lr": 0.1, "seed": 0 },
            "dataset": { "name": "mnist" },
            "data_dir": "/home/someone",
        }));
        let two = record(json!({
            "training": { "lr": 0.1, "seed": 1, "clip": 2.0 },
            "dataset": { "name": "mnist" },
            "data_dir": "/home/someone/else",
        }));
        let settings = side_by_side(&[one, two]);
        let told: Vec<_> = settings
            .iter()
            .map(|setting| format!("{} {:?} {}", setting.name, setting.values, setting.differs()))
            .collect();
        assert_eq!(
            told,
            [
                r#"clip ["", "2.0"] true"#,
                r#"seed ["0", "1"] true"#,
                r#"dataset name ["mnist", "mnist"] false"#,
                r#"lr ["0.1", "0.1"] false"#,
            ]
        );
    }
}
