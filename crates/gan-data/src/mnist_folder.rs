//! MNIST's four files, or those of a data set in its format, read from a folder.
//!
//! The `mnist` crate reads uncompressed files by their path, and panics on anything unexpected.
//! So it parses a folder whose files are all uncompressed, after each of them was checked; gzip
//! files are decompressed, checked and parsed here, in memory. Both give the same data set, and
//! neither writes a file.

mod error;

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use gan_core::memory::check;
use mnist::{Mnist, MnistBuilder};
use sha2::{Digest, Sha256};

pub use self::error::LoadError;
use crate::idx::{Layout, MNIST_SHAPE, ReadError, read_checked};
use crate::{Dataset, DatasetError};

const TRAIN: u32 = 60_000;
const TEST: u32 = 10_000;

/// The files of a data set; each may also end in `.gz`.
pub const FILE_NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// The layout of each of [`FILE_NAMES`].
pub(crate) const LAYOUTS: [Layout; 4] =
    [Layout::Images(TRAIN), Layout::Labels(TRAIN), Layout::Images(TEST), Layout::Labels(TEST)];

/// SHA-256 of each of [`FILE_NAMES`] as MNIST publishes it, decompressed.
pub(crate) const MNIST_SHA256: [&str; 4] = [
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
];

/// A data set published as [`FILE_NAMES`]; the files themselves do not tell which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownDataset {
    /// Handwritten digits.
    Mnist,
    /// Clothes.
    FashionMnist,
    /// Cursive Japanese characters.
    Kmnist,
}

impl KnownDataset {
    /// Its name, such as `fashion-mnist`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::Kmnist => "kmnist",
        }
    }
}

/// The data sets in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// 60 000 images, named as their [`KnownDataset`].
    pub train: Dataset,
    /// 10 000 images, named as their [`KnownDataset`] with `-test` appended.
    pub test: Dataset,
    /// Whether all four files have the content of the published MNIST. False for other data
    /// sets, whose digests are not known here.
    pub published: bool,
}

/// Reads [`FILE_NAMES`] from `dir`. Where a file exists with and without `.gz`, the one without
/// is read.
///
/// `kind` only names the result.
///
/// # Errors
/// When a file is missing or cannot be read, when it is not exactly 60 000 or 10 000 images of
/// 28×28 or as many labels 0 to 9, or when the system refuses the memory.
pub fn load_folder(dir: &Path, kind: KnownDataset) -> Result<Loaded, LoadError> {
    let names = missing_files(dir);
    if !names.is_empty() {
        return Err(LoadError::Missing { dir: dir.to_owned(), kind: kind.name(), names });
    }
    let [a, b, c, d] = [0, 1, 2, 3].map(|file| read_file(dir, FILE_NAMES[file], LAYOUTS[file]));
    let files = [a?, b?, c?, d?];
    let all_uncompressed = FILE_NAMES.iter().all(|name| is_present(&dir.join(name)));
    let [train, train_labels, test, test_labels] = match dir.to_str() {
        Some(path) if all_uncompressed => parse_uncompressed(path, files)?,
        _ => files,
    };
    let label_digests = [labels_sha256(&train_labels), labels_sha256(&test_labels)];
    let train = dataset(kind.name().into(), train, train_labels)?;
    let test = dataset(format!("{}-test", kind.name()), test, test_labels)?;
    let digests = [train.digest(), &label_digests[0], test.digest(), &label_digests[1]];
    let published = kind == KnownDataset::Mnist && digests == MNIST_SHA256;
    Ok(Loaded { train, test, published })
}

fn dataset(name: String, images: Vec<u8>, labels: Vec<u8>) -> Result<Dataset, DatasetError> {
    let labels = labels.into_iter().map(u16::from).collect();
    // All of them: one part may lack the last class.
    let class_names = (0..10).map(|class: u8| class.to_string()).collect();
    Dataset::new(name, MNIST_SHAPE, images)?.with_labels(labels, class_names)
}

