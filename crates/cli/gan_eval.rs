//! `gan-eval`: measures how good generated digits are.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gan_cli::exit::run("gan-eval", gan_cli::eval::main)
}
