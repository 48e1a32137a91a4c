//! One chart: curves over epochs, as SVG to be put into a page.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::{
    ChartBuilder, Circle, Color, DashedLineSeries, DrawingArea, IntoDrawingArea, IntoFont,
    IntoTextStyle, LineSeries, SVGBackend, ShapeStyle, TRANSPARENT,
};

use crate::error::ViewError;
use crate::palette::{GRID, INK, LINES, line};
use crate::smooth::{Point, every, reach, smooth};

/// Units of the drawing; three of them make a pixel of a page of usual width, because the
/// library draws at whole units only.
const SIZE: (u32, u32) = (2400, 960);
const FONT: i32 = 42;

/// Points of a curve at most: more than its columns of pixels show nothing more.
const MOST: usize = 700;

/// What is drawn.
pub struct Chart {
    /// What the vertical axis measures, with its unit.
    pub y: String,
    /// The least that the vertical axis shows, whatever the curves do.
    pub shows: Option<Range<f64>>,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// One curve.
pub struct Curve {
    /// The number of its colour.
    pub colour: usize,
    /// Its points, in order.
    pub points: Vec<Point>,
    /// Whether each point counts: measurements are marked, readings are smoothed.
    pub marked: bool,
}

impl Chart {
    /// The drawing as an `<svg>` element that a page can hold; `label` says in words what it
    /// shows.
    ///
    /// # Errors
    /// When the drawing library refuses.
    pub fn svg(&self, label: &str) -> Result<String, ViewError> {
        let mut svg = String::new();
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        self.draw(&root).map_err(|error| ViewError::Chart(error.to_string()))?;
        drop(root);
        // In a page an SVG needs no address of its kind, and takes its size from the page.
        let body = svg.split_once("<svg").and_then(|(_, rest)| rest.split_once('>'));
        let (_, body) = body.ok_or_else(|| ViewError::Chart("it drew nothing".into()))?;
        let (width, height) = SIZE;
        Ok(format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">{body}"
        ))
    }

    fn draw<'a>(
        &self,
        root: &DrawingArea<SVGBackend<'a>, Shift>,
    ) -> Result<
        (),
        plotters::drawing::DrawingAreaErrorKind<
            <SVGBackend<'a> as plotters::backend::DrawingBackend>::ErrorType,
        >,
    > {
        let text = ("sans-serif", FONT).into_font().color(&INK.rgb());
        let mut chart = ChartBuilder::on(root)
            .margin(20)
            .margin_right(110)
            .x_label_area_size(120)
            .y_label_area_size(190)
            .build_cartesian_2d(self.width(), self.height())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.rgb().stroke_width(2))
            .axis_style(INK.rgb().stroke_width(2))
            .x_labels(9)
            .y_labels(7)
            .x_label_formatter(&|x| number(*x))
            .y_label_formatter(&|y| number(*y))
            .label_style(text.clone().into_text_style(root))
            .axis_desc_style(text.into_text_style(root))
            .x_desc("epochs (training steps)")
            .y_desc(&self.y)
            .draw()?;
        let height = self.height();
        for curve in &self.curves {
            let Curve { colour, marked, .. } = curve;
            let mut points = finite(&curve.points);
            // After every colour was used once, dashes tell curves apart.
            let dashed = *colour >= LINES.len();
            let colour = line(*colour).rgb();
            let bold = ShapeStyle::from(&colour).stroke_width(6);
            let reach = curve.reach();
            let smoothed = every(smooth(&points, reach), MOST);
            for (_, y) in &mut points {
                *y = y.clamp(height.start, height.end);
            }
            if reach > 0 {
                let faint = colour.mix(0.35).stroke_width(2);
                chart.draw_series(LineSeries::new(extremes(&points, MOST), faint))?;
            }
            if *marked || points.len() == 1 {
                let dot = |point: &Point| Circle::new(*point, 12, bold.filled());
                chart.draw_series(points.iter().map(dot))?;
            }
            let bold_points = if reach > 0 { smoothed } else { extremes(&points, MOST) };
            if dashed {
                chart.draw_series(DashedLineSeries::new(bold_points, 24, 14, bold))?;
            } else {
                chart.draw_series(LineSeries::new(bold_points, bold))?;
            }
        }
        root.present()
    }

    /// From the beginning of training to the last point.
    fn width(&self) -> Range<f64> {
        let last = self.points().map(|(x, _)| x).fold(0.0, f64::max);
        0.0..if last > 0.0 { last } else { 1.0 }
    }

    /// The curves with a little room, and from zero where zero is near.
    fn height(&self) -> Range<f64> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let shown = self.shows.iter().flat_map(|range| [range.start, range.end]);
        for y in self.curves.iter().flat_map(Curve::usual).chain(shown) {
            (low, high) = (low.min(y), high.max(y));
        }
        if low > high {
            return 0.0..1.0;
        }
        if low > 0.0 && low < 0.7 * high {
            low = 0.0;
        }
        let room = match (high - low) * 0.05 {
            room if room > high.abs() * 1e-6 => room,
            _ if high == 0.0 => 1.0,
            _ => high.abs() * 0.1,
        };
        let fixed = |edge: f64| {
            self.shows.as_ref().is_some_and(|range| range.start == edge || range.end == edge)
        };
        let bottom = if low == 0.0 || fixed(low) { low } else { low - room };
        let top = if fixed(high) { high } else { high + room };
        bottom..top
    }

    /// How many readings lie above or below what the chart shows.
    #[must_use]
    pub fn beyond(&self) -> usize {
        let height = self.height();
        self.points().filter(|(_, y)| !(height.start..=height.end).contains(y)).count()
    }

    fn points(&self) -> impl Iterator<Item = Point> {
        self.curves.iter().flat_map(|curve| finite(&curve.points))
    }
}

