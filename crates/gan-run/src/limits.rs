//! Reading files that may be anything.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest `config.json` and `outcome.json` that are read.
pub(crate) const MAX_CONFIG: u64 = 1 << 20;
/// The largest `metrics.jsonl` that is read as a whole: some millions of rows.
pub(crate) const MAX_METRICS: u64 = 1 << 30;

/// The bytes of a file that has at most `limit` of them.
///
/// # Errors
/// When it is no file, has more, or the system refuses.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let refuse = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    // Before it is opened: opening a pipe would wait for its other end.
    if !path.metadata()?.is_file() {
        return refuse("this is no regular file".into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return refuse(format!("it has more than the {} MiB that are read at most", limit >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_nothing_else_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, [7; 10]).unwrap();
        assert_eq!(read(&path, 10).unwrap(), [7; 10]);
        assert_eq!(read(&path, 9).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(dir.path(), 9).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(&dir.path().join("none"), 9).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
