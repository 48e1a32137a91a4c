//! Images in memory with optional labels, and the digest that identifies them.

use gan_core::ImageShape;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Images of one shape, with or without labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    name: String,
    shape: ImageShape,
    images: Vec<u8>,
    labels: Option<Vec<u16>>,
    class_names: Vec<String>,
    digest: String,
}

/// Bytes or labels that do not make a [`Dataset`].
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DatasetError {
    /// There is no image.
    #[error("data set {0:?} has no images; expected at least one")]
    Empty(String),
    /// The pixels are not a whole number of images.
    #[error(
        "data set {name:?} has {found} bytes of pixels; expected a multiple of {} for images of \
         {shape}",
        shape.len()
    )]
    Length {
        /// The data set's name.
        name: String,
        /// Shape of an image.
        shape: ImageShape,
        /// Bytes given.
        found: usize,
    },
    /// There is not one label for each image.
    #[error("data set {name:?} has {found} labels; expected {expected}, one for each image")]
    Labels {
        /// The data set's name.
        name: String,
        /// Labels given.
        found: usize,
        /// Images of the data set.
        expected: usize,
    },
    /// A label is no index into the names of the classes.
    #[error(
        "label {index} of data set {name:?} is {found}; expected less than {classes}, the \
             number of class names"
    )]
    Class {
        /// The data set's name.
        name: String,
        /// Which label, counted from 0.
        index: usize,
        /// Its value.
        found: u16,
        /// Names given.
        classes: usize,
    },
}

impl Dataset {
    /// A data set of `images`, `[n, height, width, channels]` row-major, 0 (black) to 255.
    ///
    /// # Errors
    /// When there is no image, or `images` is not a whole number of them.
    pub fn new(
        name: impl Into<String>,
        shape: ImageShape,
        images: Vec<u8>,
    ) -> Result<Self, DatasetError> {
        let name = name.into();
        if images.is_empty() {
            return Err(DatasetError::Empty(name));
        }
        if !images.len().is_multiple_of(shape.len()) {
            return Err(DatasetError::Length { name, shape, found: images.len() });
        }
        let digest = digest(shape, &images);
        Ok(Self { name, shape, images, labels: None, class_names: Vec::new(), digest })
    }

    /// Adds a label for each image, an index into `class_names`. Without names, the classes are
    /// called by their numbers, up to the largest label.
    ///
    /// # Errors
    /// When there is not one label for each image, or a label has no name.
    pub fn with_labels(
        mut self,
        labels: Vec<u16>,
        mut class_names: Vec<String>,
    ) -> Result<Self, DatasetError> {
        let (name, found, expected) = (self.name.clone(), labels.len(), self.len());
        if found != expected {
            return Err(DatasetError::Labels { name, found, expected });
        }
        if class_names.is_empty() {
            let largest = labels.iter().copied().max().unwrap_or(0);
            class_names = (0..=largest).map(|class| class.to_string()).collect();
        }
        let classes = class_names.len();
        if let Some(index) = labels.iter().position(|&label| usize::from(label) >= classes) {
            return Err(DatasetError::Class { name, index, found: labels[index], classes });
        }
        (self.labels, self.class_names) = (Some(labels), class_names);
        Ok(self)
    }

    /// The same images with another name.
    pub(crate) fn renamed(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// All pixels, and the labels.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Option<Vec<u16>>) {
        (self.images, self.labels)
    }

    /// The images for which `is_test` is false, and those for which it is true, called `test_name`.
    /// Both have all class names.
    ///
    /// # Panics
    /// When one of the two would be empty, or `is_test` has not one value for each image.
    pub(crate) fn divide(self, is_test: &[bool], test_name: String) -> (Self, Self) {
        let Self { name, shape, mut images, labels, class_names, .. } = self;
        let len = shape.len();
        assert_eq!(is_test.len(), images.len() / len, "one choice for each image");
        let mut test = Vec::with_capacity(is_test.iter().filter(|&&test| test).count() * len);
        // In place: a second copy of all images would be needed otherwise.
        let mut kept = 0;
        for (index, &is_test) in is_test.iter().enumerate() {
            let image = index * len..(index + 1) * len;
            if is_test {
                test.extend_from_slice(&images[image]);
            } else {
                images.copy_within(image, kept);
                kept += len;
            }
        }
        images.truncate(kept);
        assert!(kept > 0 && !test.is_empty(), "both parts have images");
        let part = |name, images: Vec<u8>, wanted| {
            let chosen = |labels: &Vec<u16>| {
                let labels = labels.iter().zip(is_test).filter(|(_, test)| **test == wanted);
                labels.map(|(label, _)| *label).collect()
            };
            let labels = labels.as_ref().map(chosen);
            let digest = digest(shape, &images);
            Self { name, shape, images, labels, class_names: class_names.clone(), digest }
        };
        (part(name, images, false), part(test_name, test, true))
    }

