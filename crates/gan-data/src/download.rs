//! MNIST from a mirror: only what is missing, and only after its digest was checked.

mod fetch;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, fs, io};

use thiserror::Error;
use ureq::Agent;

use self::fetch::{Failure, Wanted, fetch};
use crate::files::{FILE_NAMES, LAYOUTS, MNIST_SHA256, is_present};

/// Where files are fetched from, and how long and how large they may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadOptions {
    /// Addresses of folders that hold MNIST's four `.gz` files. Each file is
    /// asked of one after another until one of them gives it.
    pub mirrors: Vec<String>,
    /// How long finding and reaching a host may take.
    pub connect_timeout: Duration,
    /// How long a mirror may send nothing.
    pub stall_timeout: Duration,
    /// How long a file may take, however steadily it drips.
    pub total_timeout: Duration,
    /// The largest `.gz` file that is accepted, in bytes.
    pub max_bytes: u64,
    /// Go through the proxy that the environment names (`HTTPS_PROXY`,
    /// `ALL_PROXY`, … and `NO_PROXY`), as other programs do.
    pub environment_proxy: bool,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self {
            mirrors: vec![
                "https://ossci-datasets.s3.amazonaws.com/mnist/".into(),
                "https://storage.googleapis.com/cvdf-datasets/mnist/".into(),
            ],
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(20),
            total_timeout: Duration::from_mins(30),
            // The largest published file has 9 912 422.
            max_bytes: 16 << 20,
            environment_proxy: false,
        }
    }
}

/// How far a file has come. Counts start again when another mirror is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file's name, with `.gz`.
    pub file: &'a str,
    /// The mirror that is sending it, as in [`DownloadOptions::mirrors`].
    pub mirror: &'a str,
    /// Bytes received.
    pub received: u64,
    /// Bytes announced, if the mirror says.
    pub total: Option<u64>,
}

/// An address that did not give a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The file's address.
    pub address: String,
    /// What came instead, and what was expected.
    pub reason: String,
}

/// Why a file is still missing.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// No mirror gave the file.
    #[error(
        "cannot download {file}:\n  {}\n\
         expected one of these addresses to give MNIST's file; try again later, \
         put the four .gz files into {} yourself, \
         or learn from another data set (--dataset synthetic needs no download)",
        list(.attempts), .dir.display()
    )]
    Mirrors {
        /// The file's name.
        file: String,
        /// Where it was to go.
        dir: PathBuf,
        /// Every address that was asked, in order.
        attempts: Vec<Attempt>,
    },
    /// The folder does not take the file.
    #[error(
        "cannot write {}: {cause}; expected a folder that may be written, with room for 12 MB; \
         choose another one or make room",
        .path.display()
    )]
    Folder {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// Fetches those of MNIST's four `.gz` files that `dir` has neither as they
/// are nor decompressed. Nothing that is there is looked into or overwritten.
///
/// A file gets its name only when its decompressed content has the published
/// SHA-256 and is on the disk; until then it is a `.part` file of its own, so
/// that two downloads at once do not meet. A failure removes that one, and
/// leaves what was fetched before it; only a process that is killed leaves a
/// `.part` behind, which nothing reads.
///
/// # Errors
/// When no mirror gives a missing file, or `dir` cannot be written.
pub fn download(
    dir: &Path,
    options: &DownloadOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DownloadError> {
    let wanted: Vec<_> = FILE_NAMES
        .into_iter()
        .zip(LAYOUTS.iter().zip(MNIST_SHA256))
        .map(|(name, (layout, sha256))| Wanted { name, sha256, len: layout.file_len() })
        .collect();
    fetch_all(&wanted, dir, options, progress)
}

fn fetch_all(
    wanted: &[Wanted<'_>],
    dir: &Path,
    options: &DownloadOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DownloadError> {
    let missing: Vec<_> = wanted.iter().filter(|file| !is_present(dir, file.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
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
            let mut report =
                |received, total| progress(Progress { file: name, mirror, received, total });
            match fetch(&agent, &address, file, &dir.join(name), options, &mut report) {
                Ok(()) => break,
                Err(Failure::Mirror(reason)) => attempts.push(Attempt { address, reason }),
                Err(Failure::Folder(cause)) => return Err(folder(&dir.join(name), cause)),
            }
        }
        // The mirror that gave this file is the first to be asked for the next.
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

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.reason)
    }
}

fn list(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return "no address was given".into();
    }
    attempts.iter().map(Attempt::to_string).collect::<Vec<_>>().join("\n  ")
}

#[cfg(test)]
mod tests;
