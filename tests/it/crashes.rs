//! Trainings that are killed at any time and resumed, with the result of an uninterrupted one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::util::{Draw, Place, number};
use crate::whole::Undisturbed;

/// Files are written all the time: a checkpoint every third epoch.
const PLAN: &str = "--epochs 300 --sample-every 7 --checkpoint-every 3 --eval-every 100 \
                    --eval-count 100 --quiet --out";

/// `GAN_KILLS` is their number.
#[test]
#[expect(clippy::print_stdout, reason = "prints its counts")]
fn killing_at_any_time_loses_no_checkpoint() {
    let wanted = number("GAN_KILLS", 20);
    let mut draw = Draw::new("kills", 5);
    let place = Place::new();
    let begin = Instant::now();
    place.train(&format!("{PLAN} uninterrupted")).ok();
    let duration = begin.elapsed().as_micros() as u64;
    let undisturbed = Undisturbed::like(&place, "uninterrupted");

    let (mut kills, mut runs, mut unbegun) = (0, 0, 0);
    while kills < wanted {
        loop {
            let done = undisturbed.assert_part(&place, "run");
            let mut run = place.start(&match done {
                Some(_) => "--resume run --quiet".into(),
                None => format!("{PLAN} run"),
            });
            // Counted from its start, or from the first checkpoint that it writes.
            let mut left = draw.below(duration);
            if draw.below(2) == 0 {
                left /= 4;
                let checkpoint = place.path("run/ckpt.mpk");
                let before = written(&checkpoint);
                while !run.has_ended() && written(&checkpoint) == before {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            if kills < wanted {
                thread::sleep(Duration::from_micros(left));
            } else {
                while !run.has_ended() {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            let killed = !run.has_ended();
            let ran = if killed { run.signal("KILL") } else { run.ended() };
            // It may have ended just now.
            if ran.code.is_some() {
                ran.ok();
                break;
            }
            kills += 1;
            unbegun += u64::from(!place.path("run/ckpt.mpk").exists());
        }
        undisturbed.assert_done(&place, "run");
        fs::remove_dir_all(place.path("run")).unwrap();
        runs += 1;
    }
    println!("{kills} kills, {unbegun} before a checkpoint; {runs} runs, all as uninterrupted");
}

/// Identifies a version of a file.
fn written(file: &Path) -> Option<(u64, i64, i64)> {
    let file = fs::metadata(file).ok()?;
    Some((file.ino(), file.mtime(), file.mtime_nsec()))
}

#[test]
fn a_lock_ends_with_its_process() {
    let place = Place::new();
    let mut run = place.start("--epochs 1000000 --checkpoint-every 10 --quiet --out run");
    run.until(|| !place.rows("run").is_empty());
    place.resume("run", "").fails(1, &["run is in use by another gan-train"]);
    assert_eq!(run.signal("KILL").code, None);
    let done = crate::whole::read_whole(&place.path("run/ckpt.mpk"));
    place.resume("run", &format!("--epochs {} --quiet", done + 1)).ok();
}

#[test]
fn a_run_without_a_checkpoint_can_be_started_again() {
    let place = Place::new();
    place.train("--epochs 20 --seed 1 --no-report --quiet --out run").ok();
    // As after a kill, and with the images of another data set.
    for file in ["ckpt.mpk", "metrics.jsonl", "outcome.json", "samples/epoch-000020.png"] {
        fs::remove_file(place.path("run").join(file)).unwrap();
    }
    place.write("run/.ckpt.mpk.4711.tmp", "half");
    place.write("run/reals.png", "old");
    let expected = ["run has no checkpoint yet", "before the first step", "--out run"];
    place.resume("run", "").fails(1, &expected);

    place.train("--epochs 20 --quiet --out run").ok();
    place.train("--epochs 20 --quiet --out uninterrupted").ok();
    place.assert_same_run("run", "uninterrupted");
    assert_eq!(place.list("run"), place.list("uninterrupted"));
    assert_eq!(place.json("run/config.json"), place.json("uninterrupted/config.json"));

    // A run with a checkpoint is never started again.
    let holds = ["run already contains a run", "--resume run"];
    place.train("--epochs 20 --quiet --out run").fails(1, &holds);
    fs::remove_file(place.path("run/config.json")).unwrap();
    place.train("--epochs 20 --quiet --out run").fails(1, &["run is not empty"]);
}

#[test]
fn metrics_after_the_last_checkpoint_are_written_once() {
    let place = Place::new();
    let plan = "--epochs 60 --checkpoint-every 20 --sample-every 10 --quiet";
    place.train(&format!("{plan} --out uninterrupted")).ok();
    place.train(&format!("{plan} --stop-after 20 --out run")).ok();
    let checkpoint = place.read("run/ckpt.mpk");
    place.resume("run", "--stop-after 40 --quiet").ok();
    // A crash: three and a half rows are later than the checkpoint.
    place.write("run/ckpt.mpk", checkpoint);
    let rows = place.read("run/metrics.jsonl");
    place.write("run/metrics.jsonl", [&rows, &rows[..100]].concat());
    place.resume("run", "--quiet").ok();
    place.assert_same_run("run", "uninterrupted");
    let epochs: Vec<_> = place.rows("run").iter().map(|row| row["epoch"].as_u64()).collect();
    assert_eq!(epochs, [10, 20, 30, 40, 50, 60].map(Some));
}
