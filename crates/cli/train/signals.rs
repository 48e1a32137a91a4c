//! Signals: the first Ctrl-C or SIGTERM requests a stop, the second ends the process. SIGHUP, when
//! the terminal closes, requests a stop however often it is sent.

use std::io;
#[cfg(unix)]
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The signal that requested a stop, if any.
#[derive(Clone, Debug, Default)]
pub struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// Handles signals from now on.
    pub fn listen() -> io::Result<Self> {
        let signals = Self::default();
        let second = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 128 + signal, second.clone())?;
            flag::register(signal, second.clone())?;
            flag::register_usize(signal, signals.0.clone(), signal as usize)?;
        }
        #[cfg(unix)]
        if !outlives_terminal() {
            // The system, the shell and the end of the session may each send one.
            flag::register_usize(SIGHUP, signals.0.clone(), SIGHUP as usize)?;
        }
        Ok(signals)
    }

    /// The number of the last signal received.
    pub fn received(&self) -> Option<i32> {
        i32::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
    }
}

/// Whether this process was started to continue after the terminal closes, as with `nohup`.
#[cfg(unix)]
fn outlives_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match mask.map(|mask| u64::from_str_radix(mask.trim(), 16)) {
        Some(Ok(mask)) => mask >> (SIGHUP - 1) & 1 == 1,
        // Other systems have no such file; but nohup redirects stderr.
        _ => !io::stderr().is_terminal(),
    }
}
