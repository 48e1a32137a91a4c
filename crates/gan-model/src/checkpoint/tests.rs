//! A checkpoint is read back unchanged, or it is refused.

use std::fs;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use sha2::{Digest, Sha256};

use super::*;
use crate::{DenseConfig, Discriminator, Family, Generator};
use gan_core::ImageShape;

fn dense() -> DenseConfig {
    DenseConfig {
        generator_hidden: vec![4],
        discriminator_hidden: vec![5],
        ..DenseConfig::default()
    }
}

fn header() -> Header {
    let image = ImageShape::grey(2, 3);
    let model = ModelConfig { image, latent: 3, ..ModelConfig::dense(dense()) };
    let training = TrainingConfig {
        epochs: 9,
        batch: 2,
        lr: 1e-3,
        ema: 0.9,
        seed: 1,
        sample_every: 5,
        checkpoint_every: 5,
        ..TrainingConfig::default()
    };
    let dataset = DatasetInfo {
        name: "synthetic".into(),
        digest: "00".into(),
        images: 7,
        class_names: Vec::new(),
        labels: None,
    };
    Header { model, training, dataset, step: 5 }
}

/// A whole file whose generator has these hidden layers, by its header alone.
fn with_hidden(generator_hidden: Vec<usize>) -> Vec<u8> {
    let family = Family::Dense(DenseConfig { generator_hidden, ..dense() });
    with_header(|header| header.model.family = family)
}

fn sections(model: &ModelConfig) -> Sections {
    let device = Device::flex();
    let generator = |seed| Generator::init(model, seed, &device);
    let discriminator = |seed| Discriminator::init(model, seed, &device);
    let twice = Moments { first: generator(3), second: generator(4) };
    let moments = Moments { first: discriminator(5), second: discriminator(6) };
    Sections {
        averaged_generator: pack(&generator(1)).unwrap(),
        generator: pack(&generator(2)).unwrap(),
        discriminator: pack(&discriminator(2)).unwrap(),
        generator_moments: pack(&twice).unwrap(),
        discriminator_moments: pack(&moments).unwrap(),
    }
}

fn encode(sections: &Sections, header: &Header) -> Vec<u8> {
    let mut bytes = Vec::new();
    sections.encode(header, &mut bytes).unwrap();
    bytes
}

fn encoded() -> Vec<u8> {
    encode(&sections(&header().model), &header())
}

fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ckpt.mpk");
    fs::write(&path, bytes).unwrap();
    let read = Checkpoint::read(&path);
    let in_memory = Checkpoint::from_bytes("ckpt.mpk", bytes.to_vec());
    assert!(in_memory.is_ok() || read.is_err(), "a file is refused in memory alone");
    read
}

/// Another header before the same tensors, with the right digest.
fn with_header(change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut header = header();
    change(&mut header);
    encode(&sections(&self::header().model), &header)
}

fn images(generator: &Generator) -> Vec<f32> {
    let noise = Tensor::ones([1, 3], &Device::flex());
    generator.forward(noise, None).into_data().try_into_vec().unwrap()
}

#[test]
fn a_checkpoint_is_read_back_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ckpt.mpk");
    sections(&header().model).write(&path, &header()).unwrap();
    let checkpoint = Checkpoint::read(&path).unwrap();
    assert_eq!(checkpoint.header(), &header());

    let device = Device::flex();
    let net = |seed| images(&Generator::init(&header().model, seed, &device));
    assert_eq!(images(&checkpoint.generator(Weights::Averaged, &device).unwrap()), net(1));
    assert_eq!(images(&checkpoint.generator(Weights::Raw, &device).unwrap()), net(2));
    let moments = checkpoint.generator_moments(&device).unwrap();
    assert_eq!([images(&moments.first), images(&moments.second)], [net(3), net(4)]);

    // What was read is written again to the byte.
    let again = Sections {
        averaged_generator: pack(&checkpoint.generator(Weights::Averaged, &device).unwrap())
            .unwrap(),
        generator: pack(&checkpoint.generator(Weights::Raw, &device).unwrap()).unwrap(),
        discriminator: pack(&checkpoint.discriminator(&device).unwrap()).unwrap(),
        generator_moments: pack(&moments).unwrap(),
        discriminator_moments: pack(&checkpoint.discriminator_moments(&device).unwrap()).unwrap(),
    };
    assert_eq!(encode(&again, &header()), fs::read(&path).unwrap());
}

