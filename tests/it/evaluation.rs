//! `gan-eval`, and the evaluation during a training.
//!
//! An evaluation takes seconds, mostly for the 10 000 test images, so the tests share results.

use std::sync::OnceLock;

use burn::tensor::Device;
use gan_data::synthetic;
use gan_eval::{Predicts, train_feature_extractor};
use image::GrayImage;
use serde_json::{Value, json};

use crate::util::{CPU, Place, Ran, read_image, trained};

const GAN_EVAL: &str = env!("CARGO_BIN_EXE_gan-eval");

/// Number of samples: as few as the tests allow.
const COUNT: usize = 210;
/// Measures that have an interval.
const MEASURES: [&str; 9] = [
    "kernel_distance",
    "score",
    "precision",
    "recall",
    "density",
    "coverage",
    "confidence",
    "imbalance",
    "diversity",
];

/// Runs `gan-eval` on a CPU.
pub fn eval(place: &Place, args: &str) -> Ran {
    place.run(GAN_EVAL, format!("--device {CPU} {args}").split_whitespace())
}

/// A directory with a checkpoint.
fn place() -> Place {
    let place = Place::new();
    place.write("ckpt.mpk", trained());
    place
}

/// The results of `gan-eval` for that checkpoint.
struct Evaluated {
    object: Value,
    pairs: Vec<u8>,
    /// `real.npy`, `fake.npy` and `probabilities.npy`.
    features: [Vec<u8>; 3],
}

/// The results, computed once for all tests.
fn evaluated() -> &'static Evaluated {
    static EVALUATED: OnceLock<Evaluated> = OnceLock::new();
    EVALUATED.get_or_init(|| {
        let place = place();
        let what = format!("--checkpoint ckpt.mpk --count {COUNT} --seed 5 --threads 2");
        let files = "--pairs closest.png --features seen";
        let ran = eval(&place, &format!("{what} {files} --quiet --json")).ok();
        assert_eq!(ran.stderr, "");
        assert_eq!(place.list("."), ["ckpt.mpk", "closest.png", "seen"]);
        let read = |name| place.read(&format!("seen/{name}.npy"));
        Evaluated {
            object: ran.object(),
            pairs: place.read("closest.png"),
            features: ["real", "fake", "probabilities"].map(read),
        }
    })
}

/// A `.npy` file with a header as written by NumPy.
pub fn npy(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let fields = format!("'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, ");
    let mut head = format!("{{{fields}}}");
    while !(10 + head.len() + 1).is_multiple_of(64) {
        head.push(' ');
    }
    head.push('\n');
    let length = u16::try_from(head.len()).unwrap().to_le_bytes();
    [&b"\x93NUMPY\x01\x00"[..], &length[..], head.as_bytes(), data].concat()
}

/// The shape and the values of an array.
fn numbers(bytes: &[u8]) -> (Vec<u64>, Vec<f32>) {
    let npy = npyz::NpyFile::new(bytes).unwrap();
    let shape = npy.shape().to_vec();
    (shape, npy.into_vec::<f32>().unwrap())
}

/// An image of a grid whose pixels are squares of two by two.
fn cell(grid: &GrayImage, column: u32, row: u32) -> Vec<u8> {
    let pixel = |index: u32| {
        let (x, y) = (column * 28 + index % 28, row * 28 + index / 28);
        grid.get_pixel(2 * x, 2 * y).0[0]
    };
    (0..784).map(pixel).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
}

