//! Exit codes.

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

impl Failure {
    pub fn code(&self) -> u8 {
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

/// The exit codes of a program that does not train, for `--help`.
pub const CODES: &str = "Exit codes: 0 success, 1 failure, 2 wrong usage.";