#[test]
fn the_file_has_the_documented_layout() {
    /// The file as a generic MessagePack reader sees it.
    #[derive(Deserialize)]
    struct File<'a> {
        format: &'a str,
        version: u8,
        #[serde(with = "serde_bytes")]
        index: &'a [u8],
        tensors: [serde_bytes::ByteBuf; 5],
    }

    let bytes = encoded();
    let begin = b"\x85\xa6format\xaegan-checkpoint\xa7version\x05\xa6sha256\xc4\x20";
    assert!(bytes.starts_with(begin));
    let (digest, rest) = bytes[begin.len()..].split_at(32);
    // A bin of less than 64 KiB: c5 and two bytes of length.
    let index = rest.strip_prefix(b"\xa5index\xc5").unwrap();
    let (index, rest) = index[2..].split_at(u16::from_be_bytes([index[0], index[1]]).into());
    assert_eq!(Sha256::digest(index)[..], *digest);
    assert!(rest.starts_with(b"\xa7tensors\x95\xc5"));

    let file: File = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!((file.format, file.version, file.index), ("gan-checkpoint", 5, index));
    let index: Index = rmp_serde::from_slice(index).unwrap();
    assert_eq!(index.header, header());
    for (tensors, part) in file.tensors.iter().zip(index.tensors) {
        assert_eq!(tensors.len(), part.bytes as usize);
        assert_eq!(Sha256::digest(tensors)[..], part.sha256);
    }
}

#[test]
fn damage_in_other_sections_does_not_affect_the_generator() {
    let mut bytes = encoded();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ckpt.mpk");
    fs::write(&path, &bytes).unwrap();
    assert!(Checkpoint::read(&path).unwrap_err().to_string().contains("discriminator moments"));
    let device = Device::flex();
    let checkpoint = Checkpoint::open(&path).unwrap();
    checkpoint.generator(Weights::Averaged, &device).unwrap();
    assert!(checkpoint.discriminator_moments(&device).is_err());
    // What was opened stays what it is when the name gets another file.
    fs::write(dir.path().join("new"), "").unwrap();
    fs::rename(dir.path().join("new"), &path).unwrap();
    checkpoint.generator(Weights::Raw, &device).unwrap();
}

#[test]
fn a_truncated_checkpoint_is_refused() {
    let bytes = encoded();
    for len in 0..bytes.len() {
        let error = read(&bytes[..len]).unwrap_err();
        let expected = matches!(
            error,
            CheckpointError::NotACheckpoint { .. } | CheckpointError::Damaged { .. }
        );
        assert!(expected, "{len} bytes: {error}");
        assert!(error.to_string().contains("/ckpt.mpk is "), "{error}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(read(&longer), Err(CheckpointError::Damaged { .. })));
}

#[test]
fn a_flipped_bit_is_detected() {
    let bytes = encoded();
    for index in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[index] ^= 1 << (index % 8);
        assert!(read(&flipped).is_err(), "bit {} of byte {index}", index % 8);
    }
}

#[test]
fn other_versions_are_refused_by_number() {
    let version = |version: u8| {
        let mut bytes = encoded();
        bytes[31] = version;
        read(&bytes).unwrap_err().to_string()
    };
    assert!(
        version(6).contains("version 6; this program reads versions 2 to 5: use a newer gan-train")
    );
    assert!(version(1).contains("version 1; this program reads versions 2 to 5: train again"));
}

#[test]
fn other_file_types_are_named() {
    let error = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert!(error(b"\x89PNG\r\n\x1a\n....").contains("is a PNG image; expected the ckpt.mpk"));
    assert!(error(b"").contains("it is empty"));
    assert!(error(b"hello").contains("starts with the bytes [68, 65, 6c, 6c, 6f]"));
    let directory = Checkpoint::read(&std::env::temp_dir()).unwrap_err().to_string();
    assert!(directory.contains("not a regular file"), "{directory}");
    let missing = Checkpoint::read(Path::new("no/such.mpk")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read no/such.mpk"), "{missing}");
}

#[test]
fn tensors_that_do_not_fit_the_header_are_refused() {
    let device = Device::flex();
    let generator = |bytes: Vec<u8>| read(&bytes).unwrap().generator(Weights::Averaged, &device);
    let wider = with_hidden(vec![5]);
    assert!(matches!(generator(wider), Err(CheckpointError::Mismatch { .. })));
    let deeper = with_hidden(vec![4, 4]);
    assert!(matches!(generator(deeper), Err(CheckpointError::Mismatch { .. })));
    let shallower = with_hidden(vec![]);
    assert!(matches!(generator(shallower), Err(CheckpointError::Mismatch { .. })));
}

#[test]
fn a_size_beyond_the_file_is_refused_before_allocation() {
    let huge = with_hidden(vec![1 << 16, 1 << 11]);
    let error = read(&huge).unwrap().generator(Weights::Raw, &Device::flex()).unwrap_err();
    assert!(error.to_string().contains("where its sizes take"), "{error}");
    let absurd = with_header(|h| h.model.latent = usize::MAX);
    assert!(matches!(read(&absurd), Err(CheckpointError::Config { .. })));
}

mod hostile;
