//! Words to stderr, data to stdout.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

/// A line on stderr. One that nobody can read any more is no reason to stop.
///
/// It may quote a file, which must not speak to the terminal: its control characters come out
/// as `\u{fffd}`.
pub fn note(line: impl Display) {
    let harmless =
        |c: char| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c };
    let line: String = line.to_string().chars().map(harmless).collect();
    let _ = writeln!(io::stderr(), "{line}");
}

/// A line on stdout.
///
/// # Errors
/// When stdout is closed.
pub fn data(line: impl Display) -> io::Result<()> {
    let closed = |error| io::Error::other(format!("cannot write to stdout: {error}"));
    writeln!(io::stdout(), "{line}").map_err(closed)
}

/// One JSON object on stdout.
///
/// # Errors
/// When stdout is closed.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    data(serde_json::to_string(value)?)
}

/// `1h02m`, `3m05s` or `4.2s`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        3600.. => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
        60.. => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{seconds:.1}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!([0.04, 59.2, 185.0, 3725.0].map(duration), ["0.0s", "59.2s", "3m05s", "1h02m"]);
    }
}
