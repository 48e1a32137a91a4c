//! Sweeps: many trainings, interrupted in every way, and their ranks.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::any_images::write_images;
use crate::util::{CPU, Place, Ran, Running};

pub(crate) const GAN_SWEEP: &str = env!("CARGO_BIN_EXE_gan-sweep");
/// A folder of images that is read in an instant.
const BASE: &str = "[base]\ndata = 'mine'\nbatch = 16\nlatent = 8\ngenerator-hidden = [32]\n\
                    discriminator-hidden = [32]\ncheckpoint-every = 20\nsample-every = 100\n";

pub(crate) fn base() -> String {
    format!("{BASE}device = '{CPU}'\n")
}

pub(crate) fn sweep(place: &Place, args: &str) -> Ran {
    place.run(GAN_SWEEP, args.split_whitespace())
}

fn start(place: &Place, args: &str) -> Running {
    place.start_program(GAN_SWEEP, args)
}

/// A place with images and a sweep of them.
pub(crate) fn place(sweep: &str) -> Place {
    let place = Place::new();
    write_images(&place, "mine");
    place.write("s.toml", sweep);
    place
}

/// The trials of a sweep, by `--dry-run`: name and flags.
fn commands(place: &Place) -> Vec<String> {
    let ran = sweep(place, "s.toml --dry-run").ok();
    ran.stdout.lines().map(|line| line.strip_prefix("gan-train ").unwrap().to_owned()).collect()
}

/// Asserts that every trial is the same as a training by hand, and was done once.
pub(crate) fn assert_as_by_hand(place: &Place, folder: &str, logs: &str) {
    let listed = sweep(place, &format!("{folder} --json --quiet")).ok().object();
    let trials = listed["trials"].as_array().unwrap().clone();
    let commands = commands(place);
    assert_eq!(trials.len(), commands.len());
    for (trial, command) in trials.iter().zip(commands) {
        let name = trial["name"].as_str().unwrap();
        assert_eq!(trial["state"], "done", "{name}");
        place.gan_train(&format!("{command} --out hand-{name} --no-report --quiet")).ok();
        place.assert_same_run(&format!("{folder}/{name}"), &format!("hand-{name}"));
        let done = format!("{name}  done");
        assert!(logs.matches(&done).count() <= 1, "{name} was done twice: {logs}");
    }
    let known: BTreeSet<_> = trials.iter().map(|trial| trial["name"].as_str().unwrap()).collect();
    for name in place.list(folder) {
        let other = [".claims", "sweep.html", "sweep.json", "slurm.sh"].contains(&&*name);
        assert!(other || name.starts_with("slurm-") || known.contains(&*name), "{name} is left");
    }
}

#[test]
fn a_sweep_is_the_same_trainings_as_by_hand_and_done_once() {
    let base = format!("{}epochs = 60\nema-half-life = 500\n", base());
    let text = format!("seeds = [0, 1]\n{base}[grid]\nlr = [1e-3, 2e-3]\n");
    let place = place(&text);
    let ran = sweep(&place, "s.toml --jobs 2").ok();
    assert!(ran.stderr.contains("4 trials in"), "{}", ran.stderr);
    assert!(ran.stdout.contains("4 trials: 4 done"), "{}", ran.stdout);
    assert!(
        String::from_utf8(place.read("sweeps/s/sweep.html")).unwrap().contains("4 trials: 4 done")
    );
    assert_as_by_hand(&place, "sweeps/s", &ran.stderr);
    let again = sweep(&place, "sweeps/s").ok();
    assert!(!again.stderr.contains("done after"), "{}", again.stderr);
    // More seeds are more trials; what is there stays.
    place.write("s.toml", text.replace("[0, 1]", "[0, 1, 2]"));
    let more = sweep(&place, "s.toml").ok();
    assert!(more.stderr.contains("2 trials are new, and 0"), "{}", more.stderr);
    assert_eq!(more.stderr.matches("done after").count(), 2, "{}", more.stderr);
    // The same images, from another directory or at another place, are no change.
    let elsewhere = format!("cd mine && exec {GAN_SWEEP} ../sweeps/s --ranks");
    place.run("sh", ["-c", &elsewhere]).ok();
    write_images(&place, "moved");
    let absolute = place.path("mine").display().to_string();
    for same in ["./mine", &absolute, "moved"] {
        place.write("s.toml", text.replace("'mine'", &format!("'{same}'")));
        sweep(&place, "s.toml --ranks").ok();
    }
    // Trainings on other images are not those of the sweep.
    place.write("s.toml", text.replace("'mine'", "'other'"));
    sweep(&place, "s.toml")
        .fails(2, &["is not the training of this sweep: its data is ", "/other"]);
    place.write("s.toml", text.replace("'mine'", "'mine'\ninvert = true"));
    sweep(&place, "s.toml").fails(2, &["its invert is false, expected true"]);
}

