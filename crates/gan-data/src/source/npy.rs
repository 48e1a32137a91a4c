//! NumPy's arrays: `.npy`, and `.npz`, an archive of them.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use gan_core::ImageShape;
use gan_core::memory::reserve;
use half::f16;

use super::archive::Archive;
use super::array::{Layout, Range, zeros};
use super::error::{Fault, SourceError, one_line};
use super::idx::open_regular;
use super::part::{Notes, Part, Split};

/// The longest header that is read: the longest of the format's first version.
const MAX_HEADER: u32 = u16::MAX as u32;
/// Bytes that are converted at once; a multiple of every number's size.
const BUFFER: usize = 1 << 16;

/// The names of an archive's arrays of images and of their labels, in lower case: Keras', then
/// others that are in use.
const TRAIN: [[&str; 2]; 7] = [
    ["x_train", "y_train"],
    ["train_x", "train_y"],
    ["train_images", "train_labels"],
    ["images", "labels"],
    ["image", "label"],
    ["x", "y"],
    ["data", "target"],
];
const TEST: [[&str; 2]; 3] =
    [["x_test", "y_test"], ["test_x", "test_y"], ["test_images", "test_labels"]];
/// Words in the names of arrays of labels.
const LABEL_WORDS: &[&str] = &["label", "labels", "class", "classes", "target", "targets", "y"];

/// What an array's file says about its content.
#[derive(Debug)]
struct Header {
    kind: Kind,
    fortran: bool,
    axes: Vec<u64>,
}

/// The type of an array's numbers.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// `b`, `u`, `i` or `f`.
    class: u8,
    size: usize,
    big_endian: bool,
}

/// An array's file, which is read once or twice.
pub(crate) trait Stored {
    /// The content from its beginning, and the most bytes that it can have.
    fn open(&mut self) -> Result<(Box<dyn Read + '_>, u64), Fault>;
}

impl Stored for File {
    fn open(&mut self) -> Result<(Box<dyn Read + '_>, u64), Fault> {
        self.rewind()?;
        let length = self.metadata()?.len();
        Ok((Box::new(BufReader::new(self)), length))
    }
}

/// A file in an archive.
struct Entry<'a> {
    archive: &'a mut Archive,
    index: usize,
}

impl Stored for Entry<'_> {
    fn open(&mut self) -> Result<(Box<dyn Read + '_>, u64), Fault> {
        self.archive.read(self.index)
    }
}

/// A file of one array.
pub(crate) fn read_npy(path: &Path, expected: Option<ImageShape>) -> Result<Split, SourceError> {
    let mut file = open_regular(path)?;
    let (train, range, kind) = images(&mut file, expected, None).map_err(|fault| fault.of(path))?;
    let format = format!("NumPy array of {}", kind.name());
    let notes = Notes { format, range: range.name().into(), ..Notes::default() };
    Ok(Split { train, test: None, class_names: None, notes })
}

/// Reads the labels of `count` images: an array `[n]` or `[n, 1]` of whole numbers, 0 to 65535.
///
/// # Errors
/// When the file cannot be read or has something else.
pub fn read_labels(path: &Path, count: usize) -> Result<Vec<u16>, SourceError> {
    let labels = labels(&mut open_regular(path)?, count).map_err(|fault| fault.of(path))?;
    Ok(labels.into_iter().map(|label| label as u16).collect())
}

