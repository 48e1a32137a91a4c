//! The address of the server, and who may reach it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use thiserror::Error;

/// The default address.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8787);

/// Ports after the default one that are tried when it is in use.
const MORE_PORTS: u16 = 20;

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    address: SocketAddr,
    try_next: bool,
}

/// Why the server cannot start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// It is not an address.
    #[error(
        "{0:?} is not an address to serve on; expected an address and a port, such as {DEFAULT_ADDRESS}, or \
         a port alone"
    )]
    Address(String),
    /// Other machines can reach it, and that was not allowed.
    #[error(
        "{0} can be reached from other machines, and anyone who reaches it can see the runs; use \
         127.0.0.1, or allow it with --serve-anyone"
    )]
    Anyone(SocketAddr),
    /// The address cannot be bound.
    #[error("cannot serve on {0}: {1}; choose another port, or port 0 for any free one")]
    Bind(SocketAddr, #[source] io::Error),
    /// The folder of the runs cannot be read.
    #[error(
        "cannot read {path}: {1}; expected the directory of a run or a folder of runs",
        path = .0.display()
    )]
    Folder(PathBuf, #[source] io::Error),
    /// A thread or a socket cannot be created.
    #[error("cannot start the server: {0}")]
    Start(#[source] io::Error),
}

impl Default for ListenAddress {
    /// The default address or, if it is in use, one of the next ports.
    fn default() -> Self {
        Self { address: DEFAULT_ADDRESS, try_next: true }
    }
}

impl ListenAddress {
    /// Parses `127.0.0.1:8787`, `localhost:8787`, `[::1]:8787`, or `8787`, a port of this machine.
    /// Addresses that other machines can reach need `anyone`.
    ///
    /// # Errors
    /// When it is not an address, or not allowed.
    pub fn parse(text: &str, anyone: bool) -> Result<Self, ServeError> {
        let local =
            |port: &str| port.parse().map(|port| SocketAddr::new(DEFAULT_ADDRESS.ip(), port)).ok();
        let address = match text.strip_prefix("localhost:") {
            Some(port) => local(port),
            None => text.parse().ok().or_else(|| local(text)),
        };
        let address = address.ok_or_else(|| ServeError::Address(text.into()))?;
        if !anyone && !address.ip().is_loopback() {
            return Err(ServeError::Anyone(address));
        }
        Ok(Self { address, try_next: false })
    }

    pub(crate) fn bind(self) -> Result<TcpListener, ServeError> {
        let mut address = self.address;
        let last = address.port().saturating_add(if self.try_next { MORE_PORTS } else { 0 });
        loop {
            match TcpListener::bind(address) {
                Err(e) if e.kind() == io::ErrorKind::AddrInUse && address.port() < last => {
                    address.set_port(address.port() + 1);
                }
                bound => return bound.map_err(|source| ServeError::Bind(address, source)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_can_be_written_in_several_ways() {
        let parsed = |text| ListenAddress::parse(text, false).unwrap().address.to_string();
        assert_eq!(parsed("127.0.0.1:80"), "127.0.0.1:80");
        assert_eq!(parsed("127.8.9.1:0"), "127.8.9.1:0");
        assert_eq!(parsed("localhost:9000"), "127.0.0.1:9000");
        assert_eq!(parsed("9000"), "127.0.0.1:9000");
        assert_eq!(parsed("[::1]:9000"), "[::1]:9000");
        for wrong in ["", "here", "127.0.0.1", "127.0.0.1:99999", "example.org:80", "localhost:"] {
            assert!(
                matches!(ListenAddress::parse(wrong, true), Err(ServeError::Address(_))),
                "{wrong}"
            );
        }
    }

    #[test]
    fn public_addresses_must_be_allowed() {
        for open in ["0.0.0.0:8787", "[::]:8787", "192.168.1.7:8787", "[::ffff:127.0.0.1]:80"] {
            let error = ListenAddress::parse(open, false).unwrap_err().to_string();
            assert!(error.contains("--serve-anyone"), "{error}");
            assert!(ListenAddress::parse(open, true).is_ok());
        }
    }

    #[test]
    fn a_port_in_use_is_an_error_or_the_next_one_is_used() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let named = ListenAddress { address, try_next: false };
        let error = named.bind().unwrap_err().to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        let next = ListenAddress { address, try_next: true }.bind();
        // At the end of the range of ports there may be none.
        if address.port() < 65_000 {
            assert!(next.unwrap().local_addr().unwrap().port() > address.port());
        }
    }
}
