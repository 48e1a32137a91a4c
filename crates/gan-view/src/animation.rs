//! An animation of a run's previews, as a GIF.

use std::path::Path;

use gan_run::Record;
use image::codecs::gif::{GifEncoder, Repeat};
use image::imageops::{FilterType, resize};
use image::{Delay, Frame, ImageFormat, ImageReader, Limits, Rgba, RgbaImage};

use crate::error::ViewError;
use crate::images::read_png;
use crate::reduce::evenly_spaced;

/// Duration of all frames together, and the limits of one, in milliseconds.
const DURATION: usize = 6000;
const MIN_DELAY: usize = 80;
const MAX_DELAY: usize = 1000;
/// Additional delay of the last frame.
const LAST_DELAY: usize = 3000;

/// The width of a frame: small previews are enlarged by an integer, wider ones are reduced.
const WIDTH: u32 = 840;
/// Larger previews are ignored.
const MAX_SIDE: u32 = 1 << 14;

/// Height of the progress bar.
const BAR: u32 = 6;
const DONE: Rgba<u8> = Rgba([150, 150, 150, 255]);
const REMAINING: Rgba<u8> = Rgba([40, 40, 40, 255]);

/// Speed of the colour quantisation, which 256 colours or fewer do not need.
const SPEED: i32 = 10;

fn animation(record: &Record) -> Result<Vec<u8>, ViewError> {
    let previews = evenly_spaced(&record.samples(), DURATION / MIN_DELAY);
    let images: Vec<_> =
        previews.iter().filter_map(|(epoch, path)| Some((*epoch, preview(path)?))).collect();
    let Some((last, (_, first))) = images.last().map(|last| last.0).zip(images.first()) else {
        return Err(ViewError::NoPreviews(record.paths.samples()));
    };
    let size = first.dimensions();
    let delay = (DURATION / images.len()).clamp(MIN_DELAY, MAX_DELAY);
    let mut bytes = Vec::new();
    let mut gif = GifEncoder::new_with_speed(&mut bytes, SPEED);
    gif.set_repeat(Repeat::Infinite)?;
    for (epoch, image) in &images {
        if image.dimensions() != size {
            continue;
        }
        let delay = if *epoch == last { delay + LAST_DELAY } else { delay };
        let delay = Delay::from_numer_denom_ms(delay as u32, 1);
        let done = *epoch as f64 / last.max(1) as f64;
        gif.encode_frame(Frame::from_parts(frame(image, done), 0, 0, delay))?;
    }
    drop(gif);
    Ok(bytes)
}

/// Writes an endless GIF of a run's previews, replacing an old one atomically: about six seconds in
/// total, then the last one for a while, with a progress bar. Of many previews it shows a part,
/// evenly spaced.
///
/// # Errors
/// When no preview can be read, or the file cannot be written.
pub fn write_animation(record: &Record, path: &Path) -> Result<(), ViewError> {
    Ok(gan_core::atomic_file::write(path, &animation(record)?)?)
}

/// A preview at the width of the animation; incomplete and foreign files are ignored.
fn preview(path: &Path) -> Option<RgbaImage> {
    let bytes = read_png(path)?;
    let mut reader = ImageReader::with_format(std::io::Cursor::new(bytes), ImageFormat::Png);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    reader.limits(limits);
    let image = reader.decode().ok()?.into_rgba8();
    let (width, height) = image.dimensions();
    let scale = (WIDTH / width.max(1)).clamp(1, 8);
    Some(if width > WIDTH {
        let height = (u64::from(height) * u64::from(WIDTH) / u64::from(width)).max(1);
        resize(&image, WIDTH, height as u32, FilterType::Triangle)
    } else {
        resize(&image, width * scale, height * scale, FilterType::Nearest)
    })
}

