//! The signals of a sweep.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGUSR1, SIGUSR2};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

#[cfg(unix)]
use crate::common::outlives_terminal;

/// Signals that have come.
pub struct Signals {
    stop: Arc<AtomicUsize>,
    save: Arc<AtomicUsize>,
}

impl Signals {
    /// SIGINT, SIGTERM and, except under `nohup`, SIGHUP stop; a second SIGINT or SIGTERM ends the
    /// process, and the trainings save and end by themselves. SIGUSR1 stops too in a job of SLURM,
    /// where it announces the end; elsewhere it and SIGUSR2 are passed on to the trainings, which
    /// save.
    pub fn listen() -> io::Result<Self> {
        let signals = Self { stop: Arc::default(), save: Arc::default() };
        let second = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 128 + signal, second.clone())?;
            flag::register(signal, second.clone())?;
            flag::register_usize(signal, signals.stop.clone(), signal as usize)?;
        }
        #[cfg(unix)]
        {
            if !outlives_terminal() {
                flag::register_usize(SIGHUP, signals.stop.clone(), SIGHUP as usize)?;
            }
            let in_job = std::env::var_os("SLURM_JOB_ID").is_some();
            let to = if in_job { &signals.stop } else { &signals.save };
            flag::register_usize(SIGUSR1, to.clone(), SIGUSR1 as usize)?;
            flag::register_usize(SIGUSR2, signals.save.clone(), SIGUSR2 as usize)?;
        }
        Ok(signals)
    }

    pub fn stop(&self) -> Option<i32> {
        i32::try_from(self.stop.load(Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
    }

    pub fn save(&self) -> Option<i32> {
        i32::try_from(self.save.swap(0, Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
    }
}
