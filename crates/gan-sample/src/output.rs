//! Writing images: PNG, GIF, a folder of PNGs, NumPy.

use std::path::{Path, PathBuf};
use std::{fs, io};

use gan_core::ImageShape;
use gan_core::atomic_file::write_with;
use gan_core::memory::check;
use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::png::PngEncoder;
use image::{Delay, DynamicImage, Frame, ImageEncoder};
use npyz::{AutoSerialize, WriterBuilder};
use thiserror::Error;

use crate::grid::{Grid, GridError};

/// A kind of output, told from the extension of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// `.png`: all images in one grid.
    Png,
    /// `.gif`: one image a frame, 20 frames a second, in a loop.
    Gif,
    /// `.npy`: an array of `uint8`, `[n, height, width]` or `[n, height, width, channels]`.
    Npy,
    /// No extension: a folder with one PNG an image, `000000.png` and on.
    Folder,
}

/// Why images cannot be written.
#[derive(Debug, Error)]
pub enum OutputError {
    /// A path, and its unknown extension.
    #[error("{} ends in {:?}; expected .png, .gif, .npy, or no ending for a folder", .0.display(), .1)]
    Ending(PathBuf, String),
    /// A folder that is not empty.
    #[error("folder {} is not empty; choose a new one, so that nothing is overwritten", .0.display())]
    NotEmpty(PathBuf),
    /// More images than fit one grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// A path, and why the system refused to write it.
    #[error("cannot write {}: {}", .0.display(), .1)]
    Io(PathBuf, #[source] io::Error),
}

impl Output {
    /// The kind of output that `path` names.
    ///
    /// # Errors
    /// When its extension is neither `.png`, `.gif`, `.npy`, nor absent.
    pub fn of(path: &Path) -> Result<Self, OutputError> {
        match path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).as_deref() {
            None => Ok(Self::Folder),
            Some("png") => Ok(Self::Png),
            Some("gif") => Ok(Self::Gif),
            Some("npy") => Ok(Self::Npy),
            Some(_) if path.is_dir() => Ok(Self::Folder),
            Some(ending) => Err(OutputError::Ending(path.into(), format!(".{ending}"))),
        }
    }

