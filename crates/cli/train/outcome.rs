//! Reports how a training ended: in the run's directory, on stderr, as JSON, as an exit code.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use gan_model::checkpoint::Checkpoint;
use gan_run::{EndReason, Record, RunDir, RunOutcome};
use gan_train::{Outcome, RunConfig};
use gan_view::{write_animation, write_report};
use serde_json::json;

use super::options::Options;
use super::session::Ended;
use crate::common::{Failure, output};

pub fn report(
    ended: Ended,
    options: &Options,
    run: &RunDir,
    config: &RunConfig,
) -> Result<(), Failure> {
    let Ended { reason, epochs, seconds, .. } = ended;
    if let Some(reason) = reason
        && let Err(error) = run.write_outcome(&RunOutcome { reason, epochs, seconds })
    {
        // The checkpoint is saved.
        output::log(format!("warning: {error}"));
    }
    let quiet = options.args.output.quiet;
    let best = Checkpoint::open(&run.best()).ok();
    if !quiet {
        print_summary(&ended, run, best.as_ref());
    }
    let written = reason.filter(|_| !options.args.no_report).map(|_| write_pages(run, quiet));
    let mut printed = Ok(());
    if options.args.output.json {
        let [report, animation] = written.unwrap_or_default();
        let text = |path: Option<&Path>| path.map(|path| path.to_string_lossy().into_owned());
        let progress = &ended.progress;
        printed = output::print_json(&json!({
            "outcome": word(reason),
            "epochs": epochs,
            "seconds": seconds,
            "run": run.root().to_string_lossy(),
            "checkpoint": run.checkpoint().to_string_lossy(),
            "config": run.config().to_string_lossy(),
            "metrics": run.metrics().to_string_lossy(),
            "samples": run.samples().to_string_lossy(),
            "reals": run.reals().to_string_lossy(),
            "report": text(report.as_deref()),
            "animation": text(animation.as_deref()),
            "best": text(best.as_ref().map(Checkpoint::path)),
            "best_epoch": best.as_ref().map(|best| best.header().step),
            "warnings": progress.warnings,
            // The name before `warnings`.
            "findings": progress.warnings,
            "quality": progress.quality.as_ref().map(|(epoch, quality)| {
                json!({ "epoch": epoch, "of": quality })
            }),
            "dataset": config.dataset,
            "device": config.device,
            "losses": progress.latest.as_ref().map(output::losses),
        }));
    }
    match (ended.outcome, ended.signal) {
        // The signal matters more than a closed stdout.
        (Ok(Outcome::Stopped), Some(signal)) => Err(Failure::Interrupted(signal)),
        (Ok(_), _) => Ok(printed?),
        (Err(error), _) if reason == Some(EndReason::Diverged) => {
            Err(Failure::Diverged(error.into()))
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// Prints how the training ended, and the next command.
fn print_summary(ended: &Ended, run: &RunDir, best: Option<&Checkpoint>) {
    let root = run.root().display();
    let hint = match ended.reason {
        Some(EndReason::Finished) => {
            format!("; generate samples with: gan-sample --checkpoint {root}")
        }
        Some(EndReason::Stopped) => format!("; continue with: gan-train --resume {root}"),
        _ if run.checkpoint().exists() => {
            format!("; the last good checkpoint is {}", run.checkpoint().display())
        }
        _ => String::new(),
    };
    let (epochs, time) = (ended.epochs, output::duration(ended.seconds));
    output::log(format!("{} after {epochs} epochs, {time}{hint}", word(ended.reason)));
    if let Some(best) = best.filter(|best| best.header().step != epochs) {
        let (step, path) = (best.header().step, best.path().display());
        output::log(format!("the samples were best after {step} epochs: {path}"));
    }
}

fn word(reason: Option<EndReason>) -> String {
    reason.map_or("failed".into(), |reason| reason.to_string())
}

/// Writes the report and the animation of the run; returns the paths of those that were written.
/// An error is only a warning.
fn write_pages(run: &RunDir, quiet: bool) -> [Option<PathBuf>; 2] {
    let warn = |error: &dyn Display| output::log(format!("warning: no report of the run: {error}"));
    let Ok(record) = Record::read(run.root()).inspect_err(|error| warn(error)) else {
        return [None, None];
    };
    let (report, animation) = (run.report(), run.animation());
    let written = [
        write_report(std::slice::from_ref(&record), &report, false).map(|()| report),
        write_animation(&record, &animation).map(|()| animation),
    ]
    .map(|result| result.inspect_err(|error| warn(error)).ok());
    let paths: Vec<_> = written.iter().flatten().map(|path| path.display().to_string()).collect();
    if !quiet && !paths.is_empty() {
        output::log(format!("report and animation of the run: {}", paths.join("  ")));
    }
    written
}
