//! Groups of flags that several programs have.

use std::io::{self, Write};

use clap::{Args, Command};
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
