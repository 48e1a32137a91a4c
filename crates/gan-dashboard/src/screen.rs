//! The terminal: entering and leaving the alternate screen, and what stays afterwards.

use std::io::{self, BufWriter, Stderr, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, IntoCrossterm};
use ratatui::buffer::{Buffer, Cell};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::widgets::Widget;

/// Whether the terminal is in the mode of the dashboard.
static ACTIVE: AtomicBool = AtomicBool::new(false);

/// The terminal of stderr in raw mode. It is restored when this is dropped, and before a panic of
/// any thread is printed.
pub(crate) struct Screen(Terminal<CrosstermBackend<BufWriter<Stderr>>>);

impl Screen {
    /// Enters raw mode and the alternate screen.
    pub(crate) fn open() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let print = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                restore();
                print(info);
            }));
        });
        enable_raw_mode()?;
        ACTIVE.store(true, Ordering::SeqCst);
        let terminal = execute!(io::stderr(), EnterAlternateScreen, Hide)
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(io::stderr()))));
        // A partial change is undone.
        terminal.map(Self).inspect_err(|_| _ = restore())
    }

    /// Draws, unless the terminal was restored.
    pub(crate) fn draw(&mut self, view: impl Widget) -> io::Result<()> {
        if ACTIVE.load(Ordering::SeqCst) {
            self.0.draw(|frame| frame.render_widget(view, frame.area()))?;
        }
        Ok(())
    }

    /// Restores the terminal and prints a last view, with a few lines less than the terminal has;
    /// does nothing if it was restored before.
    pub(crate) fn close(self, view: Option<impl Widget>) {
        let size = self.0.size();
        if !restore() {
            return;
        }
        let (Some(view), Ok(size)) = (view, size) else { return };
        let mut buffer = Buffer::empty(Rect::new(0, 0, size.width, size.height.saturating_sub(3)));
        view.render(buffer.area, &mut buffer);
        let lines = ansi_lines(&buffer).into_iter().map(|line| line + "\n").collect::<String>();
        // The terminal may be gone.
        let _ = io::stderr().write_all(lines.as_bytes());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the terminal once; returns whether this call did.
fn restore() -> bool {
    let active = ACTIVE.swap(false, Ordering::SeqCst);
    if active {
        // The terminal may be gone.
        let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
    active
}

/// The lines of a buffer with escape sequences for their styles, without blank lines at the end.
fn ansi_lines(buffer: &Buffer) -> Vec<String> {
    let width = buffer.area.width.max(1).into();
    let mut lines: Vec<_> = buffer.content.chunks(width).map(ansi_line).collect();
    lines.truncate(lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1));
    lines
}

fn ansi_line(cells: &[Cell]) -> String {
    let blank = |cell: &Cell| {
        cell.symbol() == " "
            && cell.bg == Color::Reset
            && !cell.modifier.contains(Modifier::REVERSED)
    };
    let end = cells.iter().rposition(|cell| !blank(cell)).map_or(0, |last| last + 1);
    let mut line = String::new();
    for run in cells[..end].chunk_by(|a, b| a.style() == b.style()) {
        let text: String = run.iter().map(Cell::symbol).collect();
        if run[0].style() == Cell::EMPTY.style() {
            line.push_str(&text);
        } else {
            let mut style = run[0].style().into_crossterm();
            // Nothing is underlined, and not every terminal knows the sequence.
            style.underline_color = None;
            line.push_str(&style.apply(text).to_string());
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn each_run_of_a_style_is_one_sequence_that_is_reset() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 3));
        buffer.set_string(0, 0, "ab", Style::new().bg(Color::Rgb(1, 2, 3)).fg(Color::Indexed(74)));
        buffer.set_string(2, 0, "c", Style::new());
        buffer.set_string(0, 1, "plain", Style::new());
        let expected = ["\x1b[48;2;1;2;3m\x1b[38;5;74mab\x1b[49m\x1b[39mc", "plain"];
        assert_eq!(ansi_lines(&buffer), expected);
        buffer.set_string(0, 1, "b", Style::new().bold());
        let bold = &ansi_lines(&buffer)[1];
        assert!(bold.contains("\x1b[1mb\x1b[0m") && bold.ends_with("lain"), "{bold:?}");
    }
}
