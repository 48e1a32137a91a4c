//! Resuming a training: the result is the same, and settings cannot change.

use std::fs;

use crate::any_images::write_images;
use crate::util::{CPU, GAN_TRAIN, Place, Ran, SMALL};

#[test]
fn a_resumed_run_equals_an_uninterrupted_one() {
    let place = Place::new();
    place.train("--epochs 60 --sample-every 25 --quiet --out uninterrupted").ok();
    place.train("--epochs 23 --sample-every 25 --quiet --out parts").ok();
    place.resume("parts", "--epochs 60 --quiet").ok();
    place.assert_same_run("parts", "uninterrupted");

    let mut previews = place.list("parts/samples");
    previews.retain(|name| name != "epoch-000023.png");
    assert_eq!(previews, place.list("uninterrupted/samples"));
    assert_eq!(place.json("parts/config.json"), place.json("uninterrupted/config.json"));
}

#[test]
fn a_checkpoint_in_a_run_resumes_in_that_run() {
    let place = Place::new();
    place.train("--epochs 10 --quiet --out deep/run").ok();
    place.train("--epochs 20 --quiet --out uninterrupted").ok();
    place.resume("deep/run/ckpt.mpk", "--epochs 20 --quiet").ok();
    place.assert_same_run("deep/run", "uninterrupted");
    assert_eq!(place.list("."), ["deep", "uninterrupted"]);
}

#[test]
fn resuming_a_finished_run_with_the_same_flags_is_accepted() {
    let place = Place::new();
    place.train("--epochs 20 --seed 5 --quiet --out run").ok();
    let before = place.read("run/ckpt.mpk");
    let same = "--epochs 20 --seed 5 --batch 16 --latent 8 --generator-hidden 32 \
                --discriminator-hidden 32 --dataset synthetic --recipe plain --lr 2e-4 \
                --beta1 0.5 --ema 0.999 --loss bce --out run";
    let ran = place.resume("run", &format!("{same} --json")).ok();
    assert_eq!(ran.object()["epochs"], 20);
    assert_eq!(place.read("run/ckpt.mpk"), before);
    assert_eq!(place.rows("run").len(), 1);
}

#[test]
fn settings_that_contradict_the_checkpoint_are_refused() {
    let place = Place::new();
    place.train("--epochs 3 --quiet --out run").ok();
    let (before, config) = (place.read("run/ckpt.mpk"), place.read("run/config.json"));
    for flag in [
        "--seed 1",
        "--batch 17",
        "--latent 9",
        "--generator-hidden 32,32",
        "--discriminator-hidden 31",
        "--lr 0.001",
        "--beta1 0.6",
        "--ema 0.9",
        "--loss minimax",
        "--recipe listing",
        "--epsilon 0.001",
        "--eval-count 300",
        "--dataset mnist",
    ] {
        let ran = place.resume("run", &format!("--epochs 9 {flag}"));
        ran.fails(2, &[flag, "contradicts the checkpoint"]);
    }
    place.write("my.toml", "seed = 1");
    place.resume("run", "--config my.toml").fails(2, &["seed", "contradicts the checkpoint"]);
    assert_eq!(place.read("run/ckpt.mpk"), before);
    assert_eq!(place.read("run/config.json"), config);
}

#[test]
fn an_automatic_pixel_mean_must_be_the_checkpoints() {
    let place = Place::new();
    place.train("--epochs 2 --quiet --out plain").ok();
    let config = place.read("plain/config.json");
    let words = ["--pixel-mean auto, -0.", "contradicts the checkpoint's 0"];
    place.resume("plain", "--epochs 3 --pixel-mean auto").fails(2, &words);
    assert_eq!(place.read("plain/config.json"), config);

    place.train("--epochs 2 --pixel-mean auto --quiet --out own").ok();
    place.resume("own", "--epochs 3 --pixel-mean auto --quiet").ok();
}

