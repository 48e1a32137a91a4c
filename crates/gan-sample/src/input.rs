//! Pictures from files, whoever drew them: NumPy, a folder of PNGs.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Error};
use std::path::{Path, PathBuf};

use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, Limits};
use npyz::{DType, NpyFile};
use thiserror::Error;

/// The longest header of an array that is read; NumPy's own are of 128 bytes.
const MAX_HEADER: u32 = 1 << 10;
/// The most opening brackets in it: each may double its parser's time, and takes of the stack.
const MAX_BRACKETS: usize = 8;
/// What a PNG may take in memory to be decoded.
const MAX_DECODING: u64 = 1 << 22;

/// Pictures that could not be read.
#[derive(Debug, Error)]
pub enum InputError {
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The system's answer.
        source: Error,
    },
    /// Something else than pictures of the size that was asked for.
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

/// The first `count` pictures of `size` (width, height) at `path`, `[n, height, width]`
/// row-major: of an array of `uint8` with that shape or `[n, height * width]`, or of a folder's
/// PNGs in the order of their names. There may be fewer, and never none.
///
/// # Errors
/// Names the file, what was found and what was expected. What a file says of its size is not
/// believed: memory grows with the pictures that are there.
pub fn read_pictures(path: &Path, size: [usize; 2], count: usize) -> Result<Vec<u8>, InputError> {
    let io = |source| InputError::Io { path: path.into(), source };
    let metadata = fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        return folder(path, size, count);
    }
    let [width, height] = size;
    let other = |found| InputError::Other {
        path: path.into(),
        found,
        expected: format!(
            "a NumPy array of uint8, [n, {height}, {width}] or [n, {}]",
            width * height
        ),
    };
    // Before it is opened: opening a pipe would wait for its other end.
    if !metadata.is_file() {
        return Err(other("is neither a file nor a folder".into()));
    }
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    array(&mut file, size, count).map_err(other)
}

/// What is wrong, or the pictures.
fn array(file: &mut impl BufRead, size: [usize; 2], count: usize) -> Result<Vec<u8>, String> {
    let failed = |error: Error| format!("cannot be read: {error}");
    let begin = file.fill_buf().map_err(failed)?;
    if let [0x93, b'N', b'U', b'M', b'P', b'Y', version, _, a, b, c, d, ..] = *begin {
        // Of two bytes at first, of four from version 2 on.
        let (at, length) = match version {
            1 => (10, u32::from(u16::from_le_bytes([a, b]))),
            _ => (12, u32::from_le_bytes([a, b, c, d])),
        };
        if length > MAX_HEADER {
            return Err(format!("states a header of {length} bytes"));
        }
        let Some(header) = begin.get(at..at + length as usize) else {
            return Err("cannot be read: it ends early".into());
        };
        if header.iter().filter(|byte| b"([{".contains(byte)).count() > MAX_BRACKETS {
            return Err("has a header of many brackets".into());
        }
    }
    let array = NpyFile::new(file).map_err(failed)?;
    let (shape, [width, height]) = (array.shape().to_vec(), size.map(|n| n as u64));
    let fits = match shape[..] {
        [_, rows, columns] => [columns, rows] == [width, height],
        [_, pixels] => pixels == width * height,
        _ => false,
    };
    if !fits || shape[0] == 0 {
        return Err(format!("has the shape {shape:?}"));
    }
    if array.order() != npyz::Order::C {
        return Err("is in Fortran's order".into());
    }
    match array.dtype() {
        DType::Plain(kind) if kind.to_string().ends_with("u1") => {}
        found => return Err(format!("has numbers of type {}", found.descr())),
    }
    let count = count.min(usize::try_from(shape[0]).unwrap_or(usize::MAX));
    let wanted = count.saturating_mul(size[0] * size[1]);
    let pixels = array.data::<u8>().map_err(|error| failed(Error::other(error)))?;
    let pixels: Vec<u8> = pixels.take(wanted).collect::<Result<_, _>>().map_err(failed)?;
    Ok(pixels)
}

