//! `gan-eval`: evaluates generated samples.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gan_cli::run(gan_cli::eval::main)
}
