//! `gan-report`: makes a web page of runs, in one file.

use std::process::ExitCode;

fn main() -> ExitCode {
    gan_cli::exit::run("gan-report", gan_cli::report::main)
}
