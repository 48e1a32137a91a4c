//! Reading images of any program: NumPy, a folder of PNGs.

use std::fs::{self, File};
use std::io::{BufReader, Error, ErrorKind, Read};
use std::path::{Path, PathBuf};

use gan_core::ImageShape;
use gan_core::memory::reserve;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, Limits};
use thiserror::Error;

/// The longest header of an array that is read: the longest of the first version.
const MAX_HEADER: u32 = u16::MAX as u32;
/// The most memory that decoding a PNG may take.
const MAX_DECODING: u64 = 1 << 22;

/// Why images cannot be read.
#[derive(Debug, Error)]
pub enum InputError {
    /// A path, and why the system refused to read it.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Io(PathBuf, #[source] Error),
    /// Something else than images of the expected shape.
    #[error("{} {found}; expected {expected}", path.display())]
    Other {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
        /// What it should be.
        expected: String,
    },
}

/// The first `count` images of `shape` at `path`, `[n, height, width, channels]` row-major: of an
/// array of `uint8` with that shape (without the last axis for one channel) or
/// `[n, height * width * channels]`, or of a folder's PNGs in the order of their names. There may be
/// fewer than `count`, and never none.
///
/// # Errors
/// Names the file, what was found and what was expected. Memory grows with the images that are
/// there, whatever size a file states.
pub fn read_images(path: &Path, shape: ImageShape, count: usize) -> Result<Vec<u8>, InputError> {
    let io = |source| InputError::Io(path.into(), source);
    let metadata = fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        return folder(path, shape, count);
    }
    let axes: Vec<_> = axes(shape).iter().map(u64::to_string).collect();
    let (axes, len) = (axes.join(", "), shape.len());
    let other = |found| InputError::Other {
        path: path.into(),
        found,
        expected: format!("a NumPy array of uint8, [n, {axes}] or [n, {len}]"),
    };
    // Before it is opened: opening a pipe would wait for its other end.
    if !metadata.is_file() {
        return Err(other("is neither a file nor a folder".into()));
    }
    array(&mut File::open(path).map_err(io)?, shape, count).map_err(other)
}

/// The axes of one image in an array.
pub(crate) fn axes(shape: ImageShape) -> Vec<u64> {
    let axes = [shape.height, shape.width, shape.channels].map(|n| n as u64);
    axes[..if shape.channels == 1 { 2 } else { 3 }].into()
}

/// Reads an array; the error says what is wrong.
///
/// The header is a dictionary in Python's notation. Only the three needed fields are parsed: a
/// general parser takes years for a header of unclosed brackets.
fn array(file: &mut impl Read, image: ImageShape, count: usize) -> Result<Vec<u8>, String> {
    let failed = |error: Error| format!("cannot be read: {error}");
    let mut begin = [0; 10];
    file.read_exact(&mut begin).map_err(failed)?;
    let [0x93, b'N', b'U', b'M', b'P', b'Y', version, _, low, high] = begin else {
        return Err("cannot be read: it does not begin as an array".into());
    };
    // The header's length has two bytes in version 1, and four since version 2.
    let mut more = [0; 2];
    if version > 1 {
        file.read_exact(&mut more).map_err(failed)?;
    }
    let length = u32::from_le_bytes([low, high, more[0], more[1]]);
    if length > MAX_HEADER {
        return Err(format!("states a header of {length} bytes"));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(failed)?;
    let header = String::from_utf8_lossy(&header);
    let value = |key: &str| {
        let found = header.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
        found.ok_or(format!("cannot be read: its header has no {key}"))
    };

    let shape = value("shape")?;
    let inner = shape.strip_prefix('(').and_then(|rest| Some(rest.split_once(')')?.0));
    let numbers = inner.unwrap_or("?").split(',').map(str::trim).filter(|text| !text.is_empty());
    let shape: Result<Vec<u64>, _> = numbers.map(str::parse).collect();
    let shape = shape.map_err(|_| "cannot be read: its header has no shape of numbers")?;
    let fits = |axes: &[u64]| axes == self::axes(image) || axes == [image.len() as u64];
    if shape.is_empty() || !fits(&shape[1..]) || shape[0] == 0 {
        return Err(format!("has the shape {shape:?}"));
    }
    if !value("fortran_order")?.starts_with("False") {
        return Err("is in Fortran order".into());
    }
    let kind = value("descr")?;
    let kind = kind.split(',').next().unwrap_or_default().trim_end();
    if !["'|u1'", "'<u1'", "'>u1'"].contains(&kind) {
        return Err(format!("has numbers of type {kind:.40}"));
    }

    let count = count.min(usize::try_from(shape[0]).unwrap_or(usize::MAX));
    let wanted = count.saturating_mul(image.len());
    let mut pixels = Vec::new();
    file.take(wanted as u64).read_to_end(&mut pixels).map_err(failed)?;
    if pixels.len() < wanted {
        let found = pixels.len();
        return Err(format!("cannot be read: it ends after {found} of {wanted} pixels"));
    }
    Ok(pixels)
}

fn folder(path: &Path, shape: ImageShape, count: usize) -> Result<Vec<u8>, InputError> {
    let io = |source| InputError::Io(path.into(), source);
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
            files.push(path);
        }
    }
    let ImageShape { width, height, .. } = shape;
    if files.is_empty() {
        return Err(InputError::Other {
            path: path.into(),
            found: "holds no .png".into(),
            expected: format!("one PNG of {width}x{height} pixels an image"),
        });
    }
    files.sort();
    files.truncate(count);
    let mut pixels = reserve(files.len() * shape.len())
        .map_err(|refused| io(Error::new(ErrorKind::OutOfMemory, refused)))?;
    for file in files {
        let other = |found| InputError::Other {
            path: file.clone(),
            found,
            expected: format!("a PNG of {width}x{height} pixels"),
        };
        pixels.extend(png(&file, shape).map_err(other)?);
    }
    Ok(pixels)
}

