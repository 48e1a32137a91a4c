//! Errors of `gan-eval`.

use std::fs;
use std::io::Write;

use burn::tensor::Device;
use flate2::Compression;
use flate2::write::GzEncoder;
use gan_core::ImageShape;
use gan_data::Dataset;
use gan_eval::{Predicts, train_feature_extractor};
use image::GrayImage;

use crate::any_images::write_images;
use crate::evaluation::{eval, npy};
use crate::util::{CPU, Place, SMALL};

/// An array of `count` blank images.
fn blank_images(count: usize) -> Vec<u8> {
    npy("|u1", "False", &format!("({count}, 28, 28)"), &vec![0; 784 * count])
}

#[test]
fn invalid_flags_are_refused() {
    let place = Place::new();
    eval(&place, "").fails(2, &["--checkpoint", "--samples"]);
    for (args, words) in [
        ("--checkpoint ckpt.mpk --count 5", "--count is 5; expected 100 to 200000"),
        ("--checkpoint ckpt.mpk --count many", "--count"),
        ("--checkpoint ckpt.mpk --samples a.npy", "--samples"),
        ("--checkpoint ckpt.mpk --threads 0", "--threads is 0"),
        ("--checkpoint ckpt.mpk --seed x", "--seed"),
        ("--checkpoint ckpt.mpk --dataset cifar", "--dataset"),
        ("--checkpoint ckpt.mpk --checkpoints", "--checkpoint"),
        ("--samples a.npy --raw", "--raw"),
        ("--checkpoint ckpt.mpk --pairs ckpt.mpk", "--pairs ckpt.mpk: not the name of a PNG"),
        ("--checkpoint ckpt.mpk --pairs none/closest.png", "--pairs none/closest.png: its folder"),
        ("--checkpoint ckpt.mpk --features none/seen", "--features none/seen: its folder"),
    ] {
        eval(&place, args).fails(2, &[words]);
    }
    assert!(place.list(".").is_empty());
}

#[test]
fn a_missing_or_damaged_file_is_named() {
    let place = Place::new();
    place.write("text.mpk", "no checkpoint");
    place.write("few.npy", blank_images(100));
    place.write("text.ruler", "not a feature extractor");
    fs::create_dir(place.path("empty")).unwrap();
    for (args, words) in [
        ("--checkpoint none.mpk", "none.mpk"),
        ("--checkpoint empty", "empty/ckpt.mpk"),
        ("--checkpoint text.mpk", "text.mpk"),
        ("--samples none.npy", "--samples: cannot read none.npy"),
        (
            "--samples few.npy --dataset synthetic --ruler trian",
            "--feature-extractor: cannot read trian: there is no such file; expected a file, train or",
        ),
        ("--samples few.npy --data-dir empty --offline", "train-images-idx3-ubyte"),
        ("--samples few.npy --dataset synthetic --ruler empty", "empty is not a feature extractor"),
        (
            "--samples few.npy --dataset synthetic --ruler text.ruler",
            "text.ruler is not a feature extractor",
        ),
        ("--samples few.npy --dataset mnist --offline", "train-images-idx3-ubyte"),
    ] {
        let ran = eval(&place, args).fails(1, &[words]);
        assert_eq!(ran.stdout, "");
    }
    assert_eq!(place.list("."), ["empty", "few.npy", "text.mpk", "text.ruler"]);
}

#[test]
fn an_array_that_is_not_of_images_is_refused() {
    let place = Place::new();
    let refused = |bytes: &[u8], words: &[&str]| {
        place.write("mine.npy", bytes);
        let words = [&["--samples: mine.npy", "expected"][..], words].concat();
        eval(&place, "--samples mine.npy --dataset synthetic").fails(1, &words);
    };
    refused(&npy("|u1", "False", "(200, 28, 29)", &[]), &["[200, 28, 29]", "images of 28x28"]);
    refused(&npy("|u1", "False", "(200, 2, 28, 28)", &[]), &["[200, 2, 28, 28]"]);
    refused(&npy("|u1", "False", "(784,)", &[0; 784]), &["[784]"]);
    refused(&npy("|u1", "False", "(0, 28, 28)", &[]), &["[0, 28, 28]"]);
    refused(&npy("<c8", "False", "(200, 28, 28)", &[]), &["<c8"]);
    refused(b"", &["IDX files, a .npy"]);
    refused(b"\x89PNG\r\n\x1a\n and so on", &["IDX files, a .npy"]);

    let whole = blank_images(200);
    for length in [40, 128, whole.len() - 1] {
        refused(&whole[..length], &["a whole file"]);
    }
    // Allocating the size in the header would take 3 TB.
    refused(&npy("|u1", "False", "(4000000000, 28, 28)", &[0; 784]), &["a whole file"]);

    for (value, warning) in [(0, "no pixel is above 1"), (255, "most pixels are white")] {
        place.write("mine.npy", npy("|u1", "False", "(3, 784)", &[value; 3 * 784]));
        let ran = eval(&place, "--samples mine.npy --dataset synthetic");
        ran.fails(2, &["--samples mine.npy has 3 samples", "expected 100 or more", warning]);
    }
    assert_eq!(place.list("."), ["mine.npy"]);
}

