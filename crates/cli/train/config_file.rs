//! The configuration file: TOML whose keys are the flags' names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::{Args, Command};
use serde::Deserialize;

use super::args::Settings;
use crate::exit::Failure;

/// The largest file that is read: 64 KiB.
const MAX_LEN: u64 = 1 << 16;
/// The longest key that may be a misspelt one; comparing takes memory by the letter.
const MAX_KEY: usize = 40;

/// Reads settings from `path`.
///
/// # Errors
/// When the file cannot be read, is not TOML, or holds a key or value that no flag takes.
pub fn read(path: &Path) -> Result<Settings, Failure> {
    let name = path.display();
    let failed = |error| anyhow::anyhow!("cannot read --config {name}: {error}");
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_LEN + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_LEN {
        return Err(Failure::Usage(format!("--config {name} is longer than {MAX_LEN} bytes")));
    }
    parse(&text).map_err(|what| Failure::Usage(format!("--config {name}: {what}")))
}

fn parse(text: &str) -> Result<Settings, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let known = keys();
    let mut settings = toml::Table::new();
    for (key, value) in table {
        // Both of TOML's customs are understood.
        let key = key.replace('_', "-");
        if !known.contains(&key) {
            return Err(unknown(&key, &known));
        }
        if let Some(first) = settings.insert(key.clone(), value) {
            return Err(format!(
                "{key} is there twice, with a dash and with an underscore: {first}"
            ));
        }
    }
    Settings::deserialize(settings).map_err(|error| error.to_string().trim_end().to_owned())
}

/// The names of the flags that set something.
fn keys() -> Vec<String> {
    let command = Settings::augment_args(Command::new("settings"));
    command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
}

fn unknown(key: &str, known: &[String]) -> String {
    let key: String = key.chars().take(MAX_KEY).collect();
    let distance = |known: &&String| strsim::damerau_levenshtein(&key, known);
    let nearest = known.iter().min_by_key(distance).map_or("", String::as_str);
    format!("unknown key {key:?}; did you mean {nearest:?}? Known keys: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_flags_with_dashes_or_underscores() {
        let text = "epochs = 7\nsample_every = 2\ngenerator-hidden = [8, 9]\nrecipe = 'plain'";
        let settings = parse(text).unwrap();
        assert_eq!(settings.epochs, Some(7));
        assert_eq!(settings.sample_every, Some(2));
        assert_eq!(settings.generator_hidden, Some(vec![8, 9]));
        assert_eq!(settings.recipe.as_deref(), Some("plain"));
        assert_eq!(parse("").unwrap(), Settings::default());
    }

    #[test]
    fn a_wrong_key_or_value_is_explained() {
        let error = parse("epoch = 7").unwrap_err();
        assert!(error.starts_with("unknown key \"epoch\"; did you mean \"epochs\"?"), "{error}");
        assert!(parse("batch = 'many'").unwrap_err().contains("batch"));
        assert!(parse("batch = -1").is_err());
        assert!(parse("batch = ").unwrap_err().contains("line 1"));
        assert!(parse("resume = 'x'").unwrap_err().contains("unknown key"));
        let twice = parse("sample-every = 3\nsample_every = 4").unwrap_err();
        assert!(twice.starts_with("sample-every is there twice"), "{twice}");
        assert!(parse(&format!("{} = 1", "k".repeat(60_000))).unwrap_err().len() < 1_000);
    }
}
