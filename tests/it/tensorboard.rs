//! `--tensorboard`: the event files, read with TensorBoard.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::process::Command;

use serde_json::Value;

use crate::util::Place;

/// Prints each scalar as `[step, value]` and each image as `[step, width, height, bytes]`, by tag.
const READER: &str = "
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'images': 0})
events.Reload()
tags = events.Tags()
json.dump({
    'scalars': {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags['scalars']},
    'images': {tag: [[e.step, e.width, e.height, list(e.encoded_image_string)]
                     for e in events.Images(tag)] for tag in tags['images']},
    'times': [e.wall_time for e in events.Scalars('losses/d_loss')],
}, sys.stdout)
";

/// Rows, previews and evaluations every few epochs.
const INTERVALS: &str = "--sample-every 25 --eval-every 40 --eval-count 100 --quiet";

/// A Python with TensorBoard: `GAN_TENSORBOARD_PYTHON` or else `python3`.
fn python() -> Option<String> {
    let python = env::var("GAN_TENSORBOARD_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import tensorboard"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    // Not eprintln!: the output of a passing test is captured.
    let message = "SKIPPED: no TensorBoard; pip install tensorboard, or set GAN_TENSORBOARD_PYTHON";
    let _ = writeln!(io::stderr(), "{message}");
    None
}

/// The scalars in the rows of a run, in single precision, without the time.
fn expected(rows: &[Value]) -> BTreeMap<String, Vec<(u64, f32)>> {
    let mut curves: BTreeMap<String, Vec<(u64, f32)>> = BTreeMap::new();
    for row in rows {
        let epoch = row["epoch"].as_u64().unwrap();
        let mut add = |tag: String, value: &Value| {
            curves.entry(tag).or_default().push((epoch, value.as_f64().unwrap() as f32));
        };
        for (name, value) in row.as_object().unwrap() {
            match &**name {
                "epoch" | "quality" | "finding" => {}
                "d_loss" | "g_loss" => add(format!("losses/{name}"), value),
                "d_real" | "d_fake" => add(format!("probabilities/{name}"), value),
                _ => add(format!("signs/{name}"), value),
            }
        }
        for (name, value) in row["quality"].as_object().into_iter().flatten() {
            match &**name {
                "count" => {}
                "shares" => {
                    let shares = value.as_array().unwrap().iter().enumerate();
                    shares.for_each(|(class, share)| add(format!("shares/{class}"), share));
                }
                "missing" => {
                    let missing = value.as_array().unwrap().len();
                    add("quality/missing".into(), &missing.into());
                }
                _ => add(format!("quality/{name}"), value),
            }
        }
    }
    curves
}

/// Asserts that TensorBoard reads all values and previews of `run`, each epoch once.
#[track_caller]
fn assert_tensorboard_reads(python: &str, place: &Place, run: &str) {
    let read = place.run(python, ["-c", READER, &format!("{run}/tensorboard")]).ok();
    let read: Value = serde_json::from_str(&read.stdout).unwrap();

    let point = |point: &Value| (point[0].as_u64().unwrap(), point[1].as_f64().unwrap() as f32);
    let curve = |(tag, points): (&String, &Value)| {
        (tag.clone(), points.as_array().unwrap().iter().map(point).collect())
    };
    let found = read["scalars"].as_object().unwrap().iter().map(curve);
    let rows = place.rows(run);
    assert!(rows.iter().any(|row| row["quality"].is_object()), "without evaluations");
    assert_eq!(found.collect::<BTreeMap<_, Vec<_>>>(), expected(&rows));
    let times = read["times"].as_array().unwrap().iter().map(|time| time.as_f64().unwrap());
    assert!(times.is_sorted(), "{}", read["times"]);

    let mut found = Vec::new();
    for image in read["images"]["samples"].as_array().unwrap() {
        assert_eq!((&image[1], &image[2]), (&280.into(), &28.into()));
        let name = format!("epoch-{:06}.png", image[0].as_u64().unwrap());
        found.push((name, serde_json::from_value::<Vec<u8>>(image[3].clone()).unwrap()));
    }
    assert_eq!(found, place.previews(run).into_iter().collect::<Vec<_>>());
}

#[test]
fn tensorboard_reads_every_value_and_preview() {
    let place = Place::new();
    place.train(&format!("--epochs 90 {INTERVALS} --tensorboard --out run")).ok();
    place.train(&format!("--epochs 90 {INTERVALS} --out plain")).ok();
    place.assert_same_run("run", "plain");
    assert!(!place.path("plain/tensorboard").exists(), "nothing is written by default");
    assert_eq!(place.list("run/tensorboard").len(), 1);
    if let Some(python) = python() {
        assert_tensorboard_reads(&python, &place, "run");
    }
}

#[cfg(unix)]
#[test]
fn each_epoch_is_recorded_once_after_a_kill_and_a_resume() {
    let place = Place::new();
    let args =
        format!("--epochs 1000000 {INTERVALS} --checkpoint-every 30 --tensorboard --out run");
    let mut run = place.start(&args);
    run.until(|| place.rows("run").len() > 12);
    // The resumed run writes the rows and previews after the checkpoint again.
    drop(run);
    let total = 57 + place.rows("run").last().unwrap()["epoch"].as_u64().unwrap();
    place.resume("run", &format!("--epochs {total} --quiet --tensorboard")).ok();
    assert_eq!(place.list("run/tensorboard").len(), 1);
    if let Some(python) = python() {
        assert_tensorboard_reads(&python, &place, "run");
    }
}

#[test]
fn a_resumed_run_writes_the_events_of_its_earlier_epochs() {
    let place = Place::new();
    place.train(&format!("--epochs 45 {INTERVALS} --out run")).ok();
    place.resume("run", "--epochs 90 --quiet --tensorboard").ok();
    if let Some(python) = python() {
        assert_tensorboard_reads(&python, &place, "run");
    }
}

#[test]
fn unwritable_event_files_are_reported_before_the_training() {
    let place = Place::new();
    place.train("--epochs 20 --quiet --out run").ok();
    place.write("run/tensorboard", "in the way");
    place.resume("run", "--epochs 40 --tensorboard").fails(1, &["cannot create run/tensorboard"]);
}
