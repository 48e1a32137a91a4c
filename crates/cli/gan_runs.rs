//! `gan-runs`: lists runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    gan_cli::run(gan_cli::runs::main)
}
