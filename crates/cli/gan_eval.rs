//! `gan-eval`: evaluates generated samples.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    gan_cli::run(gan_cli::eval::main)
}
