//! Tables of text with an image a row, as Kaggle publishes MNIST: `label,pixel0,…`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};
use gan_core::{FileError, ImageShape};

use super::array::Layout;
use super::error::{Fault, SourceError, is_hidden, one_line, one_of, shown};
use super::part::{Notes, Part, Split};

/// Names of a column of labels.
const LABEL: [&str; 4] = ["label", "class", "target", "y"];
/// Names of columns that are neither pixels nor labels; pandas' index has no name.
const UNUSED: [&str; 7] = ["", "id", "imageid", "image_id", "index", "usage", "unnamed: 0"];
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

/// The training table in a folder: the only one, or the only one with `train` in its name.
pub(crate) fn find(dir: &Path) -> Result<Option<PathBuf>, SourceError> {
    let mut tables = tables(dir)?;
    if tables.iter().any(|path| test_name(path).is_some()) {
        tables.retain(|path| test_name(path).is_some());
    }
    one_of(dir, tables)
}

/// The tables in a folder, sorted.
fn tables(dir: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut tables = Vec::new();
    for entry in fs::read_dir(dir).map_err(FileError::new("read", dir))? {
        let entry = entry.map_err(FileError::new("read", dir))?;
        let (name, path) = (entry.file_name(), entry.path());
        if is_csv(&path) && path.is_file() && !is_hidden(&name.to_string_lossy()) {
            tables.push(path);
        }
    }
    tables.sort();
    // A file as it is comes before the same in gzip.
    tables.dedup_by(|later, first| later.with_extension("") == *first);
    Ok(tables)
}

/// A table's name in lower case, without `.gz`.
fn plain_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    Some(name.strip_suffix(".gz").unwrap_or(&name).to_owned())
}

/// The plain name of the test table for a training table, if that has `train` in its name.
fn test_name(path: &Path) -> Option<String> {
    plain_name(path)
        .filter(|name| name.contains("train"))
        .map(|name| name.replacen("train", "test", 1))
}

/// The test table beside a training table.
fn test_table(path: &Path) -> Option<PathBuf> {
    let wanted = test_name(path)?;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let tables = tables(folder.unwrap_or(Path::new("."))).ok()?;
    let found = tables.iter().find(|path| plain_name(path).as_ref() == Some(&wanted))?;
    Some(path.with_file_name(found.file_name()?))
}

/// A table, and the one of test images beside it: with `test` for `train` in its name. Of `samples`,
/// only the pixels are read.
pub(crate) fn read(
    path: &Path,
    expected: Option<ImageShape>,
    samples: bool,
) -> Result<Split, SourceError> {
    let mut notes = Notes { format: "CSV".into(), range: "0 to 255".into(), ..Notes::default() };
    let mut part = |path: &Path, expected| {
        let (source, _) = super::idx::open(path)?;
        let (part, found) = parse(source, expected, samples).map_err(|fault| fault.of(path))?;
        notes.labels = notes.labels.take().or(found.labels);
        notes.others.extend(found.others);
        notes.others.dedup();
        Ok::<_, SourceError>(part)
    };
    let train = part(path, expected)?;
    let test_path = test_table(path).filter(|_| !samples);
    let test = test_path.as_ref().map(|path| part(path, Some(train.shape))).transpose()?;
    notes.test = test_path.map(|path| shown(&path));
    Ok(Split { train, test, class_names: None, notes })
}

