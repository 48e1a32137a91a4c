//! The settings of trials, checked as `gan-train` checks them.

use std::path::Path;

use gan_run::RunDir;
use gan_sweep::{Folder, Sweep, Trial};
use gan_train::RunConfig;
use serde_json::json;

use crate::common::{DatasetArgs, Failure, data, usage};
use crate::train::{differing_images, differing_setting, resolve_settings};

/// The sweep with the epochs of each trial, and with an evaluation at its end and at each rung
/// unless its settings have others.
pub fn resolve(mut sweep: Sweep) -> Result<Sweep, Failure> {
    for trial in &mut sweep.trials {
        let (_, training) =
            resolve_settings(&trial.settings).map_err(|error| named(trial, error))?;
        let total = training.epochs;
        if let Some(first) =
            sweep.halving.map(|halving| halving.first).filter(|&first| first >= total)
        {
            return Err(usage!(
                "{}: it has {total} epochs, but the first rung of [halving] is after {first}; expected \
                 fewer",
                trial.name
            ));
        }
        let rungs = sweep.halving.map_or(vec![total], |halving| halving.rungs(total));
        let every =
            if trial.settings.contains_key("eval-every") { training.eval_every } else { rungs[0] };
        if let Some(rung) = rungs.iter().find(|&rung| every == 0 || !rung.is_multiple_of(every)) {
            return Err(usage!(
                "{}: it is compared after {rung} epochs, but evaluated every {every}; expected an \
                 eval-every, and in [halving] a first, that its epochs are a multiple of",
                trial.name
            ));
        }
        trial.settings.insert("epochs".into(), json!(total));
        trial.settings.insert("eval-every".into(), json!(every));
    }
    Ok(sweep)
}

/// Checks that what is in the trials' directories are trainings with their settings.
pub fn check_runs(folder: &Folder, sweep: &Sweep) -> Result<(), Failure> {
    // As for the trainings: another machine may not have the directory.
    let directory = Some(&*sweep.directory).filter(|directory| directory.is_dir());
    let directory = directory.unwrap_or(Path::new(""));
    let mut digests = Vec::new();
    for trial in &sweep.trials {
        let root = folder.run(trial);
        let Some(found) = RunDir::read_config::<RunConfig>(&root) else { continue };
        let expected = resolve_settings(&trial.settings).map_err(|error| named(trial, error))?;
        // The images themselves decide: they may have been moved.
        let images = differing_images(&trial.settings, directory, &found)?
            .filter(|(_, images)| digest(images, &mut digests) != Some(&found.dataset.digest));
        let differing = match images {
            Some((what, _)) => Some(what),
            None => differing_setting((&found.model, &found.training), expected)?,
        };
        if let Some(what) = differing {
            return Err(usage!(
                "{} is not the training of this sweep: {what}; move it away, or choose another \
                 folder with --out",
                root.display()
            ));
        }
    }
    Ok(())
}

/// The digest of images, unless they cannot be read; `known` has those of earlier calls.
fn digest<'a>(
    images: &DatasetArgs,
    known: &'a mut Vec<(DatasetArgs, Option<String>)>,
) -> Option<&'a String> {
    let index = known.iter().position(|(args, _)| args == images).unwrap_or_else(|| {
        let digest = data::load(images, true).ok().map(|data| data.train.digest().to_owned());
        known.push((images.clone(), digest));
        known.len() - 1
    });
    known[index].1.as_ref()
}

fn named(trial: &Trial, error: Failure) -> Failure {
    match error {
        Failure::Usage(what) => Failure::Usage(format!("{}: {what}", trial.name)),
        other => other,
    }
}
