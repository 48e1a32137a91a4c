//! Runs a program: from its command line to its exit code.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::process::ExitCode;

use clap::{Args, Command, FromArgMatches, Parser};
use clap_complete::Shell;

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

/// Checks the number that a flag gives.
pub fn check_range(flag: &str, value: usize, range: RangeInclusive<usize>) -> Result<(), Failure> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(usage!("--{flag} is {value}; expected {} to {}", range.start(), range.end()))
}

// Not a doc comment, which clap would print as the program's description.
// Completion scripts and manual pages, which every program can print.
#[derive(Args, Clone, Copy, Debug)]
struct ShellArgs {
    /// Print a completion script for this shell and exit
    #[arg(long, value_name = "SHELL", hide_short_help = true)]
    completions: Option<Shell>,

    /// Print the manual page (roff) and exit
    #[arg(long, hide_short_help = true)]
    man: bool,
}

impl ShellArgs {
    /// Prints what the flags request on stdout; returns whether they request anything.
    fn print(self, mut command: Command) -> io::Result<bool> {
        let mut text = Vec::new();
        if let Some(shell) = self.completions {
            let name = command.get_name().to_owned();
            clap_complete::generate(shell, &mut command, name, &mut text);
        } else if self.man {
            clap_mangen::Man::new(command).render(&mut text)?;
        } else {
            return Ok(false);
        }
        io::stdout().write_all(&text)?;
        Ok(true)
    }
}

/// The command line of a program, with what all have in common.
pub fn command<A: Parser>() -> Command {
    let command = A::command().version(env!("CARGO_PKG_VERSION")).max_term_width(100);
    ShellArgs::augment_args(command)
}

/// Runs a program; an error is printed on stderr.
pub fn run<A: Parser>(main: impl FnOnce(&A) -> Result<(), Failure>) -> ExitCode {
    let mut command = command::<A>();
    let name = command.get_name().to_owned();
    let matches = command.clone().get_matches();
    let parsed = ShellArgs::from_arg_matches(&matches)
        .and_then(|shell| A::from_arg_matches(&matches).map(|args| (shell, args)));
    let (shell, args) = parsed.unwrap_or_else(|error| error.format(&mut command).exit());
    let result = match shell.print(command) {
        Ok(true) => Ok(()),
        Ok(false) => main(&args),
        Err(error) => Err(error.into()),
    };
    let Err(failure) = result else { return ExitCode::SUCCESS };
    // Our errors include their causes.
    let (code, error) = match failure {
        Failure::Failed(error) => (1, error.to_string()),
        Failure::Usage(what) => {
            (2, format!("{what}\n\nFor more information, try '{name} --help'."))
        }
        Failure::Diverged(error) => (3, error.to_string()),
        Failure::Interrupted(signal) => return ExitCode::from(128 + signal as u8),
    };
    output::log(format!("error: {error}"));
    ExitCode::from(code)
}
