//! Pictures that another program drew: an array, or a folder of PNGs.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use gan_data::{IMAGE_LEN, SIDE};
use npyz::{DType, NpyFile};

/// The longest header of an array that is read.
const MAX_HEADER: u32 = 1 << 16;

/// The first `count` pictures at `path`, `[n, 28, 28]`.
///
/// # Errors
/// Names the file, what was found and what was expected.
pub fn read(path: &Path, count: usize) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let kind = fs::metadata(path).with_context(|| format!("cannot read --samples {name}"));
    if kind.map_err(|error| anyhow::anyhow!("{error:#}"))?.is_dir() {
        folder(path, count)
    } else {
        array(path, count)
    }
}

fn array(path: &Path, count: usize) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let expected = "expected a NumPy array of uint8, [n, 28, 28] or [n, 784]";
    let failed = |error| anyhow::anyhow!("{name} cannot be read: {error}; {expected}");
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let begin = file.fill_buf().map_err(failed)?;
    // From version 2 on four bytes state the header's length, which would be allocated unseen.
    if let [0x93, b'N', b'U', b'M', b'P', b'Y', version, _, a, b, c, d, ..] = *begin {
        let length = u32::from_le_bytes([a, b, c, d]);
        let fits = version < 2 || length <= MAX_HEADER;
        ensure!(fits, "{name} states a header of {length} bytes; {expected}");
    }
    let array = NpyFile::new(file).map_err(failed)?;
    let shape = array.shape().to_vec();
    let whole = matches!(shape[..], [_, 28, 28] | [_, 784]) && shape[0] > 0;
    ensure!(whole, "{name} has the shape {shape:?}; {expected}");
    ensure!(array.order() == npyz::Order::C, "{name} is in Fortran's order; {expected}");
    match array.dtype() {
        DType::Plain(kind) if kind.to_string().ends_with("u1") => {}
        other => bail!("{name} has numbers of type {}; {expected}", other.descr()),
    }
    let count = count.min(usize::try_from(shape[0])?);
    let pixels = array.data::<u8>().map_err(|error| failed(std::io::Error::other(error)))?;
    let pixels: Vec<u8> =
        pixels.take(count * IMAGE_LEN).collect::<Result<_, _>>().map_err(failed)?;
    ensure!(pixels.len() == count * IMAGE_LEN, "{name} ends early; {expected}");
    Ok(pixels)
}

fn folder(path: &Path, count: usize) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let failed = |error| anyhow::anyhow!("cannot read {name}: {error}");
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
            files.push(path);
        }
    }
    ensure!(!files.is_empty(), "{name} holds no .png; expected one 28x28 PNG a picture");
    files.sort();
    files.truncate(count);
    let mut pixels = Vec::with_capacity(files.len() * IMAGE_LEN);
    for file in files {
        pixels.extend(picture(&file)?);
    }
    Ok(pixels)
}

fn picture(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let expected = "expected a PNG of 28x28 pixels";
    let mut reader = image::ImageReader::open(path)
        .map_err(|error| anyhow::anyhow!("cannot read {name}: {error}"))?;
    reader.set_format(image::ImageFormat::Png);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(1 << 10);
    limits.max_image_height = Some(1 << 10);
    reader.limits(limits);
    let image = reader.decode();
    let image = image.map_err(|error| anyhow::anyhow!("{name}: {error}; {expected}"))?.into_luma8();
    let (width, height) = image.dimensions();
    ensure!(
        (width as usize, height as usize) == (SIDE, SIDE),
        "{name} has {width}x{height} pixels; {expected}"
    );
    Ok(image.into_raw())
}
