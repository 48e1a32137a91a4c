//! Tables of text with an image a row, as Kaggle publishes MNIST: `label,pixel0,…`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};
use gan_core::{FileError, ImageShape};

use super::array::Layout;
use super::error::{Fault, SourceError, shown};
use super::part::{Notes, Part, Split};

/// Names of a column of labels.
const LABEL: [&str; 4] = ["label", "class", "target", "y"];
/// The most columns: a grey image of 256×256 pixels and a label.
const MAX_COLUMNS: usize = 256 * 256 + 1;
/// The most bytes of a line.
const MAX_LINE: usize = 1 << 19;

/// Whether a file's name is that of a table.
pub(crate) fn is_csv(path: &Path) -> bool {
    let ends = |path: &Path, wanted| {
        path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(wanted))
    };
    ends(path, "csv") || (ends(path, "gz") && ends(&path.with_extension(""), "csv"))
}

/// The training table in a folder: the only one, or the one with `train` in its name.
pub(crate) fn find(dir: &Path) -> Result<Option<PathBuf>, SourceError> {
    let mut tables = Vec::new();
    for entry in fs::read_dir(dir).map_err(FileError::new("read", dir))? {
        let path = entry.map_err(FileError::new("read", dir))?.path();
        if is_csv(&path) {
            tables.push(path);
        }
    }
    tables.sort();
    let train = tables.iter().find(|path| test_name(path).is_some()).or(tables.first());
    Ok(train.cloned())
}

/// The name of the test table for a training table's path, if its name has `train` in it.
fn test_name(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    name.contains("train").then(|| path.with_file_name(name.replacen("train", "test", 1)))
}

/// A table, and the one of test images beside it: with `test` for `train` in its name.
pub(crate) fn read(path: &Path, expected: Option<ImageShape>) -> Result<Split, SourceError> {
    let mut notes = Notes { format: "CSV".into(), range: "0 to 255".into(), ..Notes::default() };
    let mut part = |path: &Path, expected| {
        let (source, _) = super::idx::open(path)?;
        let (part, label) = parse(source, expected).map_err(|fault| fault.of(path))?;
        notes.labels = notes.labels.take().or(label);
        Ok::<_, SourceError>(part)
    };
    let train = part(path, expected)?;
    let test_path = test_name(path).filter(|path| path.is_file());
    let test = test_path.as_ref().map(|path| part(path, Some(train.shape))).transpose()?;
    notes.test = test_path.map(|path| shown(&path));
    Ok(Split { train, test, class_names: None, notes })
}

/// Reads a table; also says where its labels are, if it has any.
pub(crate) fn parse(
    source: impl Read,
    expected: Option<ImageShape>,
) -> Result<(Part, Option<String>), Fault> {
    // Without quoting a line is a row, so a quote that is not closed cannot make a row endless.
    let mut builder = ReaderBuilder::new();
    let builder = builder.has_headers(false).flexible(true).quoting(false);
    let mut reader = builder.from_reader(ShortLines { source, length: 0, columns: 1 });
    let (mut row, mut pixels, mut labels) = (ByteRecord::new(), Vec::new(), Vec::new());
    let mut table: Option<Columns> = None;
    while reader.read_byte_record(&mut row)? {
        let line = row.position().map_or(0, csv::Position::line);
        let columns = if let Some(columns) = &table {
            columns
        } else {
            let (columns, is_header) = Columns::of(&row, expected)?;
            let columns = table.insert(columns);
            if is_header {
                continue;
            }
            columns
        };
        if row.len() != columns.count {
            let found = format!("line {line} has {} columns", row.len());
            return Err(Fault::new(found, format!("{}, as the first line has", columns.count)));
        }
        pixels.try_reserve(columns.shape.len()).map_err(|_| gan_core::memory::OutOfMemory {
            bytes: pixels.len() + columns.shape.len(),
        })?;
        for (column, field) in row.iter().enumerate() {
            let is_label = columns.label == Some(column);
            let most = if is_label { 65_535 } else { 255 };
            let Some(number) = whole(field).filter(|&number| number <= most) else {
                let field = String::from_utf8_lossy(field);
                let found = format!("line {line}, column {} is {field:.20?}", column + 1);
                return Err(Fault::new(found, format!("a whole number, 0 to {most}")));
            };
            if is_label { labels.push(number) } else { pixels.push(number as u8) }
        }
    }
    let Some(Columns { shape, label, .. }) = table.filter(|_| !pixels.is_empty()) else {
        return Err(Fault::new("it has no rows", "an image a row"));
    };
    let place = label.map(|column| format!("column {}", column + 1));
    Ok((Part { shape, pixels, labels: label.map(|_| labels) }, place))
}

/// What the columns of a table are.
struct Columns {
    count: usize,
    label: Option<usize>,
    shape: ImageShape,
}

impl Columns {
    /// From the first row, and whether that is a header of names.
    fn of(first: &ByteRecord, expected: Option<ImageShape>) -> Result<(Self, bool), Fault> {
        let count = first.len();
        let name = |field| String::from_utf8_lossy(unquoted(field)).to_lowercase();
        let names = || first.iter().map(name);
        let is_header = first.iter().any(|field| whole(field).is_none());
        let named = names().position(|name| LABEL.contains(&name.as_str()));
        let layout = |values: usize| Layout::of(&[1, values as u64], expected);
        // Without a name, the first column is the label where the others are an image.
        let label = match named {
            None if layout(count).is_none() => Some(0),
            named => named,
        };
        let values = count - usize::from(label.is_some());
        let Some(layout) = layout(values) else {
            let found = format!("it has {count} columns");
            let expected = "a square image's pixels in each row, with or without a label";
            return Err(Fault::new(found, expected));
        };
        Ok((Self { count, label, shape: layout.shape }, is_header))
    }
}

/// A whole number that is not negative, also with a decimal point and zeros.
fn whole(field: &[u8]) -> Option<u32> {
    let field = unquoted(field);
    let digits = field.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = field.split_at(digits);
    let zeros = rest.is_empty() || (rest[0] == b'.' && rest[1..].iter().all(|&byte| byte == b'0'));
    let in_range = (1..=9).contains(&digits) && zeros;
    in_range.then(|| number.iter().fold(0, |all, digit| 10 * all + u32::from(digit - b'0')))
}

/// A field without blanks and quotes around it.
fn unquoted(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field)
}

/// Fails on a line that is too long, which would be kept in memory as a whole.
struct ShortLines<R> {
    source: R,
    /// Of the line so far.
    length: usize,
    columns: usize,
}

impl<R: Read> Read for ShortLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        let mut lines = buffer[..read].split(|&byte| byte == b'\n' || byte == b'\r');
        let mut line = lines.next().unwrap_or_default();
        loop {
            self.length += line.len();
            self.columns += line.iter().filter(|&&byte| byte == b',').count();
            if self.length > MAX_LINE || self.columns > MAX_COLUMNS {
                let error =
                    format!("a line has more than {MAX_LINE} bytes or {MAX_COLUMNS} columns");
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            let Some(next) = lines.next() else { break };
            (line, self.length, self.columns) = (next, 0, 1);
        }
        Ok(read)
    }
}

impl From<csv::Error> for Fault {
    fn from(error: csv::Error) -> Self {
        Self::new(format!("it cannot be read ({error})"), "a whole table")
    }
}
