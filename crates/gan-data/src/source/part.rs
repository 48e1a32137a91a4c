//! What a reader returns: images of one shape with the values of their labels.

use std::collections::BTreeMap;

use gan_core::ImageShape;

use crate::{Dataset, DatasetError};

/// Images of one split, `[n, height, width, channels]` row-major, before any data set is made of
/// them.
#[derive(Debug)]
pub(crate) struct Part {
    pub shape: ImageShape,
    pub pixels: Vec<u8>,
    /// One for each image: a number of the file's, or an index into [`Split::class_names`].
    pub labels: Option<Vec<u32>>,
}

/// All that a source has.
#[derive(Debug)]
pub(crate) struct Split {
    pub train: Part,
    pub test: Option<Part>,
    /// The names of the classes, where labels are indices into them.
    pub class_names: Option<Vec<String>>,
    pub notes: Notes,
}

/// What was found, for people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// Such as `IDX (gzip)`.
    pub format: String,
    /// The values in the file and what they mean, such as `0 to 255`.
    pub range: String,
    /// Where labels and test images come from, if there are any.
    pub labels: Option<String>,
    pub test: Option<String>,
    /// What was done to the images or left out.
    pub others: Vec<String>,
}

impl Part {
    pub(crate) fn len(&self) -> usize {
        self.pixels.len() / self.shape.len().max(1)
    }
}

/// Replaces numbers by indices into the sorted list of all that occur, which are the names.
pub(crate) fn number_classes(parts: [Option<&mut Vec<u32>>; 2]) -> Vec<String> {
    let mut classes = BTreeMap::new();
    let parts = parts.map(|part| part.map_or(&mut [][..], |labels| &mut labels[..]));
    for &label in parts.iter().flat_map(|part| part.iter()) {
        classes.insert(label, 0);
    }
    for (index, class) in classes.values_mut().enumerate() {
        *class = index as u32;
    }
    for label in parts.into_iter().flatten() {
        *label = classes[label];
    }
    classes.keys().map(u32::to_string).collect()
}

/// The data set of a part whose labels are indices into the names of the classes.
pub(crate) fn dataset(
    name: &str,
    part: Part,
    class_names: Vec<String>,
) -> Result<Dataset, DatasetError> {
    let Part { shape, pixels, labels } = part;
    let images = Dataset::new(name, shape, pixels)?;
    match labels {
        None => Ok(images),
        Some(labels) => {
            let labels = labels.into_iter().map(|label| label as u16).collect();
            images.with_labels(labels, class_names)
        }
    }
}
