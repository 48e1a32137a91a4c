//! The feature extractor's file: MessagePack around weights in half precision.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};
use gan_core::{FileError, ImageShape};
use gan_model::checkpoint::{is_name, record};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::feature_extractor::{About, FeatureExtractor, MAX_CLASSES, Net, ORIENTATIONS, Predicts};

/// The feature extractor for MNIST, a file of `gan-eval --feature-extractor train`.
static MNIST: &[u8] = include_bytes!("../mnist-1.extractor");

const FORMAT: &str = "gan-ruler";
const VERSION: u64 = 1;
/// The largest file that is read: more than images of any size need. Narrow ones, 13×64, need most:
/// sides below 12 are not halved.
const MAX_FILE: u64 = 8 << 20;

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

/// A feature extractor that could not be read, written or trained.
#[derive(Debug, Error)]
pub enum FeatureExtractorError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not a feature extractor.
    #[error(
        "{} is not a feature extractor: {what}; make one with: gan-eval --feature-extractor train",
        path.display()
    )]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The weights cannot be serialised.
    #[error("the feature extractor's weights cannot be serialised: {0}")]
    Pack(String),
    /// Images without the labels that are to be predicted.
    #[error(
        "data set {0:?} has no labels, which the feature extractor is to predict; train one \
         without labels, with: gan-eval --feature-extractor train-without-labels"
    )]
    NoLabels(String),
    /// Images that are too small or too large.
    #[error(
        "images of {0} are too small or too large for a feature extractor; expected sides of {low} \
         to {high} pixels and at most {channels} channels",
        low = FeatureExtractor::SIDES[0], high = FeatureExtractor::SIDES[1],
        channels = FeatureExtractor::MAX_CHANNELS
    )]
    Shape(ImageShape),
    /// Training and test images of two shapes.
    #[error("training images of {train} and test images of {test}; expected the same of both")]
    Shapes {
        /// The shape of the training images.
        train: ImageShape,
        /// That of the test images.
        test: ImageShape,
    },
    /// Images of too many classes.
    #[error("{0} classes are too many for a feature extractor; expected at most {MAX_CLASSES}")]
    Classes(usize),
}

impl FeatureExtractor {
    /// The built-in feature extractor for MNIST's digits.
    ///
    /// # Panics
    /// Never: a test decodes it.
    pub fn mnist(device: &Device) -> Self {
        match Self::decode(MNIST, device) {
            Ok(extractor) => extractor,
            Err(what) => unreachable!("the built-in file is valid: {what}"),
        }
    }

    /// Reads a feature extractor's file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a feature extractor.
    pub fn read(path: &Path, device: &Device) -> Result<Self, FeatureExtractorError> {
        let failed = |source| FileError::new("read", path)(source);
        let wrong = |what| FeatureExtractorError::Invalid { path: path.into(), what };
        let metadata = path.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(wrong("it is not a regular file".into()));
        }
        if metadata.len() > MAX_FILE {
            return Err(wrong(format!("it is longer than {MAX_FILE} bytes")));
        }
        let mut bytes = Vec::new();
        File::open(path).and_then(|f| f.take(MAX_FILE).read_to_end(&mut bytes)).map_err(failed)?;
        Self::decode(&bytes, device).map_err(wrong)
    }

    /// Writes its file; an existing one is replaced atomically.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FeatureExtractorError> {
        let bytes = self.encode()?;
        Ok(gan_core::atomic_file::write(path, &bytes)?)
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
        let document: Document = rmp_serde::from_slice(bytes)
            .map_err(|error| format!("it cannot be decoded ({error})"))?;
        let Document { format, version, about, weights } = document;
        if format != FORMAT {
            return Err(format!("its format is {format:?}; expected {FORMAT:?}"));
        }
        if version != VERSION {
            return Err(format!("its version is {version}; expected {VERSION}"));
        }
        if !(2..=MAX_CLASSES).contains(&about.classes) {
            return Err(format!("it has {} classes; expected 2 to {MAX_CLASSES}", about.classes));
        }
        if about.predicts == Predicts::Rotation && about.classes != ORIENTATIONS {
            return Err(format!(
                "it predicts {} rotations; expected {ORIENTATIONS}",
                about.classes
            ));
        }
        if !(0.0..=1.0).contains(&about.accuracy) {
            return Err(format!("its accuracy is {}; expected 0 to 1", about.accuracy));
        }
        let texts = [&about.name, &about.dataset, &about.dataset_digest];
        if let Some(text) = texts.into_iter().find(|text| !is_name(text)) {
            return Err(format!("it has the name {text:.100?}; expected a short plain one"));
        }
        if !Self::supports(about.shape) {
            return Err(FeatureExtractorError::Shape(about.shape).to_string());
        }
        // Before anything of that size is allocated.
        let needed = 2 * Net::parameters(about.shape, about.classes);
        if weights.len() < needed {
            let found = weights.len();
            return Err(format!("its weights have {found} bytes; expected {needed} or more"));
        }
        let record = record(weights, DType::F16)
            .map_err(|error| format!("its weights cannot be used ({error})"))?;
        let net = Net::init(about.shape, about.classes, 0, device)
            .try_load_record(record)
            .map_err(|error| format!("its weights do not fit ({error})"))?;
        let net = net.map(&mut Cast(DType::F32));
        let digest = format!("{:x}", Sha256::digest(bytes));
        Ok(Self { net, about, digest, device: device.clone() })
    }
}

