//! The four files of MNIST, or of a set of its shape, read from a folder.

mod error;

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use mnist::{Mnist, MnistBuilder};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub use self::error::LoadError;
use crate::Dataset;
use crate::idx::{CopyError, Layout, copy_checked};

const TRAIN: u32 = 60_000;
const TEST: u32 = 10_000;

/// The files that make a set; each may also end in `.gz`.
pub const FILE_NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// What each of [`FILE_NAMES`] holds.
pub(crate) const LAYOUTS: [Layout; 4] =
    [Layout::Images(TRAIN), Layout::Labels(TRAIN), Layout::Images(TEST), Layout::Labels(TEST)];

/// SHA-256 of each of [`FILE_NAMES`] as MNIST publishes it, decompressed.
pub(crate) const MNIST_SHA256: [&str; 4] = [
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
];

/// A set that comes as [`FILE_NAMES`]; its files do not say which it is.
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
    /// The name it goes by, such as `fashion-mnist`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::Kmnist => "kmnist",
        }
    }
}

/// What a folder held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// 60 000 images, named as their [`KnownDataset`].
    pub train: Dataset,
    /// 10 000 images, named as their [`KnownDataset`] with `-test` added.
    pub test: Dataset,
    /// The content is MNIST's as published, to the bit. False for a set of
    /// one's own under MNIST's names, which is worth a warning, and for the
    /// other sets, of which no digests are kept.
    pub published: bool,
}

/// Reads [`FILE_NAMES`] from `dir`. Where a file is there both as it is and
/// with `.gz`, the one without is read and the other not looked at.
///
/// Which set it is, the files do not tell: `kind` only names the result.
///
/// Every file is checked while it is copied, decompressed, into a private
/// temporary folder (55 MB, removed on return), and parsed from there: what is
/// parsed is what was checked, whoever writes to `dir` meanwhile.
///
/// # Errors
/// When a file is missing, cannot be read, or is not in every respect what its
/// name promises: 60 000 or 10 000 images of 28×28, or as many labels 0 to 9.
pub fn load_folder(dir: &Path, kind: KnownDataset) -> Result<Loaded, LoadError> {
    let names = missing_files(dir);
    if !names.is_empty() {
        return Err(LoadError::Missing { dir: dir.to_owned(), kind: kind.name(), names });
    }
    let private = private_folder()
        .map_err(|cause| LoadError::Private { path: tempfile::env::temp_dir(), cause })?;
    for (name, layout) in FILE_NAMES.into_iter().zip(LAYOUTS) {
        copy_file(dir, name, layout, &private.path().join(name))?;
    }
    let Mnist { trn_img, trn_lbl, tst_img, tst_lbl, .. } = parse(private.path())?;
    drop(private);

    let train = Dataset::new(kind.name(), trn_img, trn_lbl)?;
    let test = Dataset::new(format!("{}-test", kind.name()), tst_img, tst_lbl)?;
    // Told from what was parsed, not from the files.
    let digests = [train.digest(), &labels_sha256(&train), test.digest(), &labels_sha256(&test)];
    let published = kind == KnownDataset::Mnist && digests == MNIST_SHA256;
    Ok(Loaded { train, test, published })
}

/// What [`load_folder`] makes of one file's bytes: a copy, if they are `count` images or labels.
/// For those who feed it what no user would.
///
/// # Errors
/// What is wrong.
#[doc(hidden)]
pub fn copied(bytes: &[u8], gzip: bool, images: bool, count: u32) -> Result<Vec<u8>, String> {
    let layout = if images { Layout::Images(count) } else { Layout::Labels(count) };
    let mut copy = Vec::new();
    let copied = if gzip {
        copy_checked(layout, gunzip(bytes), &mut copy)
    } else {
        copy_checked(layout, bytes, &mut copy)
    };
    copied.map(|()| copy).map_err(|error| format!("{error:?}"))
}

/// Those of [`FILE_NAMES`] that `dir` has neither as they are nor with `.gz`.
///
/// A name that is taken is never missing, however unreadable what it names:
/// a set that is there but broken is for [`load_folder`] to refuse, not for
/// anyone to replace.
#[must_use]
pub fn missing_files(dir: &Path) -> Vec<&'static str> {
    FILE_NAMES.into_iter().filter(|name| !is_present(dir, name)).collect()
}

/// Whether `dir` has `name`, as it is or with `.gz`.
pub(crate) fn is_present(dir: &Path, name: &str) -> bool {
    is_taken(&dir.join(name)) || is_taken(&dir.join(format!("{name}.gz")))
}

/// The decompressed content of a `.gz` file. A read that returns 0 has seen
/// the whole file, its checksums right and nothing behind them.
pub(crate) fn gunzip(file: impl Read) -> impl Read {
    MultiGzDecoder::new(BufReader::new(file))
}

fn is_taken(path: &Path) -> bool {
    use ErrorKind::{NotADirectory, NotFound};
    // A link to nowhere takes the name; so does what we are not allowed to see.
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), NotFound | NotADirectory),
    }
}

fn private_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("gan-data-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    builder.tempdir()
}

fn copy_file(dir: &Path, name: &str, layout: Layout, to: &Path) -> Result<(), LoadError> {
    let raw = dir.join(name);
    let gzip = !is_taken(&raw);
    let path = if gzip { dir.join(format!("{name}.gz")) } else { raw };

    let file = open_regular(&path)?;
    let private = |cause| LoadError::Private { path: to.to_owned(), cause };
    let sink = File::create_new(to).map_err(private)?;
    let copied = if gzip {
        copy_checked(layout, gunzip(file), sink)
    } else {
        copy_checked(layout, file, sink)
    };
    copied.map_err(|error| match error {
        CopyError::Content(fault) => LoadError::Content { path, fault },
        CopyError::Write(cause) => private(cause),
        CopyError::Read(cause) if gzip && is_damage(&cause) => LoadError::Gzip { path, cause },
        CopyError::Read(cause) => LoadError::Read { path, cause },
    })
}

fn open_regular(path: &Path) -> Result<File, LoadError> {
    let read = |cause| LoadError::Read { path: path.to_owned(), cause };
    // Asked before opening, because opening a pipe waits for its writer.
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

/// Parses files that were checked: the parser panics on any other.
fn parse(dir: &Path) -> Result<Mnist, LoadError> {
    let base = dir.to_str().ok_or_else(|| LoadError::PrivateName { path: dir.to_owned() })?;
    Ok(MnistBuilder::new()
        .base_path(base)
        .label_format_digit()
        .training_set_length(TRAIN)
        .validation_set_length(0)
        .test_set_length(TEST)
        .finalize())
}

/// The digest of the file that the labels came from.
fn labels_sha256(set: &Dataset) -> String {
    let header = Layout::Labels(set.len() as u32).header();
    format!("{:x}", Sha256::new().chain_update(header).chain_update(set.labels()).finalize())
}

#[cfg(test)]
mod tests;
