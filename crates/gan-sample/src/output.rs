//! Pictures into files: PNG, GIF, a folder of PNGs, NumPy.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use gan_core::memory::check;
use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::png::PngEncoder;
use image::{Delay, DynamicImage, Frame, GrayImage, ImageEncoder};
use npyz::WriterBuilder;
use thiserror::Error;

use crate::grid::{Grid, GridError};

/// What a path asks for, by its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// `.png`: all pictures in one grid.
    Png,
    /// `.gif`: one picture a frame, 20 frames a second, without end.
    Gif,
    /// `.npy`: an array `[n, height, width]` of `uint8`.
    Npy,
    /// No ending: a folder with one PNG a picture, `000000.png` and on.
    Folder,
}

/// Pictures that could not be written.
#[derive(Debug, Error)]
pub enum OutputError {
    /// An ending that stands for nothing we write.
    #[error("{} ends in {found:?}; expected .png, .gif, .npy, or no ending for a folder", path.display())]
    Ending {
        /// The path.
        path: PathBuf,
        /// How it ends.
        found: String,
    },
    /// A folder that holds something already.
    #[error("folder {} is not empty; choose a new one, so that nothing is overwritten", .0.display())]
    NotEmpty(PathBuf),
    /// More pictures than fit one grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The system refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Output {
    /// What `path` asks for.
    ///
    /// # Errors
    /// When it ends in something else than `.png`, `.gif`, `.npy`, or nothing.
    pub fn of(path: &Path) -> Result<Self, OutputError> {
        match path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).as_deref() {
            None => Ok(Self::Folder),
            Some("png") => Ok(Self::Png),
            Some("gif") => Ok(Self::Gif),
            Some("npy") => Ok(Self::Npy),
            Some(_) if path.is_dir() => Ok(Self::Folder),
            Some(ending) => {
                Err(OutputError::Ending { path: path.into(), found: format!(".{ending}") })
            }
        }
    }

    /// Writes `count` pictures of `size` (width, height) to `path`; a file is replaced at once.
    ///
    /// `draw` is asked for pictures from an index on, as many as it likes of those that
    /// are left and at least one, `[n, height, width]` row-major, 0 to 255.
    ///
    /// # Errors
    /// Names the path; of a file, nothing is left then, and an old one is untouched.
    pub fn write(
        self,
        path: &Path,
        grid: Grid,
        count: usize,
        size: [usize; 2],
        mut draw: impl FnMut(usize) -> Vec<u8>,
    ) -> Result<(), OutputError> {
        let io = |source| OutputError::Io { path: path.into(), source };
        let len = size[0] * size[1];
        let mut each = |use_all: &mut dyn FnMut(usize, &[u8]) -> io::Result<()>| {
            let mut done = 0;
            while done < count {
                let pixels = draw(done);
                use_all(done, &pixels)?;
                done += pixels.len() / len;
            }
            Ok(())
        };
        match self {
            Self::Png => {
                let scaled: usize = grid.size(count, size)?.into_iter().product();
                // The images, the grid, and what scaling and encoding it take.
                let scaling = if grid.scale > 1 { 16 / grid.scale.min(16) + 1 } else { 0 };
                check(2 * count * len + (2 + scaling) * scaled)
                    .map_err(|refused| io(io::Error::new(io::ErrorKind::OutOfMemory, refused)))?;
                let mut all = Vec::with_capacity(count * len);
                each(&mut |_, pixels| all.write_all(pixels)).map_err(io)?;
                write_png(path, &grid.draw(&all, size)?).map_err(io)
            }
            Self::Gif => {
                let grid = Grid { columns: 1, ..grid };
                grid.size(1, size)?;
                gan_core::atomic_file::write_with(path, |file| {
                    let mut gif = GifEncoder::new_with_speed(file, 10);
                    gif.set_repeat(Repeat::Infinite).map_err(io::Error::other)?;
                    each(&mut |_, pixels| {
                        pixels.chunks_exact(len).try_for_each(|picture| {
                            let image = grid.draw(picture, size).map_err(io::Error::other)?;
                            gif.encode_frame(frame(image)).map_err(io::Error::other)
                        })
                    })
                })
                .map_err(io)
            }
            Self::Npy => {
                let shape = [count, size[1], size[0]].map(|n| n as u64);
                gan_core::atomic_file::write_with(path, |file: &mut BufWriter<File>| {
                    let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
                    let mut npy = options.writer(file).begin_nd()?;
                    each(&mut |_, pixels| npy.extend(pixels.iter().copied()))?;
                    npy.finish()
                })
                .map_err(io)
            }
            Self::Folder => {
                fs::create_dir_all(path).map_err(io)?;
                if fs::read_dir(path).map_err(io)?.next().is_some() {
                    return Err(OutputError::NotEmpty(path.into()));
                }
                each(&mut |first, pixels| {
                    pixels.chunks_exact(len).zip(first..).try_for_each(|(picture, index)| {
                        let image = grid.draw(picture, size).map_err(io::Error::other)?;
                        write_png(&path.join(format!("{index:06}.png")), &image)
                    })
                })
                .map_err(io)
            }
        }
    }
}

/// Writes a grey PNG; an old file of the name is replaced at once.
///
/// # Errors
/// What the system answers.
pub fn write_png(path: &Path, image: &GrayImage) -> io::Result<()> {
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(image, image.width(), image.height(), image::ExtendedColorType::L8)
        .map_err(io::Error::other)?;
    gan_core::atomic_file::write(path, &png)
}

fn frame(image: GrayImage) -> Frame {
    let delay = Delay::from_numer_denom_ms(50, 1);
    Frame::from_parts(DynamicImage::ImageLuma8(image).into_rgba8(), 0, 0, delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { columns: 2, scale: 1 };

    /// Five pictures of 2 by 1, drawn at most two at a time; picture `i` is `[i, i]`.
    fn write(path: &Path) -> Result<(), OutputError> {
        let draw = |first: usize| -> Vec<u8> {
            (first..(first + 2).min(5)).flat_map(|i| [i as u8; 2]).collect()
        };
        Output::of(path)?.write(path, GRID, 5, [2, 1], draw)
    }

    #[test]
    fn every_kind_of_file_holds_the_same_pictures() {
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
        let file = io::BufReader::new(File::open(at("all.gif")).unwrap());
        let gif = image::codecs::gif::GifDecoder::new(file).unwrap();
        let frames = image::AnimationDecoder::into_frames(gif).collect_frames().unwrap();
        let greys: Vec<u8> = frames.iter().map(|frame| frame.buffer().get_pixel(0, 0)[0]).collect();
        assert_eq!(greys, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn endings_that_we_do_not_write_and_folders_in_use_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = write(&dir.path().join("all.jpg")).unwrap_err();
        assert!(error.to_string().contains("\".jpg\"; expected .png, .gif, .npy"), "{error}");
        fs::write(dir.path().join("precious"), b"").unwrap();
        assert!(matches!(write(dir.path()), Err(OutputError::NotEmpty(_))));
        assert!(matches!(write(&dir.path().join("no/such.png")), Err(OutputError::Io { .. })));
    }
}
