//! Images from any source: what a path is, and the data sets in it.

mod archive;
mod array;
mod classes;
mod collect;
mod csv;
mod decode;
mod describe;
mod error;
mod fit;
mod folder;
mod idx;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod part;
mod reshape;
mod tables;

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use gan_core::{FileError, ImageShape};

use self::archive::Archive;
use self::collect::Collect;
pub use self::collect::Progress;
use self::describe::describe;
pub use self::error::SourceError;
use self::error::{Fault, is_hidden, one_of};
pub use self::fit::{Fit, ImageOptions, MAX_SIZE};
pub use self::npy::read_labels;
#[cfg(feature = "parquet")]
use self::parquet::read as read_parquet;
use self::part::{Part, Split, dataset, number_classes};
use self::reshape::reshape;
pub use self::reshape::reshaped;
use crate::Dataset;
use crate::hold_out::hold_out;
use crate::mnist_folder::MNIST_SHA256;

/// Where images are, and what is made of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// A file or a folder.
    pub path: PathBuf,
    /// What is made of each image.
    pub options: ImageOptions,
}

/// The data sets of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Training images. MNIST's are called `mnist` whatever files they come in; others have a name
    /// made of their digest, so that equal images have equal names.
    pub train: Dataset,
    /// Test images.
    pub test: Dataset,
    /// How many test images were taken from the training images, because the source has none.
    pub held_out: Option<usize>,
    /// What was found, as rows of a name and a text.
    pub found: Vec<(&'static str, String)>,
}

/// Reads the images of a source.
///
/// A folder may have IDX files (also in `raw` or `MNIST/raw`), images, in a subfolder for each class
/// or not, and in `train` and `test` or not, or tables. A file may be IDX, an array or an archive of
/// arrays of `NumPy`, a table (CSV), an archive of images, or Parquet (with the feature of that
/// name). Content decides, not the name.
///
/// Without test images, a tenth of the images, at least 100 and at most 10 000, is taken from them by
/// a random choice that depends on their number alone.
///
/// # Errors
/// Names the file, what was found, what was expected and what to do.
pub fn open(source: &Source, observe: &(dyn Fn(Progress) + Sync)) -> Result<Opened, SourceError> {
    let Source { path, options } = source;
    let split = read(source, None, observe)?;
    let Split { mut train, mut test, class_names, notes } = split;
    let class_names = class_names.unwrap_or_else(|| {
        let labels = [Some(&mut train), test.as_mut()];
        number_classes(labels.map(|part| part.and_then(|part| part.labels.as_mut())))
    });
    let shape = train.shape;
    let images = dataset("images", train, class_names.clone())?;
    let known = images.digest() == MNIST_SHA256[0];
    let name = if known { "mnist".into() } else { format!("images-{:.8}", images.digest()) };
    let images = images.renamed(name.clone());
    let test_name = format!("{name}-test");
    let count = images.len();
    let (train, test, held_out) = match test {
        Some(test) if test.shape != shape => {
            let found = format!("its test images are of {}", test.shape);
            let expected = format!("{shape}, as its training images; add --size");
            return Err(Fault::new(found, expected).of(path));
        }
        Some(test) => (images, dataset(&test_name, test, class_names)?, None),
        None if count < 2 => {
            let beside = "; to read a table or an archive beside it, give the path of that";
            let or = if path.is_dir() { beside } else { "" };
            let expected = format!("2 or more, for training and tests{or}");
            return Err(Fault::new("it has 1 image", expected).of(path));
        }
        None => {
            let (train, test) = hold_out(images, test_name);
            let held_out = test.len();
            (train, test, Some(held_out))
        }
    };
    let found = describe(&train, &test, held_out, notes, options, count);
    Ok(Opened { train, test, held_out, found })
}

/// Reads the samples of another program: the images at `path`, which must have `shape` or be brought
/// to it by the options. Labels and test images are not looked for. Also returns what was found.
///
/// # Errors
/// As [`open`].
pub fn read_samples(
    source: &Source,
    shape: ImageShape,
    observe: &(dyn Fn(Progress) + Sync),
) -> Result<(Vec<u8>, Vec<String>), SourceError> {
    let mut source = source.clone();
    source.options.channels.get_or_insert(shape.channels);
    let Split { train, notes, .. } = read(&source, Some(shape), observe)?;
    let Part { shape: found, pixels, .. } = train;
    if found != shape {
        let found = format!("its images are of {found}");
        return Err(Fault::new(found, format!("{shape}, as the data set has")).of(&source.path));
    }
    Ok((pixels, [vec![notes.format, notes.range], notes.others].concat()))
}

/// What a path is.
enum Kind {
    Folder,
    Idx,
    Npy,
    Zip,
    Csv,
    Parquet,
}

