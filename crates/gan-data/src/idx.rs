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

/// How a file differs from its layout.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum IdxError {
    /// The first four bytes are those of another format.
    #[error(
        "it starts with {found:#010x}; \
         expected {expected:#010x}, which marks an IDX file of {what}{}",
        magic_hint(*found)
    )]
    Magic {
        /// The first four bytes, big-endian.
        found: u32,
        /// What they should be.
        expected: u32,
        /// "images" or "labels".
        what: &'static str,
    },
    /// The header has another number of images or labels.
    #[error("its header states {found} {what}; expected {expected}")]
    Count {
        /// The number in the header.
        found: u32,
        /// What it should be.
        expected: u32,
        /// "images" or "labels".
        what: &'static str,
    },
    /// The header has another image size.
    #[error("its header states images of {columns}x{rows} pixels; expected {MNIST_SHAPE}")]
    Shape {
        /// Rows in the header.
        rows: u32,
        /// Columns in the header.
        columns: u32,
    },
    /// The file is cut off.
    #[error("it ends after {found} bytes (decompressed); expected {expected}")]
    Short {
        /// Bytes found.
        found: u64,
        /// Bytes that the header stands for.
        expected: u64,
    },
    /// The file is longer than it should be; how much longer is not read.
    #[error("it is longer than {expected} bytes (decompressed); expected exactly that length")]
    Long {
        /// Bytes that the header stands for.
        expected: u64,
    },
    /// A label is not a digit.
    #[error("label {index} is {found}; expected 0 to 9")]
    Label {
        /// Which label, counted from 0.
        index: u64,
        /// Its value.
        found: u8,
    },
}

/// Why a file's content was not read.
#[derive(Debug)]
pub(crate) enum ReadError {
    Io(io::Error),
    Content(IdxError),
    Memory(OutOfMemory),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<IdxError> for ReadError {
    fn from(error: IdxError) -> Self {
        Self::Content(error)
    }
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
    pub(crate) const fn body_len(self) -> usize {
        match self {
            Self::Images(count) => count as usize * MNIST_SHAPE.len(),
            Self::Labels(count) => count as usize,
        }
    }

    /// The length of the whole file in bytes.
    pub(crate) const fn file_len(self) -> u64 {
        let header = if matches!(self, Self::Images(_)) { 16 } else { 8 };
        header + self.body_len() as u64
    }

    fn check_header(self, head: &[u8]) -> Result<(), IdxError> {
        let (expected_magic, expected, what) = match self {
            Self::Images(count) => (IMAGES_MAGIC, count, "images"),
            Self::Labels(count) => (LABELS_MAGIC, count, "labels"),
        };
        let mut words = head.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
        if let Some(found) = words.next()
            && found != expected_magic
        {
            return Err(IdxError::Magic { found, expected: expected_magic, what });
        }
        if let Some(found) = words.next()
            && found != expected
        {
            return Err(IdxError::Count { found, expected, what });
        }
        if let (Some(rows), Some(columns)) = (words.next(), words.next())
            && (rows as usize, columns as usize) != (MNIST_SHAPE.height, MNIST_SHAPE.width)
        {
            return Err(IdxError::Shape { rows, columns });
        }
        Ok(())
    }

    fn check_labels(self, body: &[u8]) -> Result<(), IdxError> {
        if matches!(self, Self::Labels(_))
            && let Some(index) = body.iter().position(|&label| label >= CLASSES)
        {
            return Err(IdxError::Label { index: index as u64, found: body[index] });
        }
        Ok(())
    }
}

/// Reads the pixels or labels of `source`, which must have exactly the length of `layout`.
///
/// Memory is allocated once, for the size of `layout`, whatever the header states. No more than one byte
/// after the last expected one is read.
pub(crate) fn read_checked(layout: Layout, mut source: impl Read) -> Result<Vec<u8>, ReadError> {
    let header_len = layout.header().len();
    let mut header = Vec::with_capacity(header_len);
    source.by_ref().take(header_len as u64).read_to_end(&mut header)?;
    layout.check_header(&header)?;

    let mut body = reserve(layout.body_len()).map_err(ReadError::Memory)?;
    source.by_ref().take(layout.body_len() as u64).read_to_end(&mut body)?;
    layout.check_labels(&body)?;
    let (found, expected) = ((header.len() + body.len()) as u64, layout.file_len());
    if found < expected {
        return Err(IdxError::Short { found, expected }.into());
    }
    if source.take(1).read_to_end(&mut header)? > 0 {
        return Err(IdxError::Long { expected }.into());
    }
    Ok(body)
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