/// An archive of arrays. Of `samples`, neither labels nor test images are read.
pub(crate) fn read_npz(
    path: &Path,
    archive: &mut Archive,
    expected: Option<ImageShape>,
    samples: bool,
) -> Result<Split, SourceError> {
    let place = |index: usize, archive: &Archive| archive.place(path, index);
    let find = |name: &str, archive: &Archive| {
        let name = format!("{name}.npy");
        archive.names().iter().position(|found| found.eq_ignore_ascii_case(&name))
    };
    let find_images = |names: &[[&str; 2]], archive: &Archive| {
        names.iter().find_map(|[images, _]| find(images, archive))
    };
    let says = |index: usize, words: &[&str], archive: &Archive| {
        let name = archive.name(index).to_ascii_lowercase();
        name.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word))
    };
    let find_labels = |images: usize, archive: &Archive| {
        let names = if says(images, &["test"], archive) { &TEST[..] } else { &TRAIN };
        let own = names.iter().find(|[name, _]| find(name, archive) == Some(images));
        own.into_iter().chain(names).find_map(|[_, labels]| find(labels, archive))
    };
    let fits = |index: usize, archive: &mut Archive| {
        let (mut file, _) = archive.read(index).ok()?;
        let axes = header(&mut file, NUMBERS).ok()?.axes;
        let ImageShape { height, width, .. } = Layout::of(&axes, expected)?.shape;
        Some(axes.len() > 1 && height.min(width) > 1)
    };
    let first = find_images(&TRAIN, archive).or_else(|| {
        let mut arrays = archive.arrays();
        arrays.retain(|&index| {
            !says(index, LABEL_WORDS, archive) && fits(index, archive) == Some(true)
        });
        // Test images only if there are no others.
        arrays.into_iter().min_by_key(|&index| says(index, &["test"], archive))
    });
    let Some(first) = first else {
        let names: Vec<_> = archive.names().iter().map(|name| one_line(name)).collect();
        let found = format!("none of its arrays has images ({:.200})", names.join(", "));
        return Err(Fault::new(found, "x_train, or another array of images").of(path));
    };
    let read = |index: usize, range: Option<Range>, archive: &mut Archive| {
        let read = images(&mut Entry { archive, index }, expected, range);
        read.map_err(|fault| fault.at(&place(index, archive)))
    };
    let (mut train, range, kind) = read(first, None, archive)?;
    let test_index = find_images(&TEST, archive).filter(|&index| index != first && !samples);
    // Test floats are read as the training floats are: dark ones may be within 0 to 1.
    let test_range = kind.is_float().then_some(range);
    let test = test_index.map(|index| read(index, test_range, archive)).transpose()?;
    let mut test = test.map(|(part, ..)| part);
    let mut notes = Notes {
        format: format!("NumPy archive, {} of {}", one_line(archive.name(first)), kind.name()),
        range: range.name().into(),
        test: test_index.map(|index| archive.name(index).to_owned()),
        ..Notes::default()
    };
    for (part, images) in [(Some(&mut train), Some(first)), (test.as_mut(), test_index)] {
        let images = images.filter(|_| !samples);
        let index = images.and_then(|images| find_labels(images, archive));
        if let (Some(part), Some(index)) = (part, index) {
            let found = labels(&mut Entry { archive, index }, part.len());
            part.labels = Some(found.map_err(|fault| fault.at(&place(index, archive)))?);
            notes.labels.get_or_insert_with(|| archive.name(index).to_owned());
        }
    }
    Ok(Split { train, test, class_names: None, notes })
}

