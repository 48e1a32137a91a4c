//! `gan-train`: trains a GAN on MNIST and data of its shape.

use std::process::ExitCode;

// A training step makes and drops megabytes of tensors: the system's allocator
// gives them back to the system each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gan_cli::exit::run("gan-train", gan_cli::train::main)
}
