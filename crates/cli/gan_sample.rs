//! `gan-sample`: generates samples from a checkpoint.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gan_cli::run(gan_cli::sample::main)
}
