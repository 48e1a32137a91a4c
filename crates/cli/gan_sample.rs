//! `gan-sample`: generates samples from a checkpoint.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    gan_cli::run(gan_cli::sample::main)
}
