//! The signals that end a program.

#[cfg(unix)]
use std::fs;
use std::io;
#[cfg(unix)]
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The signals that ask this process to end.
#[derive(Clone, Debug, Default)]
pub struct StopSignals(Arc<AtomicUsize>);

impl StopSignals {
    /// Handles Ctrl-C, SIGTERM and, except under `nohup`, SIGHUP from now on. A second Ctrl-C ends the
    /// process at once. The others may come twice for one reason: to a process and to its group, or
    /// from the system, the shell and the end of the session.
    pub fn listen() -> io::Result<Self> {
        let (signals, second) = (Self::default(), Arc::new(AtomicBool::new(false)));
        flag::register_conditional_shutdown(SIGINT, 128 + SIGINT, second.clone())?;
        flag::register(SIGINT, second)?;
        signals.add(SIGINT)?;
        signals.add(SIGTERM)?;
        #[cfg(unix)]
        if !outlives_terminal() {
            signals.add(SIGHUP)?;
        }
        Ok(signals)
    }

    /// Handles another signal like SIGTERM.
    pub fn add(&self, signal: i32) -> io::Result<()> {
        flag::register_usize(signal, self.0.clone(), signal as usize).map(drop)
    }

    /// The number of the last signal received.
    pub fn received(&self) -> Option<i32> {
        i32::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
    }
}

/// Whether this process was started to continue after the terminal closes, as with `nohup`.
#[cfg(unix)]
fn outlives_terminal() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match mask.map(|mask| u64::from_str_radix(mask.trim(), 16)) {
        Some(Ok(mask)) => mask >> (SIGHUP - 1) & 1 == 1,
        // Other systems have no such file; but nohup redirects stderr.
        _ => !io::stderr().is_terminal(),
    }
}
