//! Runs a program: from its command line to its exit code.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, Parser, value_parser};
use clap_complete::Shell;
use gan_core::atomic_file::directory;

use super::output;

/// A program's exit other than success, which is code 0.
#[derive(Debug)]
pub enum Failure {
    /// 1: a file, a device or the network failed.
    Failed(anyhow::Error),
    /// 2: flags or a configuration file with invalid values.
    Usage(String),
    /// 3: a loss or a weight is not finite.
    Diverged(anyhow::Error),
    /// 128 + signal: interrupted, after saving.
    Interrupted(i32),
}

/// The exit codes of a program that does not train, for `--help`.
pub const CODES: &str = "Exit codes: 0 success, 1 failure, 2 wrong usage.";

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A [`Failure::Usage`] with a formatted message.
macro_rules! usage {
    ($($message:tt)*) => { $crate::common::Failure::Usage(format!($($message)*)) };
}
pub(crate) use usage;

/// Checks the factor of latent vectors.
pub fn check_truncation(factor: f32) -> Result<(), Failure> {
    if (0.0..=1.0).contains(&factor) {
        return Ok(());
    }
    Err(usage!("--truncation is {factor}; expected 0 to 1"))
}

/// Checks the number that a flag gives.
pub fn check_range(flag: &str, value: usize, range: RangeInclusive<usize>) -> Result<(), Failure> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(usage!("--{flag} is {value}; expected {} to {}", range.start(), range.end()))
}

/// Checks the name of a PNG that a flag gives.
pub fn check_png(flag: &str, path: &Path) -> Result<(), Failure> {
    let found = path.display();
    if path.is_dir() || path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("png")) {
        return Err(usage!("--{flag} {found}: not the name of a PNG; expected FILE.png"));
    }
    if !directory(path).is_dir() {
        return Err(usage!("--{flag} {found}: its folder does not exist; create it first"));
    }
    Ok(())
}

/// The command line of a program, with the flags that all programs have.
pub fn command<A: Parser>() -> Command {
    let completions = Arg::new("completions")
        .long("completions")
        .value_name("SHELL")
        .value_parser(value_parser!(Shell))
        .help("Print a completion script for this shell and exit");
    let man = Arg::new("man")
        .long("man")
        .action(ArgAction::SetTrue)
        .help("Print the manual page (roff) and exit");
    let command = A::command().version(env!("CARGO_PKG_VERSION")).max_term_width(100);
    command.args([completions, man].map(|arg| arg.hide_short_help(true)))
}

/// Prints the completion script or the manual page if the flags request it; returns whether they do.
fn print_for_shell(mut command: Command, matches: &ArgMatches) -> io::Result<bool> {
    let mut text = Vec::new();
    if let Some(&shell) = matches.get_one::<Shell>("completions") {
        let name = command.get_name().to_owned();
        clap_complete::generate(shell, &mut command, name, &mut text);
    } else if matches.get_flag("man") {
        clap_mangen::Man::new(command).render(&mut text)?;
    } else {
        return Ok(false);
    }
    io::stdout().write_all(&text)?;
    Ok(true)
}

/// Runs a program; an error is printed on stderr.
pub fn run<A: Parser>(main: impl FnOnce(&A) -> Result<(), Failure>) -> ExitCode {
    let mut command = command::<A>();
    let name = command.get_name().to_owned();
    let matches = command.clone().get_matches();
    let args = A::from_arg_matches(&matches);
    let args = args.unwrap_or_else(|error| error.format(&mut command).exit());
    let result = match print_for_shell(command, &matches) {
        Ok(true) => Ok(()),
        Ok(false) => main(&args),
        Err(error) => Err(error.into()),
    };
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let (code, error) = match failure {
        Failure::Failed(error) => (1, with_causes(&error)),
        Failure::Usage(what) => {
            (2, format!("{what}\n\nFor more information, try '{name} --help'."))
        }
        Failure::Diverged(error) => (3, with_causes(&error)),
        Failure::Interrupted(signal) => return ExitCode::from(128 + signal as u8),
    };
    output::log(format!("error: {error}"));
    ExitCode::from(code)
}

/// An error and its causes, but for those in its text, as our own errors have.
fn with_causes(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match &*text {
        "" => cause,
        _ if text.contains(&cause) => text,
        _ => format!("{text}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use gan_core::FileError;

    use super::*;

    #[test]
    fn each_cause_of_an_error_is_shown_once() {
        let cause = || io::Error::other("full");
        let ours = FileError::new("write", Path::new("x"))(cause());
        assert_eq!(with_causes(&ours.into()), "cannot write x: full");
        let theirs = Err::<(), _>(cause()).context("cannot read y").unwrap_err();
        assert_eq!(with_causes(&theirs), "cannot read y: full");
    }
}
