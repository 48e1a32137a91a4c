//! IDX files of images or labels, of any count and size, raw or in gzip.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use gan_core::memory::reserve;
use gan_core::{FileError, ImageShape};

use super::error::{Fault, SourceError, is_hidden};
use super::part::{Notes, Part, Split};

/// The most that deflate can make of a byte.
pub(crate) const MAX_INFLATION: u64 = 1032;

/// A file's content, as far as its name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    images: bool,
    test: bool,
    /// The name without what tells images from labels and training from test, such as `emnist-letters`.
    family: String,
}

/// What an IDX file's name says, if it is one: `train-images-idx3-ubyte`, with dots or underscores
/// for dashes, with something in front, `test` for `t10k`, and `.gz` or not. Some archives unpack to
/// a folder of such a name beside the file.
fn parse_name(path: &Path) -> Option<Name> {
    let name = path.file_name()?.to_str().filter(|name| !is_hidden(name) && !path.is_dir())?;
    let name = name.to_ascii_lowercase().replace(['.', '_'], "-");
    let name = name.strip_suffix("-gz").unwrap_or(&name);
    let (rest, end) = name.rsplit_once("-idx")?;
    if !["1-ubyte", "2-ubyte", "3-ubyte", "4-ubyte", "1-int", "2-int"].contains(&end) {
        return None;
    }
    let (rest, what) = rest.rsplit_once('-')?;
    let (family, split) = rest.rsplit_once('-').unwrap_or(("", rest));
    let images = match what {
        "images" => true,
        "labels" => false,
        _ => return None,
    };
    let test = match split {
        "train" => false,
        "t10k" | "test" => true,
        _ => return None,
    };
    Some(Name { images, test, family: family.into() })
}

/// The training images in a folder, or in the folders that torchvision puts them in.
pub(crate) fn find(dir: &Path) -> Result<Option<PathBuf>, SourceError> {
    for folder in [dir.to_owned(), dir.join("raw"), dir.join("MNIST/raw")] {
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.map_err(FileError::new("read", &folder))?.path();
            if parse_name(&path).is_some_and(|name| name.images && !name.test) {
                found.push(path);
            }
        }
        found.sort();
        // A file as it is comes before the same in gzip.
        found.dedup_by(|later, first| parse_name(later) == parse_name(first));
        match &found[..] {
            [] => {}
            [one] => return Ok(Some(one.clone())),
            [first, second, ..] => {
                let found = format!(
                    "it has several training sets, such as {} and {}",
                    super::error::shown(first),
                    super::error::shown(second)
                );
                return Err(Fault::new(found, "one; give the file of its images").of(&folder));
            }
        }
    }
    Ok(None)
}

/// Images, with the labels and the test images that lie beside them under the usual names, unless
/// they are `samples`.
pub(crate) fn read(path: &Path, samples: bool) -> Result<Split, SourceError> {
    let name = parse_name(path);
    let beside = |wanted: Name| {
        let folder = path.parent().unwrap_or(Path::new(""));
        let folder = if folder == Path::new("") { Path::new(".") } else { folder };
        let mut paths: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        paths.sort_by_key(fs::DirEntry::file_name);
        paths
            .into_iter()
            .map(|entry| entry.path())
            .find(|path| parse_name(path).as_ref() == Some(&wanted))
    };
    let transposed = name.as_ref().is_some_and(|name| name.family.starts_with("emnist"));
    let name = name.filter(|_| !samples);
    let mut notes = Notes { format: "IDX".into(), range: "0 to 255".into(), ..Notes::default() };
    let mut part = |path: &Path, name: Option<&Name>| {
        let mut part = read_images(path)?;
        let labels = name.and_then(|name| beside(Name { images: false, ..name.clone() }));
        if let Some(labels) = labels {
            part.labels = Some(read_labels(&labels, part.len())?);
            notes.labels.get_or_insert(super::error::shown(&labels));
        }
        if transposed {
            transpose(&mut part);
        }
        Ok::<_, SourceError>(part)
    };
    let train = part(path, name.as_ref())?;
    let test_name = name.filter(|name| !name.test).map(|name| Name { test: true, ..name });
    let test_path = test_name.clone().and_then(beside);
    let test = test_path.as_ref().map(|path| part(path, test_name.as_ref())).transpose()?;
    notes.test = test_path.map(|path| super::error::shown(&path));
    if transposed {
        notes.others.push("EMNIST's files have rows and columns exchanged: turned".into());
    }
    Ok(Split { train, test, class_names: None, notes })
}

/// Whether the content begins as an IDX file.
pub(crate) fn is_idx(begin: &[u8]) -> bool {
    matches!(begin, [0, 0, 8 | 9 | 11..=14, 1..=4, ..])
}

fn read_images(path: &Path) -> Result<Part, SourceError> {
    let (source, limit) = open(path)?;
    parse_images(source, limit).map_err(|fault| fault.of(path))
}

fn read_labels(path: &Path, count: usize) -> Result<Vec<u32>, SourceError> {
    let (source, limit) = open(path)?;
    let labels = parse_labels(source, limit).map_err(|fault| fault.of(path))?;
    if labels.len() != count {
        let found = format!("it has {} labels", labels.len());
        return Err(Fault::new(found, format!("{count}, one for each image")).of(path));
    }
    Ok(labels)
}

