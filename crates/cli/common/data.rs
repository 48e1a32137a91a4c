//! Data sets: their flags, and loading from a folder, the network, or the built-in digits.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use gan_data::{
    Dataset, DatasetError, FILE_NAMES, KnownDataset, load_folder, missing_files, synthetic,
};
#[cfg(feature = "download")]
use gan_data::{DownloadOptions, download};
use gan_run::RunDir;
use gan_train::RunConfig;
use serde::{Deserialize, Serialize};

use super::output;

/// Which images, and where they may come from.
#[derive(Args, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct DatasetArgs {
    /// Data set to train on; auto is MNIST, from --data-dir or downloaded, else the built-in
    /// synthetic digits [default: auto]
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<DatasetName>,

    /// Folder with the four data files, raw or .gz [default: data/mnist, or data/NAME for
    /// another data set; with a checkpoint, the folder that its run used]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Never use the network
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL")]
    pub offline: Option<bool>,
}

/// A value of `--dataset`.
#[derive(ValueEnum, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetName {
    #[default]
    Auto,
    Mnist,
    FashionMnist,
    Kmnist,
    Synthetic,
}

impl DatasetName {
    /// The name as it is recorded in a checkpoint: `None` for other data sets, and for `auto`,
    /// which is none.
    pub fn recorded(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok().filter(|&name| name != Self::Auto)
    }

    fn origin(self) -> Origin {
        match self {
            Self::Auto | Self::Mnist => Origin::Files(KnownDataset::Mnist),
            Self::FashionMnist => Origin::Files(KnownDataset::FashionMnist),
            Self::Kmnist => Origin::Files(KnownDataset::Kmnist),
            Self::Synthetic => Origin::BuiltIn("synthetic", synthetic),
        }
    }
}

/// Where the images of a data set come from.
enum Origin {
    /// Files in a folder.
    Files(KnownDataset),
    /// A function of their number and a seed, and its name.
    BuiltIn(&'static str, Generate),
}

type Generate = fn(usize, u64) -> Result<Dataset, DatasetError>;

impl DatasetArgs {
    /// The folder of the data files, whether or not it exists.
    pub fn folder(&self) -> PathBuf {
        let folder = match self.dataset.unwrap_or_default().origin() {
            Origin::Files(kind) => kind.name(),
            Origin::BuiltIn(name, _) => name,
        };
        self.data_dir.clone().unwrap_or_else(|| Path::new("data").join(folder))
    }
}

/// Images, and the folder they were read from.
pub struct Data {
    pub train: Dataset,
    /// The folder, unless they are built in.
    pub dir: Option<PathBuf>,
    /// Returns the test images, which no training uses; built-in ones are generated on demand.
    pub test: Box<dyn Fn() -> Result<Dataset, DatasetError>>,
}

/// Loads the data set; `auto` falls back to the built-in digits when there is no MNIST.
pub fn load(args: &DatasetArgs, quiet: bool) -> Result<Data> {
    let (dir, name) = (args.folder(), args.dataset.unwrap_or_default());
    let kind = match name.origin() {
        Origin::Files(kind) => kind,
        Origin::BuiltIn(_, generate) => return built_in(generate),
    };
    if kind == KnownDataset::Mnist {
        // With some of the files present, a missing or damaged one is an error.
        let optional = name == DatasetName::Auto && missing_files(&dir).len() == FILE_NAMES.len();
        let skip = args.offline == Some(true) || missing_files(&dir).is_empty();
        let downloaded = if skip { Ok(()) } else { download_mnist(&dir, quiet) };
        if optional && (downloaded.is_err() || !missing_files(&dir).is_empty()) {
            let why = downloaded.err().map_or("--offline is set".into(), |e| e.to_string());
            output::log(format!(
                "warning: no MNIST in {}, and no download ({why}): using the built-in synthetic \
                 digits; for MNIST, give the folder with its four files with --data-dir",
                dir.display()
            ));
            return built_in(synthetic);
        }
        downloaded?;
    }
    let loaded = load_folder(&dir, kind)?;
    if kind == KnownDataset::Mnist && !loaded.published {
        output::log(format!(
            "warning: the files in {} have MNIST's names and shape, but other content",
            dir.display()
        ));
    }
    let test = Box::new(move || Ok(loaded.test.clone()));
    Ok(Data { train: loaded.train, test, dir: Some(dir) })
}

/// The data folder that the run at `root` recorded, if its files still exist. This is the only
/// path that is taken from a file, so nothing is ever downloaded to it.
pub fn recorded_folder(root: &Path) -> Option<PathBuf> {
    RunDir::read_config::<RunConfig>(root)?
        .data_dir
        .filter(|folder| missing_files(folder).is_empty())
}

/// Built-in images: the same for every training.
fn built_in(generate: Generate) -> Result<Data> {
    Ok(Data { train: generate(20_000, 0)?, test: Box::new(move || generate(10_000, 1)), dir: None })
}

#[cfg(not(feature = "download"))]
fn download_mnist(dir: &Path, _quiet: bool) -> Result<()> {
    anyhow::bail!(
        "this program is built without the cargo feature `download`; put MNIST's four files into \
         {}, or name their folder with --data-dir",
        dir.display()
    );
}

#[cfg(feature = "download")]
fn download_mnist(dir: &Path, quiet: bool) -> Result<()> {
    if !quiet {
        output::log(format!("downloading MNIST to {}", dir.display()));
    }
    let template = "  {msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}";
    let bar = output::progress_bar(template, quiet)?;
    let options = DownloadOptions { environment_proxy: true, ..DownloadOptions::default() };
    let done = download(dir, &options, &mut |progress| {
        bar.set_message(progress.file.to_owned());
        bar.set_length(progress.total.unwrap_or(progress.received));
        bar.set_position(progress.received);
    });
    bar.finish_and_clear();
    Ok(done?)
}