#[test]
fn a_feature_extractor_for_images_of_another_size_is_refused() {
    let place = Place::new();
    let shape = ImageShape { channels: 3, height: 9, width: 8 };
    let images = Dataset::new("mine", shape, vec![0; 2 * shape.len()]).unwrap();
    let images = images.with_labels(vec![0, 1], Vec::new()).unwrap();
    train_feature_extractor("mine", &images, &images, Predicts::Labels, 0, &Device::flex(), |_| ())
        .unwrap()
        .write(&place.path("mine.ruler"))
        .unwrap();
    place.write("few.npy", blank_images(100));
    let words = ["mine.ruler is for images of 8x9", "expected 28x28", "synthetic"];
    eval(&place, "--samples few.npy --dataset synthetic --feature-extractor mine.ruler")
        .fails(1, &words);
}

#[test]
fn a_folder_without_images_is_refused() {
    let place = Place::new();
    let evaluate = || eval(&place, "--samples mine --dataset synthetic");
    fs::create_dir(place.path("mine")).unwrap();
    evaluate().fails(1, &["--samples: mine: the folder has no images", "expected IDX files"]);
    place.write("mine/notes.txt", "not an image");
    evaluate().fails(1, &["mine: the folder has no images"]);

    let save = |name: &str, width, height| {
        GrayImage::new(width, height).save(place.path(&format!("mine/{name}"))).unwrap();
    };
    save("d.png", 28, 28);
    evaluate().fails(2, &["--samples mine has 1 samples", "expected 100 or more"]);
    save("c.png", 27, 28);
    evaluate().fails(1, &["27x28 (1 image, such as mine/c.png)", "--size 28x28"]);
    save("b.png", 5000, 1);
    evaluate().fails(1, &["5000x1 (1 image, such as mine/b.png)"]);
    place.write("mine/a.png", "not an image");
    evaluate().fails(1, &["mine/a.png: it is no image", "--skip-broken"]);
    assert_eq!(place.list("mine"), ["a.png", "b.png", "c.png", "d.png", "notes.txt"]);
}

#[test]
fn an_extractor_that_cannot_be_saved_is_not_trained() {
    let place = Place::new();
    write_images(&place, "mine");
    place.write("data", "a file in place of the folder");
    let ran = eval(&place, "--data mine --feature-extractor train");
    let ran = ran.fails(1, &["cannot create data/images-"]);
    assert!(!ran.stderr.contains("training a feature extractor"), "{}", ran.stderr);
}

#[test]
fn another_data_set_is_not_read_from_the_folder_of_the_run() {
    let place = Place::new();
    place.train("--epochs 1 --quiet --out run").ok();
    let mut config = place.json("run/config.json");
    config["data_dir"] = place.path("of-the-run").to_str().unwrap().into();
    place.write("run/config.json", config.to_string());
    for name in gan_data::FILE_NAMES {
        place.write(&format!("of-the-run/{name}"), "digits");
    }
    let ran = eval(&place, "--checkpoint run --dataset fashion-mnist --offline");
    let ran = ran.fails(1, &["data/fashion-mnist", "train-images-idx3-ubyte"]);
    assert!(!ran.stderr.contains("of-the-run"), "{}", ran.stderr);
}

#[test]
fn a_requested_evaluation_that_is_impossible_is_reported_with_quiet() {
    let place = Place::new();
    write_images(&place, "mine");
    let train = |args: &str| {
        let how = format!("--data mine --batch 16 --stop-after 1 --quiet --device {CPU} {SMALL}");
        place.gan_train(&format!("{how} {args}")).ok().stderr
    };
    let stderr = train("--epochs 2 --eval-every 2 --out flag");
    assert!(stderr.contains("samples are not evaluated: there is no feature"), "{stderr}");
    place.write("my.toml", "epochs = 2\neval-every = 2\n");
    let stderr = train("--config my.toml --out file");
    assert!(stderr.contains("samples are not evaluated: there is no feature"), "{stderr}");
    assert_eq!(train("--epochs 500 --out default"), "", "it is only the default");
}

#[test]
fn without_a_feature_extractor_both_programs_print_the_command_that_trains_one() {
    let place = Place::new();
    // Files of the right shape. They do not identify their data set.
    let blank = |head: &[u32], length: usize| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        for word in head {
            gzip.write_all(&word.to_be_bytes()).unwrap();
        }
        gzip.write_all(&vec![0; length]).unwrap();
        gzip.finish().unwrap()
    };
    for (name, count) in [("train", 60_000_u32), ("t10k", 10_000)] {
        let images = blank(&[0x803, count, 28, 28], 784 * count as usize);
        let labels = blank(&[0x801, count], count as usize);
        place.write(&format!("data/{name}-images-idx3-ubyte.gz"), images);
        place.write(&format!("data/{name}-labels-idx1-ubyte.gz"), labels);
    }
    place.write("few.npy", blank_images(100));
    let data = "--dataset fashion-mnist --data-dir data --offline";
    let hint = "gan-eval --feature-extractor train --dataset fashion-mnist";
    let ran = eval(&place, &format!("--samples few.npy {data}"));
    ran.fails(1, &["no feature extractor for fashion-mnist", hint]);

    let how = format!("--epochs 1 --batch 8 --eval-every 1 --device {CPU} {SMALL}");
    let ran = place.gan_train(&format!("{data} {how} --out run")).ok();
    for word in ["samples are not evaluated", hint] {
        assert!(ran.stderr.contains(word), "{word:?} is not in {}", ran.stderr);
    }
    assert!(!place.path("run/best.mpk").exists());
}