fn folder(path: &Path, size: [usize; 2], count: usize) -> Result<Vec<u8>, InputError> {
    let io = |source| InputError::Io { path: path.into(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
            files.push(path);
        }
    }
    let [width, height] = size;
    if files.is_empty() {
        return Err(InputError::Other {
            path: path.into(),
            found: "holds no .png".into(),
            expected: format!("one PNG of {width}x{height} pixels a picture"),
        });
    }
    files.sort();
    files.truncate(count);
    let mut pixels = Vec::with_capacity(files.len() * width * height);
    for file in files {
        let other = |found| InputError::Other {
            path: file.clone(),
            found,
            expected: format!("a PNG of {width}x{height} pixels"),
        };
        pixels.extend(picture(&file, size).map_err(other)?);
    }
    Ok(pixels)
}

/// What is wrong, or a picture.
fn picture(path: &Path, size: [usize; 2]) -> Result<Vec<u8>, String> {
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
    if [width as usize, height as usize] != size {
        return Err(format!("has {width}x{height} pixels"));
    }
    Ok(DynamicImage::from_decoder(decoder).map_err(broken)?.into_luma8().into_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [usize; 2] = [3, 2];

    /// An array's file with this header and body.
    fn file(header: &str, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), body].concat()
    }

    fn read(bytes: &[u8], count: usize) -> Result<Vec<u8>, String> {
        array(&mut &bytes[..], SIZE, count)
    }

    fn header(kind: &str, shape: &str) -> String {
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n")
    }

    #[test]
    fn both_shapes_are_read_as_far_as_asked_for() {
        let body: Vec<u8> = (0..18).collect();
        for shape in ["3, 2, 3", "3, 6"] {
            let whole = file(&header("|u1", shape), &body);
            assert_eq!(read(&whole, 9).unwrap(), body);
            assert_eq!(read(&whole, 2).unwrap(), body[..12]);
        }
    }

    #[test]
    fn what_is_no_such_array_is_told() {
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
    fn a_header_that_would_keep_its_parser_busy_for_years_is_refused() {
        let nested = |depth: usize| file(&"[".repeat(depth), &[]);
        assert!(read(&nested(MAX_BRACKETS), 1).unwrap_err().starts_with("cannot be read"));
        for depth in [MAX_BRACKETS + 1, 60, 1 << 10] {
            assert_eq!(read(&nested(depth), 1), Err("has a header of many brackets".into()));
        }
        assert!(read(&nested(0xffff), 1).unwrap_err().contains("a header of 65535 bytes"));
        // Closed in a string, they are open for the parser.
        let hidden = file(&"[']',".repeat(60), &[]);
        assert_eq!(read(&hidden, 1), Err("has a header of many brackets".into()));
        let second = [b"\x93NUMPY\x02\0", &u32::MAX.to_le_bytes()[..], b"{}"].concat();
        assert!(read(&second, 1).unwrap_err().contains("a header of 4294967295 bytes"));
    }

    #[test]
    fn a_folder_gives_its_pngs_by_name_and_names_the_one_that_does_not_fit() {
        let dir = tempfile::tempdir().unwrap();
        let save = |name: &str, width, value| {
            let image = image::GrayImage::from_pixel(width, 2, image::Luma([value]));
            image.save(dir.path().join(name)).unwrap();
        };
        let error = |count| read_pictures(dir.path(), SIZE, count).unwrap_err().to_string();
        assert!(error(1).ends_with("holds no .png; expected one PNG of 3x2 pixels a picture"));
        save("b.PNG", 3, 2);
        save("a.png", 3, 1);
        std::fs::write(dir.path().join("notes.txt"), "").unwrap();
        assert_eq!(read_pictures(dir.path(), SIZE, 9).unwrap(), [[1; 6], [2; 6]].concat());
        save("c.png", 4, 3);
        assert_eq!(read_pictures(dir.path(), SIZE, 2).unwrap().len(), 12, "not looked at");
        assert!(error(3).ends_with("c.png has 4x2 pixels; expected a PNG of 3x2 pixels"));
        std::fs::create_dir(dir.path().join("0.png")).unwrap();
        assert!(error(1).contains("0.png is not a file"));
    }
}
