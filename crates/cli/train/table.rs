//! The effective settings, to be read before anything happens.

use gan_model::{DatasetInfo, ModelConfig, TrainingConfig};
use serde::Serialize;
use serde_json::Value;

use super::options::{as_map, flag};

/// Settings that have a row of their own.
const OWN_ROW: [&str; 19] = [
    "recipe",
    "epochs",
    "batch",
    "lr",
    "beta1",
    "beta2",
    "epsilon",
    "ema",
    "loss",
    "seed",
    "sample_every",
    "checkpoint_every",
    "eval_every",
    "eval_count",
    "latent",
    "generator_hidden",
    "discriminator_hidden",
    "height",
    "width",
];

/// The settings as lines of a name and a value.
pub fn settings(
    model: &ModelConfig,
    training: &TrainingConfig,
    dataset: Option<&DatasetInfo>,
    device: &str,
) -> String {
    let t = training;
    let data = match dataset {
        Some(set) => format!("{}, {} images, sha256 {:.12}…", set.name, set.images, set.digest),
        None => "not loaded yet".into(),
    };
    let passes = dataset.map_or(String::new(), |set| {
        let seen = t.epochs as f64 * (t.batch * t.d_steps) as f64;
        format!(", {:.1} passes over the data", seen / set.images as f64)
    });
    let judge: Vec<_> = model.discriminator_layers().iter().map(|layer| layer[0]).collect();
    let evaluation = match t.eval_every {
        0 => "never".into(),
        every => format!("every {every} epochs, of {} pictures", t.eval_count),
    };
    let rows = [
        ("data", data),
        ("device", device.into()),
        ("recipe", t.recipe.clone()),
        ("generator", widths(&model.generator_widths())),
        ("discriminator", widths(&[&judge[..], &[1]].concat())),
        ("epochs", format!("{} of batch {}{passes}", t.epochs, t.batch)),
        (
            "adam",
            format!("lr {}, beta1 {}, beta2 {}, epsilon {:e}", t.lr, t.beta1, t.beta2, t.epsilon),
        ),
        ("average", format!("ema {}", t.ema)),
        ("loss", as_map(t).map_or(String::new(), |fields| word(&fields["loss"]))),
        ("with", extras(model, t)),
        ("seed", t.seed.to_string()),
        ("samples", format!("every {} epochs", t.sample_every)),
        ("checkpoint", format!("every {} epochs", t.checkpoint_every)),
        ("evaluation", evaluation),
    ];
    let shown = rows.iter().filter(|(_, value)| !value.is_empty());
    shown.map(|(name, value)| format!("  {name:<14}{value}")).collect::<Vec<_>>().join("\n")
}

/// What else the plain training does not have, in the flags' words.
fn extras(model: &ModelConfig, training: &TrainingConfig) -> String {
    let mut words = changed(model, &ModelConfig::default());
    words.extend(changed(training, &TrainingConfig::default()));
    words.join(", ")
}

fn changed(record: &impl Serialize, plain: &impl Serialize) -> Vec<String> {
    let (Ok(record), Ok(plain)) = (as_map(record), as_map(plain)) else { return Vec::new() };
    let differ = |(name, value): &(String, Value)| {
        !OWN_ROW.contains(&&**name) && plain.get(name) != Some(value)
    };
    let named = |(name, value): (String, Value)| format!("{} {}", flag(&name), word(&value));
    record.into_iter().filter(differ).map(named).collect()
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn widths(widths: &[usize]) -> String {
    let names: Vec<_> = widths.iter().map(usize::to_string).collect();
    names.join("-")
}
