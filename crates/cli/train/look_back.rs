//! What a training leaves to look at: a report of the run, and its digits as an animation.

use std::path::PathBuf;

use gan_run::{Record, RunDir};
use gan_view::{write_animation, write_report};

use crate::say;

/// Writes the report and the animation of a run that has ended, says where they are, and
/// gives the paths of those that were written. Whatever goes wrong is a warning: the training
/// itself is safe.
pub fn leave(run: &RunDir, quiet: bool) -> [Option<PathBuf>; 2] {
    let record = match Record::read(run.root()) {
        Ok(record) => record,
        Err(error) => {
            say::note(format!("warning: no report of the run: {error}"));
            return [None, None];
        }
    };
    let (report, animation) = (run.report(), run.animation());
    let written = [
        write_report(std::slice::from_ref(&record), &report, false).map(|()| report),
        write_animation(&record, &animation).map(|()| animation),
    ];
    let written = written.map(|part| {
        part.inspect_err(|error| say::note(format!("warning: no report of the run: {error}"))).ok()
    });
    let paths: Vec<_> = written.iter().flatten().map(|path| path.display().to_string()).collect();
    if !quiet && !paths.is_empty() {
        say::note(format!("look back at it: {}", paths.join("  ")));
    }
    written
}