#[test]
fn json_has_every_measure_with_its_interval_and_floor() {
    let object = &evaluated().object;
    assert_eq!(object["source"], "ckpt.mpk");
    assert_eq!(object["epochs"], 40);
    assert_eq!(object["weights"], "averaged");
    assert_eq!(object["seed"], 5);
    assert_eq!(object["dataset"], "synthetic", "the data set of the checkpoint");
    assert_eq!(object["pairs"], "closest.png");
    assert!(number(&object["seconds"]) > 0.0);

    let extractor = &object["ruler"];
    assert_eq!(extractor["name"], "mnist-1");
    let digest = extractor["sha256"].as_str().unwrap();
    assert!(digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()), "{digest}");
    assert!((0.9..=1.0).contains(&number(&extractor["accuracy"])), "{extractor}");

    let (found, floor) = (&object["measures"], &object["floor"]);
    for name in MEASURES {
        let [low, high] = [0_usize, 1].map(|end| number(&found[name]["interval"][end]));
        let value = number(&found[name]["value"]);
        assert!(low <= value && value <= high, "{name}: {value} in {low} to {high}");
        assert!(low >= 0.0, "{name}: {low}");
        assert!(floor[name]["value"].is_f64(), "{name}");
        assert!(floor[name]["interval"].is_null(), "{name}");
    }
    for measures in [found, floor] {
        assert_eq!(measures["count"], COUNT);
        assert!(number(&measures["frechet"]["value"]) > 0.0);
        assert!(measures["frechet"]["interval"].is_null(), "it is biased");
        for name in ["precision", "recall", "coverage", "confidence"] {
            assert!((0.0..=1.0).contains(&number(&measures[name]["value"])), "{name}");
        }
        assert!((1.0..=10.0).contains(&number(&measures["score"]["value"])));
        assert!((0.0..=1.0).contains(&number(&measures["imbalance"]["value"])));
        let shares = measures["shares"].as_array().unwrap();
        assert_eq!(shares.len(), 10);
        assert_close(shares.iter().map(number).sum(), 1.0);
        assert_eq!(measures["diversity_by_class"].as_array().unwrap().len(), 10);
        assert!(measures["missing"].is_array());
    }
    for (class, share) in found["shares"].as_array().unwrap().iter().enumerate() {
        let [low, high] = [0_usize, 1].map(|end| number(&found["shares_intervals"][class][end]));
        assert!(low <= number(share) && number(share) <= high, "{class}: {low} to {high}");
    }
    for name in ["frechet", "kernel_distance"] {
        let [found, floor] = [found, floor].map(|measures| number(&measures[name]["value"]));
        assert!(found > 2.0 * floor, "{name}: {found} after 40 epochs, floor {floor}");
    }

    let memory = &object["memory"];
    assert!((0.0..=1.0).contains(&number(&memory["near_share"])), "{memory}");
    assert!(number(&memory["median_ratio"]) > 0.0, "{memory}");
    assert!(number(&memory["near_threshold"]) > 0.0, "{memory}");
    for name in ["median_ratio", "near_share"] {
        let [low, high] = [0_usize, 1].map(|end| number(&memory[format!("{name}_interval")][end]));
        let value = number(&memory[name]);
        assert!(low <= value && value <= high, "{name}: {value} in {low} to {high}");
    }
}

#[test]
fn the_source_and_the_number_of_threads_do_not_change_the_measures() {
    let place = place();
    let samples = format!("--count {COUNT} --seed 5");
    place.sample(&format!("--checkpoint ckpt.mpk {samples} --out drawn.npy")).ok();
    let how = format!("--samples drawn.npy --dataset synthetic {samples} --threads 1");
    let object = eval(&place, &format!("{how} --json --quiet")).ok().object();
    for key in ["dataset", "ruler", "measures", "floor", "memory"] {
        assert_eq!(object[key], evaluated().object[key], "{key}");
    }
    assert_eq!(object["source"], "drawn.npy");
    for key in ["epochs", "weights", "pairs"] {
        assert!(object[key].is_null(), "{key}: {object}");
    }
    assert_eq!(place.list("."), ["ckpt.mpk", "drawn.npy"]);
}

