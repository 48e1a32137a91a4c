//! Where the Hugging Face hub's data sets have their Parquet files.

use std::fs;
use std::path::{Path, PathBuf};

use gan_core::FileError;

use super::error::{SourceError, is_hidden};

/// What names of files and of folders begin with: of training, of tests, and of what is for tests if
/// there are no others.
const SPLITS: [&str; 3] = ["train", "test", "validation"];

/// The tables of training and of tests: those in a folder, or in all folders in it. A table is for
/// what its own name says, or else the name of the folder in the folder.
pub(crate) fn find(dir: &Path) -> Result<Option<[Vec<PathBuf>; 2]>, SourceError> {
    let (mut tables, folders) = list(dir)?;
    if tables.is_empty() {
        for folder in folders {
            tables.extend(list(&folder)?.0);
        }
    }
    let split = |path: &Path| {
        let folder = path.parent().filter(|folder| *folder != dir);
        [Some(path), folder].into_iter().flatten().find_map(|path| {
            let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
            SPLITS.iter().position(|split| name.starts_with(split))
        })
    };
    let of = |wanted| -> Vec<_> {
        tables.iter().filter(|path| split(path) == wanted).cloned().collect()
    };
    let train = Some(of(Some(0))).filter(|train| !train.is_empty()).unwrap_or_else(|| of(None));
    let test = Some(of(Some(1))).filter(|test| !test.is_empty()).unwrap_or_else(|| of(Some(2)));
    Ok((!train.is_empty()).then_some([train, test]))
}

/// The tables and the folders in a folder, sorted.
fn list(dir: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), SourceError> {
    let (mut tables, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(dir).map_err(FileError::new("read", dir))? {
        let entry = entry.map_err(FileError::new("read", dir))?;
        let path = entry.path();
        if is_hidden(&entry.file_name().to_string_lossy()) {
            continue;
        }
        if path.is_dir() {
            folders.push(path);
        } else if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
            tables.push(path);
        }
    }
    tables.sort();
    folders.sort();
    Ok((tables, folders))
}
