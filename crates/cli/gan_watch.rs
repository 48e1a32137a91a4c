//! `gan-watch`: serves a live page of runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    gan_cli::run(gan_cli::watch::main)
}
