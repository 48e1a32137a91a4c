//! `gan-train`: trains a GAN on MNIST or images of the same shape.

// A training step allocates and frees megabytes of tensors; the system's allocator returns them
// to the system each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    gan_cli::run(gan_cli::train::main)
}
