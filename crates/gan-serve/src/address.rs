//! Where the page is, and who may reach it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use thiserror::Error;

/// Where the page is if nobody says otherwise.
pub const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8787);

/// Ports after the default one that are tried when it is taken.
const NEXT: u16 = 20;

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    address: SocketAddr,
    or_next: bool,
}

/// Why there is no page.
#[derive(Debug, Error)]
pub enum ServeError {
    /// It is no address.
    #[error(
        "{0:?} is no address to serve on; expected an address and a port, such as {DEFAULT}, or \
         a port alone"
    )]
    Address(String),
    /// Others could reach it, and nobody said that they may.
    #[error(
        "{0} can be reached from other machines, and whoever reaches it sees the runs; keep to \
         127.0.0.1, or allow it with --serve-anyone"
    )]
    Anyone(SocketAddr),
    /// The system refused the address.
    #[error("cannot serve on {address}: {source}; choose another port, or port 0 for any free one")]
    Taken {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The folder of the runs cannot be read.
    #[error("cannot read {}: {source}; expected a run's directory or a folder of runs", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The system refused a thread or a socket.
    #[error("cannot start the server of the page: {0}")]
    Start(#[source] io::Error),
}

impl Default for Listen {
    /// The default address or, where it is taken, one of the next ports.
    fn default() -> Self {
        Self { address: DEFAULT, or_next: true }
    }
}

impl Listen {
    /// What `text` says: `127.0.0.1:8787`, `localhost:8787`, `[::1]:8787`, or `8787`, a port of
    /// this machine. Addresses that others can reach must be allowed by `anyone`.
    ///
    /// # Errors
    /// When it is no address, or not allowed.
    pub fn parse(text: &str, anyone: bool) -> Result<Self, ServeError> {
        let own = |port: &str| port.parse().map(|port| SocketAddr::new(DEFAULT.ip(), port)).ok();
        let address = match text.strip_prefix("localhost:") {
            Some(port) => own(port),
            None => text.parse().ok().or_else(|| own(text)),
        };
        let address = address.ok_or_else(|| ServeError::Address(text.into()))?;
        if !anyone && !address.ip().is_loopback() {
            return Err(ServeError::Anyone(address));
        }
        Ok(Self { address, or_next: false })
    }

    /// Takes the address.
    pub(crate) fn bind(self) -> Result<TcpListener, ServeError> {
        let mut address = self.address;
        let more = if self.or_next { NEXT } else { 0 };
        loop {
            match TcpListener::bind(address) {
                Ok(listener) => return Ok(listener),
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse
                        && address.port() < self.address.port() + more =>
                {
                    address.set_port(address.port() + 1);
                }
                Err(source) => return Err(ServeError::Taken { address, source }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_said_in_several_ways() {
        let parsed = |text| Listen::parse(text, false).unwrap().address.to_string();
        assert_eq!(parsed("127.0.0.1:80"), "127.0.0.1:80");
        assert_eq!(parsed("127.8.9.1:0"), "127.8.9.1:0");
        assert_eq!(parsed("localhost:9000"), "127.0.0.1:9000");
        assert_eq!(parsed("9000"), "127.0.0.1:9000");
        assert_eq!(parsed("[::1]:9000"), "[::1]:9000");
        for wrong in ["", "here", "127.0.0.1", "127.0.0.1:99999", "example.org:80", "localhost:"] {
            assert!(matches!(Listen::parse(wrong, true), Err(ServeError::Address(_))), "{wrong}");
        }
    }

    #[test]
    fn what_others_can_reach_must_be_allowed() {
        for open in ["0.0.0.0:8787", "[::]:8787", "192.168.1.7:8787", "[::ffff:127.0.0.1]:80"] {
            let error = Listen::parse(open, false).unwrap_err().to_string();
            assert!(error.contains("--serve-anyone"), "{error}");
            assert!(Listen::parse(open, true).is_ok());
        }
    }

    #[test]
    fn a_taken_port_is_an_error_if_it_was_named_and_else_the_next_one_is_taken() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let named = Listen { address, or_next: false };
        let error = named.bind().unwrap_err().to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        let next = Listen { address, or_next: true }.bind();
        // At the end of the range of ports there may be none.
        if address.port() < 65_000 {
            assert!(next.unwrap().local_addr().unwrap().port() > address.port());
        }
    }
}
