//! `gan-train`: trains a GAN on MNIST or images of the same shape.

use std::process::ExitCode;

// A training step allocates and frees megabytes of tensors; the system's allocator returns them
// to the system each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gan_cli::run(gan_cli::train::main)
}
