//! A sweep in the terminal: a table of its trials and their curves.

use std::io;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{
    Axis, Block, Cell, Chart, Dataset, GraphType, Paragraph, Row, Table, Widget,
};

use crate::colours::{Colours, Role};
use crate::screen::Screen;

/// The least height of the curves, and of the terminal for both parts.
const MIN_CURVES: u16 = 8;
const MIN_BOTH: u16 = 18;

/// What is shown of a sweep.
#[derive(Clone, Debug, Default)]
pub struct SweepView {
    /// Its folder.
    pub title: String,
    /// How many trials there are in each state.
    pub states: String,
    /// What trials are compared by.
    pub measure: String,
    /// What the curves show.
    pub curves: String,
    /// The trials, those that are trained first.
    pub trials: Vec<SweepTrial>,
    /// The latest messages.
    pub messages: Vec<String>,
}

/// A trial in the table.
#[derive(Clone, Debug, Default)]
pub struct SweepTrial {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// Epochs done, and in all.
    pub epochs: String,
    /// Losses of discriminator and generator.
    pub losses: String,
    /// The value that trials are compared by.
    pub value: String,
    /// Epochs and values of its curve.
    pub curve: Vec<(f64, f64)>,
}

/// The terminal with a sweep in it; it is restored when this is dropped.
pub struct SweepScreen {
    screen: Screen,
    colours: Colours,
}

impl SweepScreen {
    /// Opens it on the terminal of stderr.
    ///
    /// # Errors
    /// When there is no terminal.
    pub fn open(colours: Colours) -> io::Result<Self> {
        Ok(Self { screen: Screen::open()?, colours })
    }

    /// Draws a view.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, view: &SweepView) -> io::Result<()> {
        self.screen.draw(Drawn { view, colours: self.colours })
    }

    /// Whether Ctrl-C or q was pressed; waits for a key at most this long.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn stop_requested(&self, wait: Duration) -> io::Result<bool> {
        if !event::poll(wait)? {
            return Ok(false);
        }
        let Some(key) = event::read()?.as_key_event() else { return Ok(false) };
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        Ok(key.kind != KeyEventKind::Release
            && matches!(
                (key.code, control),
                (KeyCode::Char('c'), true) | (KeyCode::Char('q'), false)
            ))
    }
}

struct Drawn<'a> {
    view: &'a SweepView,
    colours: Colours,
}

impl Widget for Drawn<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let messages = self.view.messages.len().min(3) as u16;
        let curves = if area.height >= MIN_BOTH { (area.height / 2).max(MIN_CURVES) } else { 0 };
        let parts = [
            Constraint::Length(2),
            Constraint::Min(2),
            Constraint::Length(curves),
            Constraint::Length(messages),
            Constraint::Length(1),
        ];
        let [head, table, chart, log, foot] = Layout::vertical(parts).areas(area);
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let title = Line::styled(format!("gan-sweep  {}", self.view.title), bold);
        Paragraph::new(vec![title, Line::raw(self.view.states.clone())]).render(head, buffer);
        self.table(table, buffer);
        if curves > 0 {
            self.curves(chart, buffer);
        }
        let latest = self.view.messages.iter().rev().take(messages.into()).rev();
        let latest: Vec<Line> = latest.map(|message| Line::raw(message.clone())).collect();
        Paragraph::new(latest).render(log, buffer);
        let keys = Line::styled("q stop and save all", self.colours.style(Role::Secondary));
        Paragraph::new(keys).render(foot, buffer);
    }
}

impl Drawn<'_> {
    fn table(&self, area: Rect, buffer: &mut Buffer) {
        let head = ["trial", "state", "epochs", "losses D / G", &self.view.measure];
        let head = Row::new(head.map(|text| Cell::from(text.to_owned())));
        let head = head.style(self.colours.style(Role::Secondary));
        let row = |trial: &SweepTrial| {
            let SweepTrial { name, state, epochs, losses, value, .. } = trial.clone();
            Row::new([name, state, epochs, losses, value].map(Cell::from))
        };
        let widths = [
            Constraint::Min(16),
            Constraint::Length(9),
            Constraint::Length(14),
            Constraint::Length(17),
            Constraint::Length(16),
        ];
        let rows = self.view.trials.iter().take(area.height.into()).map(row);
        Table::new(rows, widths).header(head).render(area, buffer);
    }

    fn curves(&self, area: Rect, buffer: &mut Buffer) {
        let points = || self.view.trials.iter().flat_map(|trial| &trial.curve);
        let finite = || points().filter(|(_, y)| y.is_finite());
        let last = points().map(|(x, _)| *x).fold(1.0, f64::max);
        let low = finite().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
        let high = finite().map(|(_, y)| *y).fold(f64::NEG_INFINITY, f64::max);
        let secondary = self.colours.style(Role::Secondary);
        let block = Block::bordered().border_style(secondary).title(self.view.curves.clone());
        if low > high {
            Paragraph::new("no values yet").block(block).render(area, buffer);
            return;
        }
        let (low, high) = if low < high { (low, high) } else { (low - 1.0, high + 1.0) };
        // Trials take turns with the two colours that there are.
        let roles = [Role::Discriminator, Role::Generator];
        let lines = self.view.trials.iter().enumerate().map(|(index, trial)| {
            Dataset::default()
                .marker(Marker::Braille)
                .graph_type(GraphType::Line)
                .style(self.colours.style(roles[index % 2]))
                .data(&trial.curve)
        });
        let x = Axis::default().style(secondary).bounds([0.0, last]);
        let y = Axis::default().style(secondary).bounds([low, high]);
        Chart::new(lines.collect())
            .block(block)
            .x_axis(x.labels(["0".to_owned(), format!("{last:.0}")]))
            .y_axis(y.labels([format!("{low:.2}"), format!("{high:.2}")]))
            .legend_position(None)
            .render(area, buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_the_curves_and_the_messages_are_drawn() {
        let trial = |name: &str, value: f64| SweepTrial {
            name: name.into(),
            state: "running".into(),
            epochs: "20/60".into(),
            value: value.to_string(),
            curve: vec![(0.0, value), (20.0, value / 2.0)],
            ..SweepTrial::default()
        };
        let view = SweepView {
            title: "sweeps/my".into(),
            states: "2 trials: 2 running".into(),
            measure: "frechet".into(),
            curves: "frechet".into(),
            trials: vec![trial("lr-0.001", 12.5), trial("lr-0.002", 9.5)],
            messages: vec!["one".into(), "warning: two".into()],
        };
        let text = |height| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 80, height));
            Drawn { view: &view, colours: Colours::Monochrome }.render(buffer.area, &mut buffer);
            buffer
                .content
                .chunks(80)
                .map(|line| {
                    line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n"
                })
                .collect::<String>()
        };
        for part in [
            "sweeps/my",
            "2 running",
            "lr-0.002",
            "20/60",
            "12.5",
            "warning: two",
            "q stop",
            "4.75",
        ] {
            assert!(text(30).contains(part), "{part}\n{}", text(30));
        }
        let low = text(10);
        assert!(low.contains("lr-0.002") && !low.contains("4.75"), "{low}");
        let empty = SweepView::default();
        for height in 0..20 {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 20, height));
            Drawn { view: &empty, colours: Colours::Monochrome }.render(buffer.area, &mut buffer);
        }
    }
}