#[test]
fn a_run_resumed_in_another_working_directory_keeps_its_trained_extractor() {
    let place = Place::new();
    write_images(&place, "mine");
    let train = |args: &str| {
        let how = "--data mine --epochs 4 --eval-every 2 --eval-count 100 --stop-after 2 --quiet";
        place.gan_train(&format!("{how} --batch 16 --device {CPU} {SMALL} {args}")).ok()
    };
    train("--feature-extractor train --out trained");
    train("--out found");
    let file = place.json("trained/config.json")["feature_extractor"].clone();
    let file = file.as_str().unwrap();
    assert!(fs::exists(file).unwrap(), "{file}");

    fs::create_dir(place.path("elsewhere")).unwrap();
    let resume = |run: &str, args: &str| -> Ran {
        let mut command = assert_cmd::Command::new(GAN_TRAIN);
        let args = format!("--resume ../{run} --device {CPU} --quiet {args}");
        command.args(args.split_whitespace()).current_dir(place.path("elsewhere"));
        command.output().unwrap().into()
    };
    let written = || fs::metadata(file).unwrap().modified().unwrap();
    let first = written();
    for (run, args) in [("trained", "--feature-extractor train"), ("found", "")] {
        resume(run, args).ok();
        assert_eq!(written(), first, "it is not trained again");
        assert!(place.rows(run)[1]["quality"].is_object(), "{run}");
        assert_eq!(place.json(&format!("{run}/config.json"))["feature_extractor"], file);
    }

    let config = String::from_utf8(place.read("found/config.json")).unwrap();
    let digest = place.json("found/config.json")["extractor_digest"].clone();
    place.write("found/config.json", config.replace(digest.as_str().unwrap(), "another"));
    resume("found", "--epochs 6").fails(1, &["another feature extractor", file, "--eval-every 0"]);
    resume("found", "--epochs 6 --out ../other").ok();
    assert_eq!(place.json("other/config.json")["extractor_digest"], digest);
    let metrics = String::from_utf8(place.read("found/metrics.jsonl")).unwrap();
    place.write("found/metrics.jsonl", metrics.replace("quality", "unknown"));
    // Nothing was measured.
    resume("found", "--epochs 6").ok();

    fs::remove_file(file).unwrap();
    resume("trained", "--epochs 6")
        .fails(1, &[file, "is missing", "--feature-extractor FILE", "--eval-every 0"]);
    assert_eq!(place.rows("trained").len(), 2);
    resume("trained", "--epochs 6 --eval-every 0").ok();
}

#[test]
fn a_training_that_continues_on_another_device_is_warned_of() {
    let place = Place::new();
    place.train("--epochs 2 --quiet --out run").ok();
    let config = String::from_utf8(place.read("run/config.json")).unwrap();
    let device = place.json("run/config.json")["device"].clone();
    place.write("run/config.json", config.replace(device.as_str().unwrap(), "rocm:99 (GPU)"));
    let ran = place.gan_train("--resume run --epochs 4 --quiet").ok();
    assert!(ran.stderr.contains("warning: the run was trained on rocm:99 (GPU)"), "{}", ran.stderr);
}

#[test]
fn fewer_epochs_than_in_the_checkpoint_are_refused() {
    let place = Place::new();
    place.train("--epochs 23 --quiet --out run").ok();
    let before = place.read("run/ckpt.mpk");
    place.resume("run", "--epochs 22").fails(2, &["--epochs 22", "has done 23"]);
    assert_eq!(place.read("run/ckpt.mpk"), before);
}

#[test]
fn a_checkpoint_outside_a_run_requires_an_output_directory() {
    let place = Place::new();
    place.train("--epochs 20 --quiet --out run").ok();
    fs::create_dir(place.path("lone")).unwrap();
    fs::rename(place.path("run/ckpt.mpk"), place.path("lone/mine.mpk")).unwrap();
    let before = place.read("lone/mine.mpk");
    place.resume("lone/mine.mpk", "--epochs 40").fails(2, &["lone/mine.mpk", "--out"]);
    assert_eq!(place.list("lone"), ["mine.mpk"]);

    place.resume("lone/mine.mpk", "--epochs 40 --quiet --out next").ok();
    place.train("--epochs 40 --quiet --out uninterrupted").ok();
    assert_eq!(place.read("next/ckpt.mpk"), place.read("uninterrupted/ckpt.mpk"));
    assert_eq!(place.rows("next"), place.rows("uninterrupted")[1..]);
    assert_eq!(place.read("lone/mine.mpk"), before);
}

#[test]
fn an_earlier_checkpoint_resumes_in_another_directory() {
    let place = Place::new();
    place.train("--epochs 40 --stop-after 20 --quiet --out run").ok();
    let early = place.read("run/ckpt.mpk");
    place.resume("run", "--quiet").ok();
    // As gan-train writes best.mpk.
    fs::write(place.path("run/early.mpk"), early).unwrap();
    let (last, rows) = (place.read("run/ckpt.mpk"), place.read("run/metrics.jsonl"));
    let outcome = place.read("run/outcome.json");
    let words = ["run/early.mpk is of epoch 20", "has done 40", "--out DIR", "--resume run"];
    place.resume("run/early.mpk", "--quiet").fails(2, &words);
    assert_eq!(place.read("run/ckpt.mpk"), last);
    assert_eq!(place.read("run/metrics.jsonl"), rows);
    assert_eq!(place.read("run/outcome.json"), outcome);

    place.resume("run/early.mpk", "--quiet --out other").ok();
    assert_eq!(place.read("other/ckpt.mpk"), last);

    // With all epochs done there is nothing to train, but the new directory is complete.
    place.resume("run", "--quiet --out finished").ok();
    assert_eq!(place.read("finished/ckpt.mpk"), last);
}

#[test]
fn a_missing_checkpoint_cannot_be_resumed() {
    let place = Place::new();
    place.resume("nothing.mpk", "").fails(1, &["nothing.mpk"]);
    fs::create_dir(place.path("empty")).unwrap();
    place.resume("empty", "").fails(1, &["empty/ckpt.mpk"]);
    assert!(place.list("empty").is_empty());
    assert_eq!(place.list("."), ["empty"]);
}