#[test]
fn the_table_for_a_folder_of_samples_has_the_same_values() {
    let place = place();
    let samples = format!("--count {COUNT} --seed 5");
    place.sample(&format!("--checkpoint ckpt.mpk {samples} --out each")).ok();
    // Files other than PNGs are ignored.
    place.write("each/notes.txt", "of no interest");
    let ran = eval(&place, &format!("--samples each --dataset synthetic {samples}")).ok();
    assert!(ran.stderr.contains("measured in"), "{}", ran.stderr);

    let object = &evaluated().object;
    for (name, key, digits) in [
        ("kernel distance (KID)", "kernel_distance", 4),
        ("precision", "precision", 3),
        ("recall", "recall", 3),
        ("density", "density", 3),
        ("coverage", "coverage", 3),
        ("classifier score", "score", 3),
        ("confidence", "confidence", 3),
    ] {
        let line = ran.stdout.lines().find(|line| line.trim_start().starts_with(name));
        let line = line.unwrap_or_else(|| panic!("{name} is not in {}", ran.stdout));
        let words: Vec<&str> = line.split_whitespace().collect();
        let (found, floor) = (&object["measures"][key], &object["floor"][key]);
        let [low, high] = [0_usize, 1].map(|end| &found["interval"][end]);
        for figure in [&found["value"], low, high, &floor["value"]] {
            let figure = format!("{:.digits$}", number(figure));
            assert!(words.contains(&figure.as_str()), "{figure} is not in {line:?}");
        }
    }
    let [value, real] = ["measures", "floor"].map(|of| number(&object[of]["frechet"]["value"]));
    let line = ran.stdout.lines().find(|line| line.contains("Fréchet distance")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["Fréchet", "distance", &format!("{value:.2}"), &format!("{real:.2}")]);
    let digest = object["ruler"]["sha256"].as_str().unwrap();
    for word in ["210 samples of each", "10000 test images of synthetic", "mnist-1", &digest[..12]]
    {
        assert!(ran.stdout.contains(word), "{word:?} is not in {}", ran.stdout);
    }
}

#[test]
fn features_are_written_for_other_programs() {
    let [real, fake, probabilities] = evaluated().features.each_ref().map(|bytes| numbers(bytes));
    assert_eq!(real.0, [10_000, 128]);
    assert_eq!(fake.0, [COUNT as u64, 128]);
    assert_eq!(probabilities.0, [COUNT as u64, 10]);
    assert!(real.1.iter().chain(&fake.1).all(|x| x.is_finite() && *x >= 0.0));

    // Shares and confidence can be computed from the probabilities.
    let (mut shares, mut confidence) = ([0.0; 10], 0.0);
    for row in probabilities.1.chunks_exact(10) {
        assert_close(row.iter().map(|&p| f64::from(p)).sum(), 1.0);
        let likeliest = (0..10_usize).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        shares[likeliest] += 1.0 / COUNT as f64;
        confidence += f64::from(row[likeliest]) / COUNT as f64;
    }
    let measures = &evaluated().object["measures"];
    for (class, share) in shares.into_iter().enumerate() {
        assert_close(share, number(&measures["shares"][class]));
    }
    assert_close(confidence, number(&measures["confidence"]["value"]));
}

#[test]
fn the_closest_samples_are_above_their_training_images() {
    let pairs = image::load_from_memory(&evaluated().pairs).unwrap().into_luma8();
    assert_eq!(pairs.dimensions(), (20 * 56, 4 * 56));
    let place = place();
    let drawn = format!("--checkpoint ckpt.mpk --count {COUNT} --seed 5 --out drawn.npy");
    place.sample(&drawn).ok();
    let bytes = place.read("drawn.npy");
    let pixels = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec::<u8>().unwrap();
    let drawn: Vec<&[u8]> = pixels.chunks_exact(784).collect();
    for column in 0..20 {
        for (row, expected) in [(0, true), (1, false), (2, true), (3, false)] {
            let cell = cell(&pairs, column, row);
            assert_eq!(drawn.contains(&&cell[..]), expected, "column {column}, row {row}");
        }
    }
}