    /// The name in a run's record, such as `mnist`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shape of each image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// All pixels, `[len, height, width, channels]` row-major.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The pixels of image `index`, `[height, width, channels]` row-major.
    ///
    /// # Panics
    /// When `index` is not below [`len`](Self::len).
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * self.shape.len()..][..self.shape.len()]
    }

    /// The class of each image, if known.
    pub fn labels(&self) -> Option<&[u16]> {
        self.labels.as_deref()
    }

    /// The name of each class; empty without labels.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Number of classes, if there are labels.
    pub fn classes(&self) -> Option<usize> {
        self.labels.as_ref().map(|_| self.class_names.len())
    }

    /// Number of images; never zero.
    #[expect(clippy::len_without_is_empty, reason = "a data set is never empty")]
    pub fn len(&self) -> usize {
        self.images.len() / self.shape.len()
    }

    /// The mean of all values in [−1, 1], in which a net sees them, rounded to hundredths: a
    /// discriminator's inputs are centred by it, which needs no more.
    pub fn pixel_mean(&self) -> f64 {
        let sum: u64 = self.images.iter().map(|&value| u64::from(value)).sum();
        let mean = sum as f64 / self.images.len() as f64 / 127.5 - 1.0;
        // Never -0.
        (100.0 * mean).round() / 100.0 + 0.0
    }

    /// SHA-256, in hex, of the images as an IDX file stores them (header, then pixels): IDX3 for
    /// grey images, so that MNIST has the digest of its published file, else IDX4 with the
    /// channels last.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// SHA-256, in hex, of the labels as 16-bit numbers, most significant byte first; `None` without
    /// labels.
    pub fn labels_digest(&self) -> Option<String> {
        let bytes: Vec<u8> = self.labels()?.iter().flat_map(|label| label.to_be_bytes()).collect();
        Some(format!("{:x}", Sha256::digest(bytes)))
    }
}

fn digest(shape: ImageShape, images: &[u8]) -> String {
    let ImageShape { channels, height, width } = shape;
    let sizes = [images.len() / shape.len(), height, width, channels];
    let dimensions = if channels == 1 { 3 } else { 4 };
    let mut sha = Sha256::new().chain_update([0, 0, 8, dimensions]);
    for &size in &sizes[..usize::from(dimensions)] {
        sha.update((size as u32).to_be_bytes());
    }
    format!("{:x}", sha.chain_update(images).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape::grey(2, 3);

    fn images(count: usize) -> Dataset {
        Dataset::new("mine", SHAPE, vec![0; count * SHAPE.len()]).unwrap()
    }

    #[test]
    fn pixels_must_be_whole_images() {
        let error = Dataset::new("mine", SHAPE, vec![0; 17]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "data set \"mine\" has 17 bytes of pixels; expected a multiple of 6 for images of 3x2"
        );
        let empty = Dataset::new("mine", SHAPE, vec![]);
        assert_eq!(empty, Err(DatasetError::Empty("mine".into())));
        let no_pixels = Dataset::new("mine", ImageShape::grey(0, 3), vec![0; 6]);
        assert!(matches!(no_pixels, Err(DatasetError::Length { .. })));
    }

    #[test]
    fn labels_are_optional_and_each_has_a_name() {
        let unlabelled = images(3);
        assert_eq!((unlabelled.labels(), unlabelled.classes()), (None, None));
        assert!(unlabelled.class_names().is_empty());

        let numbered = images(3).with_labels(vec![0, 2, 0], vec![]).unwrap();
        assert_eq!(numbered.labels(), Some(&[0, 2, 0][..]));
        assert_eq!(numbered.class_names(), ["0", "1", "2"]);

        let names = || vec!["cat".to_owned(), "dog".to_owned()];
        assert_eq!(images(2).with_labels(vec![0, 0], names()).unwrap().classes(), Some(2));
        let error = images(2).with_labels(vec![0, 2], names()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "label 1 of data set \"mine\" is 2; expected less than 2, the number of class names"
        );
        let error = images(2).with_labels(vec![0], vec![]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "data set \"mine\" has 1 labels; expected 2, one for each image"
        );
    }

    #[test]
    fn the_digest_depends_on_pixels_and_shape_alone() {
        let digest = |name: &str, shape, pixel| {
            Dataset::new(name, shape, vec![pixel; 12]).unwrap().digest().to_owned()
        };
        let colour = ImageShape { channels: 2, height: 2, width: 3 };
        assert_eq!(digest("a", SHAPE, 0), digest("b", SHAPE, 0));
        assert_ne!(digest("a", SHAPE, 0), digest("a", SHAPE, 255));
        assert_ne!(digest("a", SHAPE, 0), digest("a", colour, 0));
        let header = [0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2];
        let file = [&header[..], &[7; 12]].concat();
        assert_eq!(digest("a", colour, 7), format!("{:x}", Sha256::digest(file)));
        let labelled = images(2).with_labels(vec![0, 1], vec![]).unwrap();
        assert_eq!(labelled.digest(), images(2).digest());
    }
}
