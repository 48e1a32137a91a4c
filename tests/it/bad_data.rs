//! Data files with wrong content, and loading with too little memory.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::util::{CPU, Place, Ran, SMALL};
#[cfg(unix)]
use crate::util::{GAN_SAMPLE, GAN_TRAIN};

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

fn header(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Compressed zeros behind a header; the parts are gzip members, so this takes no time.
fn blank(head: &[u32], part: usize, parts: usize) -> Vec<u8> {
    [gzip(&header(head)), gzip(&vec![0; part]).repeat(parts)].concat()
}

/// A folder `data` of blank images, all labelled 0, with all counts right.
fn folder() -> Place {
    let place = Place::new();
    for (name, count) in [("train", 60), ("t10k", 10)] {
        let images = blank(&[0x803, count * 1000, 28, 28], 784_000, count as usize);
        let labels = blank(&[0x801, count * 1000], 1000, count as usize);
        place.write(&format!("data/{name}-images-idx3-ubyte.gz"), images);
        place.write(&format!("data/{name}-labels-idx1-ubyte.gz"), labels);
    }
    place
}

fn train(place: &Place, dataset: &str) -> Ran {
    place.gan_train(&format!(
        "--dataset {dataset} --data-dir data --offline --epochs 0 --out run --device {CPU} {SMALL}"
    ))
}

/// With `name` holding `bytes`, that the file is named, and nothing is touched or left.
#[track_caller]
fn refused(name: &str, bytes: &[u8], words: &[&str]) {
    let place = folder();
    place.write(&format!("data/{name}"), bytes);
    let files = place.list("data");
    for dataset in ["mnist", "auto"] {
        train(&place, dataset).fails(1, &[&[&*format!("data/{name}")], words].concat());
    }
    assert_eq!(place.list("."), ["data"], "nothing is left");
    assert_eq!(place.list("data"), files);
    assert!(place.read(&format!("data/{name}")) == bytes, "the file is as it was");
}

#[test]
fn valid_files_of_other_content_are_used_with_a_warning() {
    let place = folder();
    let ran = train(&place, "mnist").ok();
    assert!(ran.stderr.contains("warning: the files in data"), "{}", ran.stderr);
    assert_eq!(place.list("."), ["data", "run"], "no temporary files are left");
}

#[test]
fn a_missing_folder_or_file_is_named() {
    let place = Place::new();
    train(&place, "mnist").fails(1, &["data", IMAGES, "t10k-labels-idx1-ubyte"]);
    assert!(place.list(".").is_empty());

    let place = folder();
    std::fs::remove_file(place.path(&format!("data/{LABELS}.gz"))).unwrap();
    for dataset in ["mnist", "auto", "fashion-mnist"] {
        train(&place, dataset).fails(1, &["data", LABELS]);
    }
    assert_eq!(place.list("."), ["data"]);
}

#[test]
fn a_folder_with_a_files_name_is_refused() {
    let place = folder();
    std::fs::create_dir(place.path(&format!("data/{IMAGES}"))).unwrap();
    train(&place, "mnist").fails(1, &[&format!("data/{IMAGES}"), "a folder"]);
}

#[test]
fn an_incomplete_gzip_file_is_damaged() {
    let name = format!("{IMAGES}.gz");
    let whole = folder().read(&format!("data/{name}"));
    for length in [10, 30, whole.len() / 2 + 7, whole.len() - 4] {
        refused(&name, &whole[..length], &["damaged"]);
    }
    refused(&name, &[], &[]);
    // Between two members, where only the length tells.
    let member = gzip(&vec![0; 784_000]).len();
    refused(&name, &whole[..whole.len() - member], &["ends after 46256016 bytes", "47040016"]);
    refused(&name, &[&whole[..], b"more"].concat(), &[]);
}

#[test]
fn a_gzip_bomb_is_not_decompressed_to_its_end() {
    let bomb = blank(&[0x803, 60_000, 28, 28], 1 << 20, 16 << 10);
    assert!(bomb.len() < 32 << 20, "16 GiB in {} bytes", bomb.len());
    refused(&format!("{IMAGES}.gz"), &bomb, &["longer than 47040016 bytes"]);
}

#[test]
fn another_magic_number_is_named() {
    refused(IMAGES, &header(&[0x801, 60_000, 28, 28]), &["0x00000801", "0x00000803"]);
    refused(IMAGES, b"<!DOCTYPE html>", &["web page"]);
    refused(IMAGES, &gzip(b"anything"), &["end its name in .gz"]);
    refused(IMAGES, b"", &[]);
}

#[test]
fn counts_that_differ_are_named() {
    let labels = blank(&[0x801, 59_999], 59_999, 1);
    refused(&format!("{LABELS}.gz"), &labels, &["59999 labels", "60000"]);
    let labels = blank(&[0x801, 60_000], 59_999, 1);
    refused(&format!("{LABELS}.gz"), &labels, &["ends after 60007 bytes", "60008"]);
}

#[test]
fn a_header_of_four_billion_images_is_refused() {
    let head = [0x803, u32::MAX, 28, 28];
    refused(IMAGES, &header(&head), &["4294967295 images", "60000"]);
    refused(&format!("{IMAGES}.gz"), &blank(&head, 784, 1), &["4294967295 images"]);
    refused(LABELS, &header(&[0x801, u32::MAX]), &["4294967295 labels"]);
}

#[test]
fn images_of_another_size_are_named() {
    refused(IMAGES, &header(&[0x803, 60_000, 32, 32]), &["32x32", "28x28"]);
    refused(IMAGES, &header(&[0x803, 60_000, u32::MAX, u32::MAX]), &["28x28"]);
}

#[test]
fn a_label_above_nine_is_named() {
    let mut labels = vec![0; 60_000];
    labels[12_345] = 10;
    let file = [header(&[0x801, 60_000]), labels].concat();
    refused(LABELS, &file, &["label 12345 is 10"]);
}

/// Where temporary files would lie is no folder, so making one would fail.
#[test]
#[cfg(unix)]
fn loading_makes_no_temporary_file() {
    let place = folder();
    let args = format!(
        "TMPDIR=/dev/null {GAN_TRAIN} --dataset mnist --data-dir data --offline --epochs 0 \
         --out run --device {CPU} {SMALL}"
    );
    place.run("env", args.split_whitespace()).ok();
    assert_eq!(place.list("."), ["data", "run"]);
}

#[test]
#[cfg(unix)]
fn a_process_killed_while_it_loads_leaves_nothing() {
    let place = folder();
    std::fs::create_dir(place.path("temporary")).unwrap();
    let temporary = place.path("temporary");
    let args = format!(
        "TMPDIR={} {GAN_TRAIN} --dataset mnist --data-dir data --offline --epochs 0 --out run \
         --device {CPU} {SMALL}",
        temporary.display()
    );
    for milliseconds in [20, 60, 100, 150, 200, 300] {
        let running = place.start_program("env", &args);
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        running.signal("KILL");
        assert!(place.list("temporary").is_empty(), "after {milliseconds} ms");
        let _ = std::fs::remove_dir_all(place.path("run"));
    }
    assert_eq!(place.list("."), ["data", "temporary"]);
}

#[test]
#[cfg(target_os = "linux")]
fn too_little_memory_is_an_error_that_says_how_much_is_needed() {
    let place = folder();
    let limited = |kilobytes: u32, program: &str, args: &str| {
        let command = format!("ulimit -v {kilobytes} && exec {program} {args} --threads 2");
        place.run("sh", ["-c", &command])
    };
    let train = "--dataset mnist --data-dir data --offline --out run --quiet --epochs 1";
    // Not enough for the data set, and not enough for the nets as well.
    for kilobytes in [60_000, 120_000, 150_000] {
        let ran = limited(kilobytes, GAN_TRAIN, train);
        ran.fails(1, &["bytes of memory are needed", "ulimit -v"]);
    }
    let ran = limited(1_000_000, GAN_TRAIN, &format!("{train} --batch 65536"));
    ran.fails(1, &["cannot train these nets", "bytes of memory are needed"]);
    assert_eq!(place.list("."), ["data"]);
}

#[test]
#[cfg(target_os = "linux")]
fn too_little_memory_for_a_measurement_or_a_grid_is_an_error() {
    let place = Place::new();
    place.write("ckpt.mpk", crate::util::trained());
    let limited = |kilobytes: u32, program: &str, args: &str| {
        let command =
            format!("ulimit -v {kilobytes} && exec {program} --checkpoint ckpt.mpk {args}");
        place.run("sh", ["-c", &command])
    };
    let measured = limited(700_000, env!("CARGO_BIN_EXE_gan-eval"), "--count 200000 --threads 2");
    measured.fails(1, &["cannot measure 200000 samples", "bytes of memory are needed"]);
    let drawn = limited(300_000, GAN_SAMPLE, "--count 300000 --columns 600 --out grid.png");
    drawn.fails(1, &["cannot write grid.png", "bytes of memory are needed"]);
    let drawn = limited(300_000, GAN_SAMPLE, "--count 2 --scale 500 --out large.gif");
    drawn.fails(1, &["cannot write large.gif", "bytes of memory are needed"]);
    assert_eq!(place.list("."), ["ckpt.mpk"]);
}
