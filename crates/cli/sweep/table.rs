//! The trials of a sweep, as text.

use gan_run::RunState;
use gan_sweep::{Folder, Group, Progress, Ranking, Sweep, Trial};
use serde_json::Value;

use crate::common::data::quoted;
use crate::common::output;

/// The most groups in a table.
const ROWS: usize = 50;

/// The command of each trial.
pub fn commands(sweep: &Sweep) -> String {
    let commands = sweep.trials.iter().map(|trial| output::printable(&command(sweep, trial, None)));
    commands.collect::<Vec<_>>().join("\n")
}

/// The command that trains the same as a trial, until an epoch.
pub fn command(sweep: &Sweep, trial: &Trial, until: Option<u64>) -> String {
    let mut flags = trial.flags();
    if let Some(extractor) = &sweep.feature_extractor {
        flags.push(format!("--feature-extractor={}", extractor.display()));
    }
    flags.extend(
        until.filter(|&until| until < trial.epochs()).map(|until| format!("--stop-after={until}")),
    );
    let flags: Vec<_> = flags.iter().map(|flag| quoted(flag)).collect();
    format!("gan-train {}", flags.join(" "))
}

/// Why there are no ranks.
pub const UNMEASURED: &str = "its samples were not evaluated, so it cannot be ranked: the data set \
                              needs a feature extractor (gan-eval --feature-extractor train)";

/// The ranks of the groups, how many trials are in which state, and the best trial.
pub fn ranks(sweep: &Sweep, folder: &Folder, progress: &[Progress], ranking: &Ranking) -> String {
    let names: Vec<_> =
        sweep.trials.first().map_or(Vec::new(), |trial| trial.varied.keys().collect());
    // Trials of a list differ in which settings they have.
    let same = sweep.trials.iter().all(|trial| trial.varied.keys().eq(names.iter().copied()));
    let measure = sweep.target.measure.name();
    let mut head = vec!["rank".to_owned()];
    let columns = same && !names.is_empty();
    if columns {
        head.extend(names.iter().map(|name| (*name).clone()));
    } else {
        head.push("trial".into());
    }
    head.extend([measure.to_owned(), "seeds".into(), "epochs".into()]);
    let mut rows = vec![head];
    for (rank, group) in ranking.groups.iter().take(ROWS).enumerate() {
        let mut row = vec![(rank + 1).to_string()];
        if columns {
            row.extend(group.varied.values().map(text));
        } else {
            row.push(group.name.clone());
        }
        let seeds = format!("{}/{}", group.values.len(), group.trials.len());
        row.extend([value(group), seeds, group.epoch.to_string()]);
        rows.push(row);
    }
    let mut lines = vec![aligned(&rows)];
    if ranking.groups.len() > ROWS {
        lines.push(format!("... and {} more; --json has all", ranking.groups.len() - ROWS));
    }
    lines.push(String::new());
    lines.push(states(progress));
    if let Some((best, value)) = ranking.best {
        let trial = &sweep.trials[best];
        let (run, epoch) = (folder.run(trial), progress[best].values.last().map(|(at, _)| *at));
        lines.push(format!("best: {}, {measure} {value:.4}", run.display()));
        lines.push(format!("  {}", command(sweep, trial, epoch)));
        let run = quoted(&run.display().to_string());
        lines.push(format!("  gan-sample --checkpoint {run}"));
    } else {
        lines.push(format!(
            "no trial has a {measure}: either none is done, or its samples were not \
                            evaluated, for which the data set needs a feature extractor (gan-eval \
                            --feature-extractor train)"
        ));
    }
    output_lines(&lines)
}

/// How many trials are in each state.
pub fn states(progress: &[Progress]) -> String {
    let sound = || progress.iter().filter(|trial| trial.damage.is_none());
    let count = |state: Option<RunState>| sound().filter(|trial| trial.state == state).count();
    let named = [
        (Some(RunState::Done), "done"),
        (Some(RunState::Running), "running"),
        (Some(RunState::Stopped), "stopped"),
        (Some(RunState::Killed), "interrupted"),
        (Some(RunState::Diverged), "diverged"),
        (None, "not begun"),
    ];
    let damaged = (progress.len() - sound().count(), "damaged");
    let counts: Vec<_> =
        named.iter().map(|&(state, name)| (count(state), name)).chain([damaged]).collect();
    let parts: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    format!("{} trials: {}", progress.len(), parts.join(", "))
}

pub fn value(group: &Group) -> String {
    match (group.mean(), group.deviation()) {
        (Some(mean), Some(deviation)) => format!("{mean:.4} ± {deviation:.4}"),
        (Some(mean), None) => format!("{mean:.4}"),
        (None, _) => "-".into(),
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn aligned(rows: &[Vec<String>]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn output_lines(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| line.split('\n').map(output::printable).collect::<Vec<_>>().join("\n"))
        .collect::<Vec<_>>()
        .join("\n")
}
