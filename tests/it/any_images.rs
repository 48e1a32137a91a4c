//! Images of any source, from the command line to the checkpoint.

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, GrayImage, ImageFormat, RgbaImage};
use serde_json::Value;

use crate::evaluation::eval;
use crate::util::{CPU, GAN_TRAIN, Place, Ran, SMALL};

const COUNT: usize = 240;
const SIDE: usize = 8;

/// Images of 8×8 pixels with a dark or a bright middle, in the order of their two classes.
fn pixels(seed: usize) -> Vec<u8> {
    let value = |index: usize| {
        let (image, x, y) = (index / 64, index % 8, index / 8 % 8);
        let inside = (2..6).contains(&x) && (2..6).contains(&y);
        let bright = inside == (image >= COUNT / 2);
        (if bright { 180 } else { 20 }) + ((index + seed).wrapping_mul(2_654_435_761) >> 7) % 60
    };
    (0..COUNT * SIDE * SIDE).map(|index| value(index) as u8).collect()
}

fn labels() -> Vec<u8> {
    (0..COUNT).map(|image| u8::from(image >= COUNT / 2)).collect()
}

fn idx(sizes: &[usize], body: &[u8]) -> Vec<u8> {
    let sizes: Vec<u8> = sizes.iter().flat_map(|&size| (size as u32).to_be_bytes()).collect();
    [&[0, 0, 8, (sizes.len() / 4) as u8], &sizes[..], body].concat()
}

