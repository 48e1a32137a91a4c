//! The signals of a sweep.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(unix)]
use signal_hook::consts::{SIGUSR1, SIGUSR2};
#[cfg(unix)]
use signal_hook::flag;

use crate::common::StopSignals;

/// Signals that have come.
pub struct Signals {
    stop: StopSignals,
    save: Arc<AtomicUsize>,
}

impl Signals {
    /// After a second Ctrl-C the trainings save and end by themselves. SIGUSR1 stops too in a job of
    /// SLURM, where it announces the end; elsewhere it and SIGUSR2 are passed on to the trainings,
    /// which save.
    pub fn listen() -> io::Result<Self> {
        let signals = Self { stop: StopSignals::listen()?, save: Arc::default() };
        #[cfg(unix)]
        {
            if std::env::var_os("SLURM_JOB_ID").is_some() {
                signals.stop.add(SIGUSR1)?;
            } else {
                flag::register_usize(SIGUSR1, signals.save.clone(), SIGUSR1 as usize)?;
            }
            flag::register_usize(SIGUSR2, signals.save.clone(), SIGUSR2 as usize)?;
        }
        Ok(signals)
    }

    pub fn stop(&self) -> Option<i32> {
        self.stop.received()
    }

    pub fn save(&self) -> Option<i32> {
        i32::try_from(self.save.swap(0, Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
    }
}