/// Reads a PNG; the error says what is wrong.
fn png(path: &Path, shape: ImageShape) -> Result<Vec<u8>, String> {
    let failed = |error: Error| format!("cannot be read: {error}");
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err("is not a file".into());
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODING);
    let broken = |error| format!("is no PNG that can be read: {error}");
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let decoder = PngDecoder::with_limits(file, limits).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if [width as usize, height as usize] != [shape.width, shape.height] {
        return Err(format!("has {width}x{height} pixels"));
    }
    let image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    Ok(match shape.channels {
        1 => image.into_luma8().into_raw(),
        _ => image.into_rgb8().into_raw(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape::grey(2, 3);

    /// The file of an array with this header and body.
    fn file(header: &str, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), body].concat()
    }

    fn read(bytes: &[u8], count: usize) -> Result<Vec<u8>, String> {
        array(&mut &bytes[..], SHAPE, count)
    }

    fn header(kind: &str, shape: &str) -> String {
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n")
    }

    #[test]
    fn both_shapes_are_read_up_to_the_count() {
        let body: Vec<u8> = (0..18).collect();
        for shape in ["3, 2, 3", "3, 6"] {
            let whole = file(&header("|u1", shape), &body);
            assert_eq!(read(&whole, 9).unwrap(), body);
            assert_eq!(read(&whole, 2).unwrap(), body[..12]);
        }
    }

    #[test]
    fn other_arrays_are_refused() {
        let error = |kind: &str, shape: &str| read(&file(&header(kind, shape), &[0; 6]), 1);
        assert_eq!(error("|u1", "1, 3, 2"), Err("has the shape [1, 3, 2]".into()));
        assert_eq!(error("|u1", "0, 6"), Err("has the shape [0, 6]".into()));
        assert_eq!(error("<f4", "1, 6"), Err("has numbers of type '<f4'".into()));
        let cut = file(&header("|u1", "1, 6"), &[0; 5]);
        (0..cut.len()).for_each(|length| assert!(read(&cut[..length], 1).is_err(), "{length}"));
        let most = u64::MAX;
        assert_eq!(error("|u1", &format!("{most}, 6")).unwrap().len(), 6);
        assert!(read(&file(&header("|u1", &format!("{most}, 6")), &[]), usize::MAX).is_err());
        assert!(read(b"PK", 1).unwrap_err().starts_with("cannot be read"));
    }

    #[test]
    fn a_header_of_unclosed_brackets_is_refused_at_once() {
        for brackets in [&"[".repeat(60), &"([{".repeat(20_000), &"[']',".repeat(60)] {
            assert!(read(&file(brackets, &[]), 1).unwrap_err().starts_with("cannot be read"));
        }
        for version in [2, 3, 255] {
            let long = [b"\x93NUMPY", &[version, 0, 255, 255, 255, 255][..], b"{}"].concat();
            assert!(read(&long, 1).unwrap_err().contains("a header of 4294967295 bytes"));
        }
    }

    #[test]
    fn a_folder_is_read_by_name_and_a_png_that_does_not_fit_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let save = |name: &str, width, value| {
            let image = image::GrayImage::from_pixel(width, 2, image::Luma([value]));
            image.save(dir.path().join(name)).unwrap();
        };
        let error = |count| read_images(dir.path(), SHAPE, count).unwrap_err().to_string();
        assert!(error(1).ends_with("holds no .png; expected one PNG of 3x2 pixels an image"));
        save("b.PNG", 3, 2);
        save("a.png", 3, 1);
        std::fs::write(dir.path().join("notes.txt"), "").unwrap();
        assert_eq!(read_images(dir.path(), SHAPE, 9).unwrap(), [[1; 6], [2; 6]].concat());
        save("c.png", 4, 3);
        assert_eq!(read_images(dir.path(), SHAPE, 2).unwrap().len(), 12, "the third is not read");
        assert!(error(3).ends_with("c.png has 4x2 pixels; expected a PNG of 3x2 pixels"));
        std::fs::create_dir(dir.path().join("0.png")).unwrap();
        assert!(error(1).contains("0.png is not a file"));
    }
}