/// A preview with the progress bar below it.
fn frame(image: &RgbaImage, done: f64) -> RgbaImage {
    let (width, height) = image.dimensions();
    let end = (done * f64::from(width)).round() as u32;
    RgbaImage::from_fn(width, height + BAR, |x, y| match (x, y) {
        (x, y) if y < height => *image.get_pixel(x, y),
        (x, _) if x < end => DONE,
        _ => REMAINING,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Cursor;

    use gan_run::RunDir;
    use image::codecs::gif::GifDecoder;
    use image::{AnimationDecoder, GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    /// A run with previews, each of one grey.
    fn run(root: &Path, greys: &[u8]) -> Record {
        let run = RunDir::create(root).unwrap();
        run.write_config(&()).unwrap();
        for (index, grey) in greys.iter().enumerate() {
            let image = GrayImage::from_pixel(280, 28, Luma([*grey]));
            image.save(run.sample(1000 * index as u64)).unwrap();
        }
        Record::read(root).unwrap()
    }

    /// The size, the first pixel and the milliseconds of each frame.
    fn frames(gif: &[u8]) -> Vec<((u32, u32), [u8; 3], u32)> {
        let frames = GifDecoder::new(Cursor::new(gif)).unwrap().into_frames();
        let frames = frames.collect_frames().unwrap();
        let summary = |frame: &Frame| {
            let image = frame.buffer();
            let Rgba([r, g, b, _]) = *image.get_pixel(0, 0);
            let (numerator, denominator) = frame.delay().numer_denom_ms();
            (image.dimensions(), [r, g, b], numerator / denominator)
        };
        frames.iter().map(summary).collect()
    }

    #[test]
    fn each_preview_is_a_frame_and_the_last_one_stays_longer() {
        let dir = tempfile::tempdir().unwrap();
        let greys: Vec<u8> = (0..11).map(|i| 20 * i).collect();
        let frames = frames(&animation(&run(dir.path(), &greys)).unwrap());
        assert!(frames.iter().all(|frame| frame.0 == (840, 84 + BAR)));
        assert_eq!(frames.iter().map(|frame| frame.1[0]).collect::<Vec<_>>(), greys);
        // A GIF counts hundredths of a second.
        let (last, others) = frames.split_last().unwrap();
        assert!(others.iter().all(|frame| frame.2 == 540), "{frames:?}");
        assert_eq!(last.2, 3540);
    }

    #[test]
    fn previews_of_any_size_and_colour_are_animated() {
        for (width, height, size) in [(320, 48, (640, 96 + BAR)), (1280, 128, (840, 84 + BAR))] {
            let dir = tempfile::tempdir().unwrap();
            let record = run(dir.path(), &[]);
            let image = RgbImage::from_pixel(width, height, Rgb([200, 30, 60]));
            image.save(record.paths.sample(0)).unwrap();
            let frames = frames(&animation(&record).unwrap());
            assert_eq!(frames, [(size, [200, 30, 60], 4000)]);
        }
    }

    #[test]
    fn the_progress_bar_grows_with_the_epochs() {
        let image = RgbaImage::new(840, 84);
        let width =
            |done| frame(&image, done).rows().next_back().unwrap().filter(|p| p[0] == 150).count();
        assert_eq!([0.0, 0.5, 1.0].map(width), [0, 420, 840]);
    }

    #[test]
    fn many_previews_do_not_make_the_animation_longer() {
        let dir = tempfile::tempdir().unwrap();
        let record = run(dir.path(), &[0; 300]);
        let frames = frames(&animation(&record).unwrap());
        assert_eq!(frames.len(), 75);
        assert!(frames[..74].iter().all(|frame| frame.2 == 80));
    }

    #[test]
    fn invalid_previews_are_left_out_and_none_at_all_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let record = run(dir.path(), &[10, 20, 30]);
        fs::write(record.paths.sample(1000), "incomplete").unwrap();
        GrayImage::new(3, 3).save(record.paths.sample(1500)).unwrap();
        let frames_of = |record| frames(&animation(&record).unwrap());
        let greys: Vec<u8> = frames_of(record).iter().map(|frame| frame.1[0]).collect();
        assert_eq!(greys, [10, 30]);

        let empty = tempfile::tempdir().unwrap();
        let record = run(empty.path(), &[]);
        assert!(matches!(animation(&record), Err(ViewError::NoPreviews(_))));
        let one = tempfile::tempdir().unwrap();
        assert_eq!(frames_of(run(one.path(), &[7])), [((840, 84 + BAR), [7; 3], 4000)]);
    }
}
