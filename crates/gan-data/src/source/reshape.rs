//! Arrays of images brought to the shape that the options want.

use std::path::Path;

use gan_core::ImageShape;

use super::collect::{MAX_OWN_SIDE, Progress, SURVEY, edge_background, parallel};
use super::decode::{Decoded, Pixels};
use super::error::{Fault, SourceError};
use super::fit::{Fitter, ImageOptions, colour};
use super::part::{Part, Split, dataset};
use crate::Dataset;

/// The data set with its images brought to the options' shape.
///
/// # Errors
/// When the system refuses the memory.
pub fn reshaped(images: Dataset, options: &ImageOptions) -> Result<Dataset, SourceError> {
    let shape = images.shape();
    if options.keeps(shape) {
        return Ok(images);
    }
    let (name, class_names) = (images.name().to_owned(), images.class_names().to_vec());
    let (pixels, labels) = images.into_parts();
    let labels = labels.map(|labels| labels.into_iter().map(u32::from).collect());
    let mut part = Part { shape, pixels, labels };
    reshape_part(&mut part, *options, &|_| ()).map_err(|fault| fault.at(&name))?;
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
    if options.keeps(own) && split.test.as_ref().is_none_or(|test| test.shape == own) {
        return Ok(split);
    }
    options.size = options.size.or(Some([own.width, own.height]));
    for part in [Some(&mut split.train), split.test.as_mut()].into_iter().flatten() {
        reshape_part(part, options, observe).map_err(|fault| fault.of(path))?;
    }
    Ok(split)
}

/// Images whose pixels are joined at once.
const BLOCK: usize = 1024;

fn reshape_part(
    part: &mut Part,
    options: ImageOptions,
    observe: &(dyn Fn(Progress) + Sync),
) -> Result<(), Fault> {
    let ImageShape { channels, height, width } = part.shape;
    let [wide, high] = options.size.unwrap_or([width, height]);
    let target =
        ImageShape { channels: options.channels.unwrap_or(channels), height: high, width: wide };
    let len = part.shape.len();
    let count = part.len();
    let mut pixels = gan_core::memory::reserve(count.saturating_mul(target.len()))?;
    let decoded = |pixels: &[u8], index: usize| {
        let values = pixels[index * len..][..len].to_vec();
        let pixels = if channels == 1 { Pixels::Grey(values) } else { Pixels::Rgb(values) };
        Decoded { width, height, pixels }
    };
    let background = options.background.unwrap_or_else(|| {
        let surveyed = (0..count).step_by(count.div_ceil(SURVEY).max(1));
        edge_background(surveyed.map(|index| decoded(&part.pixels, index)))
    });
    for begin in (0..count).step_by(BLOCK) {
        observe(Progress { done: begin, total: count });
        let images = &part.pixels[begin * len..];
        let fitted = parallel(0..BLOCK.min(count - begin), |range| {
            let mut fitter = Fitter::new(options, background);
            let fit = |index: usize| {
                let fitted = fitter.fit(decoded(images, index))?;
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