/// The pixels or labels in a file of `count` images or labels: [`load_folder`]'s reader for tests.
///
/// # Errors
/// What is wrong with the file.
#[doc(hidden)]
pub fn read_idx(bytes: &[u8], gzip: bool, images: bool, count: u32) -> Result<Vec<u8>, String> {
    let layout = if images { Layout::Images(count) } else { Layout::Labels(count) };
    let read = if gzip { read_checked(layout, gunzip(bytes)) } else { read_checked(layout, bytes) };
    read.map_err(|error| error.to_string())
}

/// Those of [`FILE_NAMES`] that `dir` has neither as they are nor with `.gz`.
///
/// A file that exists but cannot be read is not missing: [`load_folder`] reports it.
pub fn missing_files(dir: &Path) -> Vec<&'static str> {
    FILE_NAMES.into_iter().filter(|name| find_file(dir, name).is_none()).collect()
}

/// The path of `name` in `dir`, or of `name.gz`, if either exists.
pub(crate) fn find_file(dir: &Path, name: &str) -> Option<PathBuf> {
    [dir.join(name), dir.join(format!("{name}.gz"))].into_iter().find(|path| is_present(path))
}

/// The decompressed content of a `.gz` file. A read that returns 0 has checked the whole file:
/// its checksums, and that nothing follows.
pub(crate) fn gunzip(file: impl Read) -> impl Read {
    MultiGzDecoder::new(BufReader::new(file))
}

/// Whether `path` exists, be it a broken link or something that this user may not see.
fn is_present(path: &Path) -> bool {
    use ErrorKind::{NotADirectory, NotFound};
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), NotFound | NotADirectory),
    }
}

fn read_file(dir: &Path, name: &str, layout: Layout) -> Result<Vec<u8>, LoadError> {
    let path = find_file(dir, name).unwrap_or_else(|| dir.join(name));
    let gzip = path.extension().is_some();
    let file = open_regular(&path)?;
    let read = if gzip { read_checked(layout, gunzip(file)) } else { read_checked(layout, file) };
    read.map_err(|error| match error {
        ReadError::Content(fault) => LoadError::Content { path, fault },
        ReadError::Memory(cause) => LoadError::Memory { path, cause },
        ReadError::Io(cause) if gzip && is_damage(&cause) => LoadError::Gzip { path, cause },
        ReadError::Io(cause) => LoadError::Read { path, cause },
    })
}

fn open_regular(path: &Path) -> Result<File, LoadError> {
    let read = |cause| LoadError::Read { path: path.to_owned(), cause };
    // Checked first, because opening a pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(read)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a pipe or a device" };
        return Err(LoadError::NotAFile { path: path.to_owned(), found });
    }
    File::open(path).map_err(read)
}

/// Whether a decompressor's error is about the bytes and not about reading them.
fn is_damage(error: &io::Error) -> bool {
    use ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

/// The `mnist` crate's result for a folder whose `files` were read and checked before. It needs
/// three times their memory: where the system refuses that, `files` are returned.
fn parse_uncompressed(dir: &str, files: [Vec<u8>; 4]) -> Result<[Vec<u8>; 4], LoadError> {
    if check(3 * files.iter().map(Vec::len).sum::<usize>()).is_err() {
        return Ok(files);
    }
    drop(files);
    let parsed = catch_unwind(|| {
        MnistBuilder::new()
            .base_path(dir)
            .label_format_digit()
            .training_set_length(TRAIN)
            .validation_set_length(0)
            .test_set_length(TEST)
            .finalize()
    });
    match parsed {
        Ok(Mnist { trn_img, trn_lbl, tst_img, tst_lbl, .. }) => {
            Ok([trn_img, trn_lbl, tst_img, tst_lbl])
        }
        Err(_) => Err(LoadError::Changed(dir.into())),
    }
}

/// The digest of the file that the labels came from.
fn labels_sha256(labels: &[u8]) -> String {
    let header = Layout::Labels(labels.len() as u32).header();
    format!("{:x}", Sha256::new().chain_update(header).chain_update(labels).finalize())
}

#[cfg(test)]
mod tests;
