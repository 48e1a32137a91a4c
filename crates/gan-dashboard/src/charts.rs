//! The curves of a training.

use gan_run::MetricsRow;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Widget};

use crate::colours::{Colours, Hue};

/// A chart of fewer lines has no labels below.
const LOW: u16 = 12;

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
        // About a mean a column: its second dot joins it to the next.
        let bins = usize::from(area.width);
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
        // The header has the epoch as well; where there are few lines, the curves need them more.
        let low_chart = area.height < LOW;
        let x = if low_chart { x } else { x.labels(["0".to_owned(), format!("{last:.0}")]) };
        Chart::new(lines.collect())
            .block(Block::bordered().border_style(quiet).title(self.title()))
            .x_axis(x)
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

/// From 0, or below, to a little above the greatest value; but values far above nearly all
/// others are left outside, because the rest would be a flat line below them.
fn bounds<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> [f64; 2] {
    let mut values: Vec<f64> = points.map(|(_, y)| *y).collect();
    values.sort_by(f64::total_cmp);
    let share = |share: f64| values.get((share * values.len() as f64) as usize).copied();
    let end = |value: Option<f64>, usual: Option<f64>, least: f64| {
        let (value, usual) = (value.unwrap_or(0.0) * least, usual.unwrap_or(0.0) * least);
        value.min(2.0 * usual.max(0.0)).max(0.0) * least
    };
    let low = end(values.first().copied(), share(0.05), -1.0);
    let high = end(values.last().copied(), share(0.95), 1.0);
    let room = 0.05 * (high - low);
    match (low < 0.0, high > 0.0) {
        (false, false) => [0.0, 1.0],
        (false, true) => [0.0, high + room],
        (true, _) => [low - room, high + room],
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

    #[test]
    fn a_lonely_peak_does_not_flatten_the_rest() {
        let mut points = vec![(0.0, 1.0); 100];
        points[50].1 = 30.0;
        assert_eq!(bounds(points.iter()), [0.0, 2.1]);
    }
}
