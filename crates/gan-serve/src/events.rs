//! Server-sent events: what is new of some runs, told as long as somebody listens.

use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::shelf::{Known, Shelf};

/// How often it is looked for what is new: each time wakes the browser, too, and the processor is
/// for the training.
const PULSE: Duration = Duration::from_secs(1);
/// Every so many pulses: a word that means nothing, by which a line that is cut shows.
const STILL_THERE: u64 = 15;

/// The runs, for whoever asks.
pub(crate) type Shared = Arc<Mutex<Shelf>>;

/// The shelf; a reader that panicked has left nothing half done that matters.
pub(crate) fn open(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A page that listens; when the last one goes, the rows are let go.
struct Page {
    shelf: Shared,
    known: Vec<Known>,
    list: String,
    pulse: u64,
}

impl Page {
    fn new(shelf: Shared, ids: Vec<usize>) -> Self {
        open(&shelf).readers += 1;
        let known = ids.into_iter().map(Known::of).collect();
        Self { shelf, known, list: String::new(), pulse: 0 }
    }

    /// What this page does not know yet, as it goes over the line.
    fn news(&mut self) -> String {
        let mut said = String::new();
        if self.pulse.is_multiple_of(STILL_THERE) {
            said.push_str(":\n\n");
        }
        self.pulse += 1;
        let mut shelf = open(&self.shelf);
        let list = shelf.list().to_string();
        if list != self.list {
            say(&mut said, "runs", &list);
            self.list = list;
        }
        for known in &mut self.known {
            for (name, text) in shelf.news(known) {
                say(&mut said, name, &text);
            }
        }
        said
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let mut shelf = open(&self.shelf);
        shelf.readers -= 1;
        if shelf.readers == 0 {
            shelf.forget();
        }
    }
}

/// JSON has no line breaks, so a message is one line of data.
fn say(said: &mut String, name: &str, text: &str) {
    // A string takes everything.
    let _ = write!(said, "event: {name}\ndata: {text}\n\n");
}

/// Starts to tell what is new of the runs `ids`. It ends when nobody takes it any more; while a
/// message waits to be taken, nothing is looked at.
pub(crate) fn tell(shelf: &Shared, ids: Vec<usize>) -> Receiver<Bytes> {
    let (sender, receiver) = channel(1);
    tokio::spawn(listen(Page::new(shelf.clone(), ids), sender));
    receiver
}

async fn listen(mut page: Page, sender: Sender<Bytes>) {
    while !sender.is_closed() {
        let looked = spawn_blocking(move || {
            let news = page.news();
            (page, news)
        });
        let Ok((next, news)) = looked.await else { return };
        page = next;
        if !news.is_empty() && sender.send(news.into()).await.is_err() {
            return;
        }
        sleep(PULSE).await;
    }
}
