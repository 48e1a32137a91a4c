//! Getting the images: from the folder, the network, or our own pen.

use std::path::{Path, PathBuf};

use gan_data::{Dataset, FILE_NAMES, KnownDataset, load_folder, missing_files, synthetic};
#[cfg(feature = "download")]
use gan_data::{DownloadOptions, download};

use super::options::DataOptions;
use crate::say;

/// The values of `--dataset`.
pub const NAMES: [&str; 5] = ["auto", "mnist", "fashion-mnist", "kmnist", "synthetic"];

/// Digits that the program draws for itself, and the seed of their data set: the
/// same for every training, whatever its own seed.
const SYNTHETIC: (usize, u64) = (20_000, 0);
/// The same of those that it is tested with.
const SYNTHETIC_TEST: (usize, u64) = (10_000, 1);

/// Images, and the folder they came from if they did.
pub struct Data {
    pub train: Dataset,
    pub dir: Option<PathBuf>,
    /// Images that no training sees; the program's own are drawn when they are asked for.
    test: Option<Dataset>,
}

impl Data {
    /// Gives away the images that no training sees.
    ///
    /// # Errors
    /// When they cannot be drawn.
    pub fn test(&mut self) -> anyhow::Result<Dataset> {
        let (count, seed) = SYNTHETIC_TEST;
        Ok(match self.test.take() {
            Some(test) => test,
            None => synthetic(count, seed)?,
        })
    }
}

/// # Errors
/// When the files are broken, or missing and not to be had.
pub fn get(options: &DataOptions, quiet: bool) -> anyhow::Result<Data> {
    let dir = folder(options);
    match options.dataset.as_str() {
        "synthetic" => drawn(),
        "fashion-mnist" => files(dir, KnownDataset::FashionMnist),
        "kmnist" => files(dir, KnownDataset::Kmnist),
        "mnist" => {
            fetch_missing(&dir, options, quiet)?;
            files(dir, KnownDataset::Mnist)
        }
        _ if missing_files(&dir).len() < FILE_NAMES.len() => {
            // Something is there: what is missing or broken of it is an error, not a reason
            // to learn from something else.
            fetch_missing(&dir, options, quiet)?;
            files(dir, KnownDataset::Mnist)
        }
        _ => match fetch_missing(&dir, options, quiet) {
            Ok(()) if missing_files(&dir).is_empty() => files(dir, KnownDataset::Mnist),
            failed => {
                let why = failed.err().map_or("--offline forbids it".into(), |e| e.to_string());
                say::note(format!(
                    "warning: no MNIST in {dir}, and no download ({why}): learning from digits that \
                     the program draws itself; for MNIST, give the folder of its four files \
                     with --data-dir",
                    dir = dir.display()
                ));
                drawn()
            }
        },
    }
}

/// Where the files are or would be.
pub fn folder(options: &DataOptions) -> PathBuf {
    let name = if options.dataset == "auto" { "mnist" } else { &options.dataset };
    options.dir.clone().unwrap_or_else(|| Path::new("data").join(name))
}

fn files(dir: PathBuf, kind: KnownDataset) -> anyhow::Result<Data> {
    let loaded = load_folder(&dir, kind)?;
    if kind == KnownDataset::Mnist && !loaded.published {
        say::note(format!(
            "warning: the files in {} have MNIST's names and shape but not its content",
            dir.display()
        ));
    }
    Ok(Data { train: loaded.train, test: Some(loaded.test), dir: Some(dir) })
}

fn drawn() -> anyhow::Result<Data> {
    let (count, seed) = SYNTHETIC;
    Ok(Data { train: synthetic(count, seed)?, test: None, dir: None })
}

#[cfg(not(feature = "download"))]
fn fetch_missing(dir: &Path, options: &DataOptions, _: bool) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.offline || missing_files(dir).is_empty(),
        "this program is built without the cargo feature `download`; put MNIST's four files into \
         {}, or name their folder with --data-dir",
        dir.display()
    );
    Ok(())
}

#[cfg(feature = "download")]
fn fetch_missing(dir: &Path, options: &DataOptions, quiet: bool) -> anyhow::Result<()> {
    use anyhow::Context;
    use indicatif::{ProgressBar, ProgressStyle};

    if options.offline || missing_files(dir).is_empty() {
        return Ok(());
    }
    if !quiet {
        say::note(format!("downloading MNIST to {}", dir.display()));
    }
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
    let style = "  {msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}";
    bar.set_style(
        ProgressStyle::with_template(style).context("progress bar")?.progress_chars("=> "),
    );
    let options = DownloadOptions { environment_proxy: true, ..DownloadOptions::default() };
    let done = download(dir, &options, &mut |progress| {
        bar.set_message(progress.file.to_owned());
        bar.set_length(progress.total.unwrap_or(progress.received));
        bar.set_position(progress.received);
    });
    bar.finish_and_clear();
    Ok(done?)
}
