//! Crafted files: every digest is right, but the content is not.

use burn::tensor::quantization::QuantScheme;
use burn::tensor::{Bytes, DType};
use burn_pack::{Reader, Tensor, Writer};

use super::*;
use crate::Normalisation;

/// Loads a section, numbered as in the file.
fn load(bytes: &[u8], section: usize) -> Result<Bytes, CheckpointError> {
    let (checkpoint, device) = (read(bytes)?, Device::flex());
    match section {
        0 => pack(&checkpoint.generator(Weights::Averaged, &device)?),
        1 => pack(&checkpoint.generator(Weights::Raw, &device)?),
        2 => pack(&checkpoint.discriminator(&device)?),
        3 => pack(&checkpoint.generator_moments(&device)?),
        _ => pack(&checkpoint.discriminator_moments(&device)?),
    }
}

/// The nets of the tests, with everything that a file may contain.
fn header() -> Header {
    let mut header = super::header();
    header.model.family = Family::Dense(DenseConfig {
        generator_norm: Normalisation::Batch,
        spectral_norm: true,
        ..dense()
    });
    header
}

/// A whole file with one section changed.
fn with_section(section: usize, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let mut sections = sections(&header().model);
    let place = match section {
        0 => &mut sections.averaged_generator,
        1 => &mut sections.generator,
        2 => &mut sections.discriminator,
        3 => &mut sections.generator_moments,
        _ => &mut sections.discriminator_moments,
    };
    *place = Bytes::from_bytes_vec(change(place.to_vec()));
    encode(&sections, &header())
}

/// A whole file with the tensors of one section changed.
fn with_tensors(section: usize, change: impl FnOnce(&mut Vec<Tensor>)) -> Vec<u8> {
    with_section(section, |bytes| {
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes)).unwrap();
        let mut tensors = reader.into_tensors().unwrap();
        change(&mut tensors);
        Writer::new(tensors).into_bytes().unwrap().to_vec()
    })
}

/// Asserts that a section is refused, and returns the error.
#[track_caller]
fn refused(bytes: &[u8], section: usize) -> String {
    let error = load(bytes, section).unwrap_err();
    assert!(matches!(error, CheckpointError::Mismatch { .. }), "{error}");
    let text = error.to_string();
    let name = Section::ALL[section].name();
    assert!(text.contains(&format!("/ckpt.mpk: its {name} cannot be used: ")), "{text}");
    text
}

/// A tensor of other numbers, of whatever type.
fn other(old: &Tensor, kind: DType, bytes: Vec<u8>) -> Tensor {
    let bytes = Bytes::from_bytes_vec(bytes);
    Tensor::new(old.name.clone(), kind, old.shape.clone(), old.param_id, bytes)
}

#[test]
fn a_missing_or_unknown_tensor_is_named() {
    for section in 0..5 {
        let mut name = String::new();
        let bytes = with_tensors(section, |tensors| name = tensors.remove(1).name);
        // Its bytes are missing too, which the length may tell first.
        let text = refused(&bytes, section);
        assert!(text.contains(&name) || text.contains("where its sizes take"), "{text}");

        let more = with_tensors(section, |tensors| {
            let mut more = other(&tensors[0], DType::F32, vec![0; 4]);
            (more.name, more.shape) = ("layers.9.Dense.weight".into(), [1].into());
            tensors.push(more);
        });
        assert!(refused(&more, section).contains("layers.9.Dense.weight"));

        // Missed under the one name before it is unknown under the other.
        let renamed = with_tensors(section, |tensors| {
            name = std::mem::replace(&mut tensors[0].name, "other".into());
        });
        assert!(refused(&renamed, section).contains(&name));
    }
}

#[test]
fn a_duplicate_tensor_is_refused() {
    let replace = |bytes: Vec<u8>, from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|found| found == from).unwrap();
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    };
    for (section, from, to) in [
        (0, "layers.1.Dense.weight", "layers.0.Dense.weight"),
        (1, "layers.1.Dense.bias", "layers.0.Dense.bias"),
        (2, "layers.0.Dense.bias", "layers.1.Dense.bias"),
        (3, "second.layers.1.Dense.bias", "second.layers.0.Dense.bias"),
        (4, "second.layers.0.Dense.bias", "second.layers.1.Dense.bias"),
    ] {
        let twice = |bytes| replace(bytes, from.as_bytes(), to.as_bytes());
        refused(&with_section(section, twice), section);
    }
}

#[test]
fn a_tensor_of_another_shape_is_refused() {
    for section in 0..5 {
        for shape in [vec![12, 1], vec![4, 3], vec![12], vec![1, 3, 4], vec![]] {
            let bytes = with_tensors(section, |tensors| {
                let at = tensors.iter().position(|tensor| tensor.shape.len() == 2).unwrap();
                let old = &tensors[at];
                let length = 4 * shape.iter().product::<usize>();
                if old.shape.to_vec() == shape {
                    tensors[at].shape = [2, 6].into();
                } else {
                    tensors[at] = other(old, DType::F32, vec![0; length]);
                    tensors[at].shape = shape.into();
                }
            });
            refused(&bytes, section);
        }
    }
}

