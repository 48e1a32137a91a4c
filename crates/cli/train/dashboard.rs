//! `--watch`: the dashboard, where there is a terminal for it.

use std::env;
use std::io::{self, IsTerminal};

use gan_dashboard::{Colours, Dashboard, Signals};
use gan_run::{Record, RunDir};
use signal_hook::consts::SIGINT;
use signal_hook::low_level::raise;

use super::signals::Asked;
use crate::say;

/// Opens it for a run that has done `epoch` of `total` epochs; without a terminal it says so and
/// is none.
pub fn open(run: &RunDir, epoch: u64, total: u64, asked: &Asked, quiet: bool) -> Option<Dashboard> {
    let opened = terminal().and_then(|()| {
        let record = Record::read(run.root()).map_err(|error| error.to_string())?;
        let asked = asked.clone();
        let signals = Signals {
            interrupted: Box::new(move || asked.signal().is_some()),
            // Ours is a signal that is handled.
            interrupt: Box::new(|| _ = raise(SIGINT)),
        };
        let colours = Colours::detect(|name| env::var(name).ok());
        Dashboard::open(record, (epoch, total), colours, !quiet, signals)
            .map_err(|error| error.to_string())
    });
    match opened {
        Ok(dashboard) => Some(dashboard),
        Err(why) => {
            if !quiet {
                say::note(format!("note: --watch needs a terminal, but {why}; going on without"));
            }
            None
        }
    }
}

fn terminal() -> Result<(), String> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err("stdin and stderr are not one".into());
    }
    if cfg!(windows) {
        return Ok(());
    }
    match env::var("TERM") {
        Ok(name) if !["", "dumb"].contains(&&*name) => Ok(()),
        Ok(name) => Err(format!("TERM is {name:?}")),
        Err(_) => Err("TERM is not set".into()),
    }
}
