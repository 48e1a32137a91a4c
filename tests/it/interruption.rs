//! Trainings that are interrupted by signals and resumed.

use std::time::SystemTime;

use gan_model::checkpoint::Checkpoint;

use crate::util::Place;

const HOW: &str = "--sample-every 50 --checkpoint-every 10 --quiet --out";

/// Interrupts a training by signals at once, resumes it, and compares it with an uninterrupted one.
fn interrupted_by(signals: &[&str], code: i32) {
    let place = Place::new();
    let mut run = place.start(&format!("--epochs 1000000 --json {HOW} run"));
    run.until(|| !place.rows("run").is_empty());
    for signal in signals {
        run.send(signal);
    }
    let ran = run.ended();
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert_eq!(ran.stderr, "");
    let object = ran.object();
    assert_eq!(object["outcome"], "stopped");

    let done = object["epochs"].as_u64().unwrap();
    assert!(done >= 20);
    let early = format!("--epochs {}", done - 1);
    place.resume("run", &early).fails(2, &[&format!("has done {done}")]);

    let total = done + 37;
    place.resume("run", &format!("--epochs {total} --quiet")).ok();
    place.train(&format!("--epochs {total} {HOW} uninterrupted")).ok();
    place.assert_same_run("run", "uninterrupted");
    assert_eq!(place.list("run/samples"), place.list("uninterrupted/samples"));
}

#[test]
fn a_run_resumed_after_ctrl_c_equals_an_uninterrupted_one() {
    interrupted_by(&["INT"], 130);
}

#[test]
fn a_run_resumed_after_sigterm_equals_an_uninterrupted_one() {
    // A batch system may signal a process and its group.
    interrupted_by(&["TERM", "TERM"], 143);
}

#[test]
fn an_interrupted_training_prints_how_to_resume() {
    let place = Place::new();
    let mut run = place.start("--epochs 1000000 --out run");
    run.until(|| !place.rows("run").is_empty());
    let ran = run.signal("INT");
    assert_eq!(ran.code, Some(130));
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("gan-train --resume run"), "{}", ran.stderr);
}

#[test]
fn a_run_killed_twice_and_resumed_equals_an_uninterrupted_one() {
    let place = Place::new();
    let mut args = format!("--epochs 1000000 {HOW} run");
    for _ in 0..2 {
        let before = place.rows("run").len();
        let mut run = place.start(&args);
        run.until(|| place.rows("run").len() > before + 3);
        drop(run);
        args = "--resume run --quiet".into();
    }
    // There is a row every 20 epochs, so the checkpoint is less than 20 epochs after the last.
    let total = 57 + place.rows("run").last().unwrap()["epoch"].as_u64().unwrap();
    place.resume("run", &format!("--epochs {total} --quiet")).ok();
    place.train(&format!("--epochs {total} {HOW} uninterrupted")).ok();
    place.assert_same_run("run", "uninterrupted");
}

#[test]
fn a_new_total_survives_a_kill_before_the_next_checkpoint() {
    let place = Place::new();
    place.train("--epochs 20 --quiet --out run").ok();
    let mut run = place.start("--resume run --epochs 1000000 --checkpoint-every 1000000 --quiet");
    run.until(|| place.rows("run").len() > 1);
    drop(run);
    let saved = Checkpoint::open(&place.path("run/ckpt.mpk")).unwrap();
    assert_eq!((saved.header().step, saved.header().training.epochs), (20, 1_000_000));
}

#[test]
fn signals_of_batch_systems_write_a_checkpoint_and_the_training_continues() {
    let place = Place::new();
    let mut run = place.start("--epochs 1000000 --checkpoint-every 1000000 --quiet --out run");
    run.until(|| !place.rows("run").is_empty());
    for signal in ["USR1", "USR2"] {
        let before = place.read("run/ckpt.mpk");
        run.send(signal);
        run.until(|| place.read("run/ckpt.mpk") != before);
    }
    assert_eq!(run.signal("TERM").code, Some(143));
}

#[test]
fn a_checkpoint_is_written_before_the_time_limit_of_a_job() {
    let place = Place::new();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let job = [("SLURM_JOB_ID", "7"), ("SLURM_JOB_END_TIME", &*(now + 8).to_string())];
    let how = "--epochs 1000000 --checkpoint-every 1000000 --out run";
    let mut run = place.start_with(how, &job);
    let told = run.logs("SLURM job 7");
    assert!(told.contains("left; a checkpoint is written"), "{told}");
    run.until(|| !place.rows("run").is_empty());
    let before = place.read("run/ckpt.mpk");
    run.until(|| place.read("run/ckpt.mpk") != before);
}
