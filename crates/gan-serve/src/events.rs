//! Server-sent events: changes of some runs, while a client is connected.

use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::cache::{ClientState, RunCache};

/// Time between two looks for changes. Each event wakes the browser, which takes time from the
/// training.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Polls between two heartbeats, which detect a closed connection.
const HEARTBEAT_POLLS: u64 = 15;

pub(crate) type SharedCache = Arc<Mutex<RunCache>>;

/// Locks the cache, which a panic does not leave inconsistent.
pub(crate) fn lock(cache: &Mutex<RunCache>) -> MutexGuard<'_, RunCache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connected client; the cache is emptied when the last one disconnects.
struct Client {
    cache: SharedCache,
    runs: Vec<ClientState>,
    list: String,
    polls: u64,
}

impl Client {
    fn new(cache: SharedCache, ids: Vec<usize>) -> Self {
        lock(&cache).clients += 1;
        let runs = ids.into_iter().map(ClientState::new).collect();
        Self { cache, runs, list: String::new(), polls: 0 }
    }

    /// The events since the last poll.
    fn poll(&mut self) -> String {
        let mut events = String::new();
        if self.polls.is_multiple_of(HEARTBEAT_POLLS) {
            events.push_str(":\n\n");
        }
        self.polls += 1;
        let mut cache = lock(&self.cache);
        let list = cache.list().to_string();
        if list != self.list {
            push_event(&mut events, "runs", &list);
            self.list = list;
        }
        for run in &mut self.runs {
            for (name, data) in cache.updates(run) {
                push_event(&mut events, name, &data);
            }
        }
        events
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let mut cache = lock(&self.cache);
        cache.clients -= 1;
        if cache.clients == 0 {
            cache.clear_rows();
        }
    }
}

/// Appends an event; its data is JSON on one line.
fn push_event(events: &mut String, name: &str, data: &str) {
    // Writing to a string cannot fail.
    let _ = write!(events, "event: {name}\ndata: {data}\n\n");
}

/// Subscribes to changes of the runs `ids`, until the receiver is dropped. Nothing is read while an
/// event waits to be received.
pub(crate) fn subscribe(cache: &SharedCache, ids: Vec<usize>) -> Receiver<Bytes> {
    let (sender, receiver) = channel(1);
    let cache = cache.clone();
    // The cache may be locked while all runs are read: the thread of all connections never waits
    // for it.
    tokio::spawn(async move {
        let connected = spawn_blocking(move || Client::new(cache, ids));
        let Ok(mut client) = connected.await else { return };
        while !sender.is_closed() {
            let polled = spawn_blocking(move || {
                let events = client.poll();
                (client, events)
            });
            let Ok((next, events)) = polled.await else { return };
            client = next;
            if !events.is_empty() && sender.send(events.into()).await.is_err() {
                break;
            }
            sleep(POLL_INTERVAL).await;
        }
        spawn_blocking(move || drop(client));
    });
    receiver
}
