//! A sweep on a real SLURM, which `.ci/slurm` starts on this machine with two pretended nodes.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::sweeps::{self, GAN_SWEEP, assert_as_by_hand, base, kill, processes, trainings};
use crate::util::Place;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/slurm");
const LIMIT: Duration = Duration::from_mins(5);

struct Cluster {
    folder: TempDir,
    conf: String,
}

impl Cluster {
    /// `None` where there is no SLURM; `.ci/run` installs it.
    #[expect(clippy::print_stderr, reason = "a skipped test reports it")]
    fn start() -> Option<Self> {
        let found = ["/usr/sbin/slurmctld", "/usr/bin/slurmctld"];
        if !found.iter().any(|path| std::path::Path::new(path).exists()) {
            eprintln!("SKIPPED: no SLURM; on Debian: apt-get install slurm-wlm munge");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("slurm");
        let ran = Command::new(SCRIPT).arg("start").arg(place).output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        if ran.status.code() == Some(77) {
            eprintln!("SKIPPED: {err}");
            return None;
        }
        let conf = out.trim().strip_prefix("export SLURM_CONF=");
        let conf = conf.unwrap_or_else(|| panic!("{out}{err}")).to_owned();
        Some(Self { folder, conf })
    }

    fn run(&self, place: &Place, program: &str, args: &str) -> String {
        let mut command = Command::new(program);
        command.args(args.split_whitespace()).current_dir(place.path("."));
        let ran = command.env("SLURM_CONF", &self.conf).output().unwrap();
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Submits workers; options for sbatch follow.
    fn submit(&self, place: &Place, tasks: usize, options: &str) -> String {
        let mut command = Command::new(GAN_SWEEP);
        command.args(["s.toml", "--slurm", "--jobs", "1", "--tasks", &tasks.to_string()]);
        command.arg(format!("--sbatch={options}"));
        let ran =
            command.current_dir(place.path(".")).env("SLURM_CONF", &self.conf).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    /// The tasks in the queue with one of these states, all without.
    fn queue(&self, place: &Place, state: &str) -> Vec<String> {
        let listed = self.run(place, "squeue", &format!("--noheader --array --format=%i {state}"));
        listed.lines().map(|line| line.trim().to_owned()).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let place = self.folder.path().join("slurm");
        let _ = Command::new(SCRIPT).arg("stop").arg(place).status();
    }
}

/// What the tasks of all jobs logged.
fn logs(place: &Place) -> String {
    let names = place.list("sweeps/s").into_iter().filter(|name| name.starts_with("slurm-"));
    names.map(|name| String::from_utf8(place.read(&format!("sweeps/s/{name}"))).unwrap()).collect()
}

fn is_done(place: &Place) -> bool {
    let ranks = sweeps::sweep(place, "sweeps/s --ranks --json").ok().object();
    ranks["trials"].as_array().unwrap().iter().all(|trial| trial["state"] == "done")
}

/// `GAN_KILLS` is the number of SIGKILLs; half as often something else happens to a task or a node.
#[test]
fn a_job_array_ends_every_trial_once_whatever_happens_to_its_tasks() {
    let Some(cluster) = Cluster::start() else { return };
    let kills: usize = std::env::var("GAN_KILLS").map_or(8, |kills| kills.parse().unwrap());
    let seeds: Vec<_> = (0..24).collect();
    // Long enough for the disturbances.
    let epochs = 250 * kills;
    let place = sweeps::place(&format!("seeds = {seeds:?}\n{}epochs = {epochs}\n", base()));
    let submit =
        |tasks| cluster.submit(&place, tasks, "--partition=low --cpus-per-task=1 --time=10");
    submit(4);
    let run = |program: &str, args: &str| cluster.run(&place, program, args);
    let mut drained = None;
    let mut hit = 0;
    for index in 0..kills {
        let begin = Instant::now();
        while trainings(&place).is_empty() && begin.elapsed() < Duration::from_secs(20) {
            sleep(Duration::from_millis(10));
        }
        hit += usize::from(!trainings(&place).is_empty());
        sleep(Duration::from_millis((index as u64 * 377) % 700));
        if index % 2 == 0 {
            kill(&trainings(&place));
        } else {
            // A worker, whose training goes on until the system ends it.
            let workers = processes(&place, "gan-sweep.worker");
            kill(&workers[..workers.len().min(1)]);
        }
        let running = || cluster.queue(&place, "--states=running").into_iter().next();
        match index % 8 {
            1 => running().map_or_else(String::new, |task| run("scancel", &task)),
            3 => {
                drained = Some(if index % 16 == 3 { "n1" } else { "n2" });
                let node = drained.unwrap_or_default();
                run("scontrol", &format!("update nodename={node} state=drain reason=test"))
            }
            5 => {
                if let Some(node) = drained.take() {
                    run("scontrol", &format!("update nodename={node} state=resume"));
                }
                // Takes a whole node, so that the tasks there are preempted.
                run("sbatch", "--partition=high --exclusive --output=/dev/null --wrap=sleep")
            }
            7 => running()
                .map_or_else(String::new, |task| run("scontrol", &format!("requeue {task}"))),
            _ => String::new(),
        };
        if cluster.queue(&place, "").len() < 2 {
            submit(3);
        }
    }
    assert!(hit > kills / 2, "only {hit} of {kills} were in the middle of a training");
    for node in ["n1", "n2"] {
        run("scontrol", &format!("update nodename={node} state=resume"));
    }
    let begin = Instant::now();
    while !is_done(&place) || !trainings(&place).is_empty() {
        assert!(begin.elapsed() < LIMIT, "{}\n{}", run("squeue", ""), logs(&place));
        if cluster.queue(&place, "").is_empty() && !is_done(&place) {
            submit(4);
        }
        sleep(Duration::from_millis(200));
    }
    assert_as_by_hand(&place, "sweeps/s", &logs(&place));
}

#[test]
fn a_task_saves_and_requeues_itself_before_its_time_limit() {
    let Some(cluster) = Cluster::start() else { return };
    let place = sweeps::place(&format!(
        "{}epochs = 3000000\ncheckpoint-every = 1000000\n",
        base().replace("checkpoint-every = 20\n", "")
    ));
    // The signal comes at once, for less than a minute is left.
    let id = cluster.submit(&place, 1, "--time=2 --signal=B:USR1@119");
    let begin = Instant::now();
    let restarts = || cluster.run(&place, "scontrol", &format!("show job {id}_1"));
    while !restarts().contains("Restarts=1") {
        assert!(begin.elapsed() < LIMIT, "{}\n{}", restarts(), logs(&place));
        sleep(Duration::from_millis(200));
    }
    let logs = logs(&place);
    assert!(logs.contains("is requeued"), "{logs}");
    let epochs = place.json("sweeps/s/trial_seed-0/outcome.json")["epochs"].as_u64().unwrap();
    assert!((1..1_000_000).contains(&epochs), "saved before any checkpoint was due: {epochs}");
    // A task that is cancelled is not requeued.
    while cluster.queue(&place, "--states=running").is_empty() {
        assert!(begin.elapsed() < LIMIT, "{}", restarts());
        sleep(Duration::from_millis(200));
    }
    cluster.run(&place, "scancel", &id);
    while !cluster.queue(&place, "").is_empty() {
        assert!(begin.elapsed() < LIMIT, "{}", restarts());
        sleep(Duration::from_millis(200));
    }
    assert!(trainings(&place).is_empty());
}
