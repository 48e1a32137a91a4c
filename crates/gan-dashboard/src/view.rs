//! Drawing a state.

use gan_run::{ClassNames, ClassQuality, Quality};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget, Wrap};

use crate::charts::{Curve, Panel};
use crate::colours::{Colours, Role};
use crate::layout::areas;
use crate::state::State;

const KEYS: &str = "q stop and save   s sample   c checkpoint   p pause   ? help";
const SHORT_KEYS: &str = "q stop  s sample  c save  p pause  ? help";
const FEW_KEYS: &str = "q stop  p pause  ? help";
const HELP: [(&str, &str); 6] = [
    ("q", "stop: finish the step, save, exit"),
    ("s", "write samples now"),
    ("c", "write a checkpoint now"),
    ("p", "pause or resume"),
    ("?", "show or hide this help"),
    ("Ctrl-C", "as q; twice: exit without saving"),
];

const LOSSES: [Curve; 2] = [
    ("d_loss", |row| row.d_loss, Role::Discriminator),
    ("g_loss", |row| row.g_loss, Role::Generator),
];
const PROBABILITIES: [Curve; 2] = [
    ("D(real)", |row| row.d_real, Role::Discriminator),
    ("D(fake)", |row| row.d_fake, Role::Generator),
];

/// Draws a state, deterministically.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub state: &'a State,
    pub colours: Colours,
}

impl Widget for View<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let areas = areas(area, self.state);
        self.header(areas.header, buffer);
        let panel = |curves: [Curve; 2], bounds| Panel {
            rows: &self.state.rows,
            latest: self.state.latest.as_ref(),
            curves,
            bounds,
            colours: self.colours,
        };
        if let Some(area) = areas.losses {
            panel(LOSSES, None).render(area, buffer);
        }
        if let Some(area) = areas.probabilities {
            panel(PROBABILITIES, Some([0.0, 1.0])).render(area, buffer);
        }
        if let Some(area) = areas.numbers {
            let numbers = self.numbers(areas.losses.is_none());
            Paragraph::new(wrapped(numbers, area.width)).render(area, buffer);
        }
        if let Some(area) = areas.warning {
            self.warning(area, buffer);
        }
        if let (Some((area, grid)), Some((_, samples))) = (areas.samples, &self.state.samples) {
            samples.draw(grid, self.colours, area, buffer);
            samples.name(grid, &self.state.asked, area, buffer);
        }
        if let Some(area) = areas.sidebar {
            Paragraph::new(self.sidebar(area.width)).render(area, buffer);
        }
        if let Some(area) = areas.footer {
            self.footer(area, buffer);
        }
        if self.state.help {
            help(area, buffer);
        }
    }
}

