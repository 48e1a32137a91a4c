//! From an image of any size and colour to the shape that a data set has.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use gan_core::ImageShape;
use serde::{Deserialize, Serialize};

use super::decode::{Decoded, Pixels, rgb};
use super::error::Fault;

/// The largest size that may be asked for.
pub const MAX_SIZE: usize = 256;

/// How an image of another aspect ratio gets a size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Its middle, as much as has the aspect ratio.
    #[default]
    Crop,
    /// All of it, with the background at two sides.
    Pad,
    /// All of it, stretched.
    Stretch,
}

/// What is made of the images of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageOptions {
    /// Width and height; the images' own if `None`.
    pub size: Option<[usize; 2]>,
    /// 1 for grey, 3 for colour; if `None`, grey if all images are.
    pub channels: Option<usize>,
    /// How images of another aspect ratio get the size.
    pub fit: Fit,
    /// Whether black becomes white and white black, in the end.
    pub invert: bool,
    /// The colour behind transparent images and beside padded ones; if `None`, black or white,
    /// depending on the images.
    pub background: Option<[u8; 3]>,
    /// Whether images that cannot be read are left out.
    pub skip_broken: bool,
}

impl ImageOptions {
    /// Options that a run recorded may come from a file of someone else.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let wrong = |side: &usize| !(1..=MAX_SIZE).contains(side);
        if let Some([width, height]) = self.size.filter(|size| size.iter().any(wrong)) {
            let expected = format!("1 to {MAX_SIZE} for each side; give another --size");
            return Err(Fault::new(format!("the options ask for {width}x{height}"), expected));
        }
        match self.channels {
            None | Some(1 | 3) => Ok(()),
            Some(channels) => {
                let found = format!("the options ask for {channels} channels");
                Err(Fault::new(found, "1 or 3; give other --channels"))
            }
        }
    }

    /// The options for test images, which get the channels of the training images.
    pub(crate) fn for_test(self, shape: ImageShape) -> Self {
        Self { channels: self.channels.or(Some(shape.channels)), ..self }
    }

    /// Whether images of `shape` stay as they are.
    pub(crate) fn keeps(&self, shape: ImageShape) -> bool {
        !self.invert
            && self.size.is_none_or(|size| size == [shape.width, shape.height])
            && self.channels.is_none_or(|channels| channels == shape.channels)
    }
}

/// Gives images a size. Lanczos with a support of three pixels (of the larger pixels), on the
/// values as they are stored: not in linear light, as Pillow and the tools of other GANs do it, so
/// that the images are the same as theirs.
pub(crate) struct Fitter {
    resizer: Resizer,
    options: ImageOptions,
    background: [u8; 3],
}

impl Fitter {
    /// `background` is that of the options, or the one that was decided.
    pub(crate) fn new(options: ImageOptions, background: [u8; 3]) -> Self {
        Self { resizer: Resizer::new(), options, background }
    }

    /// The image as the options want it, opaque, and with a channel if it is grey.
    pub(crate) fn fit(&mut self, image: Decoded) -> Result<Decoded, Fault> {
        let Decoded { width, height, pixels } = image;
        let pixels = match pixels {
            Pixels::Rgba(pixels) => rgb(over(&pixels, self.background)),
            opaque => opaque,
        };
        let [wide, high] = self.options.size.unwrap_or([width, height]);
        let mut image = Decoded { width, height, pixels };
        if [wide, high] != [width, height] {
            image = match self.options.fit {
                Fit::Crop => self.resize(&image, [wide, high], true)?,
                Fit::Stretch => self.resize(&image, [wide, high], false)?,
                Fit::Pad => {
                    // The longer side fills, rounded to whole pixels.
                    let part = |side: usize, full: usize, other: usize, other_full: usize| {
                        let scaled = (side * other_full + other / 2) / other;
                        scaled.clamp(1, full)
                    };
                    let inner = if width * high >= height * wide {
                        [wide, part(height, high, width, wide)]
                    } else {
                        [part(width, wide, height, high), high]
                    };
                    let inner = self.resize(&image, inner, false)?;
                    self.pad(inner, [wide, high])
                }
            };
        }
        if let (Some(1), Pixels::Rgb(pixels)) = (self.options.channels, &image.pixels) {
            image.pixels = Pixels::Grey(luma(pixels));
        }
        if self.options.invert {
            let (Pixels::Grey(values) | Pixels::Rgb(values) | Pixels::Rgba(values)) =
                &mut image.pixels;
            for value in values {
                *value = 255 - *value;
            }
        }
        Ok(image)
    }

