//! `gan-watch`: serves a page on which runs can be watched.

use std::process::ExitCode;

fn main() -> ExitCode {
    gan_cli::exit::run("gan-watch", gan_cli::watch::main)
}
