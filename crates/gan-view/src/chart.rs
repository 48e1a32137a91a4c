//! A chart: curves over epochs, as an SVG element.

use std::io;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::{
    ChartBuilder, Circle, Color, DashedLineSeries, DrawingArea, IntoDrawingArea, IntoFont,
    IntoTextStyle, LineSeries, SVGBackend, ShapeStyle, TRANSPARENT,
};

use crate::error::ViewError;
use crate::palette::{AXIS, GRID, LINES};
use crate::reduce::{Point, evenly_spaced, extremes, smooth, smoothing_radius};

/// The size in SVG units, about three per pixel of a page: the library draws at integer positions.
const SIZE: (u32, u32) = (2400, 960);
const FONT_SIZE: i32 = 42;

/// Points per curve, about one per pixel column.
const MAX_POINTS: usize = 700;

/// Curves that share their axes.
pub struct Chart {
    /// Label of the vertical axis, with the unit.
    pub y_label: &'static str,
    /// A range that the vertical axis includes in any case.
    pub y_range: Option<Range<f64>>,
    pub curves: Vec<Curve>,
}

/// One curve.
pub struct Curve {
    /// Index of its colour.
    pub colour: usize,
    /// Its points, in order.
    pub points: Vec<Point>,
    /// Whether points are marked, as evaluations are, or smoothed, as readings are.
    pub marked: bool,
}

impl Chart {
    /// Draws an `<svg>` element to be embedded in HTML; `label` is its description.
    pub fn svg(&self, label: &str) -> Result<String, ViewError> {
        let mut svg = String::new();
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        self.draw(&root).map_err(|error| ViewError::Chart(error.to_string()))?;
        drop(root);
        embedded(&svg, SIZE, label)
    }

    fn draw(
        &self,
        root: &DrawingArea<SVGBackend, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<io::Error>> {
        let text = ("sans-serif", FONT_SIZE).into_font().color(&AXIS.rgb());
        let last = self.points().map(|(x, _)| x).fold(0.0, f64::max);
        let width = 0.0..if last > 0.0 { last } else { 1.0 };
        let height = self.y_range_shown();
        let mut chart = ChartBuilder::on(root)
            .margin(20)
            .margin_right(110)
            .x_label_area_size(120)
            .y_label_area_size(190)
            .build_cartesian_2d(width, height.clone())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.rgb().stroke_width(2))
            .axis_style(AXIS.rgb().stroke_width(2))
            .x_labels(9)
            .y_labels(7)
            .x_label_formatter(&|x| number(*x))
            .y_label_formatter(&|y| number(*y))
            .label_style(text.clone().into_text_style(root))
            .axis_desc_style(text.into_text_style(root))
            .x_desc("epochs (training steps)")
            .y_desc(self.y_label)
            .draw()?;
        for curve in &self.curves {
            let Curve { colour, marked, .. } = curve;
            let mut points = finite(&curve.points);
            // When colours repeat, curves are dashed.
            let dashed = *colour >= LINES.len();
            let colour = LINES[*colour % LINES.len()].rgb();
            let bold = ShapeStyle::from(&colour).stroke_width(6);
            let radius = curve.smoothing_radius();
            let smoothed = evenly_spaced(&smooth(&points, radius), MAX_POINTS);
            for (_, y) in &mut points {
                *y = y.clamp(height.start, height.end);
            }
            if radius > 0 {
                let faint = colour.mix(0.35).stroke_width(2);
                chart.draw_series(LineSeries::new(extremes(&points, MAX_POINTS), faint))?;
            }
            if *marked || points.len() == 1 {
                let dot = |point: &Point| Circle::new(*point, 12, bold.filled());
                chart.draw_series(points.iter().map(dot))?;
            }
            let bold_points = if radius > 0 { smoothed } else { extremes(&points, MAX_POINTS) };
            if dashed {
                chart.draw_series(DashedLineSeries::new(bold_points, 24, 14, bold))?;
            } else {
                chart.draw_series(LineSeries::new(bold_points, bold))?;
            }
        }
        root.present()
    }

    /// The range of the curves with a margin, starting at zero if that is near.
    fn y_range_shown(&self) -> Range<f64> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let included = self.y_range.iter().flat_map(|range| [range.start, range.end]);
        for y in self.curves.iter().flat_map(Curve::typical_values).chain(included) {
            (low, high) = (low.min(y), high.max(y));
        }
        if low > high {
            return 0.0..1.0;
        }
        if low > 0.0 && low < 0.7 * high {
            low = 0.0;
        }
        let margin = match (high - low) * 0.05 {
            margin if margin > high.abs() * 1e-6 => margin,
            _ if high == 0.0 => 1.0,
            _ => high.abs() * 0.1,
        };
        let fixed = |edge: f64| {
            self.y_range.as_ref().is_some_and(|range| range.start == edge || range.end == edge)
        };
        let bottom = if low == 0.0 || fixed(low) { low } else { low - margin };
        let top = if fixed(high) { high } else { high + margin };
        bottom..top
    }

    /// The number of points outside the vertical range.
    pub fn points_outside(&self) -> usize {
        let height = self.y_range_shown();
        self.points().filter(|(_, y)| !(height.start..=height.end).contains(y)).count()
    }

    fn points(&self) -> impl Iterator<Item = Point> {
        self.curves.iter().flat_map(|curve| finite(&curve.points))
    }
}

impl Curve {
    /// The number of neighbours on each side it is smoothed with.
    pub const fn smoothing_radius(&self) -> usize {
        if self.marked { 0 } else { smoothing_radius(self.points.len()) }
    }

    /// The values that the chart must include: all of a short curve; of a long one without the
    /// outer percentiles, because a few outliers would flatten the rest.
    fn typical_values(&self) -> Vec<f64> {
        let points = finite(&self.points);
        let mut values: Vec<f64> = points.iter().map(|point| point.1).collect();
        if self.smoothing_radius() > 0 {
            values.sort_unstable_by(f64::total_cmp);
            let few = values.len() / 100;
            values = values[few..values.len() - few].to_vec();
            values.extend(smooth(&points, self.smoothing_radius()).iter().map(|point| point.1));
        }
        values
    }
}

/// The points that can be drawn; a diverging loss is cut off before it is infinite.
fn finite(points: &[Point]) -> Vec<Point> {
    points.iter().copied().filter(|(x, y)| x.is_finite() && y.abs() < 1e30).collect()
}

/// A drawing as an element of a page: it needs no namespace, and its size is set by CSS.
pub fn embedded(svg: &str, (width, height): (u32, u32), label: &str) -> Result<String, ViewError> {
    let body = svg.split_once("<svg").and_then(|(_, rest)| rest.split_once('>'));
    let (_, body) = body.ok_or_else(|| ViewError::Chart("the drawing is empty".into()))?;
    Ok(format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">{body}"))
}

/// Formats a number for an axis: `10 000`, `0.25`, `1e-5`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && size < 1e-12 {
        return "0".into(); // A rounding error around zero.
    }
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        return format!("{value:.3e}").replace(".000e", "e");
    }
    if size < 1e4 {
        return format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').into();
    }
    let mut text = format!("{value:.0}");
    let second_digit = usize::from(value < 0.0) + 1;
    for at in (second_digit..text.len()).rev().skip(2).step_by(3) {
        text.insert(at, '\u{2009}');
    }
    text
}

#[cfg(test)]
#[path = "chart/tests.rs"]
mod tests;
