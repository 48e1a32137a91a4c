//! Groups of flags that several programs have.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command, ValueEnum};
use clap_complete::Shell;
use gan_model::device::{self, SelectedDevice};
use serde::{Deserialize, Serialize};

use super::exit::Failure;

/// Where to compute.
#[derive(Args, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct DeviceArgs {
    /// Where to compute: auto, flex, ndarray, wgpu[:N], cuda[:N] or rocm[:N]; auto is a GPU if
    /// this build supports one and it is present, else the CPU [default: auto]
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,

    /// Number of CPU threads; the result does not depend on it [default: one per processor]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl DeviceArgs {
    /// Sets the number of threads and selects the device.
    pub fn select(&self) -> Result<SelectedDevice, Failure> {
        if let Some(count) = self.threads {
            if !(1..=1024).contains(&count) {
                return Err(Failure::Usage(format!("--threads is {count}; expected 1 to 1024")));
            }
            gan_kernels::set_threads(count);
        }
        device::select(self.device.as_deref().unwrap_or("auto"))
            .map_err(|error| Failure::Usage(format!("--device: {error}")))
    }
}

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
}

impl DatasetArgs {
    /// The folder of the data files, whether or not it exists.
    pub fn folder(&self) -> PathBuf {
        let folder = match self.dataset.unwrap_or_default() {
            DatasetName::Auto | DatasetName::Mnist => "mnist",
            DatasetName::FashionMnist => "fashion-mnist",
            DatasetName::Kmnist => "kmnist",
            DatasetName::Synthetic => "synthetic",
        };
        self.data_dir.clone().unwrap_or_else(|| Path::new("data").join(folder))
    }
}

/// What is printed.
#[derive(Args, Clone, Copy, Debug)]
pub struct OutputArgs {
    /// Print the results as one JSON object on stdout
    #[arg(long)]
    pub json: bool,

    /// Print only warnings and errors on stderr
    #[arg(long, short)]
    pub quiet: bool,
}

// Not a doc comment, which clap would print as the program's description.
// Completion scripts and manual pages, which every program can print.
#[derive(Args, Clone, Copy, Debug)]
pub struct ShellArgs {
    /// Print a completion script for this shell and exit
    #[arg(long, value_name = "SHELL", hide_short_help = true)]
    completions: Option<Shell>,

    /// Print the manual page (roff) and exit
    #[arg(long, hide_short_help = true)]
    man: bool,
}

impl ShellArgs {
    /// Prints what the flags request on stdout; returns whether they request anything.
    pub fn print(self, mut command: Command) -> io::Result<bool> {
        let mut text = Vec::new();
        if let Some(shell) = self.completions {
            let name = command.get_name().to_owned();
            clap_complete::generate(shell, &mut command, name, &mut text);
        } else if self.man {
            clap_mangen::Man::new(command).render(&mut text)?;
        } else {
            return Ok(false);
        }
        io::stdout().write_all(&text)?;
        Ok(true)
    }
}
