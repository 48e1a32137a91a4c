//! What was drawn, as text for the ordinary screen.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// The lines of a buffer with the escape sequences for their colours, each line complete in
/// itself; empty ones at the end are left out.
pub(crate) fn lines(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let mut lines: Vec<_> =
        area.rows().map(|row| line(buffer, row.x..row.right(), row.y)).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn line(buffer: &Buffer, columns: std::ops::Range<u16>, y: u16) -> String {
    let cells: Vec<&Cell> = columns.map(|x| &buffer[(x, y)]).collect();
    let blank = |cell: &&Cell| {
        cell.symbol() == " "
            && cell.bg == Color::Reset
            && !cell.modifier.contains(Modifier::REVERSED)
    };
    let end = cells.iter().rposition(|cell| !blank(cell)).map_or(0, |last| last + 1);
    let mut text = String::new();
    let mut before = String::from("\x1b[0m");
    for cell in &cells[..end] {
        let style = style(cell);
        if style != before {
            text.push_str(&style);
            before = style;
        }
        text.push_str(cell.symbol());
    }
    if before != "\x1b[0m" {
        text.push_str("\x1b[0m");
    }
    text
}

/// The sequence that sets a cell's style, whatever was set before.
fn style(cell: &Cell) -> String {
    let mut codes = String::from("\x1b[0");
    for (modifier, code) in [(Modifier::BOLD, 1), (Modifier::REVERSED, 7)] {
        if cell.modifier.contains(modifier) {
            let _ = write!(codes, ";{code}");
        }
    }
    for (colour, kind) in [(cell.fg, 38), (cell.bg, 48)] {
        let _ = match colour {
            Color::Rgb(r, g, b) => write!(codes, ";{kind};2;{r};{g};{b}"),
            Color::Indexed(index) => write!(codes, ";{kind};5;{index}"),
            // No others are used here.
            _ => Ok(()),
        };
    }
    codes.push('m');
    codes
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn a_line_sets_each_style_once_and_ends_in_none() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 3));
        buffer.set_string(0, 0, "ab", Style::new().fg(Color::Indexed(74)).bold());
        buffer.set_string(2, 0, "c", Style::new().bg(Color::Rgb(1, 2, 3)));
        buffer.set_string(0, 1, "plain", Style::new());
        let expected = ["\x1b[0;1;38;5;74mab\x1b[0;48;2;1;2;3mc\x1b[0m", "plain"];
        assert_eq!(lines(&buffer), expected);
    }
}
