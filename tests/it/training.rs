//! The files that a training writes.

use std::fs;

use crate::util::{Place, read_image};

#[test]
fn a_run_writes_every_documented_file() {
    let place = Place::new();
    place.train("--epochs 45 --sample-every 25 --seed 3").ok();
    assert_eq!(place.list("."), ["runs"]);
    assert_eq!(place.list("runs"), ["0001-synthetic-dense"]);

    let run = "runs/0001-synthetic-dense";
    let files = place.list(run);
    for file in ["ckpt.mpk", "config.json", "metrics.jsonl", "reals.png", "samples"] {
        assert!(files.iter().any(|name| name == file), "{file} is not in {files:?}");
    }
    let rest: Vec<_> = files.iter().filter(|name| name.contains("tmp")).collect();
    assert!(rest.is_empty(), "{rest:?}");

    let previews = ["epoch-000000.png", "epoch-000025.png", "epoch-000045.png"];
    assert_eq!(place.list(&format!("{run}/samples")), previews);
    for name in previews {
        let row = read_image(&place.path(&format!("{run}/samples/{name}")));
        assert_eq!(row.dimensions(), (280, 28));
    }
    assert_eq!(read_image(&place.path(&format!("{run}/reals.png"))).dimensions(), (280, 280));

    let rows = place.rows(run);
    let epochs: Vec<_> = rows.iter().map(|row| row["epoch"].as_u64().unwrap()).collect();
    assert_eq!(epochs, [20, 25, 40]);
    for row in rows {
        assert!(row["d_loss"].as_f64().unwrap() > 0.0);
        assert!(row["g_loss"].as_f64().unwrap() > 0.0);
        for probability in ["d_real", "d_fake"] {
            assert!((0.0..=1.0).contains(&row[probability].as_f64().unwrap()));
        }
    }
}

#[test]
fn config_json_has_the_effective_settings() {
    let place = Place::new();
    place.train("--epochs 1 --recipe listing --lr 0.01 --loss minimax --out run").ok();
    let config = place.json("run/config.json");
    assert_eq!(config["model"]["latent"], 8);
    assert_eq!(config["model"]["generator_hidden"], serde_json::json!([32]));
    let training = &config["training"];
    assert_eq!(training["recipe"], "listing");
    assert_eq!(training["epochs"], 1);
    assert_eq!(training["batch"], 16);
    assert_eq!(training["lr"], 0.01, "the flag's");
    assert_eq!(training["beta1"], 0.9, "the recipe's");
    assert_eq!(training["loss"], "minimax");
    assert_eq!(training["seed"], 0, "the default's");
    assert_eq!(config["dataset"]["name"], "synthetic");
    assert_eq!(config["dataset"]["images"], 20_000);
    assert_eq!(config["dataset"]["digest"].as_str().unwrap().len(), 64);
    assert!(config["device"].as_str().unwrap().contains("CPU"));
}

#[test]
fn new_runs_get_the_next_number() {
    let place = Place::new();
    fs::create_dir_all(place.path("runs/0041-mine")).unwrap();
    for _ in 0..2 {
        place.train("--epochs 0 --quiet").ok();
    }
    let names = ["0041-mine", "0042-synthetic-dense", "0043-synthetic-dense"];
    assert_eq!(place.list("runs"), names);
    assert!(place.list("runs/0041-mine").is_empty());
}

#[test]
fn zero_epochs_save_the_untrained_state() {
    let place = Place::new();
    place.train("--epochs 0 --out run").ok();
    assert_eq!(place.list("run/samples"), ["epoch-000000.png"]);
    for file in ["config.json", "reals.png", "ckpt.mpk"] {
        assert!(place.path("run").join(file).is_file(), "{file}");
    }
    assert!(place.rows("run").is_empty());
    place.sample("--checkpoint run --out row.png").ok();
    let row = read_image(&place.path("row.png"));
    assert_eq!(row, read_image(&place.path("run/samples/epoch-000000.png")));
    place.resume("run", "--epochs 20").ok();
    assert_eq!(place.rows("run").len(), 1);
}

#[test]
fn json_prints_exactly_one_object_on_stdout() {
    let place = Place::new();
    let ran = place.train("--epochs 20 --json --out run").ok();
    let object = ran.object();
    assert_eq!(object["outcome"], "finished");
    assert_eq!(object["epochs"], 20);
    assert_eq!(object["losses"]["epoch"], 20);
    assert_eq!(object["dataset"]["name"], "synthetic");
    for key in ["run", "checkpoint", "config", "metrics", "samples", "reals"] {
        let path = object[key].as_str().unwrap();
        assert!(place.path(path).exists(), "{key}: {path}");
    }
    assert!(ran.stderr.contains("finished after 20 epochs"), "{}", ran.stderr);
}

#[test]
fn only_json_prints_on_stdout_and_quiet_silences_stderr() {
    let place = Place::new();
    let ran = place.train("--epochs 20 --out loud").ok();
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("d_loss") && ran.stderr.contains("epoch-000020.png"));
    let ran = place.train("--epochs 20 --quiet --out quiet").ok();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let ran = place.train("--epochs 20 --quiet --json --out both").ok();
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.object()["outcome"], "finished");
}
