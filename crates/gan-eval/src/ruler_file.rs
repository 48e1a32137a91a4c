//! The ruler's file: MessagePack around weights in half precision.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};
use gan_model::checkpoint::{is_name, record};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::ruler::{About, FeatureExtractor, Net};

/// The ruler for MNIST; `gan-eval --ruler train` on it made the file.
static MNIST: &[u8] = include_bytes!("../rulers/mnist-1.ruler");

const FORMAT: &str = "gan-ruler";
const VERSION: u64 = 1;
/// The largest file that is read: twice what a ruler takes.
const MAX_FILE: u64 = 1 << 20;
/// The most classes that a ruler tells apart.
const MAX_CLASSES: usize = 256;

/// A map of these, in this order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u64,
    about: About,
    /// Burnpack, `f16`: `convolutions.N.weight` and `bias`, `layers.N.weight` and `bias`.
    #[serde(with = "serde_bytes")]
    weights: Vec<u8>,
}

/// A file that is no ruler, or could not be read or written.
#[derive(Debug, Error)]
pub enum FeatureExtractorError {
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Something else under a ruler's name.
    #[error("{} is no ruler: {what}; make one with: gan-eval --ruler train", path.display())]
    NotARuler {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// Weights that could not be packed.
    #[error("a ruler's weights cannot be packed: {0}")]
    Pack(String),
}

impl FeatureExtractor {
    /// The ruler for MNIST's digits that is built in.
    ///
    /// # Panics
    /// Never: a test reads it.
    #[must_use]
    pub fn mnist(device: &Device) -> Self {
        match Self::decode(MNIST, device) {
            Ok(ruler) => ruler,
            Err(what) => unreachable!("the built-in ruler is whole: {what}"),
        }
    }

    /// Reads a ruler's file.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn read(path: &Path, device: &Device) -> Result<Self, FeatureExtractorError> {
        let io = |source| FeatureExtractorError::Io { action: "read", path: path.into(), source };
        let wrong = |what| FeatureExtractorError::NotARuler { path: path.into(), what };
        if !path.metadata().map_err(io)?.is_file() {
            return Err(wrong("it is not a regular file".into()));
        }
        let mut bytes = Vec::new();
        File::open(path).and_then(|f| f.take(MAX_FILE + 1).read_to_end(&mut bytes)).map_err(io)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(wrong(format!("it is longer than {MAX_FILE} bytes")));
        }
        Self::decode(&bytes, device).map_err(wrong)
    }

    /// Writes its file; an old one is replaced at once.
    ///
    /// # Errors
    /// Names the file.
    pub fn write(&self, path: &Path) -> Result<(), FeatureExtractorError> {
        let bytes = self.encode()?;
        gan_core::atomic_file::write(path, &bytes).map_err(|source| FeatureExtractorError::Io {
            action: "write",
            path: path.into(),
            source,
        })
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, FeatureExtractorError> {
        let failed = |error: &dyn std::fmt::Display| FeatureExtractorError::Pack(error.to_string());
        let net = self.net.clone().map(&mut Cast(DType::F16));
        let weights = net.into_record().into_bytes().map_err(|error| failed(&error))?;
        let document = Document {
            format: FORMAT.into(),
            version: VERSION,
            about: self.about.clone(),
            weights: weights.to_vec(),
        };
        rmp_serde::to_vec_named(&document).map_err(|error| failed(&error))
    }

    pub(crate) fn decode(bytes: &[u8], device: &Device) -> Result<Self, String> {
        let document: Document =
            rmp_serde::from_slice(bytes).map_err(|error| format!("it is garbled ({error})"))?;
        let Document { format, version, about, weights } = document;
        if format != FORMAT {
            return Err(format!("it calls itself {format:?}"));
        }
        if version != VERSION {
            return Err(format!("it is of version {version}; this program reads {VERSION}"));
        }
        if !(2..=MAX_CLASSES).contains(&about.classes) {
            return Err(format!("it has {} classes; expected 2 to {MAX_CLASSES}", about.classes));
        }
        if !(0.0..=1.0).contains(&about.accuracy) {
            return Err(format!("its accuracy is {}; expected 0 to 1", about.accuracy));
        }
        let texts = [&about.name, &about.dataset, &about.dataset_digest];
        if let Some(text) = texts.into_iter().find(|text| !is_name(text)) {
            return Err(format!("it names something {text:.100?}; expected a short plain name"));
        }
        let record = record(weights, DType::F16)
            .map_err(|error| format!("its weights cannot be used ({error})"))?;
        let net = Net::init(about.classes, 0, device)
            .try_load_record(record)
            .map_err(|error| format!("its weights do not fit ({error})"))?;
        let net = net.map(&mut Cast(DType::F32));
        let digest = format!("{:x}", Sha256::digest(bytes));
        Ok(Self { net, about, digest, device: device.clone() })
    }
}

/// Turns every weight into another type of float.
struct Cast(DType);

impl ModuleMapper for Cast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|weight| weight.cast(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_ruler_is_whole_and_small() {
        assert!(MNIST.len() < 1_000_000, "{} bytes", MNIST.len());
        let ruler = FeatureExtractor::mnist(&Device::flex());
        assert_eq!((ruler.name(), ruler.classes()), ("mnist-1", 10));
        assert!(ruler.accuracy() >= 0.992, "{}", ruler.accuracy());
        assert_eq!(ruler.digest().len(), 64);
    }

    #[test]
    fn a_written_ruler_comes_back_and_sees_the_same() {
        let device = Device::flex();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ruler");
        let ruler = FeatureExtractor::mnist(&device);
        ruler.write(&path).unwrap();
        let back = FeatureExtractor::read(&path, &device).unwrap();
        assert_eq!((back.digest(), &back.about), (ruler.digest(), &ruler.about));
        let images: Vec<u8> = (0..784 * 3).map(|i| (i * 7 % 256) as u8).collect();
        assert_eq!(back.look(&images, &|_| ()), ruler.look(&images, &|_| ()));
    }

    #[test]
    fn every_cut_and_other_files_are_refused_by_name() {
        let device = Device::flex();
        for end in (0..MNIST.len()).step_by(4_999) {
            assert!(FeatureExtractor::decode(&MNIST[..end], &device).is_err(), "cut at {end}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("digits.png");
        std::fs::write(&path, b"\x89PNG").unwrap();
        let error = FeatureExtractor::read(&path, &device).unwrap_err().to_string();
        assert!(error.contains("digits.png is no ruler") && error.contains("--ruler train"));
        assert!(matches!(
            FeatureExtractor::read(dir.path(), &device),
            Err(FeatureExtractorError::NotARuler { .. })
        ));
        let missing = FeatureExtractor::read(&dir.path().join("none"), &device);
        assert!(matches!(missing, Err(FeatureExtractorError::Io { .. })));
    }
}