/// Reads images; `range` is that of floats, if it is known, else their own. Also returns the
/// numbers' type.
fn images(
    stored: &mut dyn Stored,
    expected: Option<ImageShape>,
    range: Option<Range>,
) -> Result<(Part, Range, Kind), Fault> {
    let (mut file, limit) = stored.open()?;
    let Header { kind, fortran, axes } = header(&mut file, NUMBERS)?;
    let Some(layout) = Layout::of(&axes, expected) else {
        let wanted = expected.map_or_else(
            || {
                "[n, height, width], with 1 or 3 channels last or second, or [n, side * side]; the \
                 axis of images comes first"
                    .into()
            },
            |shape| format!("images of {shape}"),
        );
        return Err(Fault::new(format!("its shape is {axes:?}"), wanted));
    };
    // Another size would be refused after it was read.
    if let Some(ImageShape { height, width, .. }) = expected
        && [height, width] != [layout.shape.height, layout.shape.width]
    {
        let found = format!("its shape is {axes:?}");
        return Err(Fault::new(found, format!("images of {width}x{height}")));
    }
    let bytes = (layout.len() as u64).saturating_mul(kind.size as u64);
    if bytes > limit {
        let found = format!("its shape {axes:?} needs {bytes} bytes");
        return Err(Fault::new(found, format!("a whole file: it has at most {limit}")));
    }
    let part = |pixels| Part { shape: layout.shape, pixels, labels: None };
    if kind.is_byte() && layout.is_ours(fortran) {
        let mut pixels = reserve(layout.len())?;
        file.take(bytes).read_to_end(&mut pixels)?;
        if pixels.len() < layout.len() {
            return Err(Fault::new(
                format!("it ends after {} of {bytes} bytes", pixels.len()),
                "a whole file",
            ));
        }
        return Ok((part(pixels), Range::Bytes, kind));
    }
    let range = match range {
        _ if kind.is_byte() || kind.class == b'b' => kind.own_range(),
        range => {
            let (mut low, mut high, mut index) = (f64::INFINITY, f64::NEG_INFINITY, 0);
            kind.for_each(&mut file, layout.len(), |number| {
                if !number.is_finite() {
                    let found = format!("number {index} is {number}");
                    return Err(Fault::new(found, "finite numbers"));
                }
                (low, high, index) = (low.min(number), high.max(number), index + 1);
                Ok(())
            })?;
            let own = Range::of(low, high, !kind.is_float())?;
            drop(file);
            (file, _) = stored.open()?;
            header(&mut file, NUMBERS)?;
            match range.filter(|_| kind.is_float()) {
                Some(range) if !range.contains(own) => {
                    let found = format!("its numbers are {}", own.name());
                    return Err(Fault::new(found, format!("{}, as before", range.name())));
                }
                range => range.unwrap_or(own),
            }
        }
    };
    let mut pixels = zeros(layout.len())?;
    let mut places = layout.places(fortran);
    kind.for_each(&mut file, layout.len(), |number| {
        pixels[places.next()] = range.byte(number);
        Ok(())
    })?;
    Ok((part(pixels), range, kind))
}

/// Reads `count` labels: whole numbers, `[n]` or `[n, 1]`.
fn labels(stored: &mut dyn Stored, count: usize) -> Result<Vec<u32>, Fault> {
    let (mut file, limit) = stored.open()?;
    let expected = format!("labels: a whole number for each image, [{count}]");
    let Header { kind, axes, .. } = header(&mut file, &expected)?;
    if axes != [count as u64] && axes != [count as u64, 1] {
        return Err(Fault::new(format!("its shape is {axes:?}"), expected));
    }
    if (count * kind.size) as u64 > limit {
        return Err(Fault::new(format!("it has at most {limit} bytes"), "a whole file"));
    }
    let mut labels = reserve(count)?;
    kind.for_each(&mut file, count, |number| {
        if number.fract() != 0.0 || !(0.0..=65_535.0).contains(&number) {
            let found = format!("label {} is {number}", labels.len());
            return Err(Fault::new(found, "whole numbers, 0 to 65535"));
        }
        labels.push(number as u32);
        Ok(())
    })?;
    Ok(labels)
}

/// The types of numbers that are read.
const NUMBERS: &str = "bytes, whole numbers, or floats";