impl Curve {
    /// How many neighbours on each side its points are smoothed with.
    #[must_use]
    pub const fn reach(&self) -> usize {
        if self.marked { 0 } else { reach(self.points.len()) }
    }

    /// Values that a chart has to show: all of a short curve; of a long one a few readings that
    /// lie far off, as the first ones do, would make a flat line of the rest.
    fn usual(&self) -> Vec<f64> {
        let points = finite(&self.points);
        let mut values: Vec<f64> = points.iter().map(|point| point.1).collect();
        if self.reach() > 0 {
            values.sort_unstable_by(f64::total_cmp);
            let few = values.len() / 100;
            values = values[few..values.len() - few].to_vec();
            values.extend(smooth(&points, self.reach()).iter().map(|point| point.1));
        }
        values
    }
}

/// The points that can be drawn: a loss that grows without end leaves the chart before it
/// leaves the numbers.
fn finite(points: &[Point]) -> Vec<Point> {
    points.iter().copied().filter(|(x, y)| x.is_finite() && y.abs() < 1e30).collect()
}

/// At most about `most` points with all peaks among them: the least and the greatest of each
/// stretch.
fn extremes(points: &[Point], most: usize) -> Vec<Point> {
    if points.len() <= most {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil(most / 2);
    let ends = |points: &[Point]| {
        let order = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
        let mut kept = [(0..points.len()).min_by(order), (0..points.len()).max_by(order)];
        kept.sort_unstable();
        kept.into_iter().flatten().map(|at| points[at]).collect::<Vec<_>>()
    };
    points.chunks(stretch).flat_map(ends).collect()
}

/// A number as axes have it: `10 000`, `0.25`, `1e-5`.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        // What is left of zero after additions is zero.
        return if size < 1e-12 {
            "0".into()
        } else {
            format!("{value:.3e}").replace(".000e", "e")
        };
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if size < 1e4 {
        return text.into();
    }
    let text = format!("{value:.0}");
    let digits = text.trim_start_matches('-');
    let grouped: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    format!("{}{}", &text[..text.len() - digits.len()], grouped.join("\u{2009}"))
}

#[cfg(test)]
#[path = "chart/tests.rs"]
mod tests;
