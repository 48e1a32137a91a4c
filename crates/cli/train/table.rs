//! The effective settings, to be read before anything happens.

use gan_model::{DatasetInfo, ModelConfig, TrainingConfig};

use super::options::loss_name;

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
        let seen = t.epochs as f64 * t.batch as f64;
        format!(", {:.1} passes over the data", seen / set.images as f64)
    });
    let rows = [
        ("data", data),
        ("device", device.into()),
        ("recipe", t.recipe.clone()),
        ("generator", widths(&model.generator_widths())),
        ("discriminator", widths(&model.discriminator_widths())),
        ("epochs", format!("{} of batch {}{passes}", t.epochs, t.batch)),
        (
            "adam",
            format!("lr {}, beta1 {}, beta2 {}, epsilon {:e}", t.lr, t.beta1, t.beta2, t.epsilon),
        ),
        ("average", format!("ema {}", t.ema)),
        ("loss", loss_name(t.loss).into()),
        ("seed", t.seed.to_string()),
        ("samples", format!("every {} epochs", t.sample_every)),
        ("checkpoint", format!("every {} epochs", t.checkpoint_every)),
    ];
    let lines: Vec<_> = rows.iter().map(|(name, value)| format!("  {name:<14}{value}")).collect();
    lines.join("\n")
}

fn widths(widths: &[usize]) -> String {
    let names: Vec<_> = widths.iter().map(usize::to_string).collect();
    names.join("-")
}
