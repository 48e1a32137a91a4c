//! Arrays of images brought to the shape that the options want.

use std::path::Path;

use gan_core::ImageShape;

use super::collect::{MAX_OWN_SIDE, Progress, SURVEY, edge_background, parallel};
use super::decode::{Decoded, Pixels, rgb};
use super::error::{Fault, SourceError};
use super::fit::{Fit, Fitter, ImageOptions, colour};
use super::part::{Part, Split, dataset};
use crate::Dataset;

/// The data set with its images brought to the options' shape.
///
/// # Errors
/// When the options are not possible, or the system refuses the memory.
pub fn reshaped(images: Dataset, options: &ImageOptions) -> Result<Dataset, SourceError> {
    options.check().map_err(|fault| fault.at(images.name()))?;
    let shape = images.shape();
    if options.keeps(shape) {
        return Ok(images);
    }
    let (name, class_names) = (images.name().to_owned(), images.class_names().to_vec());
    let (pixels, labels) = images.into_parts();
    let labels = labels.map(|labels| labels.into_iter().map(u32::from).collect());
    let mut part = Part { shape, pixels, labels };
    let mut options = *options;
    options.channels.get_or_insert(channels(&part, &options));
    let background = background(&part, &options);
    reshape_part(&mut part, options, background, &|_| ()).map_err(|fault| fault.at(&name))?;
    Ok(dataset(&name, part, class_names)?)
}

/// Brings the images of an array to the options' shape.
pub(crate) fn reshape(
    mut split: Split,
    mut options: ImageOptions,
    expected: Option<ImageShape>,
    path: &Path,
    observe: &(dyn Fn(Progress) + Sync),
) -> Result<Split, SourceError> {
    let own = split.train.shape;
    let largest = expected.map_or(0, |shape| shape.width.max(shape.height)).max(MAX_OWN_SIDE);
    if options.size.is_none() && own.width.max(own.height) > largest {
        let found = format!("its images are of {own}");
        let expected = format!("at most {largest}x{largest}; add --size {MAX_OWN_SIDE}");
        return Err(Fault::new(found, expected).of(path));
    }
    options.channels.get_or_insert(channels(&split.train, &options));
    if options.keeps(own) && split.test.as_ref().is_none_or(|test| test.shape == own) {
        return Ok(split);
    }
    let background = background(&split.train, &options);
    if options.fit == Fit::Pad && options.size.is_some() && options.background.is_none() {
        let name = if background == [255; 3] { "white" } else { "black" };
        split.notes.others.push(format!("background {name} (as at the edges)"));
    }
    for part in [Some(&mut split.train), split.test.as_mut()].into_iter().flatten() {
        reshape_part(part, options, background, observe).map_err(|fault| fault.of(path))?;
    }
    Ok(split)
}

/// The channels that images get without those of the options: one if every pixel is grey, as images
/// in files.
fn channels(part: &Part, options: &ImageOptions) -> usize {
    let ImageShape { channels, height, width } = part.shape;
    let coloured = |[r, g, b]: &[u8; 3]| r != g || g != b;
    let padded =
        options.fit == Fit::Pad && options.size.is_some_and(|size| size != [width, height]);
    let colours = channels == 3 && part.pixels.as_chunks().0.iter().any(coloured)
        || padded && options.background.as_ref().is_some_and(coloured);
    if colours { 3 } else { 1 }
}

/// The background beside padded images; others have none.
fn background(part: &Part, options: &ImageOptions) -> [u8; 3] {
    match options.background {
        Some(background) => background,
        None if options.fit == Fit::Pad => {
            let surveyed = (0..part.len()).step_by(part.len().div_ceil(SURVEY).max(1));
            edge_background(surveyed.map(|index| decoded(part.shape, &part.pixels, index)))
        }
        None => [0; 3],
    }
}

/// One of the images in `pixels`.
fn decoded(shape: ImageShape, pixels: &[u8], index: usize) -> Decoded {
    let values = pixels[index * shape.len()..][..shape.len()].to_vec();
    let pixels = if shape.channels == 1 { Pixels::Grey(values) } else { rgb(values) };
    Decoded { width: shape.width, height: shape.height, pixels }
}

/// Images whose pixels are joined at once.
const BLOCK: usize = 1024;

fn reshape_part(
    part: &mut Part,
    options: ImageOptions,
    background: [u8; 3],
    observe: &(dyn Fn(Progress) + Sync),
) -> Result<(), Fault> {
    let ImageShape { channels, height, width } = part.shape;
    let [wide, high] = options.size.unwrap_or([width, height]);
    let target =
        ImageShape { channels: options.channels.unwrap_or(channels), height: high, width: wide };
    let len = part.shape.len();
    let count = part.len();
    let mut pixels = gan_core::memory::reserve(count.saturating_mul(target.len()))?;
    for begin in (0..count).step_by(BLOCK) {
        observe(Progress { done: begin, total: count });
        let images = &part.pixels[begin * len..];
        let fitted = parallel(0..BLOCK.min(count - begin), |range| {
            let mut fitter = Fitter::new(options, background);
            let fit = |index: usize| {
                let fitted = fitter.fit(decoded(part.shape, images, index))?;
                let fitted = if target.channels == 3 { colour(fitted) } else { fitted };
                let (Pixels::Grey(values) | Pixels::Rgb(values) | Pixels::Rgba(values)) =
                    fitted.pixels;
                Ok::<_, Fault>(values)
            };
            range.map(fit).collect()
        });
        for values in fitted {
            pixels.extend_from_slice(&values?);
        }
    }
    (part.shape, part.pixels) = (target, pixels);
    Ok(())
}
