//! Groups of flags that several programs have.

use std::path::{Path, PathBuf};

use clap::Args;
use gan_kernels::InstructionSet;
use gan_model::device::{self, SelectedDevice};
use gan_run::CHECKPOINT;
use gan_serve::{DEFAULT_ADDRESS, ListenAddress, Listener};
use serde::{Deserialize, Serialize};

use super::output;
use super::run::{Failure, check_range, usage};

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
    /// Sets the number of threads and the instruction set, and selects the device.
    pub fn select(&self) -> Result<SelectedDevice, Failure> {
        if let Some(count) = self.threads {
            check_range("threads", count, 1..=1024)?;
            // More would wait for each other.
            let most = std::thread::available_parallelism().map_or(count, usize::from);
            if count > most {
                output::log(format!(
                    "warning: --threads {count}, but this process may use {most}: using {most}"
                ));
            }
            gan_kernels::set_threads(count.min(most));
        }
        if let Some(name) = std::env::var_os(INSTRUCTION_SET).filter(|name| !name.is_empty()) {
            set_instruction_set(&name.to_string_lossy())?;
        }
        device::select(self.device.as_deref().unwrap_or("auto"))
            .map_err(|error| usage!("--device: {error}"))
    }
}

/// An environment variable that holds the kernels to one instruction set.
const INSTRUCTION_SET: &str = "GAN_INSTRUCTION_SET";

fn set_instruction_set(name: &str) -> Result<(), Failure> {
    let known = InstructionSet::ALL;
    let Some((set, _)) = known.into_iter().find(|(_, known)| *known == name) else {
        let names = known.map(|(_, name)| name).join(", ");
        return Err(usage!("{INSTRUCTION_SET} is {name:?}; expected one of {names}"));
    };
    gan_kernels::set_instruction_set(set)
        .map_err(|set| usage!("{INSTRUCTION_SET} is {set}, which this processor does not have"))
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

/// Where to serve the live page.
#[derive(Args, Clone, Debug, Default)]
pub struct PageArgs {
    /// Serve a live page of the runs at this address, or at this port of this machine; port 0 is
    /// any free one [default: 127.0.0.1:8787 or the next free port]
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, default_missing_value = "auto")]
    pub serve: Option<String>,

    /// Allow --serve an address that other machines can reach; anyone who can reach it can see
    /// the runs, without a password and unencrypted
    #[arg(long, requires = "serve")]
    pub serve_anyone: bool,
}

impl PageArgs {
    /// Opens the address; warns when other machines can reach it.
    pub fn listen(&self) -> Result<Listener, Failure> {
        let listen = match self.serve.as_deref() {
            None | Some("auto") => ListenAddress::default(),
            Some(text) => ListenAddress::parse(text, self.serve_anyone)
                .map_err(|error| usage!("--serve: {error}"))?,
        };
        let listener = Listener::bind(listen)?;
        if listen == ListenAddress::default() && listener.address() != DEFAULT_ADDRESS {
            let url = page_url(&listener);
            output::log(format!("warning: {DEFAULT_ADDRESS} is in use; the page is at {url}"));
        }
        if listener.is_public() {
            output::log(format!(
                "warning: --serve-anyone: anyone who can reach {} can see the runs, without a \
                 password and unencrypted",
                listener.address()
            ));
        }
        Ok(listener)
    }
}

/// The address for a browser.
pub fn page_url(listener: &Listener) -> String {
    format!("http://{}/", listener.address())
}

/// The checkpoint that `CKPT|DIR` names: the file itself, or the one in a run directory.
pub fn checkpoint_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(CHECKPOINT) } else { path.to_path_buf() }
}

/// The path from the root, which other directories understand as well.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}
