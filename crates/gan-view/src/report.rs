//! A report: one web page of one run or of several, which needs nothing beside itself.

mod page;
mod parts;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use gan_run::Record;

use crate::error::{ViewError, io};

/// How every report begins, by which it is known again.
const BEGIN: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                     <meta name=\"generator\" content=\"gan-report ";

/// The page of these runs, in their order: their digits, what went wrong, curves, settings.
///
/// # Errors
/// When the drawing library refuses.
pub fn report(records: &[Record]) -> Result<String, ViewError> {
    page::page(records)
}

/// Writes the [`report`] of these runs. An old report is replaced at once; anything else of
/// that name only by `force`.
///
/// # Errors
/// When something else lies there, or the system refuses.
pub fn write_report(records: &[Record], path: &Path, force: bool) -> Result<(), ViewError> {
    if !force && path.exists() && !is_report(path).map_err(io("read", path))? {
        return Err(ViewError::NotOurs(path.into()));
    }
    gan_core::atomic_file::write(path, report(records)?.as_bytes()).map_err(io("write", path))
}

/// Whether the file is a report that was written here.
///
/// # Errors
/// When the system refuses.
pub fn is_report(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    File::open(path)?.take(BEGIN.len() as u64).read_to_end(&mut begin)?;
    Ok(begin == BEGIN.as_bytes())
}

#[cfg(test)]
mod tests;
