//! The settings of trials, checked as `gan-train` checks them.

use gan_sweep::{Folder, Sweep, Trial};
use gan_train::RunConfig;
use serde_json::json;

use gan_run::RunDir;

use crate::common::{Failure, usage};
use crate::train::{differing_setting, resolve_settings};

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
    for trial in &sweep.trials {
        let root = folder.run(trial);
        let Some(found) = RunDir::read_config::<RunConfig>(&root) else { continue };
        let expected = resolve_settings(&trial.settings).map_err(|error| named(trial, error))?;
        if let Some(what) = differing_setting((&found.model, &found.training), expected)? {
            return Err(usage!(
                "{} is not the training of this sweep: {what}; move it away, or choose another \
                 folder with --out",
                root.display()
            ));
        }
    }
    Ok(())
}

fn named(trial: &Trial, error: Failure) -> Failure {
    match error {
        Failure::Usage(what) => Failure::Usage(format!("{}: {what}", trial.name)),
        other => other,
    }
}