fn npy(kind: &str, fortran: bool, shape: &str, body: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let header =
        format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': ({shape}), }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), body].concat()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Writes the images as PNGs with a folder for each class.
fn write_folder(place: &Place, name: &str, pixels: &[u8]) {
    for (index, (image, label)) in pixels.chunks(SIDE * SIDE).zip(labels()).enumerate() {
        let image = GrayImage::from_raw(SIDE as u32, SIDE as u32, image.to_vec()).unwrap();
        place.write(&format!("{name}/{label}/{index:04}.png"), png(image));
    }
}

/// Writes a folder of small images in two classes.
pub(crate) fn write_images(place: &Place, name: &str) {
    write_folder(place, name, &pixels(1));
}

fn train(place: &Place, args: &str) -> Ran {
    place.gan_train(&format!("{args} --batch 16 --no-report --device {CPU} {SMALL}"))
}

#[test]
fn the_same_images_give_the_same_checkpoint_whatever_files_they_come_in() {
    let place = Place::new();
    let (images, tests) = (pixels(1), pixels(2));
    let files =
        [("images", idx(&[COUNT, SIDE, SIDE], &images)), ("labels", idx(&[COUNT], &labels()))];
    for (name, file) in &files {
        let digit = if *name == "images" { 3 } else { 1 };
        place.write(&format!("idx/train-{name}-idx{digit}-ubyte"), file);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(file).unwrap();
        let gzip = gzip.finish().unwrap();
        place.write(&format!("dotted/MNIST/raw/train-{name}.idx{digit}-ubyte.gz"), gzip);
    }
    let test = idx(&[COUNT, SIDE, SIDE], &tests);
    place.write("idx/t10k-images-idx3-ubyte", &test);
    place.write("dotted/MNIST/raw/t10k-images.idx3-ubyte", &test);
    let (shape, labels) = (format!("{COUNT}, {SIDE}, {SIDE}"), labels());
    let keras = zip(&[
        ("x_train.npy", &npy("|u1", false, &shape, &images)),
        ("y_train.npy", &npy("|u1", false, &format!("{COUNT},"), &labels)),
        ("x_test.npy", &npy("|u1", false, &shape, &tests)),
    ]);
    place.write("keras.npz", keras);
    let table = |pixels: &[u8], label: bool| {
        let row = |(image, class): (&[u8], &u8)| {
            let class = label.then(|| class.to_string());
            class.into_iter().chain(image.iter().map(u8::to_string)).collect::<Vec<_>>().join(",")
        };
        pixels.chunks(SIDE * SIDE).zip(&labels).map(row).collect::<Vec<_>>().join("\n")
    };
    place.write("csv/train.csv", table(&images, true));
    place.write("csv/test.csv", table(&tests, false));
    write_folder(&place, "png/train", &images);
    write_folder(&place, "png/test", &tests);

    let sources = ["idx", "dotted", "keras.npz", "csv", "png"];
    for source in sources {
        let ran = train(&place, &format!("--data {source} --epochs 40 --out run-{source}")).ok();
        assert!(ran.stderr.contains("240 of 8x8, grey"), "{}", ran.stderr);
    }
    let digest = |source: &str| place.json(&format!("run-{source}/config.json"))["dataset"].clone();
    for source in &sources[1..] {
        assert_eq!(digest(source), digest("idx"), "{source}");
        place.assert_same_run(&format!("run-{source}"), "run-idx");
    }
}

#[test]
fn a_run_on_any_images_records_them_and_resumes_from_them() {
    let place = Place::new();
    write_folder(&place, "mine", &pixels(1));
    let how = "--data mine --size 12x10 --channels 3 --fit pad --invert";
    train(&place, &format!("{how} --epochs 20 --out whole")).ok();
    let ran = train(&place, &format!("{how} --epochs 20 --stop-after 7 --out run")).ok();
    for words in
        ["images from   mine", "classes       2, from subfolders", "100 held out of the 240"]
    {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    let config = place.json("run/config.json");
    assert_eq!(config["held_out"], 100);
    assert_eq!(config["images"]["size"], serde_json::json!([12, 10]));
    assert_eq!((&config["model"]["width"], &config["model"]["channels"]), (&12.into(), &3.into()));
    place.resume("run", "").ok();
    place.assert_same_run("run", "whole");

    // The same images elsewhere are found by their path, other ones are refused.
    std::fs::rename(place.path("mine"), place.path("moved")).unwrap();
    place.resume("run", "--epochs 30").fails(1, &["cannot read", "mine"]);
    place.resume("run", "--epochs 30 --data moved").ok();
    std::fs::remove_file(place.path("moved/0/0000.png")).unwrap();
    for dry_run in ["", "--dry-run"] {
        let other = place.resume("run", &format!("--epochs 40 --data moved {dry_run}"));
        other.fails(2, &["the checkpoint was trained on images-", "139 images", "--data"]);
    }
}

#[test]
fn a_conditional_training_resumes_with_its_own_labels_alone() {
    let place = Place::new();
    let (shape, count) = (format!("{COUNT}, {SIDE}, {SIDE}"), format!("{COUNT},"));
    let images = npy("|u1", false, &shape, &pixels(1));
    let write = |name: &str, labels: &[u8]| {
        let labels = npy("|u1", false, &count, labels);
        place.write(name, zip(&[("x_train.npy", &*images), ("y_train.npy", &*labels)]));
    };
    write("own.npz", &labels());
    let mut others = labels();
    others.reverse();
    write("other.npz", &others);
    for (run, flag) in [("asked", "--conditional"), ("plain", "")] {
        train(&place, &format!("--data own.npz {flag} --epochs 4 --out {run}")).ok();
    }
    let other = place.resume("asked", "--epochs 6 --data other.npz");
    other.fails(2, &["the labels have changed", "labels with sha256"]);
    place.resume("asked", "--epochs 6").ok();
    place.resume("plain", "--epochs 6 --data other.npz").ok();

    write_folder(&place, "mine", &pixels(1));
    train(&place, "--data mine --epochs 4 --out run").ok();
    std::fs::rename(place.path("mine/1"), place.path("mine/one")).unwrap();
    let renamed = place.resume("run", "--epochs 6 --data mine");
    renamed.fails(2, &["the names of the classes have changed", "numbers", "\"0, one\""]);
}

#[test]
fn a_dry_run_shows_what_is_found_and_the_images_as_the_nets_see_them() {
    let place = Place::new();
    let clear =
        RgbaImage::from_fn(20, 10, |x, _| image::Rgba([200, 0, 0, if x < 10 { 255 } else { 0 }]));
    for index in 0..4 {
        place.write(&format!("mine/{index}.png"), png(clear.clone()));
    }
    let how = "--data mine --size 10 --fit pad --dry-run --preview seen.png --json";
    let ran = train(&place, how).ok();
    let found = ran.object()["found"].clone();
    assert_eq!(found["images"], "2 of 10x10x3, colour");
    assert_eq!(found["classes"], "none: the images have no labels");
    assert_eq!(found["test images"], "2 held out of the 4 by a random choice");
    assert!(ran.stderr.contains("background white"), "{}", ran.stderr);
    let seen = image::open(place.path("seen.png")).unwrap().into_rgb8();
    assert_eq!(seen.dimensions(), (20, 10), "two images, each once");
    assert_eq!(seen.get_pixel(8, 5).0, [255; 3]);
    assert_eq!(seen.get_pixel(1, 5).0, [200, 0, 0]);
    assert_eq!(place.list("."), ["mine", "seen.png"]);
    // Without --data nothing is loaded.
    let plain = place.gan_train(&format!("--dry-run --device {CPU}")).ok();
    assert!(plain.stderr.contains("not loaded yet") && plain.stderr.contains("pixel-mean auto"));
}

#[test]
fn wrong_flags_for_images_are_named() {
    let place = Place::new();
    write_folder(&place, "mine", &pixels(1));
    place.write("text/notes.txt", "");
    for (args, words) in [
        ("--data mine --dataset mnist", "--dataset"),
        ("--data mine --size 0", "expected N or WIDTHxHEIGHT"),
        ("--data mine --size 8x", "expected N or WIDTHxHEIGHT"),
        ("--data mine --channels 2", "expected 1 (grey) or 3 (colour)"),
        ("--data mine --fit half", "crop"),
        ("--data mine --background grey", "#RRGGBB"),
        ("--data mine --preview seen.png", "--dry-run"),
        ("--data mine --dry-run --preview seen.jpg", "expected FILE.png"),
        ("--data mine --pixel-mean automatic", "expected a number"),
        ("--resume run --init-from run", "--init-from"),
    ] {
        let ran = train(&place, args);
        assert_eq!(ran.code, Some(2), "{args}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{args}: {}", ran.stderr);
    }
    train(&place, "--data none").fails(1, &["cannot read none"]);
    train(&place, "--data text")
        .fails(1, &["text: the folder has no images", "expected IDX files"]);
    let dark: Vec<u8> = pixels(1).iter().map(|x| x / 4).collect();
    write_folder(&place, "dark", &dark);
    place.write("other.toml", "data = \"dark\"\nsize = 9\nchannels = 3\npixel-mean = \"auto\"\n");
    train(&place, "--config other.toml --epochs 0 --out run").ok();
    let model = place.json("run/config.json")["model"].clone();
    assert_eq!((&model["height"], &model["channels"]), (&9.into(), &3.into()));
    let mean = model["pixel_mean"].as_f64().unwrap();
    assert!((-0.9..-0.6).contains(&mean) && (mean * 100.0).round() / 100.0 == mean, "{mean}");
}

#[test]
fn flags_override_where_a_file_or_a_run_has_its_images() {
    let place = Place::new();
    write_folder(&place, "mine", &pixels(1));
    place.write("my.toml", "data = \"mine\"\n");
    let shown =
        train(&place, "--config my.toml --dataset synthetic --size 9 --dry-run --json").ok();
    let shown = shown.object();
    assert_eq!((&shown["dataset"], &shown["data"]), (&"synthetic".into(), &Value::Null));
    assert_eq!(shown["model"]["height"], 9);
    place.write("both.toml", "data = \"mine\"\ndataset = \"mnist\"\n");
    let both = train(&place, "--config both.toml --dry-run");
    both.fails(2, &["has data and dataset or data-dir", "expected one"]);

    train(&place, "--data mine --epochs 2 --out run").ok();
    place.resume("run", "--epochs 4 --data-dir none").fails(2, &["does not tell", "--data"]);
    // Of other images some training images would be held out for tests.
    std::fs::remove_file(place.path("mine/0/0000.png")).unwrap();
    eval(&place, "--checkpoint run").fails(2, &["was trained on images with sha256", "--data"]);
}

#[test]
fn an_extractor_is_trained_and_samples_with_classes_are_useful() {
    let place = Place::new();
    write_folder(&place, "mine", &pixels(1));
    let trained = eval(&place, "--data mine --feature-extractor train --json --quiet").ok();
    let trained = trained.object();
    assert!(place.path(trained["file"].as_str().unwrap()).is_file(), "{trained}");

    place.write("unlabelled.npy", npy("|u1", false, "240, 8, 8", &pixels(1)));
    place.write("s.npy", npy("|u1", false, "240, 8, 8", &pixels(9)));
    place.write("l.npy", npy("|u1", false, "240,", &labels()));
    let useful = |data: &str| {
        let how = "--samples s.npy --labels l.npy --usefulness --json --quiet";
        eval(&place, &format!("--data {data} {how}"))
    };
    useful("unlabelled.npy").fails(1, &["--usefulness", "2 to 256 classes", "no labels"]);
    // There are more samples than training images.
    let found = useful("mine").ok().object();
    assert_eq!(found["feature_extractor"]["sha256"], trained["feature_extractor"]["sha256"]);
    for of in ["samples", "real"] {
        assert!(found["usefulness"][of].as_f64().unwrap() > 0.9, "{found}");
    }
}

#[test]
fn too_few_images_are_no_measure() {
    let place = Place::new();
    write_folder(&place, "mine", &pixels(1)[..11 * SIDE * SIDE]);
    let how = "--data mine --epochs 20 --eval-every 10 --out";
    let ran = train(&place, &format!("{how} run")).ok();
    let few = "compared with 6 training images and 5 test images; expected 6 or more of each";
    assert!(ran.stderr.contains(few), "{}", ran.stderr);
    train(&place, &format!("{how} other --feature-extractor train")).fails(1, &[few]);
    eval(&place, "--data mine --feature-extractor train").fails(1, &[few]);
}

#[test]
fn fine_tuning_begins_with_the_nets_of_a_checkpoint_and_nothing_else_of_it() {
    let place = Place::new();
    write_folder(&place, "one", &pixels(1));
    write_folder(&place, "other", &pixels(9));
    train(&place, "--data one --epochs 30 --out first").ok();
    let ran = train(&place, "--data other --init-from first --epochs 20 --seed 3 --out tuned").ok();
    assert!(ran.stderr.contains("fine-tuned    from") && ran.stderr.contains("epoch 30"));
    let config = place.json("tuned/config.json");
    assert_eq!(config["init_from"]["epoch"], 30);
    assert_eq!(config["training"]["seed"], 3);
    assert_eq!(config["dataset"]["images"], 140);
    // Its first preview is the last one of the checkpoint, but for the seed of the latents.
    let sample = |ckpt: &str, out: &str| {
        place.sample(&format!("--checkpoint {ckpt} --count 4 --seed 1 --out {out}")).ok();
        place.read(out)
    };
    train(&place, "--data other --init-from first/ckpt.mpk --epochs 0 --out begun").ok();
    assert_eq!(sample("begun", "a.npy"), sample("first", "b.npy"));
    // It can be interrupted and resumed, and remembers where it came from.
    train(&place, "--data other --init-from first --epochs 20 --seed 3 --stop-after 9 --out part")
        .ok();
    place.resume("part", "").ok();
    place.assert_same_run("part", "tuned");
    assert_eq!(place.json("part/config.json")["init_from"]["epoch"], 30);

    let wrong = train(&place, "--data other --size 9 --init-from first --epochs 1");
    wrong.fails(2, &["--init-from", "images of 8x8", "9x9", "--size 8x8 --channels 1"]);
    for (setting, words) in [
        ("--latent 9", "--latent 9 contradicts 8"),
        ("--pixel-mean auto", "--pixel-mean \"auto\" contradicts"),
        ("--batch 10", "--batch is 10; expected a multiple of"),
    ] {
        let ran = place.gan_train(&format!("--data other --init-from first {setting} --epochs 1"));
        ran.fails(2, &[words]);
    }
}

#[test]
fn samples_have_the_same_measures_in_every_form() {
    let place = Place::new();
    place.train("--epochs 2 --out run").ok();
    place.sample("--checkpoint run --count 120 --out u8.npy").ok();
    place.sample("--checkpoint run --count 120 --out folder").ok();
    let file = place.read("u8.npy");
    let bytes = &file[file.len() - 120 * 784..];
    let order: Vec<u8> = (0..784)
        .flat_map(|pixel| (0..120).map(move |image| (image, pixel)))
        .map(|(image, pixel)| bytes[image * 784 + pixel])
        .collect();
    let f32s = |bytes: &[u8]| {
        bytes
            .iter()
            .flat_map(|&x| ((f32::from(x) - 127.5) / 127.5).to_le_bytes())
            .collect::<Vec<_>>()
    };
    let unit = |bytes: &[u8]| {
        bytes.iter().flat_map(|&x| (f32::from(x) / 255.0).to_le_bytes()).collect::<Vec<_>>()
    };
    let f64s =
        |bytes: &[u8]| bytes.iter().flat_map(|&x| f64::from(x).to_be_bytes()).collect::<Vec<_>>();
    let transposed = |bytes: &[u8]| -> Vec<u8> {
        // [n, h, w] in Fortran order: rows are faster than columns.
        let at = |image: usize, row: usize, column: usize| bytes[image * 784 + row * 28 + column];
        let places = (0..28).flat_map(|column| (0..28).map(move |row| (row, column)));
        places
            .flat_map(|(row, column)| (0..120).map(move |image| (image, row, column)))
            .map(|(i, r, c)| at(i, r, c))
            .collect()
    };
    place.write("flat.npy", npy("|u1", false, "120, 784", bytes));
    place.write("fortran.npy", npy("|u1", true, "120, 784", &order));
    place.write("tanh.npy", npy("<f4", false, "120, 1, 28, 28", &f32s(bytes)));
    place.write("tanh-fortran.npy", npy("<f4", true, "120, 28, 28", &f32s(&transposed(bytes))));
    place.write("unit.npy", npy("<f4", false, "120, 28, 28, 1", &unit(bytes)));
    place.write("wide.npy", npy(">f8", false, "120, 28, 28", &f64s(bytes)));
    place.write("all.npz", zip(&[("samples.npy", &file)]));
    let inverted: Vec<u8> = bytes.iter().map(|byte| 255 - byte).collect();
    place.write("inverted.npy", npy("|u1", false, "120, 28, 28", &inverted));
    let measures = |samples: &str| -> Value {
        let how = format!("--samples {samples} --dataset synthetic --count 120 --json");
        let found = eval(&place, &how).ok().object();
        assert_eq!(found["measures"]["count"], 120);
        found["measures"].clone()
    };
    let expected = measures("u8.npy");
    for form in [
        "folder",
        "flat.npy",
        "fortran.npy",
        "tanh.npy",
        "tanh-fortran.npy",
        "unit.npy",
        "wide.npy",
        "all.npz",
        "inverted.npy --invert",
    ] {
        assert_eq!(measures(form), expected, "{form}");
    }
}

/// `GAN_KILLS` is their number.
#[cfg(unix)]
#[test]
fn a_program_killed_while_it_reads_leaves_nothing() {
    let place = Place::new();
    write_folder(&place, "mine", &pixels(1));
    let archive: Vec<(String, Vec<u8>)> = (0..60)
        .map(|index| (format!("{index}.png"), place.read(&format!("mine/0/{index:04}.png"))))
        .collect();
    let archive: Vec<_> = archive.iter().map(|(name, bytes)| (&name[..], &bytes[..])).collect();
    place.write("mine.zip", zip(&archive));
    std::fs::create_dir(place.path("temporary")).unwrap();
    let folder = place.path("temporary").display().to_string();
    for kill in 0..crate::util::number("GAN_KILLS", 20) {
        let source = if kill % 2 == 0 { "mine" } else { "mine.zip" };
        let args = format!("--data {source} --size 64 --dry-run");
        let command = format!("TMPDIR={folder} {GAN_TRAIN} {args}");
        let mut running = std::process::Command::new("sh")
            .args(["-c", &format!("exec env {command}")])
            .current_dir(place.path(""))
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_micros(700 * (kill * 37 % 100)));
        running.kill().unwrap();
        running.wait().unwrap();
        assert!(place.list("temporary").is_empty());
    }
}
