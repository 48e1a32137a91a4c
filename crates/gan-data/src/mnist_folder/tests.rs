//! Folders that are complete, incomplete, damaged or unusual.

use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::{TempDir, tempdir};

use super::*;

/// Four good files of blank images, gzip; label `i` is `i % 10`.
static GOOD: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| LAYOUTS.map(|layout| gzip(&good(layout))));

fn good(layout: Layout) -> Vec<u8> {
    let mut file = layout.header();
    match layout {
        Layout::Images(_) => file.resize(layout.file_len() as usize, 0),
        Layout::Labels(count) => file.extend((0..count).map(|label| (label % 10) as u8)),
    }
    file
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn good_folder() -> TempDir {
    let dir = tempdir().unwrap();
    for (name, content) in FILE_NAMES.iter().zip(GOOD.iter()) {
        fs::write(dir.path().join(format!("{name}.gz")), content).unwrap();
    }
    dir
}

/// A good folder but for one file; `name` replaces its `.gz`.
fn folder_with(name: &str, content: &[u8]) -> TempDir {
    let dir = good_folder();
    fs::remove_file(dir.path().join(format!("{}.gz", name.trim_end_matches(".gz")))).unwrap();
    fs::write(dir.path().join(name), content).unwrap();
    dir
}

fn error(dir: &Path) -> LoadError {
    load_folder(dir, KnownDataset::Mnist).expect_err("an error for this folder")
}

fn assert_damaged(content: &[u8]) {
    let dir = folder_with("train-labels-idx1-ubyte.gz", content);
    let error = error(dir.path());
    let LoadError::Gzip { path, .. } = &error else { panic!("expected damage, got: {error}") };
    assert_eq!(*path, dir.path().join("train-labels-idx1-ubyte.gz"));
    assert!(error.to_string().contains("is damaged"), "{error}");
}

fn long(expected: u32) -> String {
    format!("it is longer than {expected} bytes (decompressed); expected exactly that length")
}

fn fault(name: &str, content: &[u8]) -> String {
    let dir = folder_with(name, content);
    match error(dir.path()) {
        LoadError::Content { path, fault } => {
            assert_eq!(path, dir.path().join(name));
            fault
        }
        other => panic!("expected a fault in the content, got: {other}"),
    }
}

#[test]
fn other_content_in_mnists_format_is_loaded_and_not_published() {
    let dir = good_folder();
    let loaded = load_folder(dir.path(), KnownDataset::Mnist).unwrap();
    assert!(!loaded.published);
    assert_eq!((loaded.train.len(), loaded.test.len()), (60_000, 10_000));
    assert_eq!((loaded.train.name(), loaded.test.name()), ("mnist", "mnist-test"));
    assert_eq!(loaded.train.shape(), MNIST_SHAPE);
    let labels = loaded.train.labels().unwrap();
    assert_eq!(labels[..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    assert_eq!(loaded.train.class_names(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn an_uncompressed_file_is_preferred_to_its_gzip() {
    let dir = good_folder();
    let mut ones = good(Layout::Labels(TEST));
    ones[8..].fill(1);
    let names = |images: &Dataset| images.class_names().concat();
    fs::write(dir.path().join("t10k-labels-idx1-ubyte"), ones).unwrap();
    let loaded = load_folder(dir.path(), KnownDataset::FashionMnist).unwrap();
    assert_eq!(loaded.train.name(), "fashion-mnist");
    assert!(loaded.test.labels().unwrap().iter().all(|&label| label == 1));
    assert_eq!([names(&loaded.train), names(&loaded.test)], ["0123456789"; 2]);
}

#[test]
fn uncompressed_files_parsed_by_the_mnist_crate_equal_the_gzip_files() {
    let (gzipped, uncompressed) = (good_folder(), tempdir().unwrap());
    let write = |name: &str, content: &[u8]| {
        fs::write(uncompressed.path().join(name), content).unwrap();
    };
    for (name, layout) in FILE_NAMES.into_iter().zip(LAYOUTS) {
        write(name, &good(layout));
    }
    let load = |dir: &TempDir| load_folder(dir.path(), KnownDataset::Kmnist).unwrap();
    assert_eq!(load(&gzipped), load(&uncompressed));

    // What was checked has changed when the crate reads it.
    let files = LAYOUTS.map(|layout| vec![0; layout.body_len()]);
    write("train-labels-idx1-ubyte", b"");
    let error = parse_uncompressed(uncompressed.path().to_str().unwrap(), files).unwrap_err();
    assert!(error.to_string().ends_with("changed while they were read; try again"), "{error}");
}

#[test]
fn missing_files_are_listed_and_broken_ones_are_not_missing() {
    let dir = tempdir().unwrap();
    assert_eq!(missing_files(dir.path()), FILE_NAMES);
    assert_eq!(missing_files(&dir.path().join("nowhere")), FILE_NAMES);

    let dir = good_folder();
    assert!(missing_files(dir.path()).is_empty());
    fs::remove_file(dir.path().join("t10k-images-idx3-ubyte.gz")).unwrap();
    assert_eq!(missing_files(dir.path()), ["t10k-images-idx3-ubyte"]);
    let text = error(dir.path()).to_string();
    assert!(text.contains("does not hold t10k-images-idx3-ubyte; expected the four"), "{text}");

    fs::write(dir.path().join("t10k-images-idx3-ubyte.gz"), b"").unwrap();
    assert!(missing_files(dir.path()).is_empty());
    assert!(matches!(error(dir.path()), LoadError::Gzip { .. }));
}

#[test]
fn a_gzip_file_must_be_whole_and_alone() {
    let labels = &GOOD[1];
    assert_damaged(&labels[..labels.len() / 2]);
    assert_damaged(&labels[..labels.len() - 1]);
    assert_damaged(&[labels, &b"more"[..]].concat());
    assert_damaged(b"<html>not found</html>");

    let mut wrong_checksum = labels.clone();
    let crc = labels.len() - 8;
    wrong_checksum[crc] ^= 1;
    assert_damaged(&wrong_checksum);

    let second_member = [&labels[..], &gzip(b"x")].concat();
    assert_eq!(fault("train-labels-idx1-ubyte.gz", &second_member), long(8 + TRAIN));
}

#[test]
fn a_gzip_bomb_is_not_decompressed_to_its_end() {
    let mut bomb = good(Layout::Labels(TRAIN));
    bomb.resize(64 << 20, 0);
    let bomb = gzip(&bomb);
    // It is cut off as well, which only a reader of the rest would notice.
    let fault = fault("train-labels-idx1-ubyte.gz", &bomb[..bomb.len() / 2]);
    assert_eq!(fault, long(60_008));
}

#[test]
fn content_must_fit_the_name() {
    let labels = good(Layout::Labels(TRAIN));
    assert_eq!(
        fault("train-labels-idx1-ubyte", &labels[..1000]),
        "it ends after 1000 bytes (decompressed); expected 60008"
    );
    assert_eq!(
        fault("train-labels-idx1-ubyte", &good(Layout::Labels(TEST))),
        "its header states 10000 labels; expected 60000"
    );
    let swapped = fault("t10k-images-idx3-ubyte.gz", &GOOD[3]);
    assert!(swapped.starts_with("it starts with 0x00000801; expected 0x00000803"), "{swapped}");
    let unnamed_gzip = fault("t10k-labels-idx1-ubyte", &GOOD[3]);
    assert!(unnamed_gzip.contains("end its name in .gz"));

    let mut ten = labels;
    ten[8 + 59_999] = 10;
    let fault = fault("train-labels-idx1-ubyte.gz", &gzip(&ten));
    assert_eq!(fault, "label 59999 is 10; expected 0 to 9");
}

#[test]
fn an_error_names_the_file_what_was_found_and_what_to_do() {
    let dir = folder_with("train-images-idx3-ubyte", b"\0\0\x08\x03\xff\xff\xff\xff");
    assert_eq!(
        error(dir.path()).to_string(),
        format!(
            "{} is not the expected file: its header states 4294967295 images; \
             expected 60000; download it again, or remove it",
            dir.path().join("train-images-idx3-ubyte").display()
        )
    );
}

#[test]
fn a_folder_with_a_files_name_is_refused() {
    let dir = good_folder();
    fs::create_dir(dir.path().join("train-labels-idx1-ubyte")).unwrap();
    assert!(matches!(error(dir.path()), LoadError::NotAFile { found: "a folder", .. }));
}

#[test]
fn a_file_instead_of_the_folder_is_refused() {
    let dir = good_folder();
    let file = dir.path().join("train-labels-idx1-ubyte.gz");
    assert_eq!(missing_files(&file), FILE_NAMES);
    assert!(matches!(error(&file), LoadError::Missing { .. }));
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_pipe_is_refused_without_waiting_for_a_writer() {
        let dir = good_folder();
        let pipe = dir.path().join("train-images-idx3-ubyte");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(matches!(
            error(dir.path()),
            LoadError::NotAFile { found: "a pipe or a device", .. }
        ));
    }

    #[test]
    fn a_broken_link_is_an_error_and_not_missing() {
        let dir = good_folder();
        symlink("gone", dir.path().join("train-images-idx3-ubyte")).unwrap();
        assert!(missing_files(dir.path()).is_empty());
        assert!(matches!(error(dir.path()), LoadError::Read { .. }));
    }

    #[test]
    fn a_folder_whose_name_is_not_utf8_loads() {
        let parent = tempdir().unwrap();
        let dir = parent.path().join(OsStr::from_bytes(b"m\xffnist"));
        // Some file systems take no such name.
        if fs::create_dir(&dir).is_ok() {
            for (name, content) in FILE_NAMES.iter().zip(GOOD.iter()) {
                fs::write(dir.join(format!("{name}.gz")), content).unwrap();
            }
            assert_eq!(load_folder(&dir, KnownDataset::Kmnist).unwrap().train.name(), "kmnist");
        }
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that checks nothing should say so")]
fn the_published_files_are_recognised_by_their_digests() {
    let dir = std::env::var_os("GAN_DATA_DIR").map(PathBuf::from);
    let Some(dir) = dir.filter(|dir| missing_files(dir).is_empty()) else {
        eprintln!("skipped: GAN_DATA_DIR names no folder with MNIST's four files");
        return;
    };
    let mnist = load_folder(&dir, KnownDataset::Mnist).unwrap();
    assert!(mnist.published);
    assert_eq!((mnist.train.len(), mnist.test.len()), (60_000, 10_000));
    assert_eq!(mnist.train.digest(), MNIST_SHA256[0]);
    assert_eq!(mnist.test.digest(), MNIST_SHA256[2]);
    assert_eq!(mnist.train.labels().unwrap()[0], 5);
    assert!(!load_folder(&dir, KnownDataset::Kmnist).unwrap().published);
}
