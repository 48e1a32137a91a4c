//! Parquet, as the Hugging Face hub has images: a column of encoded images and a column of labels.

mod stated;

use std::fs::File;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use super::collect::{Collect, Encoded, skipped_note};
use super::error::{Fault, SourceError, one_line, shown};
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
    let samples = collect.expected.is_some();
    let images = Images::read(train, samples)?;
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
        test if test.is_empty() || samples => None,
        test => {
            let options = collect.options.for_test(train.shape);
            Some(part(Images::read(test, false)?, Collect { options, ..collect })?)
        }
    };
    notes.test = test.is_some().then(|| "tables of test images".into());
    Ok(Split { train, test, class_names: None, notes })
}

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
    /// Reads the images of all tables, and their labels unless they are `samples`.
    fn read(tables: &[PathBuf], samples: bool) -> Result<Self, SourceError> {
        let mut images = Self::default();
        let mut labels = Vec::new();
        for path in tables {
            images.tables.push((path.clone(), images.files.len()));
            let file = open_regular(path)?;
            let read = without_panics(|| images.add(file, &mut labels, samples));
            read.map_err(|fault| fault.of(path))?;
        }
        // The hub marks images without labels by -1.
        let unlabelled = labels.iter().all(|&label| label == -1);
        if !unlabelled && labels.len() == images.files.len() {
            let number = |(index, label): (usize, i64)| {
                let expected = "0 to 65535, or -1 for every image";
                let fault = |_| Fault::new(format!("its label is {label}"), expected);
                let number = u16::try_from(label).map(u32::from).map_err(fault);
                number.map_err(|fault| fault.at(&images.place(index)))
            };
            let numbers = labels.into_iter().enumerate().map(number);
            images.labels = Some(numbers.collect::<Result<_, _>>()?);
        }
        Ok(images)
    }

    /// Adds the rows of a table.
    fn add(&mut self, mut file: File, labels: &mut Vec<i64>, samples: bool) -> Result<(), Fault> {
        stated::check_footer(&mut file)?;
        let table = SerializedFileReader::new(file.try_clone()?)?;
        let schema = images_and_labels(table.metadata().file_metadata().schema())?;
        let fields: Vec<_> = schema.get_fields().iter().map(|field| field.name()).collect();
        stated::check_pages(&mut file, table.metadata().row_groups(), &fields)?;
        // A dictionary can repeat an image in next to no bytes.
        let mut left = stated::limit(file.metadata()?.len());
        for (index, row) in table.get_row_iter(Some(schema))?.enumerate() {
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
            let label = label_of(&row).filter(|_| !samples);
            if label.is_some() != (labels.len() == self.files.len()) && !self.files.is_empty() {
                let [this, others] = if label.is_some() { ["a", "none"] } else { ["no", "some"] };
                let found =
                    format!("row {index} has {this} label, where rows before have {others}");
                return Err(Fault::new(found, "a label for every image, or for none"));
            }
            self.files.push(file);
            if let Some((column, label)) = label {
                self.label_column = column;
                labels.push(label);
            }
        }
        Ok(())
    }
}

/// The fields of a schema that are read: the first that has bytes, and those of labels. Fields with
/// lists are not, since a few bytes can have a list of any length.
fn images_and_labels(schema: &Type) -> Result<Type, Fault> {
    let is_single = |field: &Type| field.get_basic_info().repetition() != Repetition::REPEATED;
    let fields = schema.get_fields();
    let single = || fields.iter().filter(|field| all_of(field, &is_single)).cloned();
    let Some(image) = single().find(|field| !all_of(field, &|field| !is_bytes(field))) else {
        let names: Vec<_> = fields.iter().take(10).map(|field| field.name()).collect();
        let found = format!("its columns are {}", one_line(&names.join(", ")));
        return Err(Fault::new(found, "a column of encoded images (bytes)"));
    };
    let labels = single().filter(|field| LABELS.contains(&field.name()));
    let fields = std::iter::once(image).chain(labels).collect();
    Ok(Type::group_type_builder(schema.name()).with_fields(fields).build()?)
}

/// Whether a field is bytes that are not text.
fn is_bytes(field: &Type) -> bool {
    field.is_primitive()
        && matches!(field.get_physical_type(), Physical::BYTE_ARRAY)
        && matches!(field.get_basic_info().converted_type(), ConvertedType::NONE)
}

/// Whether `is` holds for a field and for all in it.
fn all_of(field: &Type, is: &dyn Fn(&Type) -> bool) -> bool {
    is(field) && (field.is_primitive() || field.get_fields().iter().all(|inner| all_of(inner, is)))
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
