//! `gan-watch`, from flags to exit code.

mod args;

use std::thread;

use clap::{CommandFactory, Parser};
use gan_serve::{DEFAULT, Limits, Listen, Listener, Runs, ServeError};

pub use self::args::Page;
use self::args::WatchArgs;
use crate::exit::Failure;
use crate::say;

/// # Errors
/// How the program ends when it does not succeed.
pub fn main() -> Result<(), Failure> {
    let args = WatchArgs::parse();
    if args.shell.print(WatchArgs::command())? {
        return Ok(());
    }
    let runs = Runs::of(&args.runs)?;
    let door = open(&args.page)?;
    let address = address(&door);
    let _server = door.serve(runs, Limits::default())?;
    say::data(address)?;
    // Nothing is to be saved, so Ctrl-C may end it as it is.
    loop {
        thread::park();
    }
}

/// Takes the address that was asked for, and warns when others can reach it.
pub(crate) fn open(page: &Page) -> Result<Listener, Failure> {
    let listen = match page.serve.as_ref().and_then(Option::as_ref) {
        None => Ok(Listen::default()),
        Some(text) => Listen::parse(text, page.serve_anyone),
    };
    let listen = listen.map_err(|error| match error {
        ServeError::Address(_) | ServeError::Anyone(_) => {
            Failure::Usage(format!("--serve: {error}"))
        }
        error => error.into(),
    })?;
    let door = Listener::open(listen)?;
    if listen == Listen::default() && door.address() != DEFAULT {
        say::note(format!("warning: {DEFAULT} is taken; the page is at {}", address(&door)));
    }
    if door.is_open() {
        say::note(format!(
            "warning: --serve-anyone: whoever reaches {} sees the runs, without a password and \
             without encryption",
            door.address()
        ));
    }
    Ok(door)
}

/// What to type into a browser.
pub(crate) fn address(door: &Listener) -> String {
    format!("http://{}/", door.address())
}
