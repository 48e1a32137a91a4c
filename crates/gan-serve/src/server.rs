//! The server: its thread, its connections, their limits.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};
use tokio_io_timeout::TimeoutStream;

use crate::address::{ListenAddress, ServeError};
use crate::cache::RunCache;
use crate::events::SharedCache;
use crate::handler::handle;
use crate::runs::Runs;

/// The largest request header, in bytes.
const MAX_HEADER: usize = 16 << 10;
/// The largest number of threads that read files.
const MAX_READERS: usize = 2;
/// Delay after a failed accept, such as without free file descriptors.
const ACCEPT_DELAY: Duration = Duration::from_millis(100);

/// Limits of a server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Simultaneous connections; others are rejected with status 503.
    pub connections: usize,
    /// Time-out for a request header, counted from the previous response.
    pub request: Duration,
    /// Time-out for writing a part of a response.
    pub response: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            request: Duration::from_secs(20),
            response: Duration::from_secs(10),
        }
    }
}

/// A bound address that is not served yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server(Option<(oneshot::Sender<()>, JoinHandle<()>)>);

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(listen: ListenAddress) -> Result<Self, ServeError> {
        let listener = listen.bind()?;
        listener.set_nonblocking(true).map_err(ServeError::Start)?;
        let address = listener.local_addr().map_err(ServeError::Start)?;
        Ok(Self { listener, address })
    }

    /// The address, with the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether other machines can reach it.
    pub fn is_public(&self) -> bool {
        !self.address.ip().is_loopback()
    }

    /// Starts the server.
    ///
    /// # Errors
    /// When its thread cannot be started.
    pub fn serve(self, runs: Runs, limits: Limits) -> Result<Server, ServeError> {
        let (stop, stopped) = oneshot::channel();
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(MAX_READERS)
            .build()
            .map_err(ServeError::Start)?;
        let loopback_only = !self.is_public();
        let serve = move || {
            let cache = Arc::new(Mutex::new(RunCache::new(runs)));
            runtime.block_on(async {
                if let Ok(listener) = tokio::net::TcpListener::from_std(self.listener) {
                    tokio::spawn(accept(listener, cache, loopback_only, limits));
                    // Returns when the sender is dropped.
                    let _ = stopped.await;
                }
            });
            // Open responses are dropped.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("page".into()).spawn(serve);
        Ok(Server(Some((stop, thread.map_err(ServeError::Start)?))))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            // A panic was printed by its hook.
            let _ = thread.join();
        }
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    cache: SharedCache,
    loopback_only: bool,
    limits: Limits,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_DELAY).await;
            continue;
        };
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            reject(&stream);
            continue;
        };
        let connection = serve_connection(stream, cache.clone(), loopback_only, limits);
        tokio::spawn(async move {
            connection.await;
            drop(permit);
        });
    }
}

/// Serves a connection until it closes.
async fn serve_connection(
    stream: TcpStream,
    cache: SharedCache,
    loopback_only: bool,
    limits: Limits,
) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let cache = cache.clone();
        async move { Ok::<_, Infallible>(handle(&request, &cache, loopback_only).await) }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.response));
    // Clients that disconnect, time out or send invalid HTTP are ignored.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request)
        .max_buf_size(MAX_HEADER)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .await;
}

/// Rejects a connection over the limit, without waiting.
fn reject(stream: &TcpStream) {
    const RESPONSE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\
        content-type: text/plain\r\ncontent-length: 21\r\n\r\ntoo many connections\n";
    let _: io::Result<usize> = stream.try_write(RESPONSE);
}
