//! What a Parquet file states of its own size, read before the crate that allocates by it.
//!
//! A footer and the headers of pages are structs in Thrift's compact protocol. The crate allocates
//! an uncompressed page's length as it is stated, and iterates over lists as long as they say to
//! be; so neither may be larger than a file of that length can need.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

use parquet::file::metadata::RowGroupMetaData;

use super::super::error::Fault;

/// How many bytes a byte of a file may become, and what a small file may.
const MAX_RATIO: u64 = 64;
const MIN_LIMIT: u64 = 1 << 22;
/// No struct of Parquet is nested deeper.
const MAX_DEPTH: u8 = 16;

/// The bytes that the content of a file of `length` bytes may take.
pub(super) fn limit(length: u64) -> u64 {
    length.saturating_mul(MAX_RATIO).max(MIN_LIMIT)
}

/// Checks the footer, which the crate reads first.
pub(super) fn check_footer(file: &mut File) -> Result<(), Fault> {
    let length = file.metadata()?.len();
    let [mut magic, mut footer] = [[0; 4]; 2];
    file.read_exact(&mut magic)?;
    if magic != *b"PAR1" || length < 12 {
        let found = "it does not begin with the letters PAR1";
        return Err(Fault::new(found, "a Parquet file that is not encrypted"));
    }
    file.seek(SeekFrom::Start(length - 8))?;
    file.read_exact(&mut footer)?;
    let footer = u64::from(u32::from_le_bytes(footer));
    let Some(start) = (length - 8).checked_sub(footer) else {
        let found = format!("it states {footer} bytes of metadata and has {length} in all");
        return Err(Fault::new(found, "a whole Parquet file"));
    };
    file.seek(SeekFrom::Start(start))?;
    Thrift(BufReader::new(file).take(footer)).structure(&[], &mut |_, _| ())?;
    Ok(())
}

/// Checks the pages of the columns that are in `fields` of the schema.
pub(super) fn check_pages(
    file: &mut File,
    groups: &[RowGroupMetaData],
    fields: &[&str],
) -> Result<(), Fault> {
    let length = file.metadata()?.len();
    let (mut compressed, mut uncompressed) = (length, limit(length));
    let columns = groups.iter().flat_map(RowGroupMetaData::columns);
    for column in
        columns.filter(|column| fields.contains(&column.column_path().parts()[0].as_str()))
    {
        let (start, bytes) = column.byte_range();
        compressed = compressed.checked_sub(bytes).ok_or_else(|| {
            Fault::new("its columns overlap, or are longer than it is", "a whole Parquet file")
        })?;
        file.seek(SeekFrom::Start(start))?;
        let mut pages = BufReader::new(&mut *file).take(bytes);
        while pages.limit() > 0 {
            let page = PageSizes::read(&mut pages)?;
            uncompressed = uncompressed.checked_sub(page.uncompressed).ok_or_else(|| {
                let found = "its pages are far larger than the file when they are decompressed";
                Fault::new(found, "a table of different images")
            })?;
            if page.dictionary > page.uncompressed {
                let found = format!("a dictionary states {} values", page.dictionary);
                let expected = format!("at most {} in its bytes", page.uncompressed);
                return Err(Fault::new(found, expected));
            }
            io::copy(&mut pages.by_ref().take(page.compressed), &mut io::sink())?;
        }
    }
    Ok(())
}

/// What a page's header states: bytes, and values of a dictionary.
#[derive(Default)]
struct PageSizes {
    uncompressed: u64,
    compressed: u64,
    dictionary: u64,
}

impl PageSizes {
    fn read(input: &mut Take<impl Read>) -> Result<Self, Fault> {
        let mut sizes = Self::default();
        // A negative size becomes a very large one.
        let limit = input.limit();
        Thrift(input.by_ref().take(limit)).structure(&[], &mut |path, value| match path {
            [2] => sizes.uncompressed = value.cast_unsigned(),
            [3] => sizes.compressed = value.cast_unsigned(),
            // Field 7 is the header of a dictionary.
            [7, 1] => sizes.dictionary = value.cast_unsigned(),
            _ => (),
        })?;
        Ok(sizes)
    }
}

/// A reader of Thrift's compact protocol
/// (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>) that keeps
/// nothing but calls a function with each integer.
struct Thrift<R>(Take<R>);

impl<R: Read> Thrift<R> {
    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.0.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn unsigned(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(invalid("an integer of more than ten bytes"))
    }

    fn signed(&mut self) -> io::Result<i64> {
        let zigzag = self.unsigned()?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        match io::copy(&mut self.0.by_ref().take(bytes), &mut io::sink())? {
            skipped if skipped == bytes => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Reads a struct; `path` is the fields that it is in.
    fn structure(&mut self, path: &[i16], integer: &mut dyn FnMut(&[i16], i64)) -> io::Result<()> {
        let mut field = 0_i16;
        loop {
            let header = self.byte()?;
            let (delta, kind) = (header >> 4, header & 0xf);
            if kind == 0 {
                return Ok(());
            }
            field = match delta {
                0 => self.signed()? as i16,
                delta => field.saturating_add(delta.into()),
            };
            self.value(kind, &[path, &[field]].concat(), integer)?;
        }
    }

    fn value(
        &mut self,
        kind: u8,
        path: &[i16],
        integer: &mut dyn FnMut(&[i16], i64),
    ) -> io::Result<()> {
        if path.len() > MAX_DEPTH.into() {
            return Err(invalid("structs in structs without end"));
        }
        match kind {
            // The kind of a field is its value.
            1 | 2 => Ok(()),
            3 => self.skip(1),
            4..=6 => self.signed().map(|value| integer(path, value)),
            7 => self.skip(8),
            8 => self.unsigned().and_then(|length| self.skip(length)),
            9 | 10 => self.list(path, integer),
            12 => self.structure(path, integer),
            _ => Err(invalid(&format!("a value of type {kind}"))),
        }
    }

    fn list(&mut self, path: &[i16], integer: &mut dyn FnMut(&[i16], i64)) -> io::Result<()> {
        let header = self.byte()?;
        // Some writers give an empty list no type.
        if header == 0 {
            return Ok(());
        }
        let kind = header & 0xf;
        let count = match header >> 4 {
            15 => self.unsigned()?,
            count => count.into(),
        };
        // The crate takes nothing from the file for a boolean in a list that it does not know.
        if count > self.0.limit() || (count > 0 && kind <= 2) {
            return Err(invalid(&format!("a list of {count} values of type {kind}")));
        }
        let path = [path, &[0]].concat();
        (0..count).try_for_each(|_| self.value(kind, &path, integer))
    }
}

fn invalid(found: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("its metadata has {found}"))
}
