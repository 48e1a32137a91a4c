//! The server: a thread of its own, so many connections, so much patience.

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
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::answer::answer;
use crate::listen::{Listen, ServeError};
use crate::news::Shared;
use crate::patient::Patient;
use crate::runs::Runs;
use crate::shelf::Shelf;

/// The longest head of a request, in bytes.
const MOST_HEAD: usize = 16 << 10;
/// Threads that read files, at the most.
const READERS: usize = 2;
/// After an accept that failed, such as for want of file numbers.
const REST: Duration = Duration::from_millis(100);

/// What a server puts up with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; a further one is told so and closed.
    pub connections: usize,
    /// Time to send the head of a request, counted from the answer before.
    pub request: Duration,
    /// Time in which something of an answer must be taken.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 64, request: Duration::from_secs(20), answer: Duration::from_secs(10) }
    }
}

/// An address that was taken, and where nothing is answered yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

/// A server that answers until it is dropped.
#[derive(Debug)]
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Takes an address: known before anything else is done.
    ///
    /// # Errors
    /// When the address is taken, or the system refuses.
    pub fn open(listen: Listen) -> Result<Self, ServeError> {
        let listener = listen.bind()?;
        listener.set_nonblocking(true).map_err(ServeError::Start)?;
        let address = listener.local_addr().map_err(ServeError::Start)?;
        Ok(Self { listener, address })
    }

    /// Where it is, with the port that was chosen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether others than this machine can reach it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.address.ip().is_loopback()
    }

    /// Answers from now on.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn serve(self, runs: Runs, limits: Limits) -> Result<Server, ServeError> {
        let (stop, stopped) = oneshot::channel();
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(READERS)
            .build()
            .map_err(ServeError::Start)?;
        let own_names = !self.is_open();
        let serve = move || {
            let shelf = Arc::new(Mutex::new(Shelf::new(runs)));
            run(&runtime, self.listener, shelf, own_names, limits, stopped);
            // Nobody waits for what is half said.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("page".into()).spawn(serve);
        Ok(Server { stop: Some(stop), thread: Some(thread.map_err(ServeError::Start)?) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once; a panic in it has ended it already.
            let _ = thread.join();
        }
    }
}

fn run(
    runtime: &Runtime,
    listener: TcpListener,
    shelf: Shared,
    own_names: bool,
    limits: Limits,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
            tokio::spawn(accept(listener, shelf, own_names, limits));
            // An error means that the other end was dropped: that is the sign.
            let _ = stopped.await;
        }
    });
}

async fn accept(listener: tokio::net::TcpListener, shelf: Shared, own_names: bool, limits: Limits) {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(REST).await;
            continue;
        };
        match places.clone().try_acquire_owned() {
            Ok(place) => {
                tokio::spawn(converse(stream, shelf.clone(), own_names, limits, place));
            }
            Err(_) => turn_away(&stream),
        }
    }
}

/// One connection, to its end.
async fn converse(
    stream: TcpStream,
    shelf: Shared,
    own_names: bool,
    limits: Limits,
    _place: OwnedSemaphorePermit,
) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let shelf = shelf.clone();
        async move { Ok::<_, Infallible>(answer(&request, &shelf, own_names).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(Patient::new(stream, limits.answer)), service)
        .await;
    // Whoever went away, was too slow or spoke no HTTP is no concern of ours.
    drop(served);
}

/// All places are taken: says so if that can be said at once.
fn turn_away(stream: &TcpStream) {
    const WORDS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\
        content-type: text/plain\r\ncontent-length: 21\r\n\r\ntoo many connections\n";
    let _: io::Result<usize> = stream.try_write(WORDS);
}
