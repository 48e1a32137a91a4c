//! Settings by name: the flags' names with underscores, which are the names of the fields of
//! `ModelConfig` and `TrainingConfig`; and the table of all.

use gan_model::{DatasetInfo, ModelConfig, TrainingConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::common::{Failure, usage};

/// Values by the name of their field.
pub type Fields = Map<String, Value>;

pub fn fields(record: &impl Serialize) -> Result<Fields, Failure> {
    Ok(serde_json::from_value(serde_json::to_value(record)?)?)
}

/// The settings of nets, by the names of flags.
pub fn model_fields(model: &ModelConfig) -> Result<Fields, Failure> {
    let mut fields = fields(model)?;
    fields.insert("conditional".into(), model.conditional.is_some().into());
    Ok(fields)
}

/// The settings of a training, also those that files without them do not have.
pub fn training_fields(training: &TrainingConfig) -> Result<Fields, Failure> {
    let mut fields = fields(training)?;
    fields.entry("augment").or_insert_with(|| Value::Array(Vec::new()));
    Ok(fields)
}

/// The name of a field's flag.
pub fn flag(field: &str) -> String {
    field.replace('_', "-")
}

/// The record of `all` its fields, with those of the same names replaced.
pub fn replace<T: DeserializeOwned>(mut all: Fields, with: &Fields) -> Result<T, Failure> {
    for (name, value) in with {
        if let Some(field) = all.get_mut(name) {
            *field = value.clone();
            T::deserialize(Value::Object(all.clone()))
                .map_err(|error| usage!("--{}: {error}", flag(name)))?;
        }
    }
    Ok(T::deserialize(Value::Object(all))?)
}

/// Settings that have their own row, or none.
const OWN_ROW: &str = "classes recipe epochs batch lr beta1 beta2 epsilon ema loss seed sample_every \
checkpoint_every eval_every eval_count latent generator_hidden discriminator_hidden height width channels";

/// Rows of a name and a value.
pub fn table(
    model: &ModelConfig,
    training: &TrainingConfig,
    dataset: Option<&DatasetInfo>,
    device: &str,
    auto_pixel_mean: bool,
) -> String {
    let t = training;
    let (data, passes) = dataset.map_or(("not loaded yet".into(), String::new()), |set| {
        let passes = (t.epochs as f64 * (t.batch * t.d_steps) as f64) / set.images as f64;
        let data = format!("{}, {} images, sha256 {:.12}…", set.name, set.images, set.digest);
        (data, format!(", {passes:.1} passes over the data"))
    });
    let evaluation = match t.eval_every {
        0 => "never".into(),
        every => format!("every {every} epochs, {} samples", t.eval_count),
    };
    let rows = [
        ("data", data),
        ("device", device.into()),
        ("recipe", t.recipe.clone()),
        ("generator", model.generator_summary()),
        ("discriminator", model.discriminator_summary()),
        ("classes", model.classes().map_or(String::new(), |classes| classes.to_string())),
        ("epochs", format!("{} of batch {}{passes}", t.epochs, t.batch)),
        (
            "adam",
            format!("lr {}, beta1 {}, beta2 {}, epsilon {:e}", t.lr, t.beta1, t.beta2, t.epsilon),
        ),
        ("ema", t.ema.to_string()),
        ("loss", fields(t).map_or(String::new(), |fields| text(&fields["loss"]))),
        ("other", [changed(model, auto_pixel_mean), changed(t, false)].concat().join(", ")),
        ("seed", t.seed.to_string()),
        ("previews", format!("every {} epochs", t.sample_every)),
        ("checkpoints", format!("every {} epochs", t.checkpoint_every)),
        ("evaluation", evaluation),
    ];
    let shown = rows.iter().filter(|(_, value)| !value.is_empty());
    shown.map(|(name, value)| format!("  {name:<14}{value}")).collect::<Vec<_>>().join("\n")
}

/// Other settings that differ from the plain recipe, which is the default, as flags without dashes.
fn changed<T: Serialize + Default>(record: &T, auto_pixel_mean: bool) -> Vec<String> {
    let plain = fields(&T::default());
    let (Ok(record), Ok(plain)) = (fields(record), plain) else { return Vec::new() };
    let differ = |(name, value): &(String, Value)| {
        OWN_ROW.split(' ').all(|own| own != name) && plain.get(name) != Some(value)
    };
    let named = |(name, value): (String, Value)| {
        let auto = auto_pixel_mean && name == "pixel_mean";
        format!("{} {}", flag(&name), if auto { "auto".into() } else { text(&value) })
    };
    record.into_iter().filter(differ).map(named).collect()
}

/// A value as it is given on the command line.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Array(values) if values.is_empty() => "none".into(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(","),
        _ => value.to_string(),
    }
}
