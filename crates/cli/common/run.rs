//! Runs a program: from its command line to its exit code.

use std::process::ExitCode;

use clap::{Args, Command, FromArgMatches, Parser};

use super::args::ShellArgs;
use super::exit::Failure;
use super::output;

/// The command line of a program, with the flags that all have.
pub fn command<A: Parser>() -> Command {
    ShellArgs::augment_args(A::command())
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
    match &failure {
        // Our errors include their causes.
        Failure::Failed(error) | Failure::Diverged(error) => {
            output::log(format!("error: {error}"));
        }
        Failure::Usage(what) => {
            output::log(format!("error: {what}\n\nFor more information, try '{name} --help'."));
        }
        Failure::Interrupted(_) => {}
    }
    ExitCode::from(failure.code())
}
