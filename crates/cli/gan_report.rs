//! `gan-report`: writes a report of runs as one HTML file.

fn main() -> std::process::ExitCode {
    gan_cli::run(gan_cli::report::main)
}
