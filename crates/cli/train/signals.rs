//! Ctrl-C and SIGTERM: the first asks to stop, the second ends the program.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
        Ok(asked)
    }

    /// The signal's number.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        let signal = self.0.load(Ordering::Relaxed);
        [SIGINT, SIGTERM].into_iter().find(|&known| known as usize == signal)
    }
}
