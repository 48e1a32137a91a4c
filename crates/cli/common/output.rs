//! Messages on stderr, data on stdout, and files in the working directory.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use gan_core::atomic_file;
use gan_run::MetricsRow;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};
use signal_hook::low_level;

use super::signals::StopSignals;

/// Writes a line to stderr; a closed stderr is ignored.
///
/// The line may quote a file, so control characters other than line breaks are replaced.
pub fn log(line: impl Display) {
    let line = line.to_string();
    let line = line.split('\n').map(printable).collect::<Vec<_>>().join("\n");
    let _ = writeln!(io::stderr(), "{line}");
}

/// Writes a line to stdout.
pub fn print(line: impl Display) -> io::Result<()> {
    let closed = |error| io::Error::other(format!("cannot write to stdout: {error}"));
    writeln!(io::stdout(), "{line}").map_err(closed)
}

/// Writes one JSON object to stdout.
pub fn print_json(value: &impl Serialize) -> io::Result<()> {
    print(serde_json::to_string(value)?)
}

/// The losses of a row of metrics, as JSON.
pub fn losses(row: &MetricsRow) -> Value {
    json!({
        "epoch": row.epoch,
        "discriminator": row.d_loss,
        "generator": row.g_loss,
        "d_real": row.d_real,
        "d_fake": row.d_fake,
    })
}

/// The empty file under a free name that is about to be replaced.
static RESERVED: Mutex<Option<PathBuf>> = Mutex::new(None);

fn reserved() -> MutexGuard<'static, Option<PathBuf>> {
    RESERVED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the file at `out`, or under the first free name of `stem-0001.extension`,
/// `stem-0002.extension`, … in the working directory; returns its path. A signal that ends the
/// program, then or later, leaves neither an empty nor a temporary file.
pub fn write_file(
    out: Option<&Path>,
    [stem, extension]: [&str; 2],
    write: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    remove_on_signal()?;
    let path = if let Some(out) = out {
        out.into()
    } else {
        let mut reserved = reserved();
        reserved.insert(reserve(stem, extension)?).clone()
    };
    let written = write(&path);
    let reserved = reserved().take();
    if let Some(path) = reserved.filter(|_| written.is_err()) {
        // The first error is the one to report.
        let _ = fs::remove_file(path);
    }
    written.map(|()| path)
}

/// From now on, a signal that ends the program removes its temporary files and its reserved one first.
fn remove_on_signal() -> io::Result<()> {
    let signals = StopSignals::listen()?;
    // A handler may not remove files, and the thread that writes may be busy for seconds.
    let wait = move || {
        let signal = loop {
            match signals.received() {
                None => thread::sleep(Duration::from_millis(20)),
                Some(signal) => break signal,
            }
        };
        // Both locks stay taken, so that nothing is written any more.
        let mut reserved = reserved();
        atomic_file::abandon();
        if let Some(path) = reserved.take() {
            let _ = fs::remove_file(path);
        }
        low_level::exit(128 + signal);
    };
    thread::Builder::new().spawn(wait).map(drop)
}

/// Creates an empty file under the first free name, so that no two processes use the same.
fn reserve(stem: &str, extension: &str) -> Result<PathBuf> {
    let mut number = 1_u64;
    loop {
        let name = format!("{stem}-{number:04}.{extension}");
        match File::create_new(&name) {
            Ok(_) => return Ok(name.into()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => bail!("cannot write {name}: {error}; choose another place with --out"),
        }
    }
}

/// The text with control characters, which could steer a terminal, replaced by `\u{fffd}`.
pub fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// A progress bar on stderr, hidden without a terminal or with `quiet`.
pub fn progress_bar(template: &str, quiet: bool) -> Result<ProgressBar> {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
    let style = ProgressStyle::with_template(template).context("progress bar")?;
    bar.set_style(style.progress_chars("=> "));
    Ok(bar)
}

/// `1h02m`, `3m05s` or `4.2s`.
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
    fn durations_use_two_units_at_most() {
        assert_eq!([0.04, 59.2, 185.0, 3725.0].map(duration), ["0.0s", "59.2s", "3m05s", "1h02m"]);
    }
}
