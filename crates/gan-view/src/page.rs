//! The beginning of every report, which identifies it.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use gan_core::FileError;

use crate::error::ViewError;
use crate::html::{Escaped, put};
use crate::palette;

const START: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                     <meta name=\"generator\" content=\"gan-report ";

/// A page up to its title, within the header.
pub fn start(title: &str) -> String {
    let (title, css) = (Escaped(title), palette::css());
    let (version, page_css) = (env!("CARGO_PKG_VERSION"), include_str!("report/page.css"));
    let mut page = String::from(START);
    put!(
        page,
        "{version}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{css}{page_css}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
    );
    page
}

/// Checks that a new report may be written to `path`: nothing is there, or an old report, or, with
/// `force`, any regular file.
pub fn check_replaceable(path: &Path, force: bool) -> Result<(), ViewError> {
    match fs::metadata(path) {
        // Reading a pipe would wait for its other end.
        Ok(file) if !file.is_file() => Err(ViewError::NotAFile(path.into())),
        Ok(_) if !force && !is_report(path)? => Err(ViewError::NotAReport(path.into())),
        _ => Ok(()),
    }
}

/// Whether a file is a report.
fn is_report(path: &Path) -> Result<bool, FileError> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(FileError::new("read", path))?;
    let read = file.take(START.len() as u64).read_to_end(&mut start);
    read.map_err(FileError::new("read", path))?;
    Ok(start == START.as_bytes())
}
