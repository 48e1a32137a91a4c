//! Downloads MNIST's missing files from a mirror and checks their digests.

mod fetch;
mod options;

use std::path::{Path, PathBuf};
use std::{fs, io};

use thiserror::Error;
use ureq::Agent;

use self::fetch::{Wanted, fetch, write};
pub use self::options::DownloadOptions;
use crate::mnist_folder::{FILE_NAMES, LAYOUTS, MNIST_SHA256, find_file};

/// Progress of one file. It starts again when another mirror is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadProgress<'a> {
    /// The file's name, with `.gz`.
    pub file: &'a str,
    /// The mirror, as in [`DownloadOptions::mirrors`].
    pub mirror: &'a str,
    /// Bytes received.
    pub received: u64,
    /// Bytes in all, if the mirror sends the number.
    pub total: Option<u64>,
}

/// Why a file could not be downloaded.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// No mirror sent the file.
    #[error(
        "cannot download {file}:\n  {}\n\
         expected MNIST's file from one of these addresses; try again later, \
         put the four .gz files into {} yourself, \
         or train on another data set (--dataset synthetic needs no download)",
        list(.attempts), .dir.display()
    )]
    Mirrors {
        /// The file's name.
        file: String,
        /// The folder that it was for.
        dir: PathBuf,
        /// Every address that was tried, in order, with what was received and expected.
        attempts: Vec<String>,
    },
    /// The folder cannot be written.
    #[error(
        "cannot write {}: {cause}; expected a writable folder with 12 MB free; \
         choose another one or free disk space",
        .path.display()
    )]
    Folder {
        /// What was to be written.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
}

/// Downloads those of MNIST's four `.gz` files that `dir` has neither compressed nor
/// uncompressed. Existing files are neither read nor overwritten.
///
/// A file is written when it is complete and its decompressed content has the published SHA-256,
/// through a `.part` file beside it that only a process killed at that moment leaves behind.
/// Files that were complete before a failure are kept.
///
/// # Errors
/// When no mirror sends a missing file, or `dir` cannot be written.
pub fn download(
    dir: &Path,
    options: &DownloadOptions,
    progress: &mut dyn FnMut(DownloadProgress<'_>),
) -> Result<(), DownloadError> {
    let wanted = [0, 1, 2, 3].map(|file| Wanted {
        name: FILE_NAMES[file],
        sha256: MNIST_SHA256[file],
        len: LAYOUTS[file].file_len(),
    });
    fetch_all(&wanted, dir, options, progress)
}

fn fetch_all(
    wanted: &[Wanted<'_>],
    dir: &Path,
    options: &DownloadOptions,
    progress: &mut dyn FnMut(DownloadProgress<'_>),
) -> Result<(), DownloadError> {
    let missing: Vec<_> =
        wanted.iter().filter(|file| find_file(dir, file.name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let created: Vec<_> = dir.ancestors().take_while(|folder| !folder.exists()).collect();
    let fetched = fetch_missing(&missing, dir, options, progress);
    if fetched.is_err() {
        for folder in created {
            // Only an empty one is removed.
            let _ = fs::remove_dir(folder);
        }
    }
    fetched
}

fn fetch_missing(
    missing: &[&Wanted<'_>],
    dir: &Path,
    options: &DownloadOptions,
    progress: &mut dyn FnMut(DownloadProgress<'_>),
) -> Result<(), DownloadError> {
    let folder = |path: &Path, cause| DownloadError::Folder { path: path.to_owned(), cause };
    fs::create_dir_all(dir).map_err(|cause| folder(dir, cause))?;

    let agent = agent(options);
    let mut mirrors: Vec<&str> = options.mirrors.iter().map(String::as_str).collect();
    for file in missing {
        let name = &format!("{}.gz", file.name);
        let mut attempts = Vec::new();
        loop {
            let Some(&mirror) = mirrors.get(attempts.len()) else {
                let (file, dir) = (name.clone(), dir.to_owned());
                return Err(DownloadError::Mirrors { file, dir, attempts });
            };
            let address = format!("{}/{name}", mirror.trim_end_matches('/'));
            let mut progress = |received, total| {
                progress(DownloadProgress { file: name, mirror, received, total });
            };
            match fetch(&agent, &address, file, options, &mut progress) {
                Ok(bytes) => {
                    let target = dir.join(name);
                    write(&bytes, &target).map_err(|cause| folder(&target, cause))?;
                    break;
                }
                Err(reason) => attempts.push(format!("{address}: {reason}")),
            }
        }
        // The mirror that worked is tried first for the next file.
        mirrors.rotate_left(attempts.len());
    }
    Ok(())
}

fn agent(options: &DownloadOptions) -> Agent {
    let mut config = Agent::config_builder()
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_per_read(Some(options.stall_timeout))
        .timeout_per_write(Some(options.stall_timeout))
        .timeout_global(Some(options.total_timeout));
    if !options.environment_proxy {
        config = config.proxy(None);
    }
    config.build().into()
}

fn list(attempts: &[String]) -> String {
    if attempts.is_empty() { "no mirror was given".into() } else { attempts.join("\n  ") }
}

#[cfg(test)]
mod tests;
