//! `gan-runs`: lists runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    gan_cli::exit::run("gan-runs", gan_cli::runs::main)
}