/// The content, decompressed, and the most bytes that it can have.
pub(crate) fn open(path: &Path) -> Result<(Box<dyn Read>, u64), SourceError> {
    let mut file = BufReader::new(open_regular(path)?);
    let length = file.get_ref().metadata().map_err(FileError::new("read", path))?.len();
    let begin = std::io::BufRead::fill_buf(&mut file).map_err(FileError::new("read", path))?;
    if begin.starts_with(&[0x1f, 0x8b]) {
        let most = length.saturating_mul(MAX_INFLATION);
        return Ok((Box::new(MultiGzDecoder::new(file)), most));
    }
    Ok((Box::new(file), length))
}

/// Opens a file, but no pipe or device, which might be without end or wait for its other end.
pub(crate) fn open_regular(path: &Path) -> Result<File, SourceError> {
    let read = || FileError::new("read", path);
    let metadata = fs::metadata(path).map_err(read())?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "it is a folder" } else { "it is a pipe or a device" };
        return Err(Fault::new(found, "a regular file").of(path));
    }
    Ok(File::open(path).map_err(read())?)
}

/// The content of an IDX file of unsigned bytes with 2 dimensions (square images), 3, or 4, whose
/// last or second is the number of channels.
pub(crate) fn parse_images(mut source: impl Read, limit: u64) -> Result<Part, Fault> {
    let (kind, sizes) = header(&mut source)?;
    if kind != 8 {
        return Err(Fault::new(format!("its numbers are of type {kind:#04x}"), "0x08, bytes"));
    }
    let axes: Vec<u64> = sizes.iter().map(|&size| u64::from(size)).collect();
    let Some(layout) = super::array::Layout::of(&axes, None) else {
        let expected = "[n, height, width], [n, height, width, channels] or [n, side * side]";
        return Err(Fault::new(format!("its header states the sizes {sizes:?}"), expected));
    };
    let pixels = body(source, layout.len() as u64, limit)?;
    Ok(Part { shape: layout.shape, pixels: layout.arrange(pixels)?, labels: None })
}

/// The content of an IDX file of labels: bytes `[n]`, or 32-bit numbers `[n]` or `[n, k]`, of which
/// the first of each row is the label (QMNIST).
pub(crate) fn parse_labels(mut source: impl Read, limit: u64) -> Result<Vec<u32>, Fault> {
    let (kind, sizes) = header(&mut source)?;
    let (width, row) = match (kind, &sizes[..]) {
        (8, [_]) => (1, 1),
        (12, [_]) => (4, 1),
        (12, [_, columns @ 1..=64]) => (4, *columns as usize),
        _ => {
            let found = format!("its numbers are of type {kind:#04x} and its sizes {sizes:?}");
            return Err(Fault::new(found, "labels: bytes [n], or 32-bit numbers [n] or [n, k]"));
        }
    };
    let bytes = u64::from(sizes[0]).saturating_mul((width * row) as u64);
    let body = body(source, bytes, limit)?;
    if width == 1 {
        return Ok(body.into_iter().map(u32::from).collect());
    }
    let mut labels = reserve(sizes[0] as usize)?;
    for (index, row) in body.chunks_exact(4 * row).enumerate() {
        let label = u32::from_be_bytes([row[0], row[1], row[2], row[3]]);
        if label > u32::from(u16::MAX) {
            return Err(Fault::new(format!("label {index} is {label}"), "0 to 65535"));
        }
        labels.push(label);
    }
    Ok(labels)
}

/// The type of the numbers, and the sizes.
fn header(source: &mut impl Read) -> Result<(u8, Vec<u32>), Fault> {
    let mut begin = [0; 4];
    source.read_exact(&mut begin)?;
    if !is_idx(&begin) {
        let hint = match begin {
            [b'<', ..] => " (this is a web page)",
            _ => "",
        };
        let found = format!("it starts with {:#010x}{hint}", u32::from_be_bytes(begin));
        return Err(Fault::new(found, "an IDX file, which starts with 0x000008 and 1 to 4"));
    }
    let mut sizes = vec![0; usize::from(begin[3])];
    for size in &mut sizes {
        let mut bytes = [0; 4];
        source.read_exact(&mut bytes)?;
        *size = u32::from_be_bytes(bytes);
    }
    Ok((begin[2], sizes))
}

/// Exactly `len` bytes, after which the source ends. `limit` is what it can have at most.
fn body(mut source: impl Read, len: u64, limit: u64) -> Result<Vec<u8>, Fault> {
    let cut = |found| {
        let expected = format!("{len} after the header");
        Err(Fault::new(format!("it ends after {found} bytes of content"), expected))
    };
    if len > limit {
        return cut(format!("at most {limit}"));
    }
    let mut body = reserve(usize::try_from(len).unwrap_or(usize::MAX))?;
    source.by_ref().take(len).read_to_end(&mut body)?;
    if (body.len() as u64) < len {
        return cut(body.len().to_string());
    }
    if source.read(&mut [0])? > 0 {
        let found = format!("it goes on after {len} bytes of content");
        return Err(Fault::new(found, "its end there, as the header states"));
    }
    Ok(body)
}

/// Exchanges rows and columns of each image.
fn transpose(part: &mut Part) {
    let ImageShape { channels, height, width } = part.shape;
    let mut turned = vec![0; part.shape.len()];
    for image in part.pixels.chunks_exact_mut(part.shape.len()) {
        for (index, pixel) in image.chunks_exact(channels).enumerate() {
            let (row, column) = (index / width, index % width);
            turned[(column * height + row) * channels..][..channels].copy_from_slice(pixel);
        }
        image.copy_from_slice(&turned);
    }
    part.shape = ImageShape { channels, height: width, width: height };
}
