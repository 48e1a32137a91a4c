//! Parquet, as the Hugging Face hub has images: a column of encoded images and a column of labels.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use parquet::column::page::Page;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use super::collect::{Collect, Encoded, skipped_note};
use super::error::{Fault, SourceError, shown};
use super::idx::open_regular;
use super::part::{Notes, Part, Split};

/// Names of a column of labels.
const LABELS: [&str; 4] = ["label", "labels", "fine_label", "class"];

/// Reads tables of training images and of test images.
pub(crate) fn read(
    [train, test]: [&[PathBuf]; 2],
    whole: &Path,
    collect: Collect,
) -> Result<Split, SourceError> {
    let mut notes =
        Notes { format: "Parquet".into(), range: "0 to 255".into(), ..Notes::default() };
    let images = Images::read(train)?;
    let (background, how) = collect.background(&images);
    notes.others.extend(how);
    notes.labels = images.labels.is_some().then(|| format!("the column {}", images.label_column));
    let mut part = |images: Images, collect: Collect| {
        let collected = collect.collect(&images, &shown(whole), background)?;
        notes.others.extend(skipped_note(&collected.skipped));
        let labels = images.labels.map(|labels| collected.kept(labels));
        Ok::<_, SourceError>(Part { shape: collected.shape, pixels: collected.pixels, labels })
    };
    let train = part(images, collect)?;
    let test = match test {
        [] => None,
        test => {
            let options = collect.options.for_test(train.shape);
            Some(part(Images::read(test)?, Collect { options, ..collect })?)
        }
    };
    notes.test = test.is_some().then(|| "tables of test images".into());
    Ok(Split { train, test, class_names: None, notes })
}

/// How many bytes of encoded images a byte of a file may have, and how many a small file.
const MAX_RATIO: u64 = 64;
const MIN_LIMIT: u64 = 1 << 22;
/// What an image counts at least: no image has fewer bytes, and each takes some memory.
const LEAST: usize = 32;

/// Encoded images in memory, with the table and the row of each.
#[derive(Default)]
struct Images {
    files: Vec<Vec<u8>>,
    labels: Option<Vec<u32>>,
    label_column: String,
    /// Tables, and the number of their first image.
    tables: Vec<(PathBuf, usize)>,
}

impl Encoded for Images {
    fn count(&self) -> usize {
        self.files.len()
    }

    fn place(&self, index: usize) -> String {
        let table = self.tables.iter().rev().find(|(_, first)| *first <= index);
        table.map_or(String::new(), |(path, first)| {
            format!("{}: row {}", shown(path), index - first)
        })
    }

    fn read(&self, index: usize) -> Result<Vec<u8>, SourceError> {
        Ok(self.files[index].clone())
    }
}

impl Images {
    fn read(tables: &[PathBuf]) -> Result<Self, SourceError> {
        let mut images = Self::default();
        let mut labels = Vec::new();
        for path in tables {
            images.tables.push((path.clone(), images.files.len()));
            let file = open_regular(path)?;
            let read = without_panics(|| images.add(file, &mut labels));
            read.map_err(|fault| fault.of(path))?;
        }
        images.labels = (labels.len() == images.files.len()).then_some(labels);
        Ok(images)
    }

    /// Adds the rows of a table.
    fn add(&mut self, file: fs::File, labels: &mut Vec<u32>) -> Result<(), Fault> {
        // A dictionary can repeat an image in next to no bytes.
        let mut left = file.metadata()?.len().saturating_mul(MAX_RATIO).max(MIN_LIMIT);
        let table = SerializedFileReader::new(file)?;
        check_dictionaries(&table)?;
        for (index, row) in table.get_row_iter(None)?.enumerate() {
            let row = row?;
            let Some(file) = image_of(&row) else {
                let found = format!("row {index} has no image");
                return Err(Fault::new(found, "a column of encoded images (bytes)"));
            };
            let Some(rest) = left.checked_sub(file.len().max(LEAST) as u64) else {
                let found = format!("the images up to row {index} are far larger than the file");
                return Err(Fault::new(found, "a table of different images"));
            };
            left = rest;
            self.files.push(file);
            if let Some((column, label)) = label_of(&row) {
                let label = u16::try_from(label).ok().map(u32::from);
                let Some(label) = label else {
                    return Err(Fault::new(
                        format!("the label of row {index} is negative or too large"),
                        "0 to 65535",
                    ));
                };
                self.label_column = column;
                labels.push(label);
            }
        }
        Ok(())
    }
}

/// The crate allocates as many values as a dictionary states, so none may state more than it has
/// bytes.
fn check_dictionaries(table: &SerializedFileReader<fs::File>) -> Result<(), Fault> {
    for group in 0..table.num_row_groups() {
        let group = table.get_row_group(group)?;
        for column in 0..group.num_columns() {
            let mut pages = group.get_column_page_reader(column)?;
            while let Some(page) = pages.get_next_page()? {
                if let Page::DictionaryPage { buf, num_values, .. } = page
                    && num_values as usize > buf.len()
                {
                    let found = format!("a dictionary states {num_values} values");
                    return Err(Fault::new(found, format!("at most {} in its bytes", buf.len())));
                }
            }
        }
    }
    Ok(())
}

/// Calls `read`; the crate panics on some damaged files. Its message would be printed by the
/// process's hook, which is therefore exchanged meanwhile.
fn without_panics(read: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    panic::set_hook(hook);
    result.unwrap_or_else(|_| Err(Fault::new("it is damaged", "a whole Parquet file")))
}

/// The first value that is bytes, or has bytes in it.
fn image_of(row: &Row) -> Option<Vec<u8>> {
    row.get_column_iter().find_map(|(_, field)| match field {
        Field::Bytes(bytes) => Some(bytes.data().to_vec()),
        Field::Group(inner) => image_of(inner),
        _ => None,
    })
}

/// The column of labels and its value.
fn label_of(row: &Row) -> Option<(String, i64)> {
    let number = |field: &Field| match *field {
        Field::Byte(x) => Some(x.into()),
        Field::Short(x) => Some(x.into()),
        Field::Int(x) => Some(x.into()),
        Field::Long(x) => Some(x),
        Field::UByte(x) => Some(x.into()),
        Field::UShort(x) => Some(x.into()),
        Field::UInt(x) => Some(x.into()),
        _ => None,
    };
    let mut columns = row.get_column_iter().filter(|(name, _)| LABELS.contains(&name.as_str()));
    columns.find_map(|(name, field)| Some((name.clone(), number(field)?)))
}

impl From<parquet::errors::ParquetError> for Fault {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::new(format!("it cannot be read ({error})"), "a whole Parquet file")
    }
}
