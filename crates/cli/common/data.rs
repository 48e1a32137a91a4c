//! Data sets: their flags, and loading from any path, the network, or the built-in digits.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use gan_core::ImageShape;
use gan_data::{
    Dataset, DatasetError, FILE_NAMES, ImageOptions, KnownDataset, Opened, SourceError,
    load_folder, missing_files, reshaped, synthetic,
};
#[cfg(feature = "download")]
use gan_data::{DownloadOptions, download};
use gan_run::RunDir;
use gan_train::RunConfig;
use serde::{Deserialize, Serialize};

use super::image_args::{ImageArgs, flags};
use super::output;

/// Which images, and where they may come from.
#[derive(Args, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct DatasetArgs {
    /// Images from any source: a folder of images, in a subfolder for each class or not; a .zip of
    /// it; a .npy, .npz or .csv; IDX files, or the folder that they are in. --dry-run shows what is
    /// found; docs/data.md has a table of all
    #[arg(long, value_name = "PATH", conflicts_with_all = ["dataset", "data_dir"])]
    pub data: Option<PathBuf>,

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

    #[command(flatten)]
    #[serde(flatten)]
    pub images: ImageArgs,

    /// What the run of a checkpoint recorded, which flags override.
    #[arg(skip)]
    #[serde(skip)]
    pub recorded: ImageOptions,
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

    /// The name of the data set, which for `auto` is MNIST's.
    pub fn name(self) -> &'static str {
        match self.origin() {
            Origin::Files(kind) => kind.name(),
            Origin::BuiltIn(name, _) => name,
        }
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
    /// What is made of each image.
    pub fn options(&self) -> ImageOptions {
        self.images.options(&self.recorded)
    }

    /// The data set called `name` in a checkpoint, from where its run at `root` had it, except where
    /// flags say otherwise. `None` if neither tells where it is.
    pub fn or_recorded(mut self, name: &str, root: &Path) -> Option<Self> {
        let run = RunDir::read_config::<RunConfig>(root);
        let is_recorded = self.dataset.is_none_or(|named| named.name() == name);
        if self.data.is_none() && self.dataset.is_none() {
            let data = run.as_ref().and_then(|run| run.data.clone());
            let data = data.filter(|_| self.data_dir.is_none());
            match DatasetName::recorded(name).filter(|_| data.is_none()) {
                Some(name) => self.dataset = Some(name),
                None => self.data = Some(data?),
            }
        }
        if let Some(run) = run {
            self.recorded = run.images;
            // Files that are gone, or of another data set, are looked for in the usual place.
            let folder = run.data_dir.filter(|folder| missing_files(folder).is_empty());
            self.data_dir = self.data_dir.or(folder.filter(|_| is_recorded));
        }
        Some(self)
    }

    /// The folder of the data files, whether or not it exists.
    pub fn folder(&self) -> PathBuf {
        let folder = self.dataset.unwrap_or_default().name();
        self.data_dir.clone().unwrap_or_else(|| Path::new("data").join(folder))
    }
}

/// Images, and where they were read from.
pub struct Data {
    pub train: Dataset,
    /// The folder of a named data set, unless it is built in.
    pub dir: Option<PathBuf>,
    /// The path of `--data`.
    pub path: Option<PathBuf>,
    /// How many test images there are.
    pub tests: usize,
    /// How many test images were taken from the training images, because there are no others.
    pub held_out: Option<usize>,
    /// Whether black and white were exchanged.
    pub inverted: bool,
    /// What was found at the path, as rows of a table.
    pub found: Vec<(&'static str, String)>,
    /// The flags that load it, with a blank before each.
    pub flags: String,
    /// Returns the test images, which no training uses; built-in ones are generated on demand.
    pub test: Box<dyn Fn() -> Result<Dataset, SourceError>>,
}

impl Data {
    /// A data set without files, with `tests` test images.
    pub fn new(
        train: Dataset,
        tests: usize,
        test: impl Fn() -> Result<Dataset, SourceError> + 'static,
    ) -> Self {
        let (dir, path, held_out, inverted) = (None, None, None, false);
        let (found, flags) = (Vec::new(), String::new());
        Self { train, dir, path, tests, held_out, inverted, found, flags, test: Box::new(test) }
    }

    /// What was found at the path, as rows.
    pub fn table(&self) -> String {
        let path = self.path.as_ref().map_or(String::new(), |path| path.display().to_string());
        let rows = [("images from", path)].into_iter().chain(self.found.iter().cloned());
        rows.map(|(name, text)| format!("  {name:<14}{text}")).collect::<Vec<_>>().join("\n")
    }
}

/// Loads the data set; `auto` falls back to the built-in digits when there is no MNIST.
pub fn load(args: &DatasetArgs, quiet: bool) -> Result<Data> {
    let options = args.options();
    let inverted = options.invert;
    if let Some(path) = &args.data {
        let flags = format!(" --data {}{}", quoted(&path.display().to_string()), flags(&options));
        return Ok(Data { inverted, flags, ..open(path, options, quiet)? });
    }
    let data = load_named(args, quiet)?;
    let folder = data
        .dir
        .as_deref()
        .map(|dir| format!(" --data-dir {}", quoted(&dir.display().to_string())));
    let (name, folder) = (data.train.name(), folder.unwrap_or_default());
    let test = data.test;
    Ok(Data {
        flags: format!(" --dataset {name}{folder}{}", flags(&options)),
        inverted,
        train: reshaped(data.train, &options)?,
        test: Box::new(move || reshaped(test()?, &options)),
        ..data
    })
}

/// The flags that give images this shape.
pub fn shape_flags(shape: ImageShape) -> String {
    let ImageShape { channels, height, width } = shape;
    format!("--size {width}x{height} --channels {channels}")
}

/// A word for a shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

fn open(path: &Path, options: ImageOptions, quiet: bool) -> Result<Data> {
    // It is recorded in files of text.
    let named = path.to_str().with_context(|| {
        format!("--data {}: its name is not UTF-8; expected one that is", path.display())
    })?;
    let bar = output::progress_bar("  reading images [{bar:30}] {pos}/{len}  {eta} left", quiet)?;
    let source = gan_data::Source { path: named.into(), options };
    let opened = gan_data::open(&source, &|progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
    });
    bar.finish_and_clear();
    let Opened { train, test, held_out, found } = opened?;
    let data = Data::new(train, test.len(), move || Ok(test.clone()));
    Ok(Data { path: Some(path.into()), held_out, found, ..data })
}

fn load_named(args: &DatasetArgs, quiet: bool) -> Result<Data> {
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
    let data = Data::new(loaded.train, loaded.test.len(), move || Ok(loaded.test.clone()));
    Ok(Data { dir: Some(dir), ..data })
}

/// Built-in images: the same for every training.
fn built_in(generate: Generate) -> Result<Data> {
    const TESTS: usize = 10_000;
    Ok(Data::new(generate(20_000, 0)?, TESTS, move || Ok(generate(TESTS, 1)?)))
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
