//! The effective settings: defaults < recipe < configuration file < flags.

use std::path::Path;

use gan_data::missing_files;
use gan_model::checkpoint::Checkpoint;
use gan_model::{Conditional, Family, Loss, ModelConfig, TrainingConfig};
use gan_train::{Recipe, RunConfig, validate};

use super::config_file;
use super::fields::{Fields, fields, flag, model_fields, replace, text, training_fields};
use super::resume::{equal, same_path};
use super::settings::Settings;
use crate::common::{DatasetArgs, DatasetName, Failure, absolute, usage};

/// The model and the training that settings by the names of flags describe, checked; what depends on
/// the images has its default.
pub(crate) fn resolve_settings(
    settings: &Fields,
) -> Result<(ModelConfig, TrainingConfig), Failure> {
    let settings = config_file::from_fields(settings).map_err(Failure::Usage)?;
    let mut set = merge(settings.set()?, Fields::new())?;
    let settings: Settings = serde_json::from_value(set.clone().into())?;
    set.retain(|name, value| name != "pixel_mean" || value != "auto");
    let (model, training) = new_settings(&settings, &set, None)?;
    refuse_other_families(&model, &set)?;
    check(&model, &training)?;
    Ok((model, training))
}

/// The first setting of a run that differs from what [`resolve_settings`] returned, but for what
/// depends on the images.
pub(crate) fn differing_setting(
    (model, training): (&ModelConfig, &TrainingConfig),
    (mut expected, expected_training): (ModelConfig, TrainingConfig),
) -> Result<Option<String>, Failure> {
    expected.image = model.image;
    if let (Some(expected), Some(is)) = (&mut expected.conditional, model.conditional) {
        expected.classes = is.classes;
    }
    if expected.pixel_mean != 0.0 {
        expected.pixel_mean = model.pixel_mean;
    }
    let found = model_fields(model)?.into_iter().chain(training_fields(training)?);
    let expected: Fields =
        model_fields(&expected)?.into_iter().chain(training_fields(&expected_training)?).collect();
    for (name, is) in found {
        let wanted = expected.get(&name).unwrap_or(&serde_json::Value::Null);
        if !equal(wanted, &is) {
            return Ok(Some(format!("its {} is {is}, expected {wanted}", flag(&name))));
        }
    }
    Ok(None)
}

/// The first setting of a run's images that differs from `settings`, by the names of flags, whose
/// relative paths begin at `directory`; and the images that `settings` name. They may still be the
/// run's: moved, or not changed by that setting.
pub(crate) fn differing_images(
    settings: &Fields,
    directory: &Path,
    run: &RunConfig,
) -> Result<Option<(String, DatasetArgs)>, Failure> {
    let mut wanted = config_file::from_fields(settings).map_err(Failure::Usage)?.dataset;
    wanted.offline = Some(true);
    wanted.data = wanted.data.map(|data| absolute(&directory.join(data)));
    let name = &*run.dataset.name;
    // `auto` is MNIST or the built-in digits.
    let auto = [DatasetName::Mnist, DatasetName::Synthetic].map(DatasetName::name);
    if wanted.dataset.unwrap_or_default() == DatasetName::Auto && auto.contains(&name) {
        wanted.dataset = DatasetName::recorded(name);
    }
    if wanted.data.is_none() {
        wanted.data_dir = Some(absolute(&directory.join(wanted.folder())));
    }
    let expected_name = wanted.dataset.unwrap_or_default().name();
    let shown = |path: &Path| path.display().to_string();
    let differing = match (&run.data, &wanted.data, &run.data_dir, &wanted.data_dir) {
        (Some(is), Some(expected), ..) if !same_path(is, expected) => {
            Some(("data".into(), shown(is), shown(expected)))
        }
        (Some(is), None, ..) => Some(("data".into(), shown(is), "none".into())),
        (None, Some(expected), ..) => Some(("data".into(), "none".into(), shown(expected))),
        (None, None, ..) if expected_name != name => {
            Some(("dataset".into(), name.into(), expected_name.into()))
        }
        // A folder without files says nothing about the images.
        (None, None, Some(is), Some(expected))
            if !same_path(is, expected) && missing_files(expected).is_empty() =>
        {
            Some(("data-dir".into(), shown(is), shown(expected)))
        }
        _ => {
            let (is, expected) = (fields(&run.images)?, fields(&wanted.options())?);
            let differing = expected.iter().find(|&(name, value)| is[name] != *value);
            differing.map(|(name, value)| (flag(name), text(&is[name]), text(value)))
        }
    };
    Ok(differing
        .map(|(what, is, expected)| (format!("its {what} is {is}, expected {expected}"), wanted)))
}

