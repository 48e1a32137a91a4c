//! Reading files of unknown content with a size limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

/// The size limit of `config.json` and `outcome.json`.
pub(crate) const MAX_CONFIG: u64 = 1 << 20;
/// The size limit of a `metrics.jsonl` that is read at once: some millions of rows.
pub(crate) const MAX_METRICS: u64 = 1 << 30;

/// Opens a regular file for reading.
///
/// # Errors
/// When it is of another kind, or cannot be opened.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    // Before it is opened: opening a pipe would wait for its other end.
    if path.metadata()?.is_file() { File::open(path) } else { refuse("not a regular file".into()) }
}

fn refuse<T>(what: String) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidData, what))
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// When it is not a regular file, is larger, or cannot be read.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return refuse(format!("larger than the limit of {} MiB", limit >> 20));
    }
    Ok(bytes)
}

/// Reads a JSON file; `None` if it is missing, larger than 1 MiB or invalid.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&read(path, MAX_CONFIG).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, [7; 10]).unwrap();
        assert_eq!(read(&path, 10).unwrap(), [7; 10]);
        assert_eq!(read(&path, 9).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(dir.path(), 9).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(&dir.path().join("none"), 9).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
