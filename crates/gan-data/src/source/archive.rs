//! Zip archives, read in memory: nothing is unpacked to the disk.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::error::{Fault, SourceError, one_line, shown};
use super::idx::{MAX_INFLATION, open_regular};

/// An archive and its files' names.
pub(crate) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    names: Vec<String>,
    length: u64,
}

impl Archive {
    /// Opens an archive. Its files may not overlap, so that all of them together are no larger than
    /// the archive can make them.
    pub(crate) fn open(path: &Path) -> Result<Self, SourceError> {
        let file = open_regular(path)?;
        Self::of(file).map_err(|fault| fault.of(path))
    }

    fn of(file: File) -> Result<Self, Fault> {
        let length = file.metadata()?.len();
        let mut zip = ZipArchive::new(BufReader::new(file))?;
        if zip.has_overlapping_entries()? {
            return Err(Fault::new(
                "its files overlap",
                "a zip archive as other programs write it",
            ));
        }
        let mut names = Vec::with_capacity(zip.len());
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index)?;
            let name = entry.name()?.into_owned();
            if entry.encrypted() {
                let found = format!("{} in it is encrypted", one_line(&name));
                return Err(Fault::new(found, "an archive without a password"));
            }
            // Nothing is unpacked, but such an archive is no archive of images.
            if entry.enclosed_name().is_none() {
                let found = format!("{} in it leads out of the archive", one_line(&name));
                return Err(Fault::new(found, "relative names without .."));
            }
            // Some programs begin every name so.
            names.push(name.trim_start_matches("./").to_owned());
        }
        Ok(Self { zip, names, length })
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn name(&self, index: usize) -> &str {
        &self.names[index]
    }

    /// The files that are NumPy's arrays, in the archive's order.
    pub(crate) fn arrays(&self) -> Vec<usize> {
        let is_array = |index: &usize| {
            Path::new(&self.names[*index]).extension().is_some_and(|ending| ending == "npy")
        };
        (0..self.names.len()).filter(is_array).collect()
    }

    /// A file of the archive, for a message.
    pub(crate) fn place(&self, path: &Path, index: usize) -> String {
        format!("{}: {}", shown(path), one_line(self.name(index)))
    }

    /// The content of a file, and the most bytes that it can have.
    pub(crate) fn read(&mut self, index: usize) -> Result<(Box<dyn Read + '_>, u64), Fault> {
        let file = self.zip.by_index(index)?;
        let most = file.compressed_size().min(self.length).saturating_mul(MAX_INFLATION);
        let most = most.min(file.size());
        Ok((Box::new(file), most))
    }
}

impl From<zip::result::ZipError> for Fault {
    fn from(error: zip::result::ZipError) -> Self {
        Self::new(format!("it cannot be read ({error})"), "a whole zip archive")
    }
}
