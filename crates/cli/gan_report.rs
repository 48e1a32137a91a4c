//! `gan-report`: writes a report of runs as one HTML file.

use std::process::ExitCode;

fn main() -> ExitCode {
    gan_cli::run(gan_cli::report::main)
}
