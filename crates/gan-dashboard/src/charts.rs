//! Charts of the metrics.

use gan_run::MetricsRow;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Widget};

use crate::colours::{Colours, Role};

/// The least height of a chart with labels on its horizontal axis.
const MIN_LABELLED: u16 = 12;

/// A curve: its name, its value in a row, and its colour.
pub(crate) type Curve = (&'static str, fn(&MetricsRow) -> f32, Role);

/// A chart of two curves in a frame, with their names and latest values in the title.
pub(crate) struct Panel<'a> {
    pub rows: &'a [MetricsRow],
    pub latest: Option<&'a MetricsRow>,
    pub curves: [Curve; 2],
    /// The range of the values, if it is fixed.
    pub bounds: Option<[f64; 2]>,
    pub colours: Colours,
}

impl Widget for Panel<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let last = self.rows.last().map_or(1, |row| row.epoch.max(1)) as f64;
        // About one mean per column.
        let bins = usize::from(area.width);
        let points = self.curves.map(|(_, value, _)| means(self.rows, value, last, bins));
        let [low, high] = self.bounds.unwrap_or_else(|| bounds(points.iter().flatten()));
        let digits = if high - low < 10.0 { 2 } else { 0 };
        let label = |value: f64| format!("{value:.digits$}");

        let lines = points.iter().zip(self.curves).map(|(points, (_, _, role))| {
            let marker = match (self.colours, role) {
                (Colours::Monochrome, Role::Generator) => Marker::Dot,
                _ => Marker::Braille,
            };
            let line = Dataset::default().marker(marker).graph_type(GraphType::Line);
            line.style(self.colours.style(role)).data(points)
        });
        let secondary = self.colours.style(Role::Secondary);
        let x = Axis::default().style(secondary).bounds([0.0, last]);
        let y = Axis::default().style(secondary).bounds([low, high]);
        // The header has the epoch as well, so a low chart does without labels.
        let epochs = ["0".to_owned(), format!("{last:.0}")];
        let x = if area.height < MIN_LABELLED { x } else { x.labels(epochs) };
        Chart::new(lines.collect())
            .block(Block::bordered().border_style(secondary).title(self.title()))
            .x_axis(x)
            .y_axis(y.labels([label(low), label(high)]))
            .legend_position(None)
            .render(area, buffer);
    }
}

impl Panel<'_> {
    fn title(&self) -> Line<'static> {
        let mut spans = vec![Span::raw(" ")];
        for (name, value, role) in self.curves {
            let symbol = match (self.colours, role) {
                (Colours::Monochrome, Role::Generator) => "•",
                (Colours::Monochrome, _) => "⠒",
                _ => "",
            };
            let value = self.latest.map_or(String::new(), |row| format!(" {:.2}", value(row)));
            let style = self.colours.style(role).bold();
            spans.push(Span::styled(format!("{symbol}{name}{value}"), style));
            spans.push(Span::raw(" "));
        }
        spans.into()
    }
}

/// The mean of the finite values in each of `bins` intervals from epoch 0 to `last`.
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
        let this = (x / last * bins as f64) as usize;
        match points.last_mut() {
            Some(point) if this == bin => {
                count += 1.0;
                point.0 += (x - point.0) / count;
                point.1 += (y - point.1) / count;
            }
            _ => {
                (bin, count) = (this, 1.0);
                points.push((x, y));
            }
        }
    }
    points
}

/// From 0 or below to a little above the maximum; outliers are cut off, because they would flatten
/// the rest.
fn bounds<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> [f64; 2] {
    let mut values: Vec<f64> = points.map(|(_, y)| *y).collect();
    values.sort_by(f64::total_cmp);
    let quantile = |share: f64| values.get((share * values.len() as f64) as usize).copied();
    let end = |value: Option<f64>, typical: Option<f64>, sign: f64| {
        let (value, typical) = (value.unwrap_or(0.0) * sign, typical.unwrap_or(0.0) * sign);
        value.min(2.0 * typical.max(0.0)).max(0.0) * sign
    };
    let low = end(values.first().copied(), quantile(0.05), -1.0);
    let high = end(values.last().copied(), quantile(0.95), 1.0);
    let margin = 0.05 * (high - low);
    match (low < 0.0, high > 0.0) {
        (false, false) => [0.0, 1.0],
        (false, true) => [0.0, high + margin],
        (true, _) => [low - margin, high + margin],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::row;

    #[test]
    fn a_point_is_the_mean_of_its_rows() {
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
    fn a_chart_starts_at_zero_unless_values_are_negative() {
        assert_eq!(bounds([].iter()), [0.0, 1.0]);
        assert_eq!(bounds([(0.0, 2.0), (1.0, 1.0)].iter()), [0.0, 2.1]);
        assert_eq!(bounds([(0.0, -1.0), (1.0, 1.0)].iter()), [-1.1, 1.1]);
    }

    #[test]
    fn an_outlier_does_not_flatten_the_rest() {
        let mut points = vec![(0.0, 1.0); 100];
        points[50].1 = 30.0;
        assert_eq!(bounds(points.iter()), [0.0, 2.1]);
    }
}
