//! Invalid flags, and directories that cannot be used for a run.

use crate::util::{GAN_SAMPLE, GAN_TRAIN, Place};

#[test]
fn settings_out_of_range_name_their_flag() {
    let place = Place::new();
    for (flag, word) in [
        ("--batch 0", "--batch"),
        ("--batch 100000000000", "--batch"),
        ("--batch many", "--batch"),
        ("--epochs -1", "--epochs"),
        ("--lr -1", "--lr"),
        ("--lr 0", "--lr"),
        ("--lr NaN", "--lr"),
        ("--lr inf", "--lr"),
        ("--beta1 1", "--beta1"),
        ("--ema -0.1", "--ema"),
        ("--latent 0", "--latent"),
        ("--latent 100000000", "--latent"),
        ("--sample-every 0", "--sample-every"),
        ("--checkpoint-every 0", "--checkpoint-every"),
        ("--seed x", "--seed"),
        ("--dataset cifar", "--dataset"),
        ("--recipe best", "--recipe"),
        ("--loss hinges", "--loss"),
        ("--device gpu", "--device"),
        ("--generator-hidden 0", "--generator-hidden"),
        ("--epoch 5", "--epochs"),
    ] {
        place.gan_train(&format!("{flag} --offline")).fails(2, &[word]);
    }
    assert!(place.list(".").is_empty());
}

#[test]
fn a_back_end_that_is_not_compiled_in_names_the_cargo_command() {
    let place = Place::new();
    for (name, compiled) in [
        ("flex", cfg!(feature = "flex")),
        ("ndarray", cfg!(feature = "ndarray")),
        ("wgpu", cfg!(feature = "wgpu")),
        ("cuda", cfg!(feature = "cuda")),
        ("rocm", cfg!(feature = "rocm")),
    ] {
        if !compiled {
            let feature = format!("--features {name}");
            let words = ["--device", "not compiled", "cargo install ", &feature];
            place.gan_train(&format!("--device {name} --dry-run")).fails(2, &words);
        }
    }
}

#[test]
fn a_directory_with_other_files_is_not_used() {
    let place = Place::new();
    place.write("home/thesis.tex", "precious");
    place.train("--epochs 1 --out home").fails(1, &["home", "not empty"]);
    assert_eq!(place.list("home"), ["thesis.tex"]);
    assert_eq!(place.read("home/thesis.tex"), b"precious");
}

#[test]
fn an_existing_run_is_not_overwritten() {
    let place = Place::new();
    place.train("--epochs 20 --quiet --out run").ok();
    let before = place.read("run/ckpt.mpk");
    place.train("--epochs 1 --seed 9 --out run").fails(1, &["run", "--resume run"]);
    assert_eq!(place.read("run/ckpt.mpk"), before);
    assert_eq!(place.rows("run").len(), 1);
}

#[test]
fn a_directory_that_cannot_be_created_is_named() {
    let place = Place::new();
    place.write("file", "precious");
    for out in ["file", "file/run", "file/a/b"] {
        place.train(&format!("--epochs 1 --out {out}")).fails(1, &[out]);
    }
    if cfg!(target_os = "linux") {
        place.train("--epochs 1 --out /proc/run").fails(1, &["/proc/run"]);
    }
    assert_eq!(place.read("file"), b"precious");
    place.write("runs", "a file in place of the folder of runs");
    place.train("--epochs 1").fails(1, &["runs"]);
    assert_eq!(place.list("."), ["file", "runs"]);
}

#[test]
fn a_system_error_is_reported_once() {
    let place = Place::new();
    place.write("file", "");
    for ran in [
        place.train("--epochs 1 --out file/run"),
        place.sample("--checkpoint file/none.mpk"),
        place.sample("--checkpoint file/none.mpk --out no/such.png"),
    ] {
        let ran = ran.fails(1, &["(os error"]);
        assert_eq!(ran.stderr.matches("(os error").count(), 1, "{}", ran.stderr);
    }
}

/// JSON is Unicode, paths need not be: other bytes are replaced in what is printed.
#[cfg(unix)]
#[test]
fn a_path_that_is_not_unicode_can_be_printed_as_json() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let place = Place::new();
    let name = OsStr::from_bytes(b"runs/a\xff");
    place.train("--epochs 4 --quiet --out runs/a").ok();
    std::fs::rename(place.path("runs/a"), place.path("").join(name)).unwrap();
    let run = |program, args: &str, path: &OsStr| {
        let args = args.split_whitespace().map(OsStr::new).chain([path]);
        let ran = place.run(program, args).ok();
        assert!(ran.stdout.contains("a\u{fffd}"), "{ran:?}");
    };
    // A new run would record it as text.
    let train = ["--epochs", "1", "--out"].map(OsStr::new).into_iter().chain([name]);
    place.run(GAN_TRAIN, train).fails(2, &["--out", "is not Unicode"]);
    for flag in ["--init-from", "--feature-extractor"] {
        let train = ["--dataset", "synthetic", flag].map(OsStr::new).into_iter().chain([name]);
        place.run(GAN_TRAIN, train).fails(2, &[flag, "is not Unicode"]);
    }
    run(GAN_SAMPLE, "--json --out x.png --checkpoint", name);
    run(env!("CARGO_BIN_EXE_gan-runs"), "--json", OsStr::new("runs"));
    run(env!("CARGO_BIN_EXE_gan-report"), "--json --out x.html", name);
}
