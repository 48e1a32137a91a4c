//! A state, drawn.

use gan_run::Quality;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget, Wrap};

use crate::colours::{Colours, Hue};
use crate::curves::{Curve, Panel};
use crate::layout::areas;
use crate::state::State;

const KEYS: &str = "q stop and save   s sample   c checkpoint   p pause   ? help";
const SHORT_KEYS: &str = "q stop  s sample  c save  p pause  ? help";
const FEW_KEYS: &str = "q stop  p pause  ? help";
const HELP: [(&str, &str); 6] = [
    ("q", "stop: finish the step, save, leave"),
    ("s", "draw the digits now"),
    ("c", "write a checkpoint now"),
    ("p", "pause, or go on"),
    ("?", "show or hide this"),
    ("Ctrl-C", "as q; twice, end without saving"),
];

const LOSSES: [Curve; 2] = [
    ("d_loss", |row| row.d_loss, Hue::Discriminator),
    ("g_loss", |row| row.g_loss, Hue::Generator),
];
const CHANCES: [Curve; 2] = [
    ("D(real)", |row| row.d_real, Hue::Discriminator),
    ("D(fake)", |row| row.d_fake, Hue::Generator),
];

/// Draws a state: the same one always looks the same.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What is shown.
    pub state: &'a State,
    /// In which colours.
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
        if let Some(area) = areas.chances {
            panel(CHANCES, Some([0.0, 1.0])).render(area, buffer);
        }
        if let Some(area) = areas.numbers {
            let words = self.numbers(areas.losses.is_none());
            Paragraph::new(filled(words, area.width)).render(area, buffer);
        }
        if let Some(area) = areas.finding {
            self.finding(area, buffer);
        }
        if let (Some((area, fit)), Some((_, digits))) = (areas.digits, &self.state.digits) {
            digits.draw(fit, self.colours, area, buffer);
        }
        if let Some(area) = areas.side {
            Paragraph::new(self.side(area.width)).render(area, buffer);
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
    /// How far it is, on a line that fills as the training goes on.
    fn header(&self, area: Rect, buffer: &mut Buffer) {
        let State { name, epoch, total, paused, .. } = self.state;
        let share = if *total == 0 { 1.0 } else { *epoch as f64 / *total as f64 };
        let done = format!("epoch {epoch}/{total}");
        let pace = match (*paused, self.state.pace()) {
            (true, _) => "PAUSED".into(),
            (false, Some(pace)) => {
                let left = self.state.left().map_or(String::new(), clock);
                format!("{pace:.1} steps/s  {left}")
            }
            _ if self.state.ended => String::new(),
            _ => "…".into(),
        };
        let percent = format!("{:.0}%", (100.0 * share).floor());
        let line = first_that_fits(
            area.width,
            &[
                format!(" {name}   {done}   {percent}   {pace}"),
                format!(" {done}  {percent}  {pace}"),
                format!(" {done}  {percent}"),
                format!("{epoch} {percent}"),
            ],
        );
        buffer.set_stringn(area.x, area.y, line, area.width.into(), Modifier::BOLD);
        let filled = (share.min(1.0) * f64::from(area.width)).floor() as u16;
        buffer.set_style(Rect { width: filled, ..area }, Modifier::REVERSED);
    }

    /// What is known beside the digits, a thing a line.
    fn side(&self, width: u16) -> Vec<Line<'static>> {
        let quiet = self.colours.of_hue(Hue::Quiet);
        let mut lines = Vec::new();
        let mut say = |style: Style, words: String| {
            lines.push(Line::from(Span::styled(format!(" {words}"), style)));
        };
        if let Some((epoch, _)) = self.state.digits {
            say(quiet, "digits at".into());
            say(Style::new(), epoch.to_string());
        }
        if let Some((epoch, quality)) = &self.state.quality {
            say(quiet, String::new());
            say(quiet, "judged at".into());
            say(Style::new(), epoch.to_string());
            for (short, long, value) in measures(quality) {
                if width >= 18 {
                    say(Style::new(), format!("{long:<11}{value}"));
                } else if !short.is_empty() {
                    say(Style::new(), format!("{short:<3}{value}"));
                }
            }
        }
        if let Some(best) = self.state.best {
            say(quiet, "best at".into());
            say(Style::new(), best.to_string());
        }
        lines
    }

    /// The same where there is no column for it, and the losses where there is no chart.
    fn numbers(&self, losses: bool) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(row) = self.state.latest.as_ref().filter(|_| losses) {
            words.push(format!("d_loss {:.2}  g_loss {:.2}", row.d_loss, row.g_loss));
        }
        if let Some((_, q)) = &self.state.quality {
            words.push(format!("FD {:.1}  P {:.2}  R {:.2}", q.frechet, q.precision, q.recall));
        }
        if let Some(row) = self.state.latest.as_ref().filter(|_| losses) {
            words.push(format!("D(real) {:.2}  D(fake) {:.2}", row.d_real, row.d_fake));
        }
        words
    }

    /// The latest thing that goes wrong; on one line its name at least.
    fn finding(&self, area: Rect, buffer: &mut Buffer) {
        let Some((epoch, finding)) = self.state.findings.last() else { return };
        let words = format!("epoch {epoch}: {}", finding.words());
        let style = self.colours.of_hue(Hue::Warning);
        if area.height == 1 {
            buffer.set_stringn(area.x, area.y, cut(&words, area.width), area.width.into(), style);
        } else {
            Paragraph::new(words).style(style).wrap(Wrap { trim: true }).render(area, buffer);
        }
    }

    /// The keys on the left, what was said on the right.
    fn footer(&self, area: Rect, buffer: &mut Buffer) {
        let said = &self.state.said;
        let space = usize::from(area.width).saturating_sub(said.chars().count());
        let with = |keys: &str| format!("{keys:<space$}{said}");
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
        let quiet = self.colours.of_hue(Hue::Quiet);
        buffer.set_stringn(area.x, area.y, line, area.width.into(), quiet);
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
    let line = |(key, what): (&str, &str)| Line::from(format!(" {key:<7} {what}"));
    let lines: Vec<_> = HELP.into_iter().map(line).collect();
    Clear.render(popup, buffer);
    Paragraph::new(lines).block(Block::bordered().title(" keys ")).render(popup, buffer);
}

