//! One encoded image: PNG, JPEG, BMP, GIF or WebP.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbaImage};

use super::array::MAX_SIDE;
use super::error::Fault;

/// The endings of files that are read as images.
const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "jpe", "bmp", "gif", "webp", "jfif"];
const FORMATS: [ImageFormat; 5] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::WebP];
/// The largest file of an image.
pub(crate) const MAX_FILE: u64 = 1 << 26;
/// Bytes of pixels that any file may decode to, and the most that a large one may.
const DECODED: [u64; 2] = [1 << 22, 1 << 28];
/// How many bytes of pixels a byte of a file may decode to: more than real images have.
const RATIO: u64 = 4096;

/// Whether a file's name is that of an image.
pub(crate) fn is_image(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// A decoded image, upright.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub width: usize,
    pub height: usize,
    pub pixels: Pixels,
}

/// The values of an image's pixels, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pixels {
    Grey(Vec<u8>),
    Rgb(Vec<u8>),
    /// With an alpha that is not 255 everywhere.
    Rgba(Vec<u8>),
}

/// Width and height of an upright image, from the beginning of its file.
pub(crate) fn size(file: &[u8]) -> Result<[usize; 2], Fault> {
    let mut decoder = decoder(file)?;
    let (width, height) = decoder.dimensions();
    let turned = orientation(&mut decoder).to_exif() >= 5;
    let size = [width as usize, height as usize];
    Ok(if turned { [size[1], size[0]] } else { size })
}

/// Decodes an image, of an animation the first one. 16 bits become 8, a palette its colours; an
/// image whose pixels are all grey is grey. Memory is bounded by the length of the file.
pub(crate) fn decode(file: &[u8]) -> Result<Decoded, Fault> {
    let mut decoder = decoder(file)?;
    if file.starts_with(b"\xff\xd8") && !is_whole_jpeg(file) {
        return Err(Fault::new("it is cut short: its end marker is missing", "a whole JPEG"));
    }
    let orientation = orientation(&mut decoder);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| broken(&error))?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let pixels = if image.color().has_alpha() {
        let rgba = image.into_rgba8();
        if rgba.pixels().all(|pixel| pixel.0[3] == 255) {
            rgb(DynamicImage::from(rgba).into_rgb8().into_raw())
        } else {
            Pixels::Rgba(RgbaImage::into_raw(rgba))
        }
    } else if image.color().has_color() {
        rgb(image.into_rgb8().into_raw())
    } else {
        Pixels::Grey(image.into_luma8().into_raw())
    };
    Ok(Decoded { width, height, pixels })
}

/// Colours, or grey values where there is no other colour.
pub(crate) fn rgb(pixels: Vec<u8>) -> Pixels {
    if pixels.as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b) {
        Pixels::Grey(pixels.into_iter().step_by(3).collect())
    } else {
        Pixels::Rgb(pixels)
    }
}

fn decoder(file: &[u8]) -> Result<impl ImageDecoder, Fault> {
    let [least, most] = DECODED;
    let limit = (RATIO * file.len() as u64).clamp(least, most);
    let mut limits = Limits::default();
    limits.max_alloc = Some(limit);
    limits.max_image_width = Some(MAX_SIDE as u32);
    limits.max_image_height = Some(MAX_SIDE as u32);
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    if !reader.format().is_some_and(|format| FORMATS.contains(&format)) {
        return Err(Fault::new("it is no image that can be read", "PNG, JPEG, BMP, GIF or WebP"));
    }
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| broken(&error))?;
    let (width, height) = decoder.dimensions();
    if decoder.total_bytes() > limit || width == 0 || height == 0 {
        let found = format!("it states {width}x{height} pixels in {} bytes", file.len());
        return Err(Fault::new(found, format!("at most {limit} bytes of pixels in such a file")));
    }
    Ok(decoder)
}

/// Whether a JPEG has its end marker, which may have anything after it. Without it pixels may be
/// missing, in whose place the decoder puts grey.
fn is_whole_jpeg(file: &[u8]) -> bool {
    let mut rest = &file[2..];
    // In encoded pixels, a byte that is no restart or 0 after 0xff is a marker too.
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    while let Some(at) = rest.windows(2).position(is_marker) {
        let (marker, segment) = (rest[at + 1], &rest[at + 2..]);
        if marker == 0xd9 {
            return true;
        }
        let Some([high, low]) = segment.first_chunk() else { break };
        // A segment, such as a thumbnail with its own end, is passed over.
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = segment.get(length..).unwrap_or_default();
    }
    false
}

fn orientation(decoder: &mut impl ImageDecoder) -> image::metadata::Orientation {
    // Damaged metadata turn no image.
    decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms)
}

fn broken(error: &image::ImageError) -> Fault {
    Fault::new(format!("it cannot be decoded ({error})"), "a whole PNG, JPEG, BMP, GIF or WebP")
}
