//! The IDX layout of MNIST's files, checked byte by byte while a file is copied.

use std::io::{self, ErrorKind, Read, Write};

use thiserror::Error;

use crate::{IMAGE_LEN, SIDE};

const IMAGES_MAGIC: u32 = 0x0803;
const LABELS_MAGIC: u32 = 0x0801;
const CLASSES: u8 = 10;

/// What an IDX file must hold, and how many of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    /// Images of 28×28 bytes.
    Images(u32),
    /// Labels of one byte, 0 to 9.
    Labels(u32),
}

/// How a file differs from what its name promises.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum IdxError {
    /// The first four bytes name something else.
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
    /// The header gives another number of images or labels.
    #[error("its header promises {found} {what}; expected {expected}")]
    Count {
        /// The number in the header.
        found: u32,
        /// What it should be.
        expected: u32,
        /// "images" or "labels".
        what: &'static str,
    },
    /// The header gives another image size.
    #[error("its header promises images of {rows}x{columns} pixels; expected 28x28")]
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
        /// Bytes that the layout takes.
        expected: u64,
    },
    /// The file goes on where it should end; how far was not read.
    #[error("it goes on after byte {expected} (decompressed); expected it to end there")]
    Long {
        /// Bytes that the layout takes.
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

/// Why a checked copy stopped.
#[derive(Debug)]
pub(crate) enum CopyError {
    Read(io::Error),
    Write(io::Error),
    Content(IdxError),
}

impl Layout {
    /// The bytes that come before the first pixel or label.
    pub(crate) fn header(self) -> Vec<u8> {
        let side = SIDE as u32;
        let words: &[u32] = match self {
            Self::Images(count) => &[IMAGES_MAGIC, count, side, side],
            Self::Labels(count) => &[LABELS_MAGIC, count],
        };
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// The length of the whole file in bytes.
    pub(crate) const fn file_len(self) -> u64 {
        match self {
            Self::Images(count) => 16 + count as u64 * IMAGE_LEN as u64,
            Self::Labels(count) => 8 + count as u64,
        }
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
            && (rows, columns) != (SIDE as u32, SIDE as u32)
        {
            return Err(IdxError::Shape { rows, columns });
        }
        Ok(())
    }

    fn check_labels(self, body: &[u8], first: u64) -> Result<(), IdxError> {
        if let Self::Labels(_) = self
            && let Some(at) = body.iter().position(|&label| label >= CLASSES)
        {
            return Err(IdxError::Label { index: first + at as u64, found: body[at] });
        }
        Ok(())
    }
}

/// Copies `source` to `sink` to its end, which must come exactly where
/// `layout` says.
///
/// Memory is one buffer whatever the header promises, and a source without an
/// end is left soon after the last byte that was expected.
pub(crate) fn copy_checked(
    layout: Layout,
    mut source: impl Read,
    mut sink: impl Write,
) -> Result<(), CopyError> {
    let header_len = layout.header().len() as u64;
    let expected = layout.file_len();

    let mut head = Vec::new();
    source.by_ref().take(header_len).read_to_end(&mut head).map_err(CopyError::Read)?;
    layout.check_header(&head).map_err(CopyError::Content)?;
    sink.write_all(&head).map_err(CopyError::Write)?;

    let mut found = head.len() as u64;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        let body = &buffer[..read];
        if found + read as u64 > expected {
            return Err(CopyError::Content(IdxError::Long { expected }));
        }
        layout.check_labels(body, found - header_len).map_err(CopyError::Content)?;
        sink.write_all(body).map_err(CopyError::Write)?;
        found += read as u64;
    }
    if found < expected {
        return Err(CopyError::Content(IdxError::Short { found, expected }));
    }
    Ok(())
}

/// Mistakes that the first bytes give away.
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
