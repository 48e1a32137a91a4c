//! The directory of the run: the checkpoint's own, the one of `--out`, or the next number.

use std::path::Path;

use anyhow::anyhow;
use gan_model::checkpoint::Checkpoint;
use gan_run::RunDir;
use gan_train::RunConfig;

use super::options::Options;
use super::resume::Resume;
use crate::common::exit::Failure;

/// Checks `--out` before anything is downloaded.
pub fn check(options: &Options, resume: Option<&Resume>) -> Result<(), Failure> {
    if let Some(out) = &options.out
        && !resume.is_some_and(|resume| same_path(&resume.root, out))
    {
        RunDir::check_free(out)?;
    }
    Ok(())
}

/// Opens the directory, which locks it.
pub fn open(
    options: &Options,
    resume: Option<&Resume>,
    config: &RunConfig,
) -> Result<RunDir, Failure> {
    Ok(match (resume, &options.out) {
        (Some(resume), None) if resume.in_run => reopen(resume)?,
        (Some(resume), Some(out)) if same_path(&resume.root, out) => reopen(resume)?,
        (Some(resume), None) => {
            return Err(Failure::Usage(format!(
                "{} is not in the directory of a run; choose a directory with --out DIR",
                resume.checkpoint.path().display()
            )));
        }
        (_, Some(out)) => RunDir::create(out)?,
        (None, None) => {
            let (dataset, family) = (&config.dataset.name, config.model.family.name());
            RunDir::create_next(Path::new("runs"), &format!("{dataset}-{family}"))?
        }
    })
}

/// Opens the checkpoint's own directory, if its checkpoint is still the one that was read:
/// another process may have held the lock until now.
fn reopen(resume: &Resume) -> Result<RunDir, Failure> {
    let run = RunDir::open(&resume.root)?;
    let path = resume.checkpoint.path();
    let step = resume.checkpoint.header().step;
    if !same_path(path, &run.checkpoint())
        && let Ok(latest) = Checkpoint::open(&run.checkpoint())
        && let done = latest.header().step
        && done > step
    {
        // Continuing there would delete the later epochs.
        return Err(Failure::Usage(format!(
            "{} is of epoch {step}, but its run has done {done}; choose another directory with \
             --out DIR, or continue the run: --resume {}",
            path.display(),
            resume.root.display()
        )));
    }
    if Checkpoint::open(path)?.header() == resume.checkpoint.header() {
        return Ok(run);
    }
    Err(Failure::Failed(anyhow!(
        "another gan-train has just continued {}; run the command again to continue from there",
        path.display()
    )))
}

fn same_path(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}
