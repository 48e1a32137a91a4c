//! `gan-sweep`: trains a GAN many times, with different settings.

mod args;
mod process;
mod processors;
mod report;
mod settings;
mod signals;
mod slurm;
mod table;
mod watch;
mod worker;

use std::collections::HashMap;
use std::env;

use anyhow::Context;
use gan_run::RunState;
use gan_serve::{Limits, Runs};
use gan_sweep::{Folder, Progress, Ranking, Sweep};
use serde_json::json;

pub(crate) use self::args::SweepArgs;
use self::args::{Common, Place};
use self::worker::Ended;
use crate::common::{Failure, absolute, check_range, output, page_url, usage};

/// # Errors
/// Any exit other than success.
pub fn main(args: &SweepArgs) -> Result<(), Failure> {
    let (folder, sweep) = match args.place()? {
        Place::File(file) => {
            let sweep = settings::resolve(Sweep::read(file).map_err(|error| usage!("{error}"))?)?;
            let directory = env::current_dir().context("cannot tell the working directory")?;
            (args.folder(file)?, Sweep { directory, ..sweep })
        }
        Place::Folder(folder) => {
            let folder = Folder::new(absolute(folder));
            let sweep = folder.read()?;
            (folder, sweep)
        }
    };
    let common = args.common();
    let quiet = common.output.quiet;
    if common.dry_run {
        return Ok(output::print(table::commands(&sweep))?);
    }
    if let Some(jobs) = common.jobs {
        check_range("jobs", jobs, 1..=1024)?;
    }
    // Before the sweep is recorded: a refused one leaves the recorded one as it is.
    settings::check_runs(&folder, &sweep)?;
    if common.ranks {
        return show(&sweep, &folder, &folder.progress_of_all(&sweep), common);
    }
    if let Some(before) = folder.create(&sweep)?.filter(|_| !quiet) {
        report_changes(&before, &sweep);
    }
    if args.slurm.submit {
        return slurm::submit(&args.slurm, common, &folder, &sweep);
    }
    let page = &common.page;
    let listener = page.serve.is_some().then(|| page.listen()).transpose()?;
    if !quiet {
        let (trials, root) = (sweep.trials.len(), folder.root().display());
        output::log(format!("gan-sweep {}: {trials} trials in {root}", env!("CARGO_PKG_VERSION")));
    }
    if let Some(listener) = listener.as_ref().filter(|_| !quiet) {
        output::log(format!("page: {}", page_url(listener)));
    }
    let runs = Runs::in_folder(folder.root())?;
    let _server = listener.map(|listener| listener.serve(runs, Limits::default())).transpose()?;
    let Ended { failed, signal } = worker::work(&sweep, &folder, common, args.is_worker())?;

    let progress = folder.progress_of_all(&sweep);
    show(&sweep, &folder, &progress, common)?;
    match report::write(&sweep, &folder, &progress, &Ranking::of(&sweep, &progress)) {
        Ok(path) if !quiet => {
            output::log(format!("report: {}", path.display()));
            let elsewhere = |trial: &&Progress| trial.state == Some(RunState::Running);
            let elsewhere = progress.iter().filter(elsewhere).count();
            if elsewhere > 0 {
                output::log(format!(
                    "note: {elsewhere} trials are being trained by other processes; call gan-sweep \
                     again when these have ended"
                ));
            }
        }
        Ok(_) => {}
        Err(error) => output::log(format!("warning: no report of the sweep: {error}")),
    }
    if let Some(signal) = signal {
        slurm::requeue_after(signal, &progress);
        return Err(Failure::Interrupted(signal));
    }
    match &failed[..] {
        [] => Ok(()),
        [(name, why), rest @ ..] => {
            let more =
                if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            Err(Failure::Failed(anyhow::anyhow!(
                "{name}{more} failed: {why}; gan-sweep {} tries them again",
                folder.root().display()
            )))
        }
    }
}

/// Says which trials the sweep has now and had not before, or the reverse.
fn report_changes(before: &Sweep, now: &Sweep) {
    let missing = |of: &Sweep, from: &Sweep| {
        let known: HashMap<_, _> = from.trials.iter().map(|trial| (&trial.name, trial)).collect();
        of.trials.iter().filter(|trial| known.get(&trial.name) != Some(trial)).count()
    };
    let (new, gone) = (missing(now, before), missing(before, now));
    if new + gone == 0 {
        return;
    }
    output::log(format!(
        "note: the sweep has changed: {new} trials are new, and {gone} are no longer part of it"
    ));
}

/// Prints the ranks of the trials.
fn show(
    sweep: &Sweep,
    folder: &Folder,
    progress: &[Progress],
    common: &Common,
) -> Result<(), Failure> {
    let damaged = sweep.trials.iter().zip(progress);
    for (trial, damage) in damaged.filter_map(|(trial, now)| Some((trial, now.damage.as_ref()?))) {
        output::log(format!("warning: {}: {damage}; move its directory away", trial.name));
    }
    let ranking = Ranking::of(sweep, progress);
    if !common.output.json {
        return Ok(output::print(table::ranks(sweep, folder, progress, &ranking))?);
    }
    let trials: Vec<_> = sweep
        .trials
        .iter()
        .zip(progress)
        .map(|(trial, progress)| {
            json!({
                "name": trial.name,
                "path": folder.run(trial).to_string_lossy(),
                "settings": trial.settings,
                "state": progress.state,
                "epochs": progress.epochs,
                "value": progress.values.last().map(|(_, value)| value),
                "seconds": progress.seconds,
            })
        })
        .collect();
    let groups: Vec<_> = ranking
        .groups
        .iter()
        .map(|group| {
            json!({
                "name": group.name,
                "settings": group.varied,
                "epoch": group.epoch,
                "mean": group.mean(),
                "deviation": group.deviation(),
                "seeds": group.values.len(),
            })
        })
        .collect();
    output::print_json(&json!({
        "folder": folder.root().to_string_lossy(),
        "measure": sweep.target.measure,
        "minimise": sweep.target.minimise,
        "trials": trials,
        "groups": groups,
        "best": ranking.best.map(|(trial, _)| &sweep.trials[trial].name),
    }))?;
    Ok(())
}