#[test]
fn training_images_are_measured_as_real_and_as_copies() {
    let place = Place::new();
    place.train("--epochs 0 --eval-every 0 --quiet --out run").ok();
    // A hundred training images.
    let reals = read_image(&place.path("run/reals.png"));
    let real = |index: u32| {
        let (left, top) = (index % 10 * 28, index / 10 * 28);
        image::imageops::crop_imm(&reals, left, top, 28, 28).to_image().into_raw()
    };
    let pixels: Vec<u8> = (0..100).flat_map(real).collect();
    place.write("reals.npy", npy("|u1", "False", "(100, 28, 28)", &pixels));
    let what = "--samples reals.npy --dataset synthetic --count 100 --pairs closest.png";
    let object = eval(&place, &format!("{what} --json --quiet")).ok().object();

    let (found, floor) = (&object["measures"], &object["floor"]);
    assert_eq!(found["missing"], json!([]));
    assert_eq!(floor["missing"], json!([]), "the floor has images of all classes");
    let [value, real] = [found, floor].map(|measures| number(&measures["frechet"]["value"]));
    assert!(value < 2.5 * real && real < 2.5 * value, "{value}, and other real ones {real}");
    for name in ["precision", "recall", "coverage", "confidence"] {
        let [value, real] = [found, floor].map(|measures| number(&measures[name]["value"]));
        assert!((value - real).abs() < 0.25, "{name} {value}, and other real ones {real}");
    }

    let memory = &object["memory"];
    assert_eq!(memory["near_share"], 1.0);
    assert!(number(&memory["median_ratio"]) < 0.05, "{memory}");
    let pairs = read_image(&place.path("closest.png"));
    for column in 0..20 {
        for row in [0, 2] {
            let [above, below] = [row, row + 1].map(|row| cell(&pairs, column, row));
            assert!(above == below, "column {column}, row {row} is no copy");
        }
    }
}

#[test]
fn version_help_completions_and_manual_page_exist() {
    let place = Place::new();
    let run = |args: &[&str]| {
        let ran = place.run(GAN_EVAL, args).ok();
        assert_eq!(ran.stderr, "");
        ran.stdout
    };
    assert!(run(&["-V"]).starts_with("gan-eval "));
    let help = run(&["--help"]);
    for flag in ["--checkpoint", "--samples", "--ruler", "--pairs", "--features", "Exit codes:"] {
        assert!(help.contains(flag), "{flag} is not in {help}");
    }
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&["--completions", shell]);
        assert!(script.contains("gan-eval") && script.contains("samples"), "{shell}");
    }
    assert!(run(&["--man"]).contains(".TH gan-eval"));
    assert!(place.list(".").is_empty());
}

#[test]
fn a_training_is_evaluated_and_keeps_its_best_checkpoint() {
    let place = Place::new();
    let plan = "--epochs 4 --eval-every 2 --eval-count 100 --sample-every 100 --quiet";
    let object = place.train(&format!("{plan} --json --out whole")).ok().object();
    let rows = place.rows("whole");
    let epochs: Vec<_> = rows.iter().map(|row| row["epoch"].as_u64().unwrap()).collect();
    assert_eq!(epochs, [2, 4]);
    for row in &rows {
        let quality = &row["quality"];
        assert_eq!(quality["count"], 100);
        assert!(number(&quality["frechet"]) > 0.0, "{quality}");
        assert!(number(&quality["kernel_distance"]) > 0.0, "{quality}");
        for name in ["precision", "recall", "coverage", "confidence"] {
            assert!((0.0..=1.0).contains(&number(&quality[name])), "{name} of {quality}");
        }
        assert!((1.0..=10.0).contains(&number(&quality["score"])), "{quality}");
        assert!(quality["density"].is_f64() && quality["diversity"].is_f64(), "{quality}");
        assert_close(quality["shares"].as_array().unwrap().iter().map(number).sum(), 1.0);
        assert!(quality["missing"].is_array(), "{quality}");
    }

    // If several epochs are equal, the first.
    let frechet = |row: &Value| number(&row["quality"]["frechet"]);
    let best = rows.iter().min_by(|a, b| frechet(a).total_cmp(&frechet(b))).unwrap();
    assert_eq!(object["best"], "whole/best.mpk");
    assert_eq!(object["best_epoch"], best["epoch"]);
    assert_eq!(object["quality"], json!({ "epoch": 4, "of": rows[1]["quality"] }));
    let drawn = place.sample("--checkpoint whole/best.mpk --out best.npy --json").ok().object();
    assert_eq!(drawn["epochs"], best["epoch"]);

    place.train(&format!("{plan} --stop-after 3 --out parts")).ok();
    assert_eq!(place.rows("parts"), rows[..1]);
    place.resume("parts", "--quiet").ok();
    place.assert_same_run("parts", "whole");
    let [parts, whole] = ["parts", "whole"].map(|run| place.read(&format!("{run}/best.mpk")));
    assert!(parts == whole, "the best checkpoints differ");
}

