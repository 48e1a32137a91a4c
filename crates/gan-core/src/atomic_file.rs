//! Atomic replacement of a file: a reader sees the old content or the new one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::FileError;

/// The temporary files that this process is writing.
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn temporary_files() -> MutexGuard<'static, Vec<PathBuf>> {
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes `bytes` to a temporary file beside `path`, syncs it, renames it to `path`, and syncs the
/// directory where that is possible.
///
/// # Errors
/// When the system refuses. The temporary file is removed, and `path` is unchanged; or `path` is
/// replaced, and an error of the disk kept the directory from being synced.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_with(path, |file| file.write_all(bytes)).map_err(FileError::new("write", path))
}

/// Like [`write()`], with the bytes that `fill` writes.
///
/// # Errors
/// The error of `fill`, or of the system as of [`write()`].
pub fn write_with<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), E> {
    let (temporary, file) = create_temporary(path)?;
    let replace = || -> Result<(), E> {
        let mut file = BufWriter::new(file);
        fill(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(fs::rename(&temporary, path)?)
    };
    let written = replace();
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    temporary_files().retain(|file| *file != temporary);
    written?;
    Ok(sync_directory(directory(path))?)
}

/// Syncs a directory where that is possible.
fn sync_directory(path: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened as a file.
    if cfg!(not(unix)) {
        return Ok(());
    }
    // A directory may be writable and not readable, and some file systems sync none.
    let refused = [ErrorKind::PermissionDenied, ErrorKind::Unsupported, ErrorKind::InvalidInput];
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.or_else(|error| if refused.contains(&error.kind()) { Ok(()) } else { Err(error) })
}

/// Removes the temporary files of this process before it ends by a signal. From then on
/// [`write_with()`] never returns.
pub fn abandon() {
    let temporary = temporary_files();
    for path in temporary.iter() {
        // There is nobody to tell.
        let _ = fs::remove_file(path);
    }
    // Whoever else writes waits for the lock until the process has ended.
    std::mem::forget(temporary);
}

/// Creates a temporary file with a number that no other file has: the first one, of this process, may
/// be that of one in another container, or of one that was killed.
fn create_temporary(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    let mut created = temporary_files();
    let mut number = std::process::id();
    loop {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{number}.tmp"));
        let temporary = path.with_file_name(temporary);
        match File::create_new(&temporary) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                number = number.wrapping_add(1);
            }
            opened => {
                let file = opened?;
                created.push(temporary.clone());
                return Ok((temporary, file));
            }
        }
    }
}

/// Whether `path` has the name of a temporary file of [`write()`], which only a killed process
/// leaves behind.
pub fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
    let number = name.and_then(|name| name.rsplit_once('.')).map(|(_, number)| number);
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// The directory that `path` is in: `.` for a name alone.
pub fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_no_temporary_file_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_temporary_file_is_recognised_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let two = [(); 2].map(|()| create_temporary(&dir.path().join("ckpt.mpk")).unwrap().0);
        assert!(two[0] != two[1] && two.iter().all(|path| is_temporary(path)), "{two:?}");
        for name in ["ckpt.mpk", ".ckpt.mpk", ".x.tmp", "notes.12.tmp", ""] {
            assert!(!is_temporary(Path::new(name)), "{name}");
        }
    }

    /// The directories of `/proc` cannot be synced, even by root.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_directory_that_cannot_be_synced_is_no_error() {
        let proc = Path::new("/proc");
        assert!(File::open(proc).unwrap().sync_all().is_err());
        sync_directory(proc).unwrap();
        assert!(sync_directory(Path::new("/proc/missing")).is_err());
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let occupied = dir.path().join("occupied");
        fs::create_dir_all(occupied.join("by a directory")).unwrap();
        assert!(write(&occupied, b"new").is_err());
        assert!(write(&dir.path().join("missing").join("file"), b"new").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
