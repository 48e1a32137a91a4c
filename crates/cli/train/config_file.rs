//! The configuration file: TOML with the names of flags as keys.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::{Arg, Args, Command};
use serde::Deserialize;

use super::fields::{Fields, flag};
use super::settings::Settings;
use crate::common::{Failure, usage};

/// The largest file that is read: 64 KiB.
const MAX_LEN: u64 = 1 << 16;
/// Only this many characters of an unknown key are compared, which bounds the memory.
const MAX_KEY: usize = 40;

/// Reads settings from `path`.
///
/// # Errors
/// When the file cannot be read, is not TOML, or has an unknown key or an invalid value.
pub fn read(path: &Path) -> Result<Settings, Failure> {
    let name = path.display();
    let failed = |error| anyhow::anyhow!("cannot read --config {name}: {error}");
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_LEN + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_LEN {
        return Err(usage!("--config {name} is longer than {MAX_LEN} bytes"));
    }
    parse(&text).map_err(|what| usage!("--config {name}: {what}"))
}

/// Settings by the names of flags.
pub(super) fn from_fields(fields: &Fields) -> Result<Settings, String> {
    from_table(toml::Table::try_from(fields).map_err(|error| error.to_string())?)
}

fn parse(text: &str) -> Result<Settings, String> {
    from_table(text.parse().map_err(|error: toml::de::Error| error.to_string())?)
}

fn from_table(table: toml::Table) -> Result<Settings, String> {
    let command = Settings::augment_args(Command::new("settings"));
    let known: Vec<_> = command.get_arguments().filter_map(Arg::get_long).collect();
    let mut settings = toml::Table::new();
    for (key, value) in table {
        // Dashes and underscores are both common in TOML.
        let key = flag(&key);
        if !known.contains(&&*key) {
            return Err(unknown(&key, &known));
        }
        let field = key.replace('-', "_");
        // Alone first, for an error that names it.
        Settings::deserialize(toml::Table::from_iter([(field.clone(), value.clone())]))
            .map_err(|error| format!("{key}: {}", error.to_string().trim_end()))?;
        if let Some(first) = settings.insert(field, value) {
            return Err(format!(
                "{key} is set twice, with a dash and with an underscore: first to {first}"
            ));
        }
    }
    Settings::deserialize(settings).map_err(|error| error.to_string())
}

fn unknown(key: &str, known: &[&str]) -> String {
    let key: String = key.chars().take(MAX_KEY).collect();
    let distance = |known: &&&str| strsim::damerau_levenshtein(&key, known);
    let nearest = known.iter().min_by_key(distance).copied().unwrap_or_default();
    format!("unknown key {key:?}; did you mean {nearest:?}? Known keys: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::settings::Units;

    #[test]
    fn keys_have_dashes_or_underscores() {
        let text = "epochs = 7\nsample_every = 2\ngenerator-hidden = [8, 9]\nrecipe = 'plain'";
        let settings = parse(text).unwrap();
        assert_eq!(settings.epochs, Some(7));
        assert_eq!(settings.sample_every, Some(2));
        assert_eq!(settings.generator_hidden, Some(Units(vec![8, 9])));
        assert_eq!(parse("threads = 3").unwrap().device.threads, Some(3));
        assert_eq!(settings.recipe.as_deref(), Some("plain"));
        assert_eq!(parse("").unwrap(), Settings::default());
    }

    #[test]
    fn an_unknown_key_or_an_invalid_value_is_named() {
        let error = parse("epoch = 7").unwrap_err();
        assert!(error.starts_with("unknown key \"epoch\"; did you mean \"epochs\"?"), "{error}");
        for (key, value) in
            [("batch", "'many'"), ("threads", "'many'"), ("lr", "nan"), ("r1", "inf")]
        {
            let error = parse(&format!("{key} = {value}")).unwrap_err();
            assert!(error.starts_with(&format!("{key}: ")), "{error}");
        }
        assert!(parse("dataset = 'cifar'").unwrap_err().contains("fashion-mnist"));
        assert!(parse("batch = -1").is_err());
        assert!(parse("batch = ").unwrap_err().contains("line 1"));
        assert!(parse("resume = 'x'").unwrap_err().contains("unknown key"));
        let twice = parse("sample-every = 3\nsample_every = 4").unwrap_err();
        assert!(twice.starts_with("sample-every is set twice"), "{twice}");
        assert!(parse(&format!("{} = 1", "k".repeat(60_000))).unwrap_err().len() < 1_000);
    }
}
