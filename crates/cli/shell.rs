//! Completion scripts and manual pages, made from the flags themselves.

use std::io::{self, Write};

use clap::Command;
use clap_complete::Shell;

/// Prints what was asked for on stdout, and tells whether anything was.
///
/// # Errors
/// When stdout is closed.
pub fn asked(mut command: Command, completions: Option<Shell>, man: bool) -> io::Result<bool> {
    let mut text = Vec::new();
    if let Some(shell) = completions {
        let name = command.get_name().to_owned();
        clap_complete::generate(shell, &mut command, name, &mut text);
    } else if man {
        clap_mangen::Man::new(command).render(&mut text)?;
    } else {
        return Ok(false);
    }
    io::stdout().write_all(&text)?;
    Ok(true)
}
