//! Where the Hugging Face hub's data sets have their Parquet files.

use std::fs;
use std::path::{Path, PathBuf};

use gan_core::FileError;

use super::error::SourceError;

/// The tables of a data set: in a folder, or in a folder in it, by `train` and `test` in their names.
pub(crate) fn find(dir: &Path) -> Result<Option<[Vec<PathBuf>; 2]>, SourceError> {
    let mut folders = vec![dir.to_owned()];
    let mut tables = Vec::new();
    for index in 0.. {
        let Some(folder) = folders.get(index).cloned() else { break };
        for entry in fs::read_dir(&folder).map_err(FileError::new("read", &folder))? {
            let path = entry.map_err(FileError::new("read", &folder))?.path();
            if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
                tables.push(path);
            } else if folder == dir && path.is_dir() {
                folders.push(path);
            }
        }
        if !tables.is_empty() {
            break;
        }
    }
    tables.sort();
    let named = |path: &Path, word| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(word))
    };
    let test: Vec<_> = tables.iter().filter(|path| named(path, "test")).cloned().collect();
    let mut train: Vec<_> = tables.iter().filter(|path| named(path, "train")).cloned().collect();
    if train.is_empty() {
        train = tables.into_iter().filter(|path| !test.contains(path)).collect();
    }
    Ok((!train.is_empty()).then_some([train, test]))
}
