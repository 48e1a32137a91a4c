//! Completion scripts and manual pages, made from the flags themselves.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

/// The flags that every program has for them.
#[derive(Args, Clone, Copy, Debug)]
pub struct ForShells {
    /// Print a completion script for this shell and stop
    #[arg(long, value_name = "SHELL", hide_short_help = true)]
    completions: Option<Shell>,

    /// Print the manual page (roff) and stop
    #[arg(long, hide_short_help = true)]
    man: bool,
}

impl ForShells {
    /// Prints what was asked for on stdout, and tells whether anything was.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn print(self, mut command: Command) -> io::Result<bool> {
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