/// Short name (none where there is no place for it), long name and value.
fn measures(q: &Quality) -> Vec<(&'static str, &'static str, String)> {
    let missing: Vec<_> = q.missing.iter().map(ToString::to_string).collect();
    let mut measures = vec![
        ("FD", "FD", format!("{:.1}", q.frechet)),
        ("P", "precision", format!("{:.2}", q.precision)),
        ("R", "recall", format!("{:.2}", q.recall)),
        ("", "density", format!("{:.2}", q.density)),
        ("", "coverage", format!("{:.2}", q.coverage)),
        ("", "diversity", format!("{:.2}", q.diversity)),
    ];
    if !missing.is_empty() {
        measures.push(("", "missing", missing.join(", ")));
    }
    measures
}

/// `1h02m left`, `3m05s left` or `12s left`.
fn clock(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        3600.. => format!("{}h{:02}m left", whole / 3600, whole / 60 % 60),
        60.. => format!("{}m{:02}s left", whole / 60, whole % 60),
        _ => format!("{whole}s left"),
    }
}

/// Words on as few lines as they fit, each of them whole.
fn filled(words: Vec<String>, width: u16) -> Vec<Line<'static>> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 2 + word.len() <= usize::from(width) => {
                line.push_str("  ");
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines.into_iter().map(Line::from).collect()
}

fn first_that_fits(width: u16, lines: &[String]) -> String {
    let fits = |line: &&String| line.trim_end().chars().count() <= usize::from(width);
    let line = lines.iter().find(fits).or(lines.last());
    line.cloned().unwrap_or_default()
}

/// The words, or as many letters as fit and a sign that there are more.
fn cut(words: &str, width: u16) -> String {
    let width = usize::from(width);
    if words.chars().count() <= width {
        return words.to_owned();
    }
    let kept: String = words.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
#[path = "view/tests.rs"]
mod tests;
