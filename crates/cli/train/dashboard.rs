//! `--watch`: the dashboard, if there is a terminal.

use std::env;
use std::io::{self, IsTerminal};

use gan_dashboard::{Colours, Dashboard};
use gan_run::{Record, RunDir};
use signal_hook::consts::SIGINT;
use signal_hook::low_level::raise;

use super::signals::Signals;
use crate::common::output;

/// Opens the dashboard of a run that has done `epoch` of `total` epochs; `None`, with a message,
/// without a terminal.
pub fn open(
    run: &RunDir,
    epoch: u64,
    total: u64,
    signals: &Signals,
    quiet: bool,
) -> Option<Dashboard> {
    let opened = check_terminal().and_then(|()| {
        let record = Record::read(run.root()).map_err(|error| error.to_string())?;
        let signals = signals.clone();
        let signals = gan_dashboard::Signals {
            interrupted: Box::new(move || signals.received().is_some()),
            // The handler of this process receives it.
            interrupt: Box::new(|| _ = raise(SIGINT)),
        };
        let colours = Colours::detect(|name| env::var(name).ok());
        Dashboard::open(record, (epoch, total), colours, !quiet, signals)
            .map_err(|error| error.to_string())
    });
    let warn = |why: &String| {
        if !quiet {
            output::log(format!("note: --watch needs a terminal, but {why}; continuing without"));
        }
    };
    opened.inspect_err(warn).ok()
}

fn check_terminal() -> Result<(), String> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err("stdin or stderr is not one".into());
    }
    match env::var("TERM") {
        _ if cfg!(windows) => Ok(()),
        Ok(name) if !["", "dumb"].contains(&&*name) => Ok(()),
        Ok(name) => Err(format!("TERM is {name:?}")),
        Err(_) => Err("TERM is not set".into()),
    }
}