/// Reads a header, a dictionary in Python's notation. Only the three needed fields are parsed: a
/// general parser takes years for a header of unclosed brackets. `expected` is for the error about
/// other types than numbers.
fn header(file: &mut impl Read, expected: &str) -> Result<Header, Fault> {
    let wrong = |found: &str| Fault::new(found, "a NumPy array");
    let mut begin = [0; 10];
    file.read_exact(&mut begin)?;
    let [0x93, b'N', b'U', b'M', b'P', b'Y', version, _, low, high] = begin else {
        return Err(wrong("it does not begin as an array"));
    };
    // The header's length has two bytes in version 1, and four since version 2.
    let mut more = [0; 2];
    if version > 1 {
        file.read_exact(&mut more)?;
    }
    let length = u32::from_le_bytes([low, high, more[0], more[1]]);
    if length > MAX_HEADER {
        return Err(wrong(&format!("it states a header of {length} bytes")));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header)?;
    let header = String::from_utf8_lossy(&header);
    let value = |key: &str| {
        let found = header.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
        found.ok_or_else(|| wrong(&format!("its header has no {key}")))
    };
    let shape = value("shape")?;
    let inner = shape.strip_prefix('(').and_then(|rest| Some(rest.split_once(')')?.0));
    let numbers = inner.unwrap_or("?").split(',').map(str::trim).filter(|text| !text.is_empty());
    let axes: Result<Vec<u64>, _> = numbers.map(str::parse).collect();
    let axes = axes.map_err(|_| wrong("its header has no shape of numbers"))?;
    let fortran = value("fortran_order")?.starts_with("True");
    let kind = value("descr")?.split(',').next().unwrap_or_default().trim_end();
    let known = Kind::parse(kind.trim_matches(['\'', '"']));
    let kind = known.ok_or_else(|| {
        Fault::new(
            format!("its numbers are of type {}", one_line(&format!("{kind:.40}"))),
            expected,
        )
    })?;
    Ok(Header { kind, fortran, axes })
}

impl Kind {
    /// From NumPy's notation, such as `<f4`.
    fn parse(text: &str) -> Option<Self> {
        let [order, class, size] = text.as_bytes() else { return None };
        let size = usize::from(size.checked_sub(b'0')?);
        let known = match class {
            b'b' => size == 1,
            b'u' | b'i' => [1, 2, 4, 8].contains(&size),
            b'f' => [2, 4, 8].contains(&size),
            _ => false,
        };
        let ordered = matches!(order, b'<' | b'>' | b'=') || (*order == b'|' && size == 1);
        let big_endian = *order == b'>';
        (known && ordered).then_some(Self { class: *class, size, big_endian })
    }

    fn is_byte(self) -> bool {
        self.class == b'u' && self.size == 1
    }

    fn is_float(self) -> bool {
        self.class == b'f'
    }

    fn own_range(self) -> Range {
        if self.class == b'b' { Range::Unit } else { Range::Bytes }
    }

    /// NumPy's name of the type.
    fn name(self) -> String {
        let bits = 8 * self.size;
        match self.class {
            b'b' => "bool".into(),
            b'u' => format!("uint{bits}"),
            b'i' => format!("int{bits}"),
            _ => format!("float{bits}"),
        }
    }

    fn number(self, bytes: &[u8]) -> f64 {
        let mut padded = [0; 8];
        padded[..self.size].copy_from_slice(bytes);
        if self.big_endian {
            padded[..self.size].reverse();
        }
        let bits = u64::from_le_bytes(padded);
        match (self.class, self.size) {
            (b'f', 2) => f64::from(f16::from_bits(bits as u16)),
            (b'f', 4) => f64::from(f32::from_bits(bits as u32)),
            (b'f', _) => f64::from_bits(bits),
            (b'i', size) => {
                // Moves the sign to the top and back.
                let shift = 64 - 8 * size as u32;
                ((bits << shift).cast_signed() >> shift) as f64
            }
            _ => bits as f64,
        }
    }

    /// Calls `each` with the next `count` numbers.
    fn for_each(
        self,
        file: &mut impl Read,
        count: usize,
        mut each: impl FnMut(f64) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut buffer = vec![0; BUFFER];
        let mut left = count;
        while left > 0 {
            let numbers = left.min(BUFFER / self.size);
            let bytes = &mut buffer[..numbers * self.size];
            file.read_exact(bytes)?;
            for bytes in bytes.chunks_exact(self.size) {
                each(self.number(bytes))?;
            }
            left -= numbers;
        }
        Ok(())
    }
}
