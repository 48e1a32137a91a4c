//! `gan-runs`: lists runs.

fn main() -> std::process::ExitCode {
    gan_cli::run(gan_cli::runs::main)
}