/// Casts every weight.
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
    fn the_built_in_file_is_valid_and_small() {
        assert!(MNIST.len() < 1_000_000, "{} bytes", MNIST.len());
        let extractor = FeatureExtractor::mnist(&Device::flex());
        assert_eq!((extractor.name(), extractor.classes()), ("mnist-1", Some(10)));
        assert!(extractor.accuracy() >= 0.992, "{}", extractor.accuracy());
        assert_eq!(extractor.digest().len(), 64);
    }

    #[test]
    fn a_written_file_reads_back_with_the_same_features() {
        let device = Device::flex();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("extractor");
        let extractor = FeatureExtractor::mnist(&device);
        extractor.write(&path).unwrap();
        assert!(std::fs::read(&path).unwrap() == MNIST, "writing changes no byte");
        let back = FeatureExtractor::read(&path, &device).unwrap();
        assert_eq!((back.digest(), &back.about), (extractor.digest(), &extractor.about));
        let images: Vec<u8> = (0..784 * 3).map(|i| (i * 7 % 256) as u8).collect();
        assert_eq!(back.extract(&images, &|_| ()), extractor.extract(&images, &|_| ()));
    }

    #[test]
    fn other_shapes_are_recorded_and_hostile_ones_refused() {
        let device = Device::flex();
        let about = |shape| {
            let about = FeatureExtractor::mnist(&device).about;
            About { shape, classes: 3, ..about }
        };
        let encode = |net, about| {
            let extractor =
                FeatureExtractor { net, about, digest: String::new(), device: device.clone() };
            extractor.encode().unwrap()
        };
        for shape in [
            ImageShape { channels: 3, height: 7, width: 9 },
            ImageShape { channels: 4, height: 64, width: 64 },
            ImageShape { channels: 4, height: 13, width: 64 },
        ] {
            let bytes = encode(Net::init(shape, 3, 1, &device), about(shape));
            assert!(bytes.len() as u64 <= MAX_FILE, "{} bytes", bytes.len());
            let extractor = FeatureExtractor::decode(&bytes, &device).unwrap();
            assert_eq!((extractor.shape(), extractor.classes()), (shape, Some(3)));
            let images: Vec<u8> = (0..5 * shape.len()).map(|i| (i * 7 % 256) as u8).collect();
            let extracted = extractor.extract(&images, &|_| ());
            assert_eq!(extracted.features.len(), 5 * FeatureExtractor::FEATURES);
            assert_eq!(extracted.probabilities.len(), 5 * 3);
        }
        let small = || Net::init(ImageShape::grey(7, 7), 3, 1, &device);
        let error =
            |shape| FeatureExtractor::decode(&encode(small(), about(shape)), &device).unwrap_err();
        assert!(error(ImageShape::grey(6, 7)).contains("7x6 are too small or too large"));
        assert!(error(ImageShape::grey(usize::MAX, 28)).contains("too large"));
        assert!(error(ImageShape::grey(64, 64)).starts_with("its weights have"));
    }

    #[test]
    fn what_is_predicted_is_recorded_and_checked() {
        let device = Device::flex();
        let extractor = |classes| {
            let about = FeatureExtractor::mnist(&device).about;
            let about = About { predicts: Predicts::Rotation, classes, ..about };
            let net = Net::init(about.shape, classes, 1, &device);
            FeatureExtractor { net, about, digest: String::new(), device: device.clone() }
        };
        let mut bytes = extractor(4).encode().unwrap();
        let back = FeatureExtractor::decode(&bytes, &device).unwrap();
        assert_eq!((back.predicts(), back.classes()), (Predicts::Rotation, None));
        let value = bytes.windows(8).position(|bytes| bytes == b"rotation").unwrap();
        bytes[value..value + 8].copy_from_slice(b"rotatium");
        let error = FeatureExtractor::decode(&bytes, &device).unwrap_err();
        assert!(error.contains("`rotatium`"), "{error}");
        let error = FeatureExtractor::decode(&extractor(5).encode().unwrap(), &device).unwrap_err();
        assert!(error.contains("predicts 5 rotations; expected 4"), "{error}");
    }

    #[test]
    fn incomplete_and_other_files_are_refused_by_name() {
        let device = Device::flex();
        for end in (0..MNIST.len()).step_by(4_999) {
            assert!(FeatureExtractor::decode(&MNIST[..end], &device).is_err(), "cut at {end}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("digits.png");
        std::fs::write(&path, b"\x89PNG").unwrap();
        let error = FeatureExtractor::read(&path, &device).unwrap_err().to_string();
        assert!(error.contains("digits.png is not a feature extractor"), "{error}");
        assert!(matches!(
            FeatureExtractor::read(dir.path(), &device),
            Err(FeatureExtractorError::Invalid { .. })
        ));
        let missing = FeatureExtractor::read(&dir.path().join("none"), &device);
        assert!(matches!(missing, Err(FeatureExtractorError::File(_))));
    }
}
