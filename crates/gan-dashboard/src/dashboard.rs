//! The thread that draws and reads keys.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gan_run::{Control, Event, Record, RunPaths};
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::colours::Colours;
use crate::samples::SampleRow;
use crate::screen::Screen;
use crate::state::State;
use crate::view::View;

/// Time between two frames, unless a key is pressed. Drawing delays the training: its threads wait
/// for each other, so all wait when one is interrupted.
const FRAME_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two checks for the end of the training or, in a pause, for other requests.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The dashboard of a training.
///
/// Events are passed to [`observe`](Self::observe), and [`control`](Self::control) returns the
/// requests of the keys; neither waits for the terminal, which another thread draws. The terminal
/// is restored when this is dropped, when a thread panics, and when a stop is requested, so that a
/// second Ctrl-C is a signal again.
#[derive(Debug)]
pub struct Dashboard {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The connection to the signal handlers of the process.
pub struct Signals {
    /// Whether a signal was received that ends the process.
    pub interrupted: Box<dyn Fn() -> bool + Send>,
    /// Raises the signal of Ctrl-C, which the terminal reports as a key.
    pub interrupt: Box<dyn Fn() + Send>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Notified when a pause ends or a key requests something.
    wakeup: Condvar,
    closed: AtomicBool,
}

impl Dashboard {
    /// Opens the dashboard on the terminal of stderr, for a run that has done `epoch` of `total`
    /// epochs. With `keep` the last state stays on the terminal.
    ///
    /// # Errors
    /// When there is no terminal.
    pub fn open(
        record: Record,
        (epoch, total): (u64, u64),
        colours: Colours,
        keep: bool,
        signals: Signals,
    ) -> io::Result<Self> {
        let screen = Screen::open()?;
        let paths = record.paths.clone();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(record, epoch, total)),
            wakeup: Condvar::new(),
            closed: AtomicBool::new(false),
        });
        let worker =
            Worker { shared: Arc::clone(&shared), paths, colours, signals, start: Instant::now() };
        let thread = thread::Builder::new().name("dashboard".into());
        let thread = thread.spawn(move || worker.run(screen, keep))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Shows an event of the training.
    pub fn observe(&self, event: &Event) {
        self.shared.lock().observe(event);
    }

    /// The next request of the keys, or else of `other`. Blocks while the training is paused and
    /// nothing is requested.
    pub fn control(&self, other: impl Fn() -> Control) -> Control {
        let mut state = self.shared.lock();
        loop {
            if let Some(control) = state.controls.pop_front() {
                return control;
            }
            match other() {
                Control::Continue if state.paused => {}
                control => return control,
            }
            let waited = self.shared.wakeup.wait_timeout(state, POLL_INTERVAL);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic was printed by its hook.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic does not leave the state inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Worker {
    shared: Arc<Shared>,
    paths: RunPaths,
    colours: Colours,
    signals: Signals,
    start: Instant,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without keys a pause could not be ended.
        self.shared.lock().paused = false;
        self.shared.wakeup.notify_all();
    }
}

impl Worker {
    fn run(self, mut screen: Screen, keep: bool) {
        let mut shown = None;
        loop {
            let next = Instant::now() + FRAME_INTERVAL;
            self.read_samples(&mut shown);
            let state = self.state();
            // The training continues without a terminal.
            if screen.draw(View { state: &state, colours: self.colours }).is_err()
                || !self.wait(next).unwrap_or(false)
            {
                break;
            }
        }
        self.read_samples(&mut shown);
        let state = State { ended: true, help: false, ..self.state() };
        screen.close(keep.then_some(View { state: &state, colours: self.colours }));
    }

    /// A copy of the current state.
    fn state(&self) -> State {
        let mut state = self.shared.lock();
        state.tick(self.start.elapsed().as_secs_f64());
        state.clone()
    }

    /// Reads the latest samples, if they are not shown yet.
    fn read_samples(&self, shown: &mut Option<u64>) {
        let state = self.shared.lock();
        let (sampled, size) = (state.sampled, state.sample_size);
        drop(state);
        let Some(epoch) = sampled.filter(|_| *shown != sampled) else { return };
        *shown = sampled;
        // Invalid files are ignored.
        let Ok(image) = image::open(self.paths.sample(epoch)) else { return };
        if let Some(samples) = SampleRow::new(image.into_rgb8(), size) {
            self.shared.lock().samples = Some((epoch, samples));
        }
    }

    /// Waits for the time of the `next` frame or a key; returns whether there is a next frame.
    fn wait(&self, next: Instant) -> io::Result<bool> {
        while !self.shared.closed.load(Ordering::Relaxed) && !(self.signals.interrupted)() {
            let remaining = next.saturating_duration_since(Instant::now());
            if event::poll(remaining.min(POLL_INTERVAL))? {
                let key = event::read()?.as_key_event();
                return Ok(key.is_none_or(|key| self.handle_key(key)));
            }
            if Instant::now() >= next {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether the dashboard stays open.
    fn handle_key(&self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release {
            return true;
        }
        let mut state = self.shared.lock();
        match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
            (KeyCode::Char('c'), true) => {
                (self.signals.interrupt)();
                return false;
            }
            (KeyCode::Char('q'), false) => {
                state.request(Control::Stop);
                self.shared.wakeup.notify_all();
                return false;
            }
            (KeyCode::Char('s'), false) => state.request(Control::Sample),
            (KeyCode::Char('c'), false) => state.request(Control::Checkpoint),
            (KeyCode::Char('p'), false) => state.paused = !state.paused,
            (KeyCode::Char('?' | 'h'), false) => state.help = !state.help,
            (KeyCode::Esc, _) => state.help = false,
            _ => {}
        }
        self.shared.wakeup.notify_all();
        true
    }
}