/// Writes a feature extractor for built-in digits, `mine.ruler`.
fn write_extractor(place: &Place, predicts: Predicts) {
    let (images, device) = (synthetic(260, 0).unwrap(), Device::flex());
    train_feature_extractor("mine", &images, &images, predicts, 0, &device, |_| ())
        .unwrap()
        .write(&place.path("mine.ruler"))
        .unwrap();
}

#[test]
fn a_resumed_training_is_evaluated_with_the_extractor_of_its_run() {
    let place = Place::new();
    write_extractor(&place, Predicts::Labels);
    let plan = "--epochs 4 --eval-every 2 --eval-count 100 --quiet --feature-extractor mine.ruler";
    place.train(&format!("{plan} --out whole")).ok();
    place.train(&format!("{plan} --stop-after 3 --out parts")).ok();
    place.resume("parts", "--quiet").ok();
    place.assert_same_run("parts", "whole");
    let last = |run: &str| place.rows(run)[1]["quality"].clone();
    assert_eq!(last("parts"), last("whole"));
}

#[test]
fn an_extractor_trained_without_labels_has_no_measures_of_classes() {
    let place = place();
    write_extractor(&place, Predicts::Rotation);
    let what = "--checkpoint ckpt.mpk --count 100 --feature-extractor mine.ruler --quiet";
    let object = eval(&place, &format!("{what} --json --features seen")).ok().object();
    let extractor = &object["feature_extractor"];
    assert_eq!((&extractor["name"], &extractor["predicts"]), (&json!("mine"), &json!("rotation")));
    // One in four by chance.
    let accuracy = number(&extractor["accuracy"]);
    assert!((0.3..=1.0).contains(&accuracy), "{accuracy}");
    for measures in ["measures", "floor"] {
        let mut names: Vec<_> = object[measures].as_object().unwrap().keys().collect();
        names.sort();
        let expected =
            ["count", "coverage", "density", "frechet", "kernel_distance", "precision", "recall"];
        assert_eq!(names, expected);
    }
    assert_eq!(place.list("seen"), ["fake.npy", "real.npy"]);

    let text = eval(&place, what).ok().stdout;
    let accuracy = format!("rotation accuracy {:.2}%", 100.0 * accuracy);
    for part in ["recall", &accuracy] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    for part in ["score", "confidence", "diversity", "imbalance", "share of each", "missing"] {
        assert!(!text.contains(part), "{part} is in {text}");
    }
}

#[test]
fn a_training_without_evaluation_keeps_no_best_checkpoint() {
    let place = Place::new();
    let ran = place.train("--epochs 20 --eval-every 0 --json --quiet --out run").ok();
    let object = ran.object();
    for key in ["best", "best_epoch", "quality"] {
        assert!(object[key].is_null(), "{key}: {object}");
    }
    assert!(place.rows("run")[0]["quality"].is_null());
    assert!(!place.path("run/best.mpk").exists());
}