    /// Writes `count` images of `shape` to `path`; a file is replaced atomically.
    ///
    /// `next` returns the images from an index on, at least one and at most those that remain,
    /// `[n, height, width, channels]` row-major, 0 to 255.
    ///
    /// # Errors
    /// Names the path; an old file is untouched then, and nothing is left of a new one, but images that
    /// were already written to a folder are.
    pub fn write(
        self,
        path: &Path,
        grid: Grid,
        count: usize,
        shape: ImageShape,
        mut next: impl FnMut(usize) -> Vec<u8>,
    ) -> Result<(), OutputError> {
        let io = |source| OutputError::Io(path.into(), source);
        let len = shape.len();
        let mut done = 0;
        let chunks = std::iter::from_fn(|| {
            let chunk = (done < count).then(|| next(done))?;
            done += chunk.len() / len;
            Some(chunk)
        });
        // The images, their grid with `each` bytes a value, and the buffers of scaling.
        let check_grid = |count: usize, each: usize| {
            let pixels: usize = grid.size(count, shape)?.into_iter().product();
            let scaling = if grid.scale > 1 { 16 / grid.scale.min(16) + 1 } else { 0 };
            check(2 * count * len + (each + scaling) * pixels * shape.channels)
                .map_err(|refused| io(io::Error::new(io::ErrorKind::OutOfMemory, refused)))
        };
        let draw = |image: &[u8]| grid.draw(image, shape).map_err(io::Error::other);
        match self {
            Self::Png => {
                check_grid(count, 2)?;
                let mut all = Vec::with_capacity(count * len);
                chunks.for_each(|chunk| all.extend(chunk));
                write_png(path, &grid.draw(&all, shape)?).map_err(io)
            }
            Self::Gif => {
                // A frame in grey, as RGBA and as indices.
                check_grid(1, 6)?;
                write_with(path, |file| {
                    let mut gif = GifEncoder::new_with_speed(file, 10);
                    gif.set_repeat(Repeat::Infinite).map_err(io::Error::other)?;
                    for chunk in chunks {
                        for image in chunk.chunks_exact(len) {
                            let delay = Delay::from_numer_denom_ms(50, 1);
                            let frame = Frame::from_parts(draw(image)?.into_rgba8(), 0, 0, delay);
                            gif.encode_frame(frame).map_err(io::Error::other)?;
                        }
                    }
                    Ok(())
                })
                .map_err(io)
            }
            Self::Npy => {
                let dims = [count, shape.height, shape.width, shape.channels].map(|n| n as u64);
                let dims = &dims[..if shape.channels == 1 { 3 } else { 4 }];
                write_with(path, |file| {
                    let options = npyz::WriteOptions::new().default_dtype().shape(dims);
                    let mut npy = options.writer(file).begin_nd()?;
                    npy.extend(chunks.flatten())?;
                    npy.finish()
                })
                .map_err(io)
            }
            Self::Folder => {
                check_grid(1, 2)?;
                fs::create_dir_all(path).map_err(io)?;
                if fs::read_dir(path).map_err(io)?.next().is_some() {
                    return Err(OutputError::NotEmpty(path.into()));
                }
                let mut names = (0_u64..).map(|index| path.join(format!("{index:06}.png")));
                for chunk in chunks {
                    for (image, name) in chunk.chunks_exact(len).zip(&mut names) {
                        draw(image).and_then(|image| write_png(&name, &image)).map_err(io)?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Writes a PNG; an old file is replaced atomically.
///
/// # Errors
/// What the system answers.
pub fn write_png(path: &Path, image: &DynamicImage) -> io::Result<()> {
    write_with(path, |file| {
        PngEncoder::new(file)
            .write_image(image.as_bytes(), image.width(), image.height(), image.color().into())
            .map_err(io::Error::other)
    })
}

/// Writes labels as a NumPy array `[n]`: `uint8`, or `uint16` if one is above 255; an old file is
/// replaced atomically.
///
/// # Errors
/// What the system answers.
pub fn write_labels(path: &Path, labels: &[u16]) -> io::Result<()> {
    fn array<T: Copy + AutoSerialize>(
        file: &mut impl io::Write,
        numbers: impl ExactSizeIterator<Item = T>,
    ) -> io::Result<()> {
        let shape = [numbers.len() as u64];
        let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
        let mut npy = options.writer(file).begin_nd()?;
        numbers.into_iter().try_for_each(|number| npy.push(&number))?;
        npy.finish()
    }
    let is_small = labels.iter().all(|&label| label < 256);
    write_with(path, |file| {
        if is_small {
            array(file, labels.iter().map(|&label| label as u8))
        } else {
            array(file, labels.iter().copied())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { columns: 2, scale: 1 };

    /// Five images of 2 by 1, at most two at a time; image `i` is `[i, i]`.
    fn write(path: &Path) -> Result<(), OutputError> {
        let next = |first: usize| -> Vec<u8> {
            (first..(first + 2).min(5)).flat_map(|i| [i as u8; 2]).collect()
        };
        Output::of(path)?.write(path, GRID, 5, ImageShape::grey(1, 2), next)
    }

    #[test]
    fn every_kind_of_file_holds_the_same_images() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);

        write(&at("all.png")).unwrap();
        let grid = image::open(at("all.png")).unwrap().into_luma8();
        assert_eq!(grid.into_raw(), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 0, 0]);

        write(&at("all.npy")).unwrap();
        let bytes = fs::read(at("all.npy")).unwrap();
        let npy = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(npy.shape(), [5, 1, 2]);
        assert_eq!(npy.into_vec::<u8>().unwrap(), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);

        write(&at("each")).unwrap();
        let third = image::open(at("each/000003.png")).unwrap().into_luma8();
        assert_eq!(third.into_raw(), [3, 3]);
        assert_eq!(fs::read_dir(at("each")).unwrap().count(), 5);

        write(&at("all.gif")).unwrap();
        let file = io::BufReader::new(fs::File::open(at("all.gif")).unwrap());
        let gif = image::codecs::gif::GifDecoder::new(file).unwrap();
        let frames = image::AnimationDecoder::into_frames(gif).collect_frames().unwrap();
        let greys: Vec<u8> = frames.iter().map(|frame| frame.buffer().get_pixel(0, 0)[0]).collect();
        assert_eq!(greys, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn unknown_extensions_and_folders_in_use_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = write(&dir.path().join("all.jpg")).unwrap_err();
        assert!(error.to_string().contains("\".jpg\"; expected .png, .gif, .npy"), "{error}");
        fs::write(dir.path().join("precious"), b"").unwrap();
        assert!(matches!(write(dir.path()), Err(OutputError::NotEmpty(_))));
        assert!(matches!(write(&dir.path().join("no/such.png")), Err(OutputError::Io(..))));
    }
}