/// Reads a table; also says where its labels are, if it has any, and which columns are not used.
fn parse(
    source: impl Read,
    expected: Option<ImageShape>,
    samples: bool,
) -> Result<(Part, Notes), Fault> {
    // Without quoting a line is a row, so a quote that is not closed cannot make a row endless.
    let mut builder = ReaderBuilder::new();
    let builder = builder.has_headers(false).flexible(true).quoting(false);
    let mut reader = builder.from_reader(ShortLines { source, length: 0, columns: 1 });
    let (mut row, mut pixels, mut labels) = (ByteRecord::new(), Vec::new(), Vec::new());
    let mut table: Option<Table> = None;
    while reader.read_byte_record(&mut row)? {
        let line = row.position().map_or(0, csv::Position::line);
        let table = if let Some(table) = &table {
            table
        } else {
            let (mut found, is_header) = Table::of(&row, expected)?;
            if samples {
                let labels = found.columns.iter_mut().filter(|column| **column == Column::Label);
                labels.for_each(|column| *column = Column::Unused);
            }
            let table = table.insert(found);
            if is_header {
                continue;
            }
            table
        };
        let count = table.columns.len();
        if row.len() != count {
            let found = format!("line {line} has {} columns", row.len());
            return Err(Fault::new(found, format!("{count}, as the first line has")));
        }
        pixels.try_reserve(table.shape.len()).map_err(|_| gan_core::memory::OutOfMemory {
            bytes: pixels.len() + table.shape.len(),
        })?;
        for (index, (field, column)) in row.iter().zip(&table.columns).enumerate() {
            let most = match column {
                Column::Pixel => 255,
                Column::Label => 65_535,
                Column::Unused => continue,
            };
            let Some(number) = whole(field).filter(|&number| number <= most) else {
                let field: String = String::from_utf8_lossy(field).chars().take(20).collect();
                let found = format!("line {line}, column {} is {field:?}", index + 1);
                return Err(Fault::new(found, format!("a whole number, 0 to {most}")));
            };
            if *column == Column::Label { labels.push(number) } else { pixels.push(number as u8) }
        }
    }
    let Some(table) = table.filter(|_| !pixels.is_empty()) else {
        return Err(Fault::new("it has no rows", "an image a row"));
    };
    let Table { columns, shape, label_is_named, unused } = table;
    let last = pixels.iter().skip(shape.len() - 1).step_by(shape.len());
    if !label_is_named && is_constant(&labels) && !is_constant(last) {
        let found = "its first column has one value in all rows and its last one has several, so \
                     its labels are probably in the last column";
        return Err(Fault::new(found, "a header line that calls the column of labels `label`"));
    }
    let place = columns.iter().position(|column| *column == Column::Label);
    let place = place.map(|index| format!("column {}", index + 1));
    let labels = place.is_some().then_some(labels);
    let notes = Notes { labels: place, others: unused.into_iter().collect(), ..Notes::default() };
    Ok((Part { shape, pixels, labels }, notes))
}

/// Whether there are values, and all are the same.
fn is_constant<T: PartialEq>(values: impl IntoIterator<Item = T>) -> bool {
    let mut values = values.into_iter();
    values.next().is_some_and(|first| values.all(|value| value == first))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Pixel,
    Label,
    Unused,
}

/// What the columns of a table are.
struct Table {
    columns: Vec<Column>,
    shape: ImageShape,
    label_is_named: bool,
    /// A note about the columns that are not used.
    unused: Option<String>,
}

impl Table {
    /// From the first row, and whether that is a header of names.
    fn of(first: &ByteRecord, expected: Option<ImageShape>) -> Result<(Self, bool), Fault> {
        let count = first.len();
        if count == 1 && first[0].iter().any(|byte| b";\t".contains(byte)) {
            let found = "its first line has a semicolon or a tab, and no comma";
            return Err(Fault::new(found, "columns that are separated by commas"));
        }
        let name = |field| String::from_utf8_lossy(unquoted(field)).into_owned();
        let names: Vec<_> = first.iter().map(name).collect();
        let (is_header, mut unused) = (is_header(&names), Vec::new());
        let mut columns = vec![Column::Pixel; count];
        let mut label_is_named = false;
        for (index, name) in names.iter().enumerate().filter(|_| is_header) {
            let lower = name.to_lowercase();
            if LABEL.contains(&lower.as_str()) && !label_is_named {
                (columns[index], label_is_named) = (Column::Label, true);
            } else if UNUSED.contains(&lower.as_str()) {
                columns[index] = Column::Unused;
                unused.push(if name.is_empty() {
                    format!("{}", index + 1)
                } else {
                    one_line(name)
                });
            }
        }
        let unused = match &unused[..] {
            [] => None,
            [name] => Some(format!("column {name} is not used")),
            names => Some(format!("columns {:.80} are not used", names.join(", "))),
        };
        let layout = |columns: &[Column]| {
            let pixels = columns.iter().filter(|column| **column == Column::Pixel).count();
            Layout::of(&[1, pixels as u64], expected)
        };
        // Without a name, the first column is the label where the others are an image.
        if !label_is_named
            && layout(&columns).is_none()
            && let Some(first) = columns.iter_mut().find(|column| **column == Column::Pixel)
        {
            *first = Column::Label;
        }
        let Some(Layout { shape, .. }) = layout(&columns) else {
            let unused = unused.map_or(String::new(), |note| format!(", {note}"));
            let expected = "a square image's pixels in each row, with or without a label";
            return Err(Fault::new(format!("it has {count} columns{unused}"), expected));
        };
        Ok((Self { columns, shape, label_is_named, unused }, is_header))
    }
}

/// Whether names of columns are a header: none is a number, or the numbers count the columns from 0
/// or 1, as pandas does.
fn is_header(names: &[String]) -> bool {
    let counts_from = |begin: usize| {
        let mut numbers = names.iter().filter(|name| name.parse::<f64>().is_ok()).zip(begin..);
        numbers.all(|(name, number)| name.parse() == Ok(number))
    };
    counts_from(0) || counts_from(1)
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
