//! The dashboard at work: a thread that draws and listens to keys.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gan_run::{Control, Event, RunPaths};
use ratatui::crossterm::event::{
    self, Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
};

use crate::colours::Colours;
use crate::digits::Digits;
use crate::screen::Screen;
use crate::state::State;
use crate::view::View;

/// Time from one picture to the next, unless a key is pressed: the threads of a training wait for one
/// another, so whatever takes a processor from one of them holds up all.
const FRAME: Duration = Duration::from_secs(1);
/// Time in which the end of a training is seen.
const GLANCE: Duration = Duration::from_millis(100);

/// The terminal while a training goes on.
///
/// What the training does is passed to [`observe`](Self::observe), and [`control`](Self::control) returns what
/// the keys ask for: both take a lock for an instant. All drawing happens in another thread.
/// The terminal is given back when this is dropped or a thread panics, and as soon as the
/// training was asked to stop, so that a second Ctrl-C is a signal again.
#[derive(Debug)]
pub struct Dashboard {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// How the terminal's keys and the process's signals meet.
pub struct Hooks {
    /// Whether a signal asks the process to end.
    pub interrupted: Box<dyn Fn() -> bool + Send>,
    /// What Ctrl-C does where it is no key.
    pub interrupt: Box<dyn Fn() + Send>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// A pause is over.
    woken: Condvar,
    over: AtomicBool,
}

impl Dashboard {
    /// Takes the terminal behind stderr and shows `state` there, and the pictures of the run in
    /// `paths` as it is told that they were drawn. With `keep` the last state stays on the
    /// ordinary screen.
    ///
    /// # Errors
    /// When there is no terminal.
    pub fn open(
        paths: RunPaths,
        state: State,
        colours: Colours,
        keep: bool,
        hooks: Hooks,
    ) -> io::Result<Self> {
        let screen = Screen::take()?;
        let over = AtomicBool::new(false);
        let shared = Arc::new(Shared { state: Mutex::new(state), woken: Condvar::new(), over });
        let worker =
            Worker { shared: Arc::clone(&shared), paths, colours, hooks, begin: Instant::now() };
        let thread = thread::Builder::new().name("dashboard".into());
        let thread = thread.spawn(move || worker.work(screen, keep))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Shows what the training did.
    pub fn observe(&self, event: &Event) {
        self.shared.lock().observe(event);
    }

    /// What the keys ask for. It does not return while the training is paused and nothing is
    /// asked for.
    #[must_use]
    pub fn control(&self) -> Control {
        let state = self.shared.lock();
        let waits = |state: &mut State| state.paused && state.controls.is_empty();
        let waited = self.shared.woken.wait_while(state, waits);
        waited.unwrap_or_else(PoisonError::into_inner).controls.pop_front().unwrap_or_default()
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there was told by its hook.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // What is shown is still good for showing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn go_on(&self) {
        self.lock().paused = false;
        self.woken.notify_all();
    }
}

/// Whether the terminal is still needed.
#[derive(PartialEq)]
enum Then {
    Continue,
    Leave,
}

struct Worker {
    shared: Arc<Shared>,
    paths: RunPaths,
    colours: Colours,
    hooks: Hooks,
    begin: Instant,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without keys there is no way out of a pause, however this thread ended.
        self.shared.go_on();
    }
}

impl Worker {
    fn work(self, mut screen: Screen, keep: bool) {
        let mut read = None;
        loop {
            let next = Instant::now() + FRAME;
            self.read_digits(&mut read);
            let state = self.state();
            // A terminal that is gone is no reason to end the training.
            if screen.draw(View { state: &state, colours: self.colours }).is_err()
                || self.listen(next).unwrap_or(Then::Leave) == Then::Leave
            {
                break;
            }
        }
        self.read_digits(&mut read);
        let state = State { ended: true, help: false, ..self.state() };
        screen.leave(keep.then_some(View { state: &state, colours: self.colours }));
    }

    /// What to show now.
    fn state(&self) -> State {
        let mut state = self.shared.lock();
        state.tick(self.begin.elapsed().as_secs_f64());
        state.clone()
    }

    /// Reads the latest digits, unless it was done.
    fn read_digits(&self, read: &mut Option<u64>) {
        let drawn = self.shared.lock().drawn;
        let Some(epoch) = drawn.filter(|_| *read != drawn) else { return };
        *read = drawn;
        // What cannot be read was not drawn by a training, and is not shown.
        let Ok(picture) = image::open(self.paths.sample(epoch)) else { return };
        let picture = picture.into_luma8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        if let Some(digits) = Digits::new(width, height, picture.into_raw()) {
            self.shared.lock().digits = Some((epoch, digits));
        }
    }

    /// Waits until it is time for the `next` picture, or takes a key, which shows at once.
    fn listen(&self, next: Instant) -> io::Result<Then> {
        loop {
            if self.shared.over.load(Ordering::Relaxed) || (self.hooks.interrupted)() {
                return Ok(Then::Leave);
            }
            let rest = next.saturating_duration_since(Instant::now());
            if event::poll(rest.min(GLANCE))? {
                return Ok(match event::read()? {
                    TerminalEvent::Key(key) => self.pressed(key),
                    _ => Then::Continue,
                });
            }
            if Instant::now() >= next {
                return Ok(Then::Continue);
            }
        }
    }

    fn pressed(&self, key: KeyEvent) -> Then {
        if key.kind == KeyEventKind::Release {
            return Then::Continue;
        }
        let mut state = self.shared.lock();
        match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
            (KeyCode::Char('c'), true) => {
                (self.hooks.interrupt)();
                return Then::Leave;
            }
            (KeyCode::Char('q'), false) => {
                state.ask(Control::Stop);
                self.shared.woken.notify_all();
                return Then::Leave;
            }
            (KeyCode::Char('s'), false) => state.ask(Control::Sample),
            (KeyCode::Char('c'), false) => state.ask(Control::Checkpoint),
            (KeyCode::Char('p'), false) => state.paused = !state.paused,
            (KeyCode::Char('?' | 'h'), false) => state.help = !state.help,
            (KeyCode::Esc, _) => state.help = false,
            _ => {}
        }
        self.shared.woken.notify_all();
        Then::Continue
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Hooks").finish_non_exhaustive()
    }
}
