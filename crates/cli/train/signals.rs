//! Ctrl-C and SIGTERM: the first asks to stop, the second ends the program. A terminal that goes
//! away asks to stop, however often it says so.

use std::io;
#[cfg(unix)]
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The signal that asked this program to stop, if one did.
#[derive(Clone, Debug, Default)]
pub struct Asked(Arc<AtomicUsize>);

impl Asked {
    /// From now on signals ask instead of ending the program.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> io::Result<Self> {
        let asked = Self::default();
        let before = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 128 + signal, before.clone())?;
            flag::register(signal, before.clone())?;
            flag::register_usize(signal, asked.0.clone(), signal as usize)?;
        }
        #[cfg(unix)]
        if !outlives_terminal() {
            // The system, the shell and the session's end may each send one.
            flag::register_usize(SIGHUP, asked.0.clone(), SIGHUP as usize)?;
        }
        Ok(asked)
    }

    /// The signal's number.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        let signal = self.0.load(Ordering::Relaxed);
        SIGNALS.into_iter().find(|&known| known as usize == signal)
    }
}

#[cfg(unix)]
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// Whether this program was started to live on when the terminal goes away, as by `nohup`.
#[cfg(unix)]
fn outlives_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match mask.map(|mask| u64::from_str_radix(mask.trim(), 16)) {
        Some(Ok(mask)) => mask >> (SIGHUP - 1) & 1 == 1,
        // There is no such file; but nohup leaves no terminal to speak to.
        _ => !io::stderr().is_terminal(),
    }
}
