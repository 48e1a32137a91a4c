//! Comparing the settings of runs.

use std::collections::BTreeMap;

use gan_run::Record;

/// A setting of several runs.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, such as `lr`.
    pub name: String,
    /// The value of each run; empty where a run has no such setting.
    pub values: Vec<String>,
}

impl Setting {
    /// Whether the runs have different values.
    pub fn differs(&self) -> bool {
        self.values.iter().any(|value| *value != self.values[0])
    }
}

/// Paths, which are left out: a digest identifies the data set, and a report may be shared.
const PATHS: [&str; 4] = ["data_dir", "data", "feature_extractor", "init_from.path"];

/// All settings of all runs but the paths, those that differ first.
pub fn compare(records: &[Record]) -> Vec<Setting> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        for (name, value) in record.settings() {
            if PATHS.contains(&name.as_str()) {
                continue;
            }
            let row = values.entry(name).or_insert_with(|| vec![String::new(); records.len()]);
            row[index] = value;
        }
    }
    let mut settings: Vec<Setting> = values
        .into_iter()
        .map(|(name, values)| Setting { name: short_name(&name), values })
        .collect();
    settings.sort_by_key(|setting| !setting.differs());
    settings
}

/// The name without its group if that is `training` or `model`.
fn short_name(name: &str) -> String {
    match name.split_once('.') {
        Some(("training" | "model", name)) => name.into(),
        Some((group, name)) => format!("{group} {name}"),
        None => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(config: serde_json::Value) -> Record {
        Record { paths: gan_run::RunPaths::new("run"), config, rows: Vec::new() }
    }

    #[test]
    fn settings_that_differ_come_first() {
        let one = record(json!({
            "training": { "lr": 0.1, "seed": 0 },
            "dataset": { "name": "mnist" },
            "data_dir": "/home/someone",
            "feature_extractor": "/home/someone/mine.extractor",
        }));
        let two = record(json!({
            "training": { "lr": 0.1, "seed": 1, "clip": 2.0 },
            "dataset": { "name": "mnist" },
            "data_dir": "/home/someone/else",
        }));
        let settings = compare(&[one, two]);
        let compared: Vec<_> = settings
            .iter()
            .map(|setting| format!("{} {:?} {}", setting.name, setting.values, setting.differs()))
            .collect();
        assert_eq!(
            compared,
            [
                r#"clip ["", "2.0"] true"#,
                r#"seed ["0", "1"] true"#,
                r#"dataset name ["mnist", "mnist"] false"#,
                r#"lr ["0.1", "0.1"] false"#,
            ]
        );
    }
}
