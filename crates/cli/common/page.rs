//! `--serve`: the address of the live page.

use clap::Args;
use gan_serve::{DEFAULT_ADDRESS, ListenAddress, Listener, ServeError};

use super::exit::Failure;
use super::output;

/// Where to serve the live page.
#[derive(Args, Clone, Debug, Default)]
pub struct PageArgs {
    /// Serve a live page of the runs at this address, or at this port of this machine; port 0 is
    /// any free one [default: 127.0.0.1:8787 or the next free port]
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, default_missing_value = "auto")]
    pub serve: Option<String>,

    /// Allow --serve an address that other machines can reach; anyone who can reach it can see
    /// the runs, without a password and unencrypted
    #[arg(long, requires = "serve")]
    pub serve_anyone: bool,
}

impl PageArgs {
    /// Opens the address; warns when other machines can reach it.
    pub fn listen(&self) -> Result<Listener, Failure> {
        let listen = match self.serve.as_deref() {
            None | Some("auto") => Ok(ListenAddress::default()),
            Some(text) => ListenAddress::parse(text, self.serve_anyone),
        };
        let listen = listen.map_err(|error| match error {
            ServeError::Address(_) | ServeError::Anyone(_) => {
                Failure::Usage(format!("--serve: {error}"))
            }
            error => error.into(),
        })?;
        let listener = Listener::bind(listen)?;
        if listen == ListenAddress::default() && listener.address() != DEFAULT_ADDRESS {
            let url = url(&listener);
            output::log(format!("warning: {DEFAULT_ADDRESS} is in use; the page is at {url}"));
        }
        if listener.is_public() {
            output::log(format!(
                "warning: --serve-anyone: anyone who can reach {} can see the runs, without a \
                 password and unencrypted",
                listener.address()
            ));
        }
        Ok(listener)
    }
}

/// The address for a browser.
pub fn url(listener: &Listener) -> String {
    format!("http://{}/", listener.address())
}