/// The settings of the file that no flag overrides, and the flags. Images come from one place, so
/// a flag for it overrides all of the file's.
pub(super) fn merge(mut file: Fields, flags: Fields) -> Result<Fields, Failure> {
    const NAMED: [&str; 2] = ["dataset", "data_dir"];
    let is_named = |fields: &Fields| NAMED.iter().any(|name| fields.contains_key(*name));
    if file.contains_key("data") && is_named(&file) {
        return Err(usage!(
            "a file of settings has data and {}; expected one of them",
            NAMED.map(flag).join(" or ")
        ));
    }
    if flags.contains_key("data") {
        file.retain(|name, _| !NAMED.contains(&name.as_str()));
    } else if is_named(&flags) {
        file.remove("data");
    }
    file.extend(flags);
    Ok(file)
}

/// Checks that no setting of the nets contradicts the checkpoint of `--init-from`.
pub(super) fn check_init(init: &Checkpoint, set: &Fields) -> Result<(), Failure> {
    for (name, is) in model_fields(&init.header().model)? {
        if let Some(value) = set.get(&name)
            && !equal(value, &is)
        {
            return Err(usage!(
                "--{} {value} contradicts {is} of the networks of --init-from {}; omit it, or train \
                 new networks without --init-from",
                flag(&name),
                init.path().display()
            ));
        }
    }
    Ok(())
}

pub(super) fn check(model: &ModelConfig, training: &TrainingConfig) -> Result<(), Failure> {
    let checked = model.validate().and_then(|()| validate(model, training));
    // What no single flag sets has a name of several words.
    let dashes = |name: &str| if name.contains(' ') { "" } else { "--" };
    checked.map_err(|error| usage!("{}{error}", dashes(error.name)))
}

/// The recipe with the settings that override it, for new nets or for those of `model`.
pub(super) fn new_settings(
    settings: &Settings,
    set: &Fields,
    model_of: Option<&ModelConfig>,
) -> Result<(ModelConfig, TrainingConfig), Failure> {
    let recipe = settings.recipe.as_deref().unwrap_or(Recipe::default().name());
    let recipe = by_name("recipe", recipe, Recipe::ALL, |recipe| recipe.name())?;
    let (mut model, training) = recipe.settings();
    if let Some(of) = model_of {
        model = of.clone();
    }
    if let Some(name) = settings.family.as_deref().filter(|name| *name != model.family.name()) {
        model.family = by_name("family", name, Family::all(), Family::name)?;
    }
    if model_of.is_none() {
        match settings.conditional {
            // The number of classes is known once the images are loaded.
            Some(true) => model.conditional = model.conditional.or(Some(Conditional::new(10))),
            Some(false) => model.conditional = None,
            None => {}
        }
    }
    let mut model: ModelConfig = replace(fields(&model)?, set)?;
    let mut training: TrainingConfig = replace(training_fields(&training)?, set)?;
    if settings.minibatch_stddev.is_none() && model_of.is_none() {
        model.fit_batch(training.batch);
    }
    if settings.eval_every.is_none() {
        // Five times per run, but not in a run too short for good samples.
        training.eval_every = if training.epochs < 500 { 0 } else { training.epochs / 5 };
    }
    if training.loss == Loss::Wasserstein
        && settings.clip.is_none()
        && training.r1 + training.r2 == 0.0
        && !model.has_spectral_norm()
    {
        // The Wasserstein distance needs a bound on the discriminator's slope.
        training.clip = 0.01;
    }
    Ok((model, training))
}

/// Refuses settings that only another family has: they would be ignored.
pub(super) fn refuse_other_families(model: &ModelConfig, set: &Fields) -> Result<(), Failure> {
    let known = fields(model)?;
    for name in fields(&Conditional::new(2))?.keys() {
        if set.contains_key(name) && !known.contains_key(name) {
            return Err(usage!(
                "--{} is a setting of --conditional; add that, or omit it",
                flag(name)
            ));
        }
    }
    for other in Family::all() {
        for name in fields(&other)?.keys() {
            if set.contains_key(name) && !known.contains_key(name) {
                return Err(usage!(
                    "--{} is a setting of --family {}, not of {}; omit it, or choose that family",
                    flag(name),
                    other.name(),
                    model.family.name()
                ));
            }
        }
    }
    Ok(())
}

/// The one of `all` with the name that a flag has, which clap has checked unless it is from a file.
fn by_name<T>(
    flag: &str,
    wanted: &str,
    all: impl IntoIterator<Item = T>,
    name: impl Fn(&T) -> &'static str,
) -> Result<T, Failure> {
    let mut names = Vec::new();
    for one in all {
        if name(&one) == wanted {
            return Ok(one);
        }
        names.push(name(&one));
    }
    Err(usage!("--{flag} is {wanted:?}; expected {}", names.join(", ")))
}
