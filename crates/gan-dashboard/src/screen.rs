//! The terminal, taken and given back.

use std::io::{self, BufWriter, Stderr, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::text;

/// Whether this process has the terminal. There is one of each.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal behind stderr, with keys that come as they are pressed. It is given back when
/// this is dropped, and before a panic of any thread is told.
pub(crate) struct Screen(Terminal<CrosstermBackend<BufWriter<Stderr>>>);

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn take() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let tell = panic::take_hook();
            panic::set_hook(Box::new(move |what| {
                give_back();
                tell(what);
            }));
        });
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let taken = execute!(io::stderr(), EnterAlternateScreen, Hide)
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(io::stderr()))));
        // Whatever was done before it failed is undone.
        taken.map(Self).inspect_err(|_| _ = give_back())
    }

    /// Draws, unless the terminal was given back.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn draw(&mut self, view: impl Widget) -> io::Result<()> {
        if TAKEN.load(Ordering::SeqCst) {
            self.0.draw(|frame| frame.render_widget(view, frame.area()))?;
        }
        Ok(())
    }

    /// Gives the terminal back and leaves a last view on it, in as many lines as there is room
    /// for above a few more; or nothing, if it was given back before.
    pub(crate) fn leave(self, view: Option<impl Widget>) {
        let size = self.0.size();
        if !give_back() {
            return;
        }
        let (Some(view), Ok(size)) = (view, size) else { return };
        let mut buffer = Buffer::empty(Rect::new(0, 0, size.width, size.height.saturating_sub(3)));
        view.render(buffer.area, &mut buffer);
        let lines = text::lines(&buffer).into_iter().map(|line| line + "\n").collect::<String>();
        // Who cannot see it any more does not miss it.
        let _ = io::stderr().write_all(lines.as_bytes());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes the terminal what it was, once; tells whether it was this call.
fn give_back() -> bool {
    let taken = TAKEN.swap(false, Ordering::SeqCst);
    if taken {
        // Nobody is left to tell that it failed.
        let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
    taken
}