#[test]
fn an_interrupted_sweep_saves_all_trials_and_continues() {
    let place = place(&format!("seeds = [0, 1, 2]\n{}epochs = 1200\n", base()));
    let mut running = start(&place, "s.toml --jobs 2");
    running.until(|| {
        (0..2).all(|seed| !place.rows(&format!("sweeps/s/trial_seed-{seed}")).is_empty())
    });
    let ran = running.signal("INT");
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert!(ran.stderr.contains("all trials save"), "{}", ran.stderr);
    for seed in 0..2 {
        let outcome = place.json(&format!("sweeps/s/trial_seed-{seed}/outcome.json"));
        assert!(outcome["epochs"].as_u64().unwrap() > 0);
    }
    let ended = sweep(&place, "sweeps/s").ok();
    assert_as_by_hand(&place, "sweeps/s", &format!("{}{}", ran.stderr, ended.stderr));
}

#[cfg(target_os = "linux")]
#[test]
fn a_sweep_under_nohup_survives_its_terminal() {
    let place = place(&format!("seeds = [0]\n{}epochs = 400\n", base()));
    // What `nohup` does.
    let mut sweep = Command::new("sh");
    sweep.args(["-c", "trap '' HUP; exec \"$0\" s.toml --quiet", GAN_SWEEP]);
    let mut sweep = sweep.current_dir(place.path("")).stdout(Stdio::null()).spawn().unwrap();
    while trainings(&place).is_empty() {
        assert!(sweep.try_wait().unwrap().is_none(), "it ended before its training began");
        sleep(Duration::from_millis(5));
    }
    let hangup = Command::new("kill").args(["-HUP", &sweep.id().to_string()]).status();
    assert!(hangup.unwrap().success());
    assert!(sweep.wait().unwrap().success());
    assert_eq!(place.rows("sweeps/s/trial_seed-0").last().unwrap()["epoch"], 400);
}

/// `GAN_KILLS` is their number.
#[cfg(target_os = "linux")]
#[test]
fn workers_killed_at_any_instant_lose_no_trial_and_do_none_twice() {
    let kills: u32 = std::env::var("GAN_KILLS").map_or(6, |kills| kills.parse().unwrap());
    let (trials, epochs) = (4 + kills, 800);
    let seeds: Vec<_> = (0..trials).collect();
    let place = place(&format!("seeds = {seeds:?}\n{}epochs = {epochs}\n", base()));
    let mut logs = String::new();
    let first = start(&place, "s.toml --jobs 1");
    let mut workers = vec![first];
    let begin = Instant::now();
    while !place.path("sweeps/s/sweep.json").exists() {
        assert!(begin.elapsed() < Duration::from_mins(1));
        sleep(Duration::from_millis(5));
    }
    workers.push(start(&place, "worker sweeps/s --jobs 1"));
    let mut hit = 0;
    for index in 0..kills {
        hit += u32::from(!trainings(&place).is_empty());
        sleep(Duration::from_millis(u64::from(index.wrapping_mul(2_654_435_761) >> 23)));
        let victim = index as usize % 2;
        match index % 3 {
            // The worker alone, and its training goes on; the training alone; or both.
            0 => workers[victim].send_if_alive("KILL"),
            1 => kill(&trainings(&place)),
            _ => {
                workers[victim].send_if_alive("KILL");
                kill(&trainings(&place));
            }
        }
        if workers[victim].has_ended() {
            let new = start(&place, "worker sweeps/s --jobs 1");
            logs += &std::mem::replace(&mut workers[victim], new).ended().stderr;
        }
    }
    assert!(hit > kills / 2, "only {hit} of {kills} were in the middle of a training");
    for worker in workers {
        logs += &worker.ended().stderr;
    }
    // Trainings whose worker was killed end by themselves.
    let begin = Instant::now();
    while !trainings(&place).is_empty() {
        assert!(begin.elapsed() < Duration::from_mins(1));
        sleep(Duration::from_millis(20));
    }
    logs += &sweep(&place, "worker sweeps/s").ok().stderr;
    assert_as_by_hand(&place, "sweeps/s", &logs);
}

