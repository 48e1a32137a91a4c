//! Paths that programs read from and write to.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use gan_run::CHECKPOINT;

/// The checkpoint file for `CKPT|DIR`: the file itself, or the one in a run directory.
pub fn checkpoint_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(CHECKPOINT) } else { path.to_path_buf() }
}

/// Creates an empty file in the working directory under the first free name of
/// `stem-0001.extension`, `stem-0002.extension`, …, so that no two processes use the same.
pub fn reserve(stem: &str, extension: &str) -> Result<PathBuf> {
    let mut number = 1_u64;
    loop {
        let name = format!("{stem}-{number:04}.{extension}");
        match File::create_new(&name) {
            Ok(_) => return Ok(name.into()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => bail!("cannot write {name}: {error}; choose another place with --out"),
        }
    }
}
