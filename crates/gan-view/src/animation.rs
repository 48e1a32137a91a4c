//! The rows of digits of a run one after the other, as a GIF.

use std::path::{Path, PathBuf};

use gan_run::Record;
use image::codecs::gif::{GifEncoder, Repeat};
use image::imageops::{FilterType, resize};
use image::{Delay, Frame, GrayImage, Luma, RgbaImage};

use crate::error::{ViewError, io};
use crate::pictures::evenly;

/// All frames together, and each at least and at most, in milliseconds.
const LENGTH: usize = 6000;
const SHORTEST: usize = 80;
const LONGEST: usize = 1000;
/// How much longer the last one stays.
const HOLD: usize = 3000;

/// Pictures are made about this wide, by a whole number.
const WIDTH: u32 = 840;

/// Height of the bar that shows how much of the training is done.
const BAR: u32 = 6;
const DONE: Luma<u8> = Luma([150]);
const TO_DO: Luma<u8> = Luma([40]);

/// Speed of the search for colours; greys are few enough to be kept all.
const SPEED: i32 = 10;

/// An endless GIF of a run's rows of digits: about six seconds in all, then the last one for
/// a while. Of very many rows it shows some, evenly. A bar below grows with the epochs.
///
/// # Errors
/// When no picture can be read.
pub fn animation(record: &Record) -> Result<Vec<u8>, ViewError> {
    let rows = evenly(&record.samples(), LENGTH / SHORTEST);
    let pictures: Vec<_> = rows.iter().filter_map(|row| Some((row.0, picture(row)?))).collect();
    let Some((last, (_, first))) = pictures.last().map(|last| last.0).zip(pictures.first()) else {
        return Err(ViewError::NoPictures(record.paths().samples()));
    };
    let size = first.dimensions();
    let delay = (LENGTH / pictures.len()).clamp(SHORTEST, LONGEST);
    let mut bytes = Vec::new();
    let mut gif = GifEncoder::new_with_speed(&mut bytes, SPEED);
    gif.set_repeat(Repeat::Infinite)?;
    for (epoch, picture) in &pictures {
        if picture.dimensions() != size {
            continue;
        }
        let delay = if *epoch == last { delay + HOLD } else { delay };
        let delay = Delay::from_numer_denom_ms(delay as u32, 1);
        let done = *epoch as f64 / last.max(1) as f64;
        gif.encode_frame(Frame::from_parts(frame(picture, done), 0, 0, delay))?;
    }
    drop(gif);
    Ok(bytes)
}

/// Writes the [`animation`] of a run; an old one is replaced at once.
///
/// # Errors
/// When no picture can be read, or the system refuses.
pub fn write_animation(record: &Record, path: &Path) -> Result<(), ViewError> {
    gan_core::atomic_file::write(path, &animation(record)?).map_err(io("write", path))
}

fn picture((_, path): &(u64, PathBuf)) -> Option<GrayImage> {
    // By what it holds: a torn or a foreign file is left out.
    let picture = image::load_from_memory(&crate::pictures::read(path)?).ok()?.into_luma8();
    (picture.width() <= WIDTH && picture.height() <= WIDTH).then_some(picture)
}

/// The picture made larger, with the bar below.
fn frame(picture: &GrayImage, done: f64) -> RgbaImage {
    let scale = (WIDTH / picture.width().max(1)).clamp(1, 8);
    let (width, height) = (picture.width() * scale, picture.height() * scale);
    let large = resize(picture, width, height, FilterType::Nearest);
    let end = (done * f64::from(width)).round() as u32;
    let framed = GrayImage::from_fn(width, height + BAR, |x, y| match (x, y) {
        (x, y) if y < height => *large.get_pixel(x, y),
        (x, _) if x < end => DONE,
        _ => TO_DO,
    });
    image::DynamicImage::ImageLuma8(framed).into_rgba8()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Cursor;

    use gan_run::RunDir;
    use image::AnimationDecoder;
    use image::codecs::gif::GifDecoder;

    use super::*;

    /// A run with a row of digits of a grey each.
    fn run(root: &Path, greys: &[u8]) -> Record {
        let run = RunDir::create(root).unwrap();
        run.write_config(&()).unwrap();
        for (index, grey) in greys.iter().enumerate() {
            let picture = GrayImage::from_pixel(280, 28, Luma([*grey]));
            picture.save(run.sample(1000 * index as u64)).unwrap();
        }
        Record::read(root).unwrap()
    }

    /// Of each frame its size, the grey of its first pixel, and its milliseconds.
    fn frames(gif: &[u8]) -> Vec<((u32, u32), u8, u32)> {
        let frames = GifDecoder::new(Cursor::new(gif)).unwrap().into_frames();
        let frames = frames.collect_frames().unwrap();
        let told = |frame: &Frame| {
            let picture = frame.buffer();
            let (numerator, denominator) = frame.delay().numer_denom_ms();
            (picture.dimensions(), picture.get_pixel(0, 0)[0], numerator / denominator)
        };
        frames.iter().map(told).collect()
    }

    #[test]
    fn each_row_is_a_frame_and_the_last_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let greys: Vec<u8> = (0..11).map(|i| 20 * i).collect();
        let frames = frames(&animation(&run(dir.path(), &greys)).unwrap());
        assert!(frames.iter().all(|frame| frame.0 == (840, 84 + BAR)));
        assert_eq!(frames.iter().map(|frame| frame.1).collect::<Vec<_>>(), greys);
        // A GIF counts hundredths of a second.
        let (last, others) = frames.split_last().unwrap();
        assert!(others.iter().all(|frame| frame.2 == 540), "{frames:?}");
        assert_eq!(last.2, 3540);
    }

    #[test]
    fn the_bar_grows_with_the_epochs() {
        let picture = GrayImage::new(280, 28);
        let width = |done| {
            frame(&picture, done).rows().next_back().unwrap().filter(|p| p[0] == 150).count()
        };
        assert_eq!([0.0, 0.5, 1.0].map(width), [0, 420, 840]);
    }

    #[test]
    fn very_many_rows_make_no_longer_animation() {
        let dir = tempfile::tempdir().unwrap();
        let record = run(dir.path(), &[0; 300]);
        let frames = frames(&animation(&record).unwrap());
        assert_eq!(frames.len(), 75);
        assert!(frames[..74].iter().all(|frame| frame.2 == 80));
    }

    #[test]
    fn what_is_no_picture_is_left_out_and_none_at_all_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let record = run(dir.path(), &[10, 20, 30]);
        fs::write(record.paths().sample(1000), "torn").unwrap();
        GrayImage::new(3, 3).save(record.paths().sample(1500)).unwrap();
        let greys: Vec<u8> = frames(&animation(&record).unwrap()).iter().map(|f| f.1).collect();
        assert_eq!(greys, [10, 30]);

        let empty = tempfile::tempdir().unwrap();
        let record = run(empty.path(), &[]);
        assert!(matches!(animation(&record), Err(ViewError::NoPictures(_))));
        let one = tempfile::tempdir().unwrap();
        let frames = frames(&animation(&run(one.path(), &[7])).unwrap());
        assert_eq!(frames, [((840, 84 + BAR), 7, 4000)]);
    }
}