/// Processes that work in a place, by a pattern of their command lines.
#[cfg(target_os = "linux")]
pub(crate) fn processes(place: &Place, pattern: &str) -> Vec<String> {
    let found = Command::new("pgrep").args(["-f", pattern]).output().unwrap();
    let ids = String::from_utf8(found.stdout).unwrap();
    let here = place.path(".").canonicalize().unwrap();
    let is_here = |id: &&str| fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd == here);
    ids.lines().filter(is_here).map(str::to_owned).collect()
}

#[cfg(target_os = "linux")]
pub(crate) fn trainings(place: &Place) -> Vec<String> {
    processes(place, "gan-train.*--no-report")
}

#[cfg(target_os = "linux")]
pub(crate) fn kill(ids: &[String]) {
    for id in ids {
        let _ = Command::new("kill").args(["-KILL", id]).output();
    }
}

#[test]
fn bad_trials_are_stopped_early_and_good_ones_continue_where_they_were() {
    let place = Place::new();
    let base = "dataset = 'synthetic'\nbatch = 16\nlatent = 8\ngenerator-hidden = [32]\n\
                discriminator-hidden = [32]\neval-count = 200\nepochs = 90\nrecipe = 'plain'\n";
    place.write(
        "s.toml",
        format!(
            "[base]\ndevice = '{CPU}'\n{base}[grid]\nlr = [1e-3, 2e-3, 1e-12]\n\
             [halving]\nfirst = 30\nfactor = 3\n"
        ),
    );
    let ran = sweep(&place, "s.toml --json --jobs 2").ok();
    let trials = ran.object()["trials"].as_array().unwrap().clone();
    let epochs: Vec<_> = trials.iter().map(|trial| trial["epochs"].as_u64().unwrap()).collect();
    assert_eq!(epochs.iter().sum::<u64>(), 30 + 30 + 90, "{epochs:?}");
    let value = |trial: &Value| {
        let name = trial["name"].as_str().unwrap();
        place.rows(&format!("sweeps/s/{name}"))[..].iter().find(|row| row["epoch"] == 30).unwrap()
            ["quality"]["frechet"].as_f64().unwrap()
    };
    let best = trials.iter().min_by(|a, b| value(a).total_cmp(&value(b))).unwrap();
    assert_eq!(best["epochs"], 90, "the best after 30 epochs is the one that continues");
    assert_eq!(ran.object()["best"], best["name"]);
    // As if it had never stopped.
    let name = best["name"].as_str().unwrap();
    let flags = commands(&place).into_iter().find(|flags| {
        flags.contains(&format!(
            "--lr={}",
            name.trim_start_matches("lr-").trim_end_matches("_seed-0")
        ))
    });
    place.gan_train(&format!("{} --out hand --no-report --quiet", flags.unwrap())).ok();
    place.assert_same_run(&format!("sweeps/s/{name}"), "hand");
    // As if it had been killed after its last row.
    fs::remove_file(place.path(&format!("sweeps/s/{name}/outcome.json"))).unwrap();
    let again = sweep(&place, "s.toml").ok();
    assert!(again.stderr.contains(&format!("{name}  done after 90 epochs")), "{}", again.stderr);
    place.assert_same_run(&format!("sweeps/s/{name}"), "hand");
}

#[test]
fn no_augmentation_is_a_value_of_a_grid() {
    let grid = "[grid]\naugment = [[], ['translation']]\n";
    let place = place(&format!("{}epochs = 4\n{grid}", base()));
    let ran = sweep(&place, "s.toml").ok();
    assert_as_by_hand(&place, "sweeps/s", &ran.stderr);
    let flags = "--recipe default --offline --dry-run --json";
    for none in ["--augment none", "--augment=", ""] {
        let training =
            place.gan_train(&format!("{flags} {none}")).ok().object()["training"].clone();
        assert!(training.get("augment").is_none_or(|all| *all == Value::Array(vec![])), "{none}");
    }
}

