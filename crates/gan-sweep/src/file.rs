//! Sweep files.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;
use toml::Table;

use crate::halving::Halving;
use crate::measure::{Measure, Target};
use crate::search::draw;
use crate::sweep::{Settings, Sweep, Trial, text};

/// The largest file that is read: 1 MiB.
const MAX_LEN: u64 = 1 << 20;
/// The most trials.
const MAX_TRIALS: usize = 100_000;
/// The longest name of a group of trials.
const MAX_NAME: usize = 100;

/// Why a sweep file cannot be used.
#[derive(Debug, Error)]
#[error("{}: {what}", .path.display())]
pub struct SweepFileError {
    path: PathBuf,
    what: String,
}

/// The content of a sweep file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Document {
    seeds: Option<Vec<u64>>,
    #[serde(alias = "minimize")]
    minimise: Option<Measure>,
    #[serde(alias = "maximize")]
    maximise: Option<Measure>,
    feature_extractor: Option<PathBuf>,
    #[serde(default)]
    base: Table,
    grid: Option<Table>,
    list: Option<Vec<Table>>,
    random: Option<Table>,
    halving: Option<Halving>,
}

impl Sweep {
    /// Reads a sweep file. Whether the settings exist and are in their ranges is not checked.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, has an unknown key, or describes no trials.
    pub fn read(path: &Path) -> Result<Self, SweepFileError> {
        let failed = |what: String| SweepFileError { path: path.into(), what };
        let cannot = |error| failed(format!("cannot be read ({error})"));
        let mut text = String::new();
        let file = File::open(path).map_err(cannot)?;
        file.take(MAX_LEN + 1).read_to_string(&mut text).map_err(cannot)?;
        if text.len() as u64 > MAX_LEN {
            return Err(failed(format!("is longer than {MAX_LEN} bytes")));
        }
        Self::parse(&text).map_err(failed)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document: Document =
            toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let target = match (document.minimise, document.maximise) {
            (Some(_), Some(_)) => return Err("has minimise and maximise; expected one".into()),
            (None, Some(measure)) => Target { measure, minimise: false },
            (measure, None) => {
                Target { measure: measure.unwrap_or(Measure::Frechet), minimise: true }
            }
        };
        if let Some(halving) = document.halving {
            halving.check()?;
        }
        let base = settings("base", document.base)?;
        let groups = groups(document.grid, document.list, document.random)?;
        let seeds = document.seeds.unwrap_or_else(|| vec![0]);
        if seeds.is_empty() || groups.is_empty() {
            return Err("has no trials; expected one seed and one value for each setting".into());
        }
        if groups.len().saturating_mul(seeds.len()) > MAX_TRIALS {
            let (groups, seeds) = (groups.len(), seeds.len());
            return Err(format!(
                "has {groups} trials of {seeds} seeds; expected {MAX_TRIALS} in all"
            ));
        }
        let (mut trials, mut names) = (Vec::new(), HashSet::new());
        for (name, varied) in groups {
            for seed in &seeds {
                let mut settings = base.clone();
                settings.extend(varied.clone());
                settings.insert("seed".into(), json!(seed));
                let (group, name) = (name.clone(), format!("{name}_seed-{seed}"));
                if !names.insert(name.clone()) {
                    return Err(format!("has two trials {name}; expected different ones"));
                }
                trials.push(Trial { name, group, varied: varied.clone(), settings });
            }
        }
        let Document { halving, feature_extractor, .. } = document;
        Ok(Self { target, halving, feature_extractor, directory: PathBuf::new(), trials })
    }
}