fn read(
    source: &Source,
    expected: Option<ImageShape>,
    observe: &(dyn Fn(Progress) + Sync),
) -> Result<Split, SourceError> {
    let Source { path, options } = source;
    options.check().map_err(|fault| fault.of(path))?;
    let samples = expected.is_some();
    // Images that get their size later may have any before.
    let stored = expected.filter(|_| options.size.is_none());
    let collect = Collect { options: *options, expected, observe };
    let reshape = |split| reshape(split, *options, expected, path, observe);
    match kind(path)? {
        Kind::Idx => reshape(idx::read(path, samples)?),
        Kind::Npy => reshape(npy::read_npy(path, stored)?),
        Kind::Csv => reshape(csv::read(path, stored, samples)?),
        Kind::Parquet => read_parquet([std::slice::from_ref(path), &[]], path, collect),
        Kind::Zip => {
            let mut archive = Archive::open(path)?;
            // Arrays beside images are features or labels of them, and one image beside arrays is no
            // data set.
            if archive.arrays().is_empty() || folder::images_in(&archive) > 1 {
                return folder::read_archive(path, archive, collect);
            }
            reshape(npy::read_npz(path, &mut archive, stored, samples)?)
        }
        Kind::Folder => {
            if let Some(images) = idx::find(path)? {
                return reshape(idx::read(&images, samples)?);
            }
            // Before tables, which beside images only describe them.
            let unread = match folder::read_folder(path, collect)? {
                Ok(images) => return Ok(images),
                Err(unread) => unread,
            };
            if let Some(table) = csv::find(path)? {
                return reshape(csv::read(&table, stored, samples)?);
            }
            if let Some([train, test]) = tables::find(path)? {
                return read_parquet([&train, &test], path, collect);
            }
            match only_file(path)? {
                Some(file) => read(&Source { path: file, ..source.clone() }, expected, observe),
                None => Err(unread
                    .unwrap_or_else(|| Fault::new("the folder has no images", EXPECTED))
                    .of(path)),
            }
        }
    }
}

#[cfg(not(feature = "parquet"))]
fn read_parquet(
    [train, _]: [&[PathBuf]; 2],
    whole: &Path,
    _collect: Collect,
) -> Result<Split, SourceError> {
    let path = train.first().map_or(whole, |path| path);
    let expected = "a program built with --features parquet, which reads it";
    Err(Fault::new("it is a Parquet file", expected).of(path))
}

/// What a path should be.
const EXPECTED: &str = "IDX files, a .npy, .npz, .zip, .csv or Parquet file, or PNG, JPEG, BMP, GIF or \
                        WebP images, in a folder for each class or not";

fn kind(path: &Path) -> Result<Kind, SourceError> {
    let metadata = fs::metadata(path).map_err(FileError::new("read", path))?;
    if metadata.is_dir() {
        return Ok(Kind::Folder);
    }
    let mut file = idx::open_regular(path)?;
    let mut begin = beginning(&mut file).map_err(FileError::new("read", path))?;
    let gzip = begin.starts_with(&[0x1f, 0x8b]);
    if gzip {
        let file = File::open(path).map_err(FileError::new("read", path))?;
        begin = beginning(&mut MultiGzDecoder::new(BufReader::new(file)))
            .map_err(|error| Fault::from(error).of(path))?;
    }
    let kind = match &begin[..] {
        begin if idx::is_idx(begin) => Ok(Kind::Idx),
        begin if begin.starts_with(b"\x93NUMPY") => Ok(Kind::Npy),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Kind::Zip),
        begin if begin.starts_with(b"PAR1") => Ok(Kind::Parquet),
        _ if csv::is_csv(path) => Ok(Kind::Csv),
        _ if decode::is_image(&path.to_string_lossy()) => {
            Err(Fault::new("it is a single image", "a folder of images").of(path))
        }
        begin => {
            let web_page = begin.starts_with(b"<");
            let found =
                if web_page { "it is a web page" } else { "it has none of the known formats" };
            Err(Fault::new(found, EXPECTED).of(path))
        }
    };
    match kind {
        Ok(Kind::Npy | Kind::Zip | Kind::Parquet) if gzip => {
            let expected = "the decompressed file; only IDX and CSV are read from gzip";
            Err(Fault::new("it is compressed with gzip", expected).of(path))
        }
        kind => kind,
    }
}

/// The first bytes, of which there may be few.
fn beginning(source: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    source.take(8).read_to_end(&mut begin)?;
    Ok(begin)
}

/// The one file in a folder that may have images in it.
fn only_file(folder: &Path) -> Result<Option<PathBuf>, SourceError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(FileError::new("read", folder))? {
        let path = entry.map_err(FileError::new("read", folder))?.path();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let hidden = is_hidden(&path.file_name().unwrap_or_default().to_string_lossy());
        if ["npz", "npy", "zip"].contains(&ending.as_str()) && path.is_file() && !hidden {
            found.push(path);
        }
    }
    one_of(folder, found)
}

#[cfg(test)]
mod tests;
