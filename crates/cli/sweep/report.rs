//! The report of a sweep.

use std::collections::BTreeSet;
use std::path::PathBuf;

use gan_run::Record;
use gan_sweep::{Folder, Progress, Ranking, Sweep};
use gan_view::{BestTrial, SweepGroup, SweepReport, ViewError};

use super::table;

/// Writes `sweep.html` into the folder; returns its path.
pub fn write(
    sweep: &Sweep,
    folder: &Folder,
    progress: &[Progress],
    ranking: &Ranking,
) -> Result<PathBuf, ViewError> {
    let names: BTreeSet<&String> =
        sweep.trials.iter().flat_map(|trial| trial.varied.keys()).collect();
    let groups = ranking.groups.iter().map(|group| SweepGroup {
        name: group.name.clone(),
        settings: names.iter().map(|name| group.varied.get(*name).map(table::text)).collect(),
        values: group.values.clone(),
        value: table::value(group),
        seeds: group.trials.len(),
        epochs: group.epoch,
    });
    let best = ranking.best.and_then(|(trial, value)| {
        Some((Record::read(&folder.run(&sweep.trials[trial])).ok()?, trial, value))
    });
    let best = best.as_ref().map(|(record, trial, value)| BestTrial {
        record,
        value: *value,
        command: {
            let until = progress[*trial].values.last().map(|(at, _)| *at);
            table::command(sweep, &sweep.trials[*trial], until)
        },
    });
    let title = folder.root().file_name().unwrap_or_default().to_string_lossy();
    let path = folder.root().join("sweep.html");
    let report = SweepReport {
        title: &title,
        measure: sweep.target.measure.name(),
        states: table::states(progress),
        groups: groups.collect(),
        settings: names.into_iter().cloned().collect(),
        best,
    };
    report.write(&path).map(|()| path)
}
