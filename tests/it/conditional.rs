//! Nets that are asked for a class, from training to samples and measures.

use std::fs;

use crate::evaluation::eval;
use crate::util::{Place, read_image};

const CONDITIONAL: &str = "--conditional --quiet";

/// A conditional run of some epochs on the built-in digits.
fn place(flags: &str) -> Place {
    let place = Place::new();
    place.train(&format!("{CONDITIONAL} {flags} --out run")).ok();
    place
}

/// The images of an `.npy` file of 28×28 samples.
fn arrays(place: &Place, name: &str) -> Vec<Vec<u8>> {
    let bytes = place.read(name);
    let pixels = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec::<u8>().unwrap();
    pixels.chunks_exact(784).map(<[u8]>::to_vec).collect()
}

fn sample(place: &Place, flags: &str) -> Vec<Vec<u8>> {
    place.sample(&format!("--checkpoint run --out s.npy {flags}")).ok();
    arrays(place, "s.npy")
}

#[test]
fn a_resumed_conditional_run_equals_an_uninterrupted_one() {
    for flags in [
        "",
        "--class-head concatenation --r1 0.5 --pack 2 --d-steps 2",
        "--class-head auxiliary --r1 0.5",
        "--class-head projection-auxiliary --class-weight 0.3 --r1 0.5 --spectral-norm",
        "--r1 0.5 --r2 0.1 --minibatch-stddev 4 --generator-norm batch --class-embedding 3",
        "--pack 2 --spectral-norm --dropout 0.2 --instance-noise 0.1 --loss relativistic",
        "--loss wasserstein --clip 0.05",
    ] {
        let place = Place::new();
        place.train(&format!("{CONDITIONAL} {flags} --epochs 30 --out whole")).ok();
        place.train(&format!("{CONDITIONAL} {flags} --epochs 30 --stop-after 13 --out parts")).ok();
        place.resume("parts", "--quiet --threads 2").ok();
        place.assert_same_run("parts", "whole");
        assert_eq!(place.read("parts/classes.png"), place.read("whole/classes.png"), "{flags}");
    }
}

#[test]
fn a_sample_has_the_latent_of_its_number_and_the_class_that_is_asked_for() {
    let place = place("--epochs 20");
    let all = sample(&place, "--class all --count 4");
    assert_eq!(all.len(), 40);
    assert_eq!(sample(&place, "--class 7 --count 4"), all[28..32]);
    assert_eq!(sample(&place, "--class 7 --count 2"), all[28..30], "whatever their number");
    assert_eq!(sample(&place, "--class 3,1 --count 4"), [&all[12..16], &all[4..8]].concat());
    // By default, sample i is of class i.
    let turns = sample(&place, "--count 12");
    assert_eq!(turns[..4], [0, 1, 2, 3].map(|i: usize| all[4 * i + i].clone()));
    assert_eq!(sample(&place, "--count 3"), turns[..3]);
    assert_eq!(sample(&place, "--write 301"), [12, 0, 4].map(|i| all[i].clone()));
    assert_eq!(sample(&place, "--write 3,0,1"), [12, 0, 4].map(|i| all[i].clone()));
    assert_eq!(sample(&place, "--write 301 --vary"), [12, 1, 6].map(|i| all[i].clone()));

    // A grid has a row for each class.
    place.sample("--checkpoint run --class 3,1,4 --count 5 --out grid.png").ok();
    assert_eq!(read_image(&place.path("grid.png")).dimensions(), (5 * 28, 3 * 28));
    place.sample("--checkpoint run --write 20261127 --out grid.png").ok();
    assert_eq!(read_image(&place.path("grid.png")).dimensions(), (8 * 28, 28));
    // The preview of a run is one of each class, beside a grid.
    let preview = read_image(&place.path("run/samples/epoch-000020.png"));
    let first = image::imageops::crop_imm(&preview, 28, 0, 28, 28).to_image().into_raw();
    assert_eq!(first, turns[1]);
    assert_eq!(read_image(&place.path("run/classes.png")).dimensions(), (280, 280));
}

#[test]
fn walks_lead_between_styles_and_between_classes() {
    let place = place("--epochs 20");
    let all = sample(&place, "--class all --count 3");
    let styles = sample(&place, "--interpolate 3 --class 7 --count 4");
    assert_eq!(styles.len(), 12);
    assert_eq!((&styles[0], &styles[4], &styles[8]), (&all[21], &all[22], &all[23]));
    assert_eq!(styles[3], styles[4], "a leg ends where the next begins");
    let classes = sample(&place, "--interpolate --write 250 --count 4");
    assert_eq!((&classes[0], &classes[4], &classes[8]), (&all[6], &all[15], &all[0]));
    assert!(classes[1] != classes[0] && classes[1] != classes[3], "between two");
    place.sample("--checkpoint run --interpolate --class 1 --count 3 --out walk.gif").ok();
}

#[test]
fn truncation_brings_samples_together() {
    let place = place("--epochs 20");
    let distinct = |flags: &str| {
        let mut samples = sample(&place, &format!("--class 3 {flags}"));
        samples.sort();
        samples.dedup();
        samples.len()
    };
    assert_eq!((distinct("--truncation 0"), distinct("--truncation 1"), distinct("")), (1, 10, 10));
    assert_ne!(sample(&place, "--truncation 0.5"), sample(&place, ""));
    for factor in ["-0.1", "1.1", "nan"] {
        let flags = format!("--checkpoint run --truncation {factor}");
        place.sample(&flags).fails(2, &["--truncation is", "expected 0 to 1"]);
    }
}