/// The names of groups and what distinguishes them.
fn groups(
    grid: Option<Table>,
    list: Option<Vec<Table>>,
    random: Option<Table>,
) -> Result<Vec<(String, Settings)>, String> {
    match (grid, list, random) {
        (None, None, None) => Ok(vec![("trial".into(), Settings::new())]),
        (Some(grid), None, None) => {
            let grid = self::grid(settings("grid", grid)?)?;
            Ok(grid.into_iter().map(|varied| (name_of(&varied), varied)).collect())
        }
        (None, Some(list), None) => list.into_iter().map(listed).collect(),
        (None, None, Some(mut random)) => {
            let mut take = |name: &str, default: Option<u64>| {
                let whole = |value: &toml::Value| u64::try_from(value.as_integer()?).ok();
                let (number, found) = match random.remove(name) {
                    None => (default, "missing".to_owned()),
                    Some(value) => (whole(&value), value.to_string()),
                };
                number.ok_or_else(|| {
                    format!("random: {name} is {found}; expected a whole number of at least 0")
                })
            };
            let (count, seed) = (take("trials", None)?, take("seed", Some(0))?);
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(MAX_TRIALS + 1);
            let random = random.into_iter().map(|(name, value)| (name.replace('_', "-"), value));
            let drawn =
                draw(&random.collect(), seed, count).map_err(|what| format!("random: {what}"))?;
            let named = |(index, varied)| (format!("random-{index:04}"), varied);
            Ok(drawn.into_iter().enumerate().map(named).collect())
        }
        _ => Err("has several of grid, list and random; expected one".into()),
    }
}

/// Every combination of the values.
fn grid(values: Settings) -> Result<Vec<Settings>, String> {
    let mut combinations = vec![Settings::new()];
    for (name, values) in values {
        let Value::Array(values) = values else {
            return Err(format!("grid: {name} is {values}; expected a list of its values"));
        };
        if combinations.len().saturating_mul(values.len()) > MAX_TRIALS {
            return Err(format!("grid: it has more than {MAX_TRIALS} combinations"));
        }
        let with = |value: &Value| {
            let value = value.clone();
            let name = name.clone();
            move |mut settings: Settings| {
                settings.insert(name.clone(), value.clone());
                settings
            }
        };
        combinations = combinations
            .iter()
            .flat_map(|settings| values.iter().map(|value| with(value)(settings.clone())))
            .collect();
    }
    Ok(combinations)
}

/// An entry of a list, which may have a name.
fn listed(mut table: Table) -> Result<(String, Settings), String> {
    let name = match table.remove("name") {
        None => None,
        Some(toml::Value::String(name)) => Some(name),
        Some(other) => return Err(format!("list: name is {other}; expected a text")),
    };
    let varied = settings("list", table)?;
    Ok((name.map_or_else(|| name_of(&varied), |name| shortened(&name)), varied))
}

/// The settings of a table, by the names of flags.
fn settings(place: &str, table: Table) -> Result<Settings, String> {
    let mut settings = Settings::new();
    for (name, value) in table {
        let name = name.replace('_', "-");
        if name == "seed" {
            return Err(format!("{place}: seed is set; expected seeds = [0, 1, …] at the top"));
        }
        if name == "out" {
            return Err(format!(
                "{place}: out is set; each trial has a directory of its own in that of gan-sweep --out"
            ));
        }
        let found = value.to_string();
        let value = json!(value);
        // JSON has no infinity, and TOML's times would become tables.
        if value.is_null() || value.is_object() {
            return Err(format!("{place}: {name} is {found}; expected a number, a text or a list"));
        }
        if settings.insert(name.clone(), value).is_some() {
            return Err(format!(
                "{place}: {name} is set twice, with a dash and with an underscore"
            ));
        }
    }
    Ok(settings)
}

fn name_of(varied: &Settings) -> String {
    let parts: Vec<_> =
        varied.iter().map(|(name, value)| format!("{name}-{}", text(value))).collect();
    if parts.is_empty() { "trial".into() } else { shortened(&parts.join("_")) }
}