    fn resize(&mut self, image: &Decoded, size: [usize; 2], crop: bool) -> Result<Decoded, Fault> {
        let (values, kind) = match &image.pixels {
            Pixels::Grey(values) => (values, PixelType::U8),
            Pixels::Rgb(values) | Pixels::Rgba(values) => (values, PixelType::U8x3),
        };
        let failed = |error: &dyn std::fmt::Display| {
            Fault::new(format!("it cannot be resized ({error})"), "an image of ordinary size")
        };
        let source = ImageRef::new(image.width as u32, image.height as u32, values, kind)
            .map_err(|error| failed(&error))?;
        let [width, height] = size;
        let mut target = Image::new(width as u32, height as u32, kind);
        let lanczos = ResizeAlg::Convolution(FilterType::Lanczos3);
        let mut options = ResizeOptions::new().resize_alg(lanczos);
        if crop {
            options = options.fit_into_destination(None);
        }
        self.resizer.resize(&source, &mut target, &options).map_err(|error| failed(&error))?;
        let pixels = target.into_vec();
        let grey = kind == PixelType::U8;
        let pixels = if grey { Pixels::Grey(pixels) } else { Pixels::Rgb(pixels) };
        Ok(Decoded { width, height, pixels })
    }

    /// The image in the middle of the background.
    fn pad(&self, inner: Decoded, [wide, high]: [usize; 2]) -> Decoded {
        let [r, g, b] = self.background;
        let inner = if r == g && g == b { inner } else { colour(inner) };
        let (channels, values) = match &inner.pixels {
            Pixels::Grey(values) => (1, values),
            Pixels::Rgb(values) | Pixels::Rgba(values) => (3, values),
        };
        let mut padded = self.background[..channels].repeat(wide * high);
        let (left, top) = ((wide - inner.width) / 2, (high - inner.height) / 2);
        let rows = values.chunks_exact(inner.width * channels);
        for (row, from) in rows.enumerate() {
            let begin = ((top + row) * wide + left) * channels;
            padded[begin..][..from.len()].copy_from_slice(from);
        }
        let pixels = if channels == 1 { Pixels::Grey(padded) } else { Pixels::Rgb(padded) };
        Decoded { width: wide, height: high, pixels }
    }
}

/// The image with three channels.
pub(crate) fn colour(image: Decoded) -> Decoded {
    let pixels = match image.pixels {
        Pixels::Grey(values) => Pixels::Rgb(values.into_iter().flat_map(|x| [x; 3]).collect()),
        other => other,
    };
    Decoded { pixels, ..image }
}

/// Colours with alpha over a background.
fn over(pixels: &[u8], background: [u8; 3]) -> Vec<u8> {
    let blend = |value: u8, behind: u8, alpha: u8| {
        let [value, behind, alpha] = [value, behind, alpha].map(u32::from);
        ((value * alpha + behind * (255 - alpha) + 127) / 255) as u8
    };
    let pixel = |&[r, g, b, alpha]: &[u8; 4]| {
        let [behind_r, behind_g, behind_b] = background;
        [blend(r, behind_r, alpha), blend(g, behind_g, alpha), blend(b, behind_b, alpha)]
    };
    pixels.as_chunks::<4>().0.iter().flat_map(pixel).collect()
}

/// The luma of colours (ITU-R BT.709), rounded.
fn luma(pixels: &[u8]) -> Vec<u8> {
    let pixel = |rgb: &[u8; 3]| {
        let [r, g, b] = rgb.map(u32::from);
        ((2126 * r + 7152 * g + 722 * b + 5000) / 10_000) as u8
    };
    pixels.as_chunks::<3>().0.iter().map(pixel).collect()
}
