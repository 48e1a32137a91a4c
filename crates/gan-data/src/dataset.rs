//! Images and labels in memory, and the digest that names them.

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Height and width of an image in pixels.
pub const SIDE: usize = 28;
/// Bytes of one image, `SIDE * SIDE`.
pub const IMAGE_LEN: usize = SIDE * SIDE;

/// A labelled set of 28×28 grey images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    name: String,
    images: Vec<u8>,
    labels: Vec<u8>,
    digest: String,
}

/// Bytes that do not make a [`Dataset`].
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DatasetError {
    /// There is nothing to learn from.
    #[error("data set {name:?} holds no images; give at least one")]
    Empty {
        /// The data set's name.
        name: String,
    },
    /// The pixels do not divide into 28×28 images, or not into as many as there are labels.
    #[error(
        "data set {name:?} has {labels} labels, so {expected} bytes of 28x28 pixels were expected; found {found}"
    )]
    Length {
        /// The data set's name.
        name: String,
        /// How many labels were given.
        labels: usize,
        /// Bytes that as many images take.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
}

impl Dataset {
    /// Takes `images`, `[labels.len(), 28, 28]` row-major, 0 (paper) to 255 (ink).
    ///
    /// # Errors
    /// When there is no image, or when images and labels differ in number.
    pub fn new(
        name: impl Into<String>,
        images: Vec<u8>,
        labels: Vec<u8>,
    ) -> Result<Self, DatasetError> {
        let name = name.into();
        if labels.is_empty() {
            return Err(DatasetError::Empty { name });
        }
        let expected = labels.len() * IMAGE_LEN;
        if images.len() != expected {
            let (labels, found) = (labels.len(), images.len());
            return Err(DatasetError::Length { name, labels, expected, found });
        }
        let digest = digest(&images, labels.len());
        Ok(Self { name, images, labels, digest })
    }

    /// The name it goes by in a run's record, such as `mnist`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All pixels, `[len, 28, 28]` row-major, 0 (paper) to 255 (ink).
    #[must_use]
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The pixels of image `index`, `[28, 28]` row-major.
    ///
    /// # Panics
    /// When `index` is not below [`len`](Self::len).
    #[must_use]
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * IMAGE_LEN..][..IMAGE_LEN]
    }

    /// One class an image, 0 to 9 for digits.
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// How many images there are; never zero.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a data set is never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// SHA-256, in hex, of the images as an IDX3 file holds them (16 bytes of
    /// header, then pixels): for MNIST the digest of the published file.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

fn digest(images: &[u8], count: usize) -> String {
    let mut sha = Sha256::new();
    for word in [0x0803, count as u32, SIDE as u32, SIDE as u32] {
        sha.update(word.to_be_bytes());
    }
    sha.update(images);
    format!("{:x}", sha.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_labels_must_agree() {
        let error = Dataset::new("mine", vec![0; 3 * IMAGE_LEN - 1], vec![0; 3]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "data set \"mine\" has 3 labels, so 2352 bytes of 28x28 pixels were expected; found 2351"
        );
        assert!(matches!(Dataset::new("mine", vec![], vec![]), Err(DatasetError::Empty { .. })));
    }

    #[test]
    fn the_digest_follows_the_pixels() {
        let paper = Dataset::new("a", vec![0; IMAGE_LEN], vec![1]).unwrap();
        let same = Dataset::new("b", vec![0; IMAGE_LEN], vec![7]).unwrap();
        let ink = Dataset::new("a", vec![255; IMAGE_LEN], vec![1]).unwrap();
        assert_eq!(paper.digest(), same.digest());
        assert_ne!(paper.digest(), ink.digest());
        assert_eq!(paper.digest().len(), 64);
    }
}