impl View<'_> {
    /// The progress, on a line that is also a progress bar.
    fn header(&self, area: Rect, buffer: &mut Buffer) {
        let State { name, epoch, total, paused, .. } = self.state;
        let share = if *total == 0 { 1.0 } else { *epoch as f64 / *total as f64 };
        let done = format!("epoch {epoch}/{total}");
        let speed = match (*paused, self.state.speed()) {
            (true, _) => "PAUSED".into(),
            (false, Some(speed)) => {
                let left = self.state.seconds_left().map_or(String::new(), time_left);
                format!("{speed:.1} steps/s  {left}")
            }
            _ if self.state.ended => String::new(),
            _ => "…".into(),
        };
        let percent = format!("{:.0}%", (100.0 * share).floor());
        let line = first_that_fits(
            area.width,
            &[
                format!(" {name}   {done}   {percent}   {speed}"),
                format!(" {done}  {percent}  {speed}"),
                format!(" {done}  {percent}"),
                format!("{epoch} {percent}"),
            ],
        );
        buffer.set_stringn(area.x, area.y, line, area.width.into(), Modifier::BOLD);
        let filled = (share.min(1.0) * f64::from(area.width)).floor() as u16;
        buffer.set_style(Rect { width: filled, ..area }, Modifier::REVERSED);
    }

    /// The evaluation results, one per line.
    fn sidebar(&self, width: u16) -> Vec<Line<'static>> {
        let secondary = self.colours.style(Role::Secondary);
        let mut lines = Vec::new();
        let mut push = |style: Style, text: String| {
            lines.push(Line::from(Span::styled(format!(" {text}"), style)));
        };
        if let Some((epoch, _)) = self.state.samples {
            push(secondary, "samples".into());
            push(Style::new(), epoch.to_string());
        }
        if let Some((epoch, quality)) = &self.state.quality {
            push(secondary, String::new());
            push(secondary, "evaluated".into());
            push(Style::new(), epoch.to_string());
            for (short, long, value) in measures(quality, &self.state.classes) {
                if width >= 18 {
                    push(Style::new(), format!("{long:<11}{value}"));
                } else if !short.is_empty() {
                    push(Style::new(), format!("{short:<3}{value}"));
                }
            }
        }
        if let Some(best) = self.state.best {
            push(secondary, "best at".into());
            push(Style::new(), best.to_string());
        }
        lines
    }

    /// The numbers for a terminal without sidebar, and the losses where there is no chart.
    fn numbers(&self, losses: bool) -> Vec<String> {
        let mut numbers = Vec::new();
        if let Some(row) = self.state.latest.as_ref().filter(|_| losses) {
            numbers.push(format!("d_loss {:.2}  g_loss {:.2}", row.d_loss, row.g_loss));
        }
        if let Some((_, q)) = &self.state.quality {
            numbers.push(format!("FD {:.1}  P {:.2}  R {:.2}", q.frechet, q.precision, q.recall));
        }
        if let Some(row) = self.state.latest.as_ref().filter(|_| losses) {
            numbers.push(format!("D(real) {:.2}  D(fake) {:.2}", row.d_real, row.d_fake));
        }
        numbers
    }

    /// The latest warning, cut off if there is one line.
    fn warning(&self, area: Rect, buffer: &mut Buffer) {
        let Some((epoch, warning)) = self.state.warnings.last() else { return };
        let text = format!("epoch {epoch}: {}", warning.message());
        let style = self.colours.style(Role::Warning);
        if area.height == 1 {
            Span::styled(truncated(&text, area.width), style).render(area, buffer);
        } else {
            Paragraph::new(text).style(style).wrap(Wrap { trim: true }).render(area, buffer);
        }
    }

    /// The keys on the left, the status on the right.
    fn footer(&self, area: Rect, buffer: &mut Buffer) {
        let status = &self.state.status;
        let space = usize::from(area.width).saturating_sub(status.chars().count());
        let with = |keys: &str| format!("{keys:<space$}{status}");
        let line = first_that_fits(
            area.width,
            &[
                with(&format!("{KEYS}  ")),
                with(&format!("{SHORT_KEYS}  ")),
                SHORT_KEYS.into(),
                FEW_KEYS.into(),
                "? help".into(),
            ],
        );
        let secondary = self.colours.style(Role::Secondary);
        buffer.set_stringn(area.x, area.y, line, area.width.into(), secondary);
    }
}

fn help(area: Rect, buffer: &mut Buffer) {
    let (width, height) = (46.min(area.width), (HELP.len() as u16 + 2).min(area.height));
    let popup = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    let line = |(key, action): (&str, &str)| Line::from(format!(" {key:<7} {action}"));
    let lines: Vec<_> = HELP.into_iter().map(line).collect();
    Clear.render(popup, buffer);
    Paragraph::new(lines).block(Block::bordered().title(" keys ")).render(popup, buffer);
}

/// A short name (empty: not in a narrow sidebar), a long name and the value.
fn measures(q: &Quality, classes: &ClassNames) -> Vec<(&'static str, &'static str, String)> {
    let mut measures = vec![
        ("FD", "FD", format!("{:.1}", q.frechet)),
        ("P", "precision", format!("{:.2}", q.precision)),
        ("R", "recall", format!("{:.2}", q.recall)),
        ("", "density", format!("{:.2}", q.density)),
        ("", "coverage", format!("{:.2}", q.coverage)),
    ];
    if let Some(ClassQuality { diversity, missing, .. }) = &q.classes {
        measures.push(("", "diversity", format!("{diversity:.2}")));
        if !missing.is_empty() {
            let missing: Vec<_> = missing.iter().map(|class| classes.label(*class)).collect();
            measures.push(("", "missing", missing.join(", ")));
        }
    }
    measures
}

/// `1h02m left`, `3m05s left` or `12s left`.
fn time_left(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        3600.. => format!("{}h{:02}m left", whole / 3600, whole / 60 % 60),
        60.. => format!("{}m{:02}s left", whole / 60, whole % 60),
        _ => format!("{whole}s left"),
    }
}

/// Items on as few lines as possible, without breaking an item.
fn wrapped(items: Vec<String>, width: u16) -> Vec<Line<'static>> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.len() + 2 + item.len() <= usize::from(width) => {
                line.push_str("  ");
                line.push_str(&item);
            }
            _ => lines.push(item),
        }
    }
    lines.into_iter().map(Line::from).collect()
}

fn first_that_fits(width: u16, lines: &[String]) -> String {
    let fits = |line: &&String| line.trim_end().chars().count() <= usize::from(width);
    let line = lines.iter().find(fits).or(lines.last());
    line.cloned().unwrap_or_default()
}

/// The text, cut off with an ellipsis if it is too long.
fn truncated(text: &str, width: u16) -> String {
    let width = usize::from(width);
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
#[path = "view/tests.rs"]
mod tests;