#[test]
fn a_trial_that_diverges_or_fails_does_not_stop_the_others() {
    // As in `divergence`: the logits overflow after the first update.
    let deep = vec![512; 16];
    let list = format!(
        "[[list]]\nname = 'good'\n[[list]]\nname = 'absent'\ndata = 'elsewhere'\n\
         [[list]]\nname = 'mad'\nrecipe = 'plain'\nlr = 10.0\ndiscriminator-hidden = {deep:?}\n"
    );
    let place = place(&format!("{}epochs = 200\n{list}", base()));
    let ran = sweep(&place, "s.toml --jobs 2").fails(1, &["absent_seed-0 failed", "elsewhere"]);
    assert!(ran.stdout.contains("1 done"), "{}", ran.stdout);
    assert!(ran.stderr.contains("mad_seed-0  diverged"), "{}", ran.stderr);
    assert_eq!(place.list("sweeps/s").iter().filter(|name| name.starts_with("good")).count(), 1);
}

#[test]
fn a_damaged_trial_is_named_and_the_others_go_on() {
    let place = place(&format!("seeds = [0, 1, 2]\n{}epochs = 4\n", base()));
    sweep(&place, "s.toml").ok();
    place.write("sweeps/s/trial_seed-0/config.json", "{");
    fs::remove_dir_all(place.path("sweeps/s/trial_seed-1")).unwrap();
    fs::remove_file(place.path("sweeps/s/trial_seed-2/metrics.jsonl")).unwrap();
    let ran = sweep(&place, "s.toml").ok();
    for words in [
        "trial_seed-0: cannot read",
        "trial_seed-2: its metrics.jsonl is missing",
        "move its directory away",
        "trial_seed-1  done",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert!(ran.stdout.contains("1 done, 2 damaged"), "{}", ran.stdout);
}

#[test]
fn wrong_sweeps_are_named() {
    let place = place("");
    for (text, words) in [
        ("[base]\nleraning-rate = 1", &["trial_seed-0", "unknown key", "leraning-rate"][..]),
        ("[base]\nbatch = 0", &["trial_seed-0", "--batch"]),
        ("[grid]\nlr = [1e-3, -1]", &["lr--1_seed-0", "--lr"]),
        ("[base]\nepochs = 90\neval-every = 40", &["compared after 90", "every 40"]),
        ("[halving]\nfirst = 300\n[base]\nepochs = 1000", &["compared after 1000", "every 300"]),
        ("grid = 3", &["s.toml", "grid"]),
        ("[[[", &["s.toml", "line 1"]),
    ] {
        place.write("s.toml", text);
        sweep(&place, "s.toml").fails(2, words);
    }
    assert_eq!(place.list("."), ["mine", "s.toml"], "nothing was written");
    sweep(&place, "none.toml").fails(2, &["none.toml", "cannot be read"]);
    sweep(&place, "mine").fails(1, &["mine is not the folder of a sweep", "sweep.json"]);
    sweep(&place, "worker mine").fails(1, &["mine is not the folder of a sweep"]);
    place.write("s.toml", format!("{}epochs = 4\n", base()));
    sweep(&place, "s.toml --out mine").fails(1, &["is not empty and has no sweep"]);
    sweep(&place, "s.toml --jobs 0").fails(2, &["--jobs is 0"]);
    sweep(&place, "s.toml").ok();
    // The training of another sweep in a trial's place.
    place.write("s.toml", format!("{}epochs = 4\nlr = 0.5\n", base()));
    let recorded = place.read("sweeps/s/sweep.json");
    sweep(&place, "s.toml")
        .fails(2, &["is not the training of this sweep", "lr is", "expected 0.5"]);
    assert!(place.read("sweeps/s/sweep.json") == recorded, "a refused sweep is not recorded");
    // What others may have written.
    let text = String::from_utf8(recorded).unwrap();
    for (own, others, words) in [
        ("\"name\": \"", "\"name\": \"../", "expected the name of a directory"),
        (
            "\"trials\": [",
            "\"halving\": {\"first\": 0, \"factor\": 3}, \"trials\": [",
            "first is 0",
        ),
    ] {
        place.write("sweeps/s/sweep.json", text.replacen(own, others, 1));
        sweep(&place, "sweeps/s").fails(1, &["sweep.json", words]);
    }
    std::fs::remove_file(place.path("sweeps/s/sweep.json")).unwrap();
    place.write("s.toml", format!("{}epochs = 4\n", base()));
    sweep(&place, "s.toml").ok();
    // Not to be submitted where there is a SLURM.
    let script = format!("SLURM_CONF=none exec {GAN_SWEEP} s.toml --slurm --out other");
    place.run("sh", ["-c", &script]).fails(1, &["--slurm", "sbatch"]);
}
