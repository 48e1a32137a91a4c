//! The curves of a training.

use gan_run::MetricsRow;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Widget};

use crate::colours::{Colours, Hue};

/// One curve: its name, what it shows of a row, and whose it is.
pub(crate) type Curve = (&'static str, fn(&MetricsRow) -> f32, Hue);

/// Two curves in a frame, whose title has their names and latest values.
pub(crate) struct Panel<'a> {
    pub rows: &'a [MetricsRow],
    pub latest: Option<&'a MetricsRow>,
    pub curves: [Curve; 2],
    /// Least and greatest value, if they are known beforehand.
    pub bounds: Option<[f64; 2]>,
    pub colours: Colours,
}

impl Widget for Panel<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let last = self.rows.last().map_or(1, |row| row.epoch.max(1)) as f64;
        // Two dots a column, and a third of them for labels and frame at most.
        let bins = usize::from(area.width) * 2;
        let points = self.curves.map(|(_, value, _)| means(self.rows, value, last, bins));
        let [low, high] = self.bounds.unwrap_or_else(|| bounds(points.iter().flatten()));
        let digits = if high - low < 10.0 { 2 } else { 0 };
        let label = |value: f64| format!("{value:.digits$}");

        let lines = points.iter().zip(self.curves).map(|(points, (_, _, hue))| {
            let marker = match (self.colours, hue) {
                (Colours::Plain, Hue::Generator) => Marker::Dot,
                _ => Marker::Braille,
            };
            let line = Dataset::default().marker(marker).graph_type(GraphType::Line);
            line.style(self.colours.of_hue(hue)).data(points)
        });
        let quiet = self.colours.of_hue(Hue::Quiet);
        let x = Axis::default().style(quiet).bounds([0.0, last]);
        let y = Axis::default().style(quiet).bounds([low, high]);
        Chart::new(lines.collect())
            .block(Block::bordered().border_style(quiet).title(self.title()))
            .x_axis(x.labels(["0".to_owned(), format!("{last:.0}")]))
            .y_axis(y.labels([label(low), label(high)]))
            .legend_position(None)
            .render(area, buffer);
    }
}

impl Panel<'_> {
    fn title(&self) -> Line<'static> {
        let mut spans = vec![Span::raw(" ")];
        for (name, value, hue) in self.curves {
            let sign = match (self.colours, hue) {
                (Colours::Plain, Hue::Generator) => "•",
                (Colours::Plain, _) => "⠒",
                _ => "",
            };
            let value = self.latest.map_or(String::new(), |row| format!(" {:.2}", value(row)));
            let style = self.colours.of_hue(hue).bold();
            spans.push(Span::styled(format!("{sign}{name}{value}"), style));
            spans.push(Span::raw(" "));
        }
        spans.into()
    }
}

/// The mean of what falls on each of `bins` dots from 0 to `last`; what is no number is left out.
fn means(
    rows: &[MetricsRow],
    value: fn(&MetricsRow) -> f32,
    last: f64,
    bins: usize,
) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let (mut bin, mut count) = (usize::MAX, 0.0);
    for row in rows {
        let (x, y) = (row.epoch as f64, f64::from(value(row)));
        if !y.is_finite() {
            continue;
        }
        let of = (x / last * bins as f64) as usize;
        match points.last_mut() {
            Some(point) if of == bin => {
                count += 1.0;
                point.0 += (x - point.0) / count;
                point.1 += (y - point.1) / count;
            }
            _ => {
                (bin, count) = (of, 1.0);
                points.push((x, y));
            }
        }
    }
    points
}

/// From 0, or below, to a little above the greatest value.
fn bounds<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> [f64; 2] {
    let (low, high) =
        points.fold((0.0_f64, 0.0_f64), |(low, high), (_, y)| (low.min(*y), high.max(*y)));
    let room = 0.05 * (high - low);
    match (low, high) {
        (0.0, 0.0) => [0.0, 1.0],
        (0.0, high) => [0.0, high + room],
        (low, high) => [low - room, high + room],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::row;

    #[test]
    fn a_dot_shows_the_mean_of_its_rows() {
        let rows: Vec<_> = [1.0, 3.0, f32::NAN, 5.0]
            .into_iter()
            .zip(1..)
            .map(|(d_loss, epoch)| MetricsRow { d_loss, ..row(epoch) })
            .collect();
        let points = means(&rows, |row| row.d_loss, 4.0, 2);
        // Epoch 1 is in the first half; 2 and 3 in the second; 4 at its end.
        assert_eq!(points, [(1.0, 1.0), (2.0, 3.0), (4.0, 5.0)]);
        assert_eq!(means(&[], |row| row.d_loss, 4.0, 2), []);
    }

    #[test]
    fn a_chart_begins_at_zero_unless_there_is_something_below() {
        assert_eq!(bounds([].iter()), [0.0, 1.0]);
        assert_eq!(bounds([(0.0, 2.0), (1.0, 1.0)].iter()), [0.0, 2.1]);
        assert_eq!(bounds([(0.0, -1.0), (1.0, 1.0)].iter()), [-1.1, 1.1]);
    }
}
