use std::fs;

use serde_json::json;

use super::*;
use crate::metrics::tests::row;
use crate::{EndReason, RunDir};

fn run(root: &Path) -> RunDir {
    let run = RunDir::create(root).unwrap();
    let config = json!({
        "version": "0.1.0",
        "model": { "generator_hidden": [256, 512] },
        "training": { "epochs": 60, "lr": 0.002, "recipe": "default" },
        "data_dir": null,
    });
    run.write_config(&config).unwrap();
    run
}

#[test]
fn a_run_is_read_during_the_training() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("0007-mnist-dense");
    let run = run(&root);
    assert_eq!(Record::read(&root).unwrap().rows, [], "no metrics yet");
    run.append_metrics(&row(20)).unwrap();
    run.append_metrics(&row(40)).unwrap();
    let complete = fs::read_to_string(run.metrics()).unwrap();
    fs::write(run.metrics(), format!("{complete}{{\"epoch\":60,")).unwrap();
    fs::write(run.sample(20), "").unwrap();

    let record = Record::read(&root).unwrap();
    assert_eq!(record.rows, [row(20), row(40)]);
    assert_eq!(record.name(), "0007-mnist-dense");
    assert_eq!((record.epochs_done(), record.total_epochs()), (40, Some(60)));
    assert_eq!(record.samples(), [(20, run.sample(20))]);
    let settings = record.settings();
    for (name, value) in [
        ("version", "0.1.0"),
        ("model.generator_hidden", "256-512"),
        ("training.lr", "0.002"),
        ("data_dir", "none"),
    ] {
        assert!(settings.contains(&(name.into(), value.into())), "{name} in {settings:?}");
    }
    assert_eq!(record.setting("training.recipe").as_deref(), Some("default"));
    assert_eq!(record.setting("training.unknown"), None);
}

#[test]
fn seconds_add_up_over_a_resumed_training() {
    let dir = tempfile::tempdir().unwrap();
    let run = run(dir.path());
    for (epoch, seconds) in [(20, 1.0), (40, 2.0), (60, 0.5), (80, 1.5)] {
        run.append_metrics(&MetricsRow { seconds, ..row(epoch) }).unwrap();
    }
    assert_eq!(Record::read(dir.path()).unwrap().seconds(), 3.5);
}

#[test]
fn the_state_follows_the_lock_and_the_last_word() {
    let dir = tempfile::tempdir().unwrap();
    let held = run(dir.path());
    held.append_metrics(&row(20)).unwrap();
    let record = Record::read(dir.path()).unwrap();
    assert_eq!(record.state(), RunState::Running);
    for (reason, state) in [
        (EndReason::Finished, RunState::Done),
        (EndReason::Stopped, RunState::Stopped),
        (EndReason::Diverged, RunState::Diverged),
    ] {
        held.write_outcome(&RunOutcome { reason, epochs: 20, seconds: 0.1 }).unwrap();
        assert_eq!(record.state(), state, "the process has not exited");
    }
    drop(held);
    assert_eq!(record.state(), RunState::Diverged);
    drop(RunDir::open(dir.path()).unwrap());
    assert_eq!(record.state(), RunState::Diverged, "it was not resumed after all");
    RunDir::open(dir.path()).unwrap().write_config(&record.config).unwrap();
    assert_eq!(record.state(), RunState::Killed, "it was resumed and left no outcome");

    RunDir::open(dir.path()).unwrap().append_metrics(&row(60)).unwrap();
    let record = Record::read(dir.path()).unwrap();
    assert_eq!(record.state(), RunState::Done, "all epochs are done");
}

#[test]
fn an_error_names_what_is_not_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let error = Record::read(dir.path()).unwrap_err().to_string();
    assert!(error.contains(&dir.path().display().to_string()), "{error}");
    assert!(error.contains("config.json"), "{error}");
    fs::write(dir.path().join("config.json"), "{").unwrap();
    assert!(matches!(Record::read(dir.path()), Err(RunDirError::Config(..))));
    assert!(matches!(Record::read(&dir.path().join("config.json")), Err(RunDirError::NoRun(_))));
}

#[test]
fn runs_are_ordered_by_number() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["10000-mnist", "9999-mnist", "0002-mnist", "trial"] {
        drop(run(&dir.path().join(name)));
    }
    fs::create_dir(dir.path().join("notes")).unwrap();
    fs::write(dir.path().join("0001-file"), "").unwrap();
    let names = |folder: &Path| -> Vec<String> {
        let runs = find_runs(folder).unwrap();
        runs.iter().map(|run| run.file_name().unwrap().to_str().unwrap().into()).collect()
    };
    assert_eq!(names(dir.path()), ["0002-mnist", "9999-mnist", "10000-mnist", "trial"]);
    assert_eq!(names(&dir.path().join("trial")), ["trial"], "itself");
    assert_eq!(names(&dir.path().join("notes")), [""; 0]);
    assert!(find_runs(&dir.path().join("nowhere")).is_err());
}

#[test]
fn the_image_shape_and_class_names_come_from_the_settings() {
    let record = |config| Record { paths: RunPaths::new("run"), config, rows: Vec::new() };
    let old = record(json!({ "model": { "height": 20, "width": 30, "latent": 8 } }));
    assert_eq!(old.image_shape(), Some(ImageShape::grey(20, 30)));
    let rgb = record(json!({ "model": { "channels": 3, "height": 32, "width": 32 } }));
    assert_eq!(rgb.image_shape(), Some(ImageShape { channels: 3, height: 32, width: 32 }));
    assert_eq!(record(json!({ "model": {} })).image_shape(), None);

    let labels = |dataset| {
        let names = ClassNames::from_config(&json!({ "dataset": dataset }));
        [0, 1, 2].map(|class| names.label(class))
    };
    assert_eq!(labels(json!({ "class_names": ["cat", "dog"] })), ["cat", "dog", "2"]);
    assert_eq!(labels(json!({ "class_names": [] })), ["0", "1", "2"]);
    assert_eq!(labels(json!({})), ["0", "1", "2"]);
    let named = record(json!({ "dataset": { "class_names": ["cat", "dog"] } }));
    assert_eq!(named.setting("dataset.class_names").as_deref(), Some("cat, dog"));
}
