//! Exit codes, and how a program ends.

use std::process::ExitCode;

use crate::say;

/// How a program ends when it does not succeed. Success is code 0.
#[derive(Debug)]
pub enum Failure {
    /// 1: a file, a device or the network refused.
    Failed(anyhow::Error),
    /// 2: the flags or the configuration file ask for what cannot be.
    Usage(String),
    /// 3: a loss is not a number any more.
    Diverged(anyhow::Error),
    /// 128 + signal: told to stop, and everything was saved.
    Interrupted(i32),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Diverged(_) => 3,
            Self::Interrupted(signal) => 128 + *signal as u8,
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What `--help` says of exit codes.
pub const CODES: &str = "Exit codes: 0 success, 1 failure, 2 wrong usage, 3 training diverged, \
129 hung up, 130 interrupted (Ctrl-C), 143 terminated; an interrupted training has saved its \
checkpoint.";

/// Runs a program to its exit code; an error is one line on stderr.
pub fn run(name: &str, main: impl FnOnce() -> Result<(), Failure>) -> ExitCode {
    let Err(failure) = main() else { return ExitCode::SUCCESS };
    match &failure {
        // Our errors name their causes themselves.
        Failure::Failed(error) | Failure::Diverged(error) => say::note(format!("error: {error}")),
        Failure::Usage(what) => {
            say::note(format!("error: {what}\n\nFor more information, try '{name} --help'."));
        }
        Failure::Interrupted(_) => {}
    }
    ExitCode::from(failure.code())
}