/// A name for a directory on any system.
fn shortened(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._+-".contains(c) { c } else { '-' };
    let short: String = name.chars().map(plain).take(MAX_NAME).collect();
    // A name may not begin like that of a hidden file.
    let short = short.trim_start_matches('.').to_owned();
    if name.chars().count() <= MAX_NAME {
        return short;
    }
    let digest = Sha256::digest(name);
    format!("{short:.80}-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let sweep = Sweep::parse(text).unwrap_or_else(|what| panic!("{what}"));
        sweep.trials.into_iter().map(|trial| trial.name).collect()
    }

    #[test]
    fn a_grid_has_every_combination_with_every_seed() {
        let text = "seeds = [3, 4]\n[base]\nepochs = 9\nsample_every = 2\n\
                    [grid]\nlr = [1e-3, 0.01]\ngenerator-hidden = [[8], [8, 9]]";
        assert_eq!(
            names(text)[..3],
            [
                "generator-hidden-8_lr-0.001_seed-3",
                "generator-hidden-8_lr-0.001_seed-4",
                "generator-hidden-8_lr-0.01_seed-3",
            ]
        );
        let sweep = Sweep::parse(text).unwrap();
        assert_eq!(sweep.trials.len(), 8);
        let trial = sweep.trials.last().unwrap();
        assert_eq!(
            trial.flags(),
            ["--epochs=9", "--generator-hidden=8,9", "--lr=0.01", "--sample-every=2", "--seed=4",]
        );
        assert_eq!(trial.group, "generator-hidden-8-9_lr-0.01");
        assert_eq!(trial.varied.len(), 2);
    }

    #[test]
    fn lists_random_searches_and_seeds_alone_have_names_too() {
        let list = "[[list]]\nname = 'as it is'\n[[list]]\nr1 = 0.0";
        assert_eq!(names(list), ["as-it-is_seed-0", "r1-0.0_seed-0"]);
        assert_eq!(names("seeds = [1]"), ["trial_seed-1"]);
        let random = "[random]\ntrials = 2\nlr = { log = [1e-4, 1e-2] }";
        assert_eq!(names(random), ["random-0000_seed-0", "random-0001_seed-0"]);
        let long = format!(
            "[[list]]\nname = '{}'\n[[list]]\nname = '{}a'",
            "x".repeat(200),
            "x".repeat(200)
        );
        let long = names(&long);
        assert!(long[0] != long[1] && long[0].len() < 110, "{long:?}");
        assert_eq!(names("[[list]]\nname = '../../etc'"), ["-..-etc_seed-0"]);
    }

    #[test]
    fn wrong_files_are_named() {
        for (text, found) in [
            ("minimise = 'beauty'", "unknown variant `beauty`"),
            ("minimise = 'fid'\nmaximise = 'recall'", "minimise and maximise"),
            ("seed = 3", "unknown field `seed`"),
            ("[base]\nseed = 3", "base: seed is set"),
            ("[base]\nout = 'x'", "base: out is set"),
            ("[grid]\nlr = 3", "grid: lr is 3; expected a list"),
            ("[grid]\nlr = []", "has no trials"),
            ("[grid]\nlr = [1, 1]", "two trials lr-1_seed-0"),
            ("seeds = []", "has no trials"),
            ("[grid]\n[random]", "several of grid"),
            ("[random]\nlr = [1]", "random: trials is missing"),
            ("[random]\ntrials = -1\nlr = [1]", "random: trials is -1; expected a whole number"),
            ("[base]\nlr = inf", "base: lr is inf"),
            ("[base]\nlr = { a = 1 }", "base: lr is"),
            ("[base]\nsample-every = 1\nsample_every = 2", "set twice"),
            ("[random]\ntrials = 100001\nlr = [1]", "expected 100000"),
            ("[halving]\nfirst = 0", "halving: first is 0"),
            ("[halving]\nfirst = 9\nfactor = 1", "halving: factor is 1"),
        ] {
            let error = Sweep::parse(text).unwrap_err();
            assert!(error.contains(found), "{text}: {error}");
        }
    }
}
