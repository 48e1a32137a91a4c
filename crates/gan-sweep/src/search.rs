//! Settings by random search (Bergstra and Bengio 2012).

use gan_core::stream::{Purpose, stream};
use rand::{Rng, RngExt};
use serde_json::{Value, json};
use toml::Table;

use crate::sweep::Settings;

/// Where the values of a setting are drawn from.
#[derive(Clone, Debug, PartialEq)]
enum Range {
    Choice(Vec<Value>),
    Uniform(f64, f64),
    /// Uniform in the logarithm.
    Log(f64, f64),
    /// Whole numbers, both ends included.
    Int(i64, i64),
}

/// The settings of `count` trials; those of a trial depend on the seed and on its number alone.
pub(crate) fn draw(table: &Table, seed: u64, count: usize) -> Result<Vec<Settings>, String> {
    let ranges: Vec<_> = table
        .iter()
        .map(|(name, value)| {
            Ok((name, Range::parse(value).map_err(|what| format!("{name} {what}"))?))
        })
        .collect::<Result<_, String>>()?;
    if ranges.is_empty() {
        return Err("it has no settings; expected some, such as lr = { log = [1e-4, 1e-2] }".into());
    }
    let trial = |index| {
        let mut rng = stream(seed, Purpose::Search, index);
        ranges.iter().map(|(name, range)| ((*name).clone(), range.draw(&mut rng))).collect()
    };
    Ok((0..count as u64).map(trial).collect())
}

impl Range {
    fn parse(value: &toml::Value) -> Result<Self, String> {
        const EXPECTED: &str =
            "expected a list, or { log = [a, b] }, { uniform = [a, b] } or { int = [a, b] }";
        if let Some(values) = value.as_array() {
            let values: Vec<_> = values.iter().map(|value| json!(value)).collect();
            return if values.is_empty() {
                Err("is an empty list".into())
            } else {
                Ok(Self::Choice(values))
            };
        }
        let table =
            value.as_table().filter(|table| table.len() == 1).and_then(|table| table.iter().next());
        let (kind, ends) = table.ok_or_else(|| format!("is {value}; {EXPECTED}"))?;
        let ends = ends.as_array().and_then(|ends| <&[_; 2]>::try_from(&ends[..]).ok());
        let [low, high] = ends.ok_or_else(|| format!("has no two ends; {EXPECTED}"))?;
        let number =
            |value: &toml::Value| value.as_float().or(value.as_integer().map(|x| x as f64));
        let (Some(a), Some(b)) = (number(low), number(high)) else {
            return Err(format!("has ends that are no numbers; {EXPECTED}"));
        };
        if !(a < b && (b - a).is_finite()) {
            return Err(format!(
                "is from {a} to {b}; expected two ends, the smaller one first, with a \
                 finite difference"
            ));
        }
        match kind.as_str() {
            "uniform" => Ok(Self::Uniform(a, b)),
            "log" if a > 0.0 => Ok(Self::Log(a, b)),
            "log" => Err(format!("is from {a} on a logarithmic scale; expected an end above 0")),
            "int" => match (low.as_integer(), high.as_integer()) {
                (Some(low), Some(high)) => Ok(Self::Int(low, high)),
                _ => Err("has ends that are no whole numbers".into()),
            },
            _ => Err(format!("is {kind:?}; {EXPECTED}")),
        }
    }

    fn draw(&self, rng: &mut impl Rng) -> Value {
        match *self {
            Self::Choice(ref values) => values[rng.random_range(0..values.len())].clone(),
            Self::Uniform(low, high) => {
                let drawn = rng.random_range(low..=high);
                json!(rounded(drawn, high - low).clamp(low, high))
            }
            Self::Log(low, high) => {
                let drawn = rng.random_range(low.ln()..=high.ln()).exp();
                json!(rounded(drawn, (high - low).min(drawn)).clamp(low, high))
            }
            Self::Int(low, high) => json!(rng.random_range(low..=high)),
        }
    }
}

/// Four digits, so that names and commands are short; more where the range, of this width, is narrow.
fn rounded(value: f64, width: f64) -> f64 {
    let narrow = (value.abs() / width).log10().floor().clamp(0.0, 12.0) as usize;
    format!("{value:.*e}", 3 + narrow).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_their_ranges_and_depend_on_the_number_of_the_trial_alone() {
        let text = "lr = { log = [1e-4, 1e-2] }\nema = { uniform = [0.5, 1] }\n\
                    latent = { int = [3, 5] }\nloss = ['bce', 'hinge']";
        let draw = |text: &str, count| draw(&text.parse().unwrap(), 7, count).unwrap();
        let trials = draw(text, 400);
        assert_eq!(trials[..40], draw(text, 40));
        let numbers = |name: &str| -> Vec<f64> {
            trials.iter().map(|trial| trial[name].as_f64().unwrap()).collect()
        };
        assert!(numbers("lr").iter().all(|lr| (1e-4..=1e-2).contains(lr)));
        let small = numbers("lr").iter().filter(|&&lr| lr < 1e-3).count();
        assert!((160..240).contains(&small), "half of them are below the middle: {small}");
        assert!(numbers("ema").iter().all(|ema| (0.5..=1.0).contains(ema)));
        for latent in [3.0, 4.0, 5.0] {
            assert!(numbers("latent").contains(&latent));
        }
        for loss in ["bce", "hinge"] {
            assert!(trials.iter().any(|trial| trial["loss"] == loss));
        }
        assert_eq!(rounded(0.001_234_567, 0.01), 0.001_235);
        let narrow = self::draw(&"ema = { uniform = [0.9999, 0.99999] }".parse().unwrap(), 7, 50);
        let mut narrow: Vec<f64> =
            narrow.unwrap().iter().map(|trial| trial["ema"].as_f64().unwrap()).collect();
        assert!(narrow.iter().all(|ema| (0.9999..=0.99999).contains(ema)));
        narrow.sort_by(f64::total_cmp);
        narrow.dedup();
        assert!(narrow.len() > 40, "{narrow:?}");
    }

    #[test]
    fn wrong_ranges_are_named() {
        for (text, found) in [
            ("lr = 3", "lr is 3; expected a list"),
            ("lr = { log = [0, 1] }", "lr is from 0 on a logarithmic scale"),
            ("lr = { log = [1, 1] }", "lr is from 1 to 1"),
            ("lr = { normal = [0, 1] }", "lr is \"normal\""),
            ("lr = { int = [0.5, 1] }", "lr has ends that are no whole numbers"),
            ("lr = { log = [1] }", "lr has no two ends"),
            ("lr = []", "lr is an empty list"),
            ("lr = { uniform = [0, inf] }", "lr is from 0 to inf"),
            ("lr = { uniform = [-1e308, 1e308] }", "lr is from -1000"),
            ("", "it has no settings"),
        ] {
            let error = draw(&text.parse().unwrap(), 0, 1).unwrap_err();
            assert!(error.starts_with(found), "{text}: {error}");
        }
    }
}
