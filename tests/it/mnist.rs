//! MNIST itself, where `GAN_DATA_DIR` is its folder, and the built-in digits without it.

use std::path::{Path, PathBuf};

#[cfg(unix)]
use crate::util::GAN_TRAIN;
use crate::util::{CPU, Place, SMALL};

const DIGEST: &str = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db";

/// The folder that `GAN_DATA_DIR` names, if MNIST is there.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(&std::env::var_os("GAN_DATA_DIR")?).canonicalize().ok()?;
    let images = "train-images-idx3-ubyte";
    let there =
        [images.into(), format!("{images}.gz")].iter().any(|name| folder.join(name).exists());
    there.then_some(folder)
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn mnist_is_read_and_trained_on() {
    let Some(folder) = folder() else {
        eprintln!("skipped: GAN_DATA_DIR names no folder with MNIST's files");
        return;
    };
    let place = Place::new();
    let how = format!("--offline --epochs 20 --batch 16 --recipe plain --device {CPU} {SMALL}");
    let ran = place.gan_train(&format!("--data-dir {} {how}", folder.display())).ok();
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    let config = place.json("runs/0001-mnist-dense/config.json");
    assert_eq!(config["dataset"]["name"], "mnist");
    assert_eq!(config["dataset"]["digest"], DIGEST);
    assert_eq!(config["dataset"]["images"], 60_000);
    assert_eq!(place.rows("runs/0001-mnist-dense").len(), 1);
    assert_eq!(place.list("."), ["runs"], "no temporary files are left");

    // The run records the folder of its images.
    place.resume("runs/0001-mnist-dense", "--offline --epochs 40 --quiet").ok();
    assert_eq!(place.rows("runs/0001-mnist-dense").len(), 2);
}

#[test]
fn without_files_and_network_auto_warns_and_uses_the_built_in_digits() {
    let place = Place::new();
    std::fs::create_dir(place.path("data")).unwrap();
    let how = format!("--epochs 1 --device {CPU} {SMALL}");
    let args = format!("--dataset auto --data-dir data --offline --quiet --out run {how}");
    let ran = place.gan_train(&args).ok();
    for word in ["warning", "data", "--offline", "--data-dir"] {
        assert!(ran.stderr.contains(word), "{word:?} is not in {}", ran.stderr);
    }
    assert_eq!(place.json("run/config.json")["dataset"]["name"], "synthetic");
    assert!(place.list("data").is_empty());
}

#[test]
#[cfg(unix)]
fn a_network_that_does_not_answer_is_treated_as_none() {
    let place = Place::new();
    // Nothing listens there, so every connection is refused at once.
    let proxies = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"];
    let environment = proxies.map(|name| format!("{name}=http://127.0.0.1:9"));
    let run = |args: &str| {
        let words = format!("{GAN_TRAIN} {args} --epochs 1 --device {CPU} {SMALL}");
        let words = words.split_whitespace().map(str::to_owned);
        place.run("env", environment.iter().cloned().chain(words))
    };
    let ran = run("--out run").ok();
    assert!(ran.stderr.contains("warning: no MNIST in data/mnist"), "{}", ran.stderr);
    assert_eq!(place.json("run/config.json")["dataset"]["name"], "synthetic");
    run("--dataset mnist --out other").fails(1, &["train-images-idx3-ubyte.gz", "data/mnist"]);
    assert!(!place.path("other").exists());
}

#[test]
fn without_files_and_network_mnist_is_an_error() {
    let place = Place::new();
    for name in ["mnist", "fashion-mnist", "kmnist"] {
        let ran = place.gan_train(&format!("--dataset {name} --offline --epochs 1 {SMALL}"));
        ran.fails(1, &[&format!("data/{name}"), "train-images-idx3-ubyte"]);
    }
    assert!(place.list(".").is_empty());
}
