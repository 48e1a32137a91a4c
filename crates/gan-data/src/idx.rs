//! The IDX format of MNIST's files, read into memory and checked.

use std::io::{self, Read};

use gan_core::ImageShape;
use gan_core::memory::{OutOfMemory, reserve};
use thiserror::Error;

/// Shape of MNIST's images, and of those of every data set in its format.
pub const MNIST_SHAPE: ImageShape = ImageShape::grey(28, 28);

const IMAGES_MAGIC: u32 = 0x0803;
const LABELS_MAGIC: u32 = 0x0801;
const CLASSES: u8 = 10;

/// What an IDX file must contain, and how many of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    /// Images of [`MNIST_SHAPE`].
    Images(u32),
    /// Labels of one byte, 0 to 9.
    Labels(u32),
}

/// Why a file's content was not read.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// How the content differs from its layout.
    #[error("{0}")]
    Content(String),
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
}

impl Layout {
    /// The bytes before the first pixel or label.
    pub(crate) fn header(self) -> Vec<u8> {
        let ImageShape { height, width, .. } = MNIST_SHAPE;
        let words: &[u32] = match self {
            Self::Images(count) => &[IMAGES_MAGIC, count, height as u32, width as u32],
            Self::Labels(count) => &[LABELS_MAGIC, count],
        };
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// Bytes of pixels or labels.
    pub(crate) fn body_len(self) -> usize {
        match self {
            Self::Images(count) => count as usize * MNIST_SHAPE.len(),
            Self::Labels(count) => count as usize,
        }
    }

    /// The length of the whole file in bytes.
    pub(crate) fn file_len(self) -> u64 {
        (self.header().len() + self.body_len()) as u64
    }

    fn check_header(self, head: &[u8]) -> Result<(), String> {
        let (magic, count, what) = match self {
            Self::Images(count) => (IMAGES_MAGIC, count, "images"),
            Self::Labels(count) => (LABELS_MAGIC, count, "labels"),
        };
        let mut words = head.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
        if let Some(found) = words.next()
            && found != magic
        {
            let hint = magic_hint(found);
            return Err(format!(
                "it starts with {found:#010x}; \
                 expected {magic:#010x}, which marks an IDX file of {what}{hint}"
            ));
        }
        if let Some(found) = words.next()
            && found != count
        {
            return Err(format!("its header states {found} {what}; expected {count}"));
        }
        if let (Some(rows), Some(columns)) = (words.next(), words.next())
            && (rows as usize, columns as usize) != (MNIST_SHAPE.height, MNIST_SHAPE.width)
        {
            return Err(format!(
                "its header states images of {columns}x{rows} pixels; expected {MNIST_SHAPE}"
            ));
        }
        Ok(())
    }

    fn check_labels(self, body: &[u8]) -> Result<(), String> {
        if matches!(self, Self::Labels(_))
            && let Some(index) = body.iter().position(|&label| label >= CLASSES)
        {
            return Err(format!("label {index} is {}; expected 0 to 9", body[index]));
        }
        Ok(())
    }
}

/// Reads the pixels or labels of `source`, which must have exactly the length of `layout`.
///
/// Memory is allocated once, for the size of `layout`, whatever the header states. No more than one
/// byte after the last expected one is read.
pub(crate) fn read_checked(layout: Layout, mut source: impl Read) -> Result<Vec<u8>, ReadError> {
    let header_len = layout.header().len();
    let mut header = Vec::with_capacity(header_len);
    source.by_ref().take(header_len as u64).read_to_end(&mut header)?;
    layout.check_header(&header).map_err(ReadError::Content)?;

    let mut body = reserve(layout.body_len())?;
    source.by_ref().take(layout.body_len() as u64).read_to_end(&mut body)?;
    layout.check_labels(&body).map_err(ReadError::Content)?;
    let (found, expected) = ((header.len() + body.len()) as u64, layout.file_len());
    let fault = if found < expected {
        format!("it ends after {found} bytes (decompressed); expected {expected}")
    } else if source.take(1).read_to_end(&mut header)? > 0 {
        format!("it is longer than {expected} bytes (decompressed); expected exactly that length")
    } else {
        return Ok(body);
    };
    Err(ReadError::Content(fault))
}

/// A likely mistake, from the first bytes.
fn magic_hint(found: u32) -> &'static str {
    match found {
        IMAGES_MAGIC => " (these are images)",
        LABELS_MAGIC => " (these are labels)",
        _ => match found.to_be_bytes() {
            [0x1f, 0x8b, ..] => " (this is gzip: end its name in .gz)",
            [b'<', ..] => " (this is a web page)",
            _ => "",
        },
    }
}

#[cfg(test)]
mod tests;
