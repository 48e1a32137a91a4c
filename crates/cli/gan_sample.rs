//! `gan-sample`: draws digits from a checkpoint.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gan_cli::exit::run("gan-sample", gan_cli::sample::main)
}
