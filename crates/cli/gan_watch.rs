//! `gan-watch`: serves a live page of runs.

fn main() -> std::process::ExitCode {
    gan_cli::run(gan_cli::watch::main)
}
