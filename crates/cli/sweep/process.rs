//! A trial as a process of `gan-train`.

use std::env;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use gan_sweep::{Folder, Sweep, Task};
use serde_json::Value;

/// Settings that a resumed training needs again.
const NOT_RECORDED: [&str; 3] = ["device", "threads", "offline"];
/// The most bytes of a process's messages that are kept.
const MAX_MESSAGES: u64 = 1 << 16;

/// The program that trains, beside this one.
fn program() -> PathBuf {
    let name = format!("gan-train{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe().ok().map(|path| path.with_file_name(&name));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| name.into())
}

/// Starts the training of a task.
pub fn start(sweep: &Sweep, folder: &Folder, task: Task, threads: usize) -> io::Result<Child> {
    let trial = &sweep.trials[task.trial];
    let mut command = Command::new(program());
    let run = folder.run(trial);
    if task.resume {
        command.arg("--resume").arg(run);
        for (name, value) in &trial.settings {
            if NOT_RECORDED.contains(&name.as_str()) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                command.arg(format!("--{name}={value}"));
            }
        }
    } else {
        command.args(trial.flags()).arg("--out").arg(run);
    }
    if !trial.settings.contains_key("threads") {
        command.arg(format!("--threads={threads}"));
    }
    if let Some(until) = task.until {
        command.arg(format!("--stop-after={until}"));
    }
    if let Some(extractor) = &sweep.feature_extractor {
        command.arg("--feature-extractor").arg(extractor);
    }
    command.args(["--quiet", "--no-report"]);
    if sweep.directory.is_dir() {
        command.current_dir(&sweep.directory);
    }
    // Ctrl-C in a terminal goes to all of its processes; this one passes it on, once.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
}

/// Waits for a training; returns how it ended and its messages.
pub fn wait(mut child: Child) -> io::Result<(ExitStatus, String)> {
    let mut messages = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.by_ref().take(MAX_MESSAGES).read_to_end(&mut messages)?;
        io::copy(&mut stderr, &mut io::sink())?;
    }
    Ok((child.wait()?, String::from_utf8_lossy(&messages).into_owned()))
}

/// Sends a signal to a training; one that has ended is no error.
#[cfg(unix)]
pub fn signal(id: u32, signal: i32) {
    use rustix::process::{Pid, Signal, kill_process};
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    if let (Some(id), Some(signal)) = (id, Signal::from_named_raw(signal)) {
        let _ = kill_process(id, signal);
    }
}

/// The system sends Ctrl-C to all processes of a console.
#[cfg(not(unix))]
pub fn signal(_id: u32, _signal: i32) {}

/// Whether trials run on CPU threads, so that several of them share the processors.
pub fn is_on_cpu(sweep: &Sweep) -> bool {
    let device = |trial: &gan_sweep::Trial| trial.settings.get("device").cloned();
    let device = sweep.trials.first().and_then(device).unwrap_or(Value::from("auto"));
    match device.as_str() {
        Some("flex" | "ndarray") => true,
        Some("auto") => {
            gan_model::device::select("auto").is_ok_and(|found| found.name.contains("CPU"))
        }
        _ => false,
    }
}