#[test]
fn labels_are_written_and_samples_are_judged_by_them() {
    let place = place("--epochs 20");
    place.sample("--checkpoint run --count 120 --out s.npy --labels-out l.npy").ok();
    let bytes = place.read("l.npy");
    let labels = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec::<u8>().unwrap();
    let turns: Vec<u8> = (0..120).map(|index| index % 10).collect();
    assert_eq!(labels, turns);

    let judged =
        |flags: &str| eval(&place, &format!("{flags} --json")).object()["measures"].clone();
    let by_file = judged("--dataset synthetic --samples s.npy --labels l.npy");
    let asked = &by_file["asked"];
    assert_eq!(asked["confusion"].as_array().unwrap().len(), 100);
    let counts = asked["confusion"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), 120);
    assert_eq!(asked["share_by_class"].as_array().unwrap().len(), 10);
    assert!(judged("--dataset synthetic --samples s.npy")["asked"].is_null());
    assert!(judged("--checkpoint run --count 200")["asked"]["share"]["value"].is_number());

    fs::write(place.path("few.npy"), {
        let mut few = place.read("l.npy");
        few.truncate(100);
        few
    })
    .unwrap();
    let flags = "--dataset synthetic --samples s.npy --usefulness";
    eval(&place, flags).fails(2, &["--usefulness", "--labels"]);
    let wrong = |labels: &str| format!("--dataset synthetic --samples s.npy --labels {labels}");
    eval(&place, &wrong("few.npy")).fails(1, &["--labels", "few.npy"]);
    eval(&place, &wrong("s.npy")).fails(1, &["--labels", "s.npy", "[120]"]);
    eval(&place, &wrong("none.npy")).fails(1, &["--labels", "none.npy"]);
}

#[test]
fn what_has_no_classes_says_so() {
    let place = Place::new();
    place.train("--epochs 1 --quiet --out plain").ok();
    for flag in ["--class 7", "--write 12", "--labels-out l.npy"] {
        let ran = place.sample(&format!("--checkpoint plain {flag}"));
        ran.fails(2, &[flag.split(' ').next().unwrap(), "gan-train --conditional"]);
    }
    place.sample("--checkpoint plain --truncation 0.5 --out s.npy").ok();
    for (flags, words) in [
        ("--class-head projection", &["--class-head", "--conditional"][..]),
        ("--class-embedding 8", &["--class-embedding", "--conditional"]),
        ("--conditional --class-embedding 0", &["--class-embedding is 0", "1 to 4096"]),
        ("--conditional --class-head auxiliary --pack 2", &["--pack is 2", "auxiliary"]),
        ("--conditional --class-head projection-auxiliary --pack 2", &["--pack is 2"]),
        ("--conditional --class-weight -1", &["--class-weight is -1; expected 0 to 1000"]),
        ("--class-weight 1", &["--class-weight", "--conditional"]),
        ("--conditional --class-head other", &["--class-head", "projection"]),
    ] {
        place.train(&format!("{flags} --out no")).fails(2, words);
    }
    // Images without labels.
    place.sample("--checkpoint plain --count 200 --out images.npy").ok();
    let flags =
        "--data images.npy --conditional --quiet --no-report --batch 16 --epochs 1 --out no";
    place.gan_train(flags).fails(2, &["--conditional", "no labels"]);
    assert!(!place.path("no").exists());
    place.train("--conditional --epochs 1 --quiet --out asked").ok();
    place.resume("asked", "--epochs 2 --data images.npy").fails(2, &["10 classes", "no labels"]);
    let flags = "--init-from asked --data images.npy --quiet --epochs 1 --out no";
    place.gan_train(flags).fails(2, &["10 classes", "no labels"]);

    place.train("--conditional --epochs 1 --quiet --out run").ok();
    for (flags, words) in [
        ("--class 10", &["--class", "\"10\"", "0 to 9"][..]),
        ("--class 3,x", &["--class", "\"x\""]),
        ("--write 1a", &["--write", "\"a\""]),
        ("--write ,", &["--write", "2026"]),
        ("--write 12 --count 5", &["--count 5", "--write"]),
        ("--write 12 --columns 5", &["--columns 5", "--write"]),
        ("--class 1,2 --columns 5", &["--columns 5", "--class"]),
        ("--labels-out l.txt", &["--labels-out", ".npy"]),
        ("--out l.npy --labels-out ./l.npy", &["--labels-out ./l.npy", "--out"]),
        ("--labels-out none/l.npy", &["--labels-out none/l.npy", "folder does not exist"]),
    ] {
        place.sample(&format!("--checkpoint run {flags}")).fails(2, words);
    }
    place.resume("run", "--conditional=false").fails(2, &["--conditional", "false", "true"]);
    place.resume("plain", "--conditional").fails(2, &["--conditional", "true", "false"]);
    place.resume("run", "--class-head concatenation").fails(2, &["--class-head", "projection"]);
}
