//! `gan-sweep`: trains a GAN many times, with different settings.

fn main() -> std::process::ExitCode {
    gan_cli::run(gan_cli::sweep::main)
}