#[test]
fn a_tensor_of_another_type_is_named_with_it() {
    let quantised = DType::QFloat(QuantScheme::default());
    for section in 0..5 {
        for kind in [DType::F64, DType::F16, DType::BF16, DType::I32, DType::U8, quantised] {
            let mut name = String::new();
            let bytes = with_tensors(section, |tensors| {
                // Long enough for the section, whatever it is.
                let old = &tensors[0];
                let count = old.shape.iter().product::<usize>();
                name = old.name.clone();
                tensors[0] = other(old, kind, vec![0; count * kind.size().max(1)]);
                let mut more = other(&tensors[1], DType::F32, vec![0; 4 * count]);
                (more.name, more.shape) = ("zzz".into(), [count].into());
                tensors.push(more);
            });
            let text = refused(&bytes, section);
            assert!(text.contains(&format!("its tensor {name:?} is of type")), "{text}");
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused_with_their_tensor() {
    for section in 0..5 {
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut name = String::new();
            let bytes = with_tensors(section, |tensors| {
                let last = tensors.last_mut().unwrap();
                name = last.name.clone();
                let mut numbers = last.to_bytes().unwrap().to_vec();
                let end = numbers.len() - 4;
                numbers[end..].copy_from_slice(&x.to_le_bytes());
                *last = other(last, DType::F32, numbers);
            });
            let text = refused(&bytes, section);
            let words = format!("its tensor {name:?} has numbers that are infinite or NaN");
            assert!(text.contains(&words), "{text}");
        }
    }
}

#[test]
fn nets_that_are_not_finite_are_not_written() {
    let device = Device::flex();
    let net = Generator::init(&header().model, 0, &device);
    assert!(pack(&net).is_ok());
    let spoilt = net
        .load_record(Generator::init(&header().model, 0, &device).map(&mut Divided).into_record());
    assert!(matches!(pack(&spoilt), Err(CheckpointError::NotFinite)));
}

/// Divides every weight by zero.
struct Divided;

impl burn::module::ModuleMapper for Divided {
    fn map_float<const D: usize>(
        &mut self,
        param: burn::module::Param<burn::tensor::Tensor<D>>,
    ) -> burn::module::Param<burn::tensor::Tensor<D>> {
        param.map(|weight| weight / 0.0)
    }
}

/// Adam finds a weight's moments by its identity, and takes the tensor there for one of its rank.
#[test]
fn identities_of_tensors_are_ours_and_not_the_files() {
    let whole = encode(&sections(&header().model), &header());
    for section in 0..5 {
        let swapped = with_tensors(section, |tensors| {
            for (tensor, id) in tensors.iter_mut().rev().zip([Some(1_000), None, Some(1_000)]) {
                tensor.param_id = id;
            }
        });
        assert_eq!(load(&swapped, section).unwrap(), load(&whole, section).unwrap());
    }
}

#[test]
fn a_section_much_longer_than_its_numbers_is_refused() {
    for section in 0..5 {
        let longer = with_section(section, |bytes| [bytes, vec![0; MAX_AROUND]].concat());
        assert!(refused(&longer, section).contains("where its sizes take"));
    }
}

#[test]
fn names_that_are_none_are_refused() {
    for change in [
        (|h: &mut Header| h.dataset.name = "\x1b[2J".into()) as fn(&mut Header),
        |h| h.dataset.digest = "0".repeat(1_000),
        |h| h.training.recipe = "a\nb".into(),
    ] {
        let error = read(&with_header(change)).unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
        assert!(!error.to_string().contains('\x1b'), "{error:?}");
    }
}

/// A file with this index, its digest right.
fn with_index(index: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest(index);
    let length = (index.len() as u32).to_be_bytes();
    let version = &[VERSION as u8];
    let parts = [&[MAP], FORMAT, version, DIGEST, &digest, INDEX, b"\xc6", &length, index, TENSORS];
    parts.concat()
}

/// A string in `MessagePack`.
fn word(text: &str) -> Vec<u8> {
    [&[0xa0 | text.len() as u8], text.as_bytes()].concat()
}

#[test]
fn an_unknown_family_may_need_a_newer_program() {
    let mut bytes = encoded();
    let find = |bytes: &[u8], text: &[u8]| {
        let at = bytes.windows(text.len()).position(|found| found == text).unwrap();
        at + text.len()
    };
    // Bytes with a length of two bytes.
    let index = find(&bytes, &[INDEX, b"\xc5"].concat()) + 2;
    let end = index + usize::from(u16::from_be_bytes([bytes[index - 2], bytes[index - 1]]));
    let family = find(&bytes, &[word("family"), word("dense")].concat());
    bytes[family - 5..family].copy_from_slice(b"other");
    let error = read(&with_index(&bytes[index..end])).unwrap_err().to_string();
    for words in ["unknown variant `other`", "expected `dense`", "newer gan-train"] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn an_index_of_endless_nesting_or_length_is_refused() {
    let header = [&b"\x82"[..], &word("header"), b"\x84", &word("model"), b"\x89"].concat();
    let hidden = [&header[..], &word("generator_hidden")].concat();
    let mut bombs = Vec::new();
    for begin in [&b""[..], &header, &hidden] {
        // Arrays in arrays, maps in maps.
        bombs.push([begin, &b"\x91".repeat(1 << 19)].concat());
        bombs.push([begin, &b"\x81".repeat(1 << 19)].concat());
        bombs.push([begin, &b"\x81\xa1a".repeat(1 << 17)].concat());
        // An array, a map, a string, a bin and an extension of four billion.
        for kind in [0xdd, 0xdf, 0xdb, 0xc6, 0xc9] {
            bombs.push([begin, &[kind, 0xff, 0xff, 0xff, 0xff, 1]].concat());
        }
    }
    for bomb in bombs {
        let error = read(&with_index(&bomb)).unwrap_err();
        assert!(matches!(error, CheckpointError::Index { .. }), "{error}");
        assert!(error.to_string().len() < 1_000, "{error}");
    }
    let long = read(&with_index(&vec![0xc0; (1 << 20) + 1])).unwrap_err();
    assert!(long.to_string().contains("corrupt"), "{long}");
}
