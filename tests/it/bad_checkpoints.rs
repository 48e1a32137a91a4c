//! Checkpoints that are truncated, damaged, of another version, or not checkpoints.
//!
//! Starting a program takes 20 ms, so only some lengths and bits are tested here; the unit tests
//! of the reader test all.

use std::sync::OnceLock;

use crate::util::{Place, trained};

/// Offset of the format version: after the 24 bytes that all versions share and the key.
const VERSION_AT: usize = 24 + "version".len();
/// Both programs read all bytes before this one, and some of the tensors after it.
const INDEX_ENDS_AFTER: usize = 90;

/// A checkpoint of the smallest networks.
fn tiny() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let place = Place::new();
        let tiny = "--latent 2 --generator-hidden 4 --discriminator-hidden 4 --batch 4";
        let args = format!("--dataset synthetic --epochs 3 --quiet --out run {tiny}");
        place.gan_train(&args).ok();
        place.read("run/ckpt.mpk")
    })
}

/// Asserts that both programs refuse `bytes`, name the file, and change nothing.
#[track_caller]
fn refused(place: &Place, bytes: &[u8], expected: &[&str]) {
    place.write("bad.mpk", bytes);
    let expected = [&["bad.mpk"], expected].concat();
    let sampled = place.sample("--checkpoint bad.mpk --out row.png");
    for ran in [sampled, place.resume("bad.mpk", "--out run")] {
        let ran = ran.fails(1, &expected);
        assert_eq!(ran.stdout, "");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    assert_eq!(place.list("."), ["bad.mpk"]);
    assert!(place.read("bad.mpk") == bytes, "the file is unchanged");
}

#[test]
fn an_intact_checkpoint_is_read() {
    for bytes in [tiny(), trained()] {
        let place = Place::new();
        place.write("good.mpk", bytes);
        place.sample("--checkpoint good.mpk --out row.png").ok();
        assert_eq!(place.list("."), ["good.mpk", "row.png"]);
    }
}

#[test]
fn a_truncated_checkpoint_is_refused() {
    let (place, intact) = (Place::new(), tiny());
    let start = (0..INDEX_ENDS_AFTER).step_by(3).chain(VERSION_AT - 1..=VERSION_AT + 1);
    let rest = (INDEX_ENDS_AFTER..intact.len()).step_by(3_989).chain([intact.len() - 1]);
    for length in start.chain(rest) {
        refused(&place, &intact[..length], &[]);
    }
}

#[test]
fn a_checkpoint_with_a_flipped_bit_is_refused() {
    let (place, intact) = (Place::new(), tiny());
    let start = (0..INDEX_ENDS_AFTER).step_by(2);
    let rest = (INDEX_ENDS_AFTER..intact.len()).step_by(3_989).chain([intact.len() - 1]);
    for (bit, at) in start.chain(rest).enumerate() {
        let mut bytes = intact.to_vec();
        bytes[at] ^= 1 << (bit % 8);
        if at < intact.len() / 8 {
            // The EMA generator comes first and is more than an eighth of the file.
            refused(&place, &bytes, &[]);
        } else {
            place.write("bad.mpk", &bytes);
            place.resume("bad.mpk", "--out run").fails(1, &["bad.mpk", "damaged", "SHA-256"]);
        }
    }
}

#[test]
fn a_checkpoint_with_trailing_bytes_is_refused() {
    refused(&Place::new(), &[tiny(), b"\0"].concat(), &["damaged"]);
}

#[test]
fn another_version_is_named_with_a_remedy() {
    let place = Place::new();
    let mut bytes = tiny().to_vec();
    assert_eq!(bytes[VERSION_AT], 5);
    bytes[VERSION_AT] = 6;
    refused(&place, &bytes, &["version 6", "reads versions 2 to 5", "newer gan-train"]);
    bytes[VERSION_AT] = 1;
    refused(&place, &bytes, &["version 1", "reads versions 2 to 5", "train again"]);
}

#[test]
fn a_newer_version_with_another_layout_is_named() {
    let newer = [&tiny()[..VERSION_AT], b"\x06\xa4blob\xc4\x01x\xa4more\xc3"].concat();
    refused(&Place::new(), &newer, &["version 6", "newer gan-train"]);
}

#[test]
fn a_file_of_another_format_is_identified() {
    let place = Place::new();
    refused(&place, b"", &["not a checkpoint", "empty"]);
    refused(&place, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &["not a checkpoint", "PNG"]);
    refused(&place, b"PK\x03\x04", &["not a checkpoint", "zip"]);
    refused(&place, b"plain text", &["not a checkpoint"]);
    // A PNG as written by an image library.
    let image = image::GrayImage::new(28, 28);
    image.save(place.path("image.png")).unwrap();
    let bytes = place.read("image.png");
    std::fs::remove_file(place.path("image.png")).unwrap();
    refused(&place, &bytes, &["not a checkpoint", "PNG"]);
}

#[test]
fn a_missing_checkpoint_is_named() {
    let place = Place::new();
    place.sample("--checkpoint none.mpk").fails(1, &["none.mpk"]);
    place.write("run/notes.txt", "");
    place.sample("--checkpoint run").fails(1, &["run/ckpt.mpk"]);
    assert_eq!(place.list("."), ["run"]);
}

#[test]
fn a_damaged_run_is_not_resumed_and_stays_as_it_is() {
    let place = Place::new();
    place.train("--epochs 20 --quiet --out run").ok();
    let mut bytes = place.read("run/ckpt.mpk");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    place.write("run/ckpt.mpk", &bytes);
    let names = place.list("run");
    let metrics = place.read("run/metrics.jsonl");
    place.resume("run", "--epochs 40").fails(1, &["run/ckpt.mpk", "damaged", "SHA-256"]);
    place.write("run/ckpt.mpk", &bytes[..middle]);
    place.resume("run", "--epochs 40").fails(1, &["run/ckpt.mpk", "damaged"]);
    assert_eq!(place.read("run/ckpt.mpk"), bytes[..middle]);
    assert_eq!(place.list("run"), names);
    assert_eq!(place.read("run/metrics.jsonl"), metrics);
}
