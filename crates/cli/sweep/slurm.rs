//! A sweep as a job array of SLURM.

use std::env;
use std::process::Command;

use anyhow::{Context, anyhow};
use gan_core::atomic_file;
use gan_sweep::{Folder, Progress, Sweep};

use super::args::{Common, SlurmArgs};
use crate::common::data::quoted;
use crate::common::slurm::Job;
use crate::common::{Failure, check_range, output};

/// Tasks of an array, unless a flag says otherwise.
const TASKS: usize = 8;
/// Seconds before the time limit at which a task is told to save and to requeue itself.
const NOTICE: u32 = 120;

/// Submits a job array whose tasks are workers of the sweep.
pub fn submit(
    args: &SlurmArgs,
    common: &Common,
    folder: &Folder,
    sweep: &Sweep,
) -> Result<(), Failure> {
    let tasks = args.tasks.unwrap_or(TASKS.min(sweep.trials.len()));
    check_range("tasks", tasks, 1..=100_000)?;
    let root = folder.root();
    let program = env::current_exe().context("cannot tell where this program is")?;
    let jobs = common.jobs.map_or(String::new(), |jobs| format!(" --jobs {jobs}"));
    // The task is this program itself, so that signals reach it.
    let script = format!(
        "#!/bin/sh\nexec {} worker {}{jobs}\n",
        quoted(&program.display().to_string()),
        quoted(&root.display().to_string())
    );
    let path = root.join("slurm.sh");
    atomic_file::write(&path, script.as_bytes())?;
    let logs = root.join("slurm-%A_%a.out");
    let mut command = Command::new("sbatch");
    command.arg("--parsable").arg(format!("--array=1-{tasks}")).arg("--requeue");
    command.arg("--open-mode=append").arg("--output").arg(&logs);
    command.arg(format!("--signal=B:USR1@{NOTICE}"));
    let name = root.file_name().map_or("sweep".into(), |name| name.to_string_lossy());
    command.arg(format!("--job-name={name}"));
    // Later options override earlier ones.
    command.args(args.sbatch.iter().flat_map(|options| options.split_whitespace()));
    let ran = command.arg(&path).output().map_err(|error| {
        anyhow!("--slurm: sbatch cannot be started ({error}); expected SLURM on this machine")
    })?;
    if !ran.status.success() {
        let why = String::from_utf8_lossy(&ran.stderr);
        return Err(Failure::Failed(anyhow!("--slurm: sbatch: {}", why.trim())));
    }
    let id = String::from_utf8_lossy(&ran.stdout);
    let id = id.trim().split(';').next().unwrap_or_default().to_owned();
    if !common.output.quiet {
        let root = root.display();
        output::log(format!(
            "submitted {tasks} tasks for {} trials; see them with: squeue --jobs {id}; the trials \
             with: gan-runs {root}; the ranks with: gan-sweep {root} --ranks",
            sweep.trials.len()
        ));
    }
    Ok(output::print(id)?)
}

/// Puts this task back into the queue after a signal that was not a cancellation, if trials are
/// left.
pub fn requeue_after(signal: i32, progress: &[Progress]) {
    let Some(job) = Job::detect() else { return };
    if signal == signal_hook::consts::SIGINT || progress.iter().all(Progress::has_ended) {
        return;
    }
    match job.requeue() {
        Ok(what) => output::log(what),
        Err(error) => output::log(format!("warning: this task is not requeued: {error:#}")),
    }
}
