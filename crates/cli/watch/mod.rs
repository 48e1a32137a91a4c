//! `gan-watch`, from flags to exit code.

mod args;

use std::thread;

use clap::{CommandFactory, Parser};
use gan_serve::{DEFAULT_ADDRESS, Limits, ListenAddress, Listener, Runs, ServeError};

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
    let runs = Runs::in_folder(&args.runs)?;
    let listener = open(&args.page)?;
    let address = address(&listener);
    let _server = listener.serve(runs, Limits::default())?;
    say::data(address)?;
    // Nothing is to be saved, so Ctrl-C may end it as it is.
    loop {
        thread::park();
    }
}

/// Takes the address that was asked for, and warns when others can reach it.
pub(crate) fn open(page: &Page) -> Result<Listener, Failure> {
    let listen = match page.serve.as_ref().and_then(Option::as_ref) {
        None => Ok(ListenAddress::default()),
        Some(text) => ListenAddress::parse(text, page.serve_anyone),
    };
    let listen = listen.map_err(|error| match error {
        ServeError::Address(_) | ServeError::Anyone(_) => {
            Failure::Usage(format!("--serve: {error}"))
        }
        error => error.into(),
    })?;
    let listener = Listener::bind(listen)?;
    if listen == ListenAddress::default() && listener.address() != DEFAULT_ADDRESS {
        say::note(format!(
            "warning: {DEFAULT_ADDRESS} is taken; the page is at {}",
            address(&listener)
        ));
    }
    if listener.is_public() {
        say::note(format!(
            "warning: --serve-anyone: whoever reaches {} sees the runs, without a password and \
             without encryption",
            listener.address()
        ));
    }
    Ok(listener)
}

/// What to type into a browser.
pub(crate) fn address(listener: &Listener) -> String {
    format!("http://{}/", listener.address())
}
