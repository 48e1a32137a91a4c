//! A scatter plot: a setting against a measure, as an SVG element.

use std::io;

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::{
    ChartBuilder, Circle, Color, DrawingArea, IntoDrawingArea, IntoFont, IntoTextStyle, SVGBackend,
    TRANSPARENT,
};

use crate::chart::{embedded, number};
use crate::error::ViewError;
use crate::palette::{AXIS, GRID, LINES};

/// The size in SVG units; see [`crate::chart`].
const SIZE: (u32, u32) = (1200, 800);
const FONT_SIZE: i32 = 42;
/// The most characters of a value below its point.
const MAX_LABEL: usize = 16;

/// Values of a setting, and what the trials with them achieved.
pub struct Scatter<'a> {
    /// Name of the setting.
    pub x_label: &'a str,
    /// Name of the measure.
    pub y_label: &'a str,
    /// The values of the setting, as text, and those of the measure.
    pub points: Vec<(String, f64)>,
}

impl Scatter<'_> {
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
        let axis = Axis::of(self.points.iter().map(|(x, _)| x.as_str()));
        let points: Vec<_> = self.points.iter().map(|(x, y)| (axis.place(x), *y)).collect();
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for (_, y) in &points {
            (low, high) = (low.min(*y), high.max(*y));
        }
        let margin = match 0.08 * (high - low) {
            margin if margin > 0.0 => margin,
            _ => 0.1 * high.abs().max(1e-9),
        };
        let mut chart = ChartBuilder::on(root)
            .margin(20)
            .x_label_area_size(120)
            .y_label_area_size(190)
            .build_cartesian_2d(-0.08..1.08, low - margin..high + margin)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.rgb().stroke_width(2))
            .axis_style(AXIS.rgb().stroke_width(2))
            .disable_x_mesh()
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|x| axis.label(*x))
            .y_label_formatter(&|y| number(*y))
            .label_style(text.clone().into_text_style(root))
            .axis_desc_style(text.into_text_style(root))
            .x_desc(self.x_label)
            .y_desc(self.y_label)
            .draw()?;
        let dot = |&point: &(f64, f64)| Circle::new(point, 14, LINES[0].rgb().mix(0.6).filled());
        chart.draw_series(points.iter().map(dot))?;
        root.present()
    }
}

/// Where values are between 0 and 1: numbers by their size, or by its logarithm where they differ
/// by more than a factor of 20; others side by side.
enum Axis {
    Linear(f64, f64),
    Logarithmic(f64, f64),
    Names(Vec<String>),
}

impl Axis {
    fn of<'a>(values: impl Iterator<Item = &'a str> + Clone) -> Self {
        let numbers: Option<Vec<f64>> = values.clone().map(|value| value.parse().ok()).collect();
        let finite = |numbers: &Vec<f64>| numbers.iter().all(|number| number.is_finite());
        let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty() && finite(numbers)) else {
            let mut names: Vec<String> = Vec::new();
            for value in values {
                if !names.iter().any(|name| name == value) {
                    names.push(value.to_owned());
                }
            }
            return Self::Names(names);
        };
        let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if low > 0.0 && high / low > 20.0 {
            Self::Logarithmic(low.ln(), high.ln())
        } else {
            Self::Linear(low, high)
        }
    }

    fn place(&self, value: &str) -> f64 {
        let between = |value: f64, low: f64, high: f64| {
            if high > low { (value - low) / (high - low) } else { 0.5 }
        };
        let number = || value.parse::<f64>().unwrap_or(0.0);
        match self {
            Self::Linear(low, high) => between(number(), *low, *high),
            Self::Logarithmic(low, high) => between(number().ln(), *low, *high),
            Self::Names(names) => {
                let index = names.iter().position(|name| name == value).unwrap_or(0);
                between(index as f64, 0.0, (names.len() - 1) as f64)
            }
        }
    }

    /// The label at a place; none outside the values.
    fn label(&self, place: f64) -> String {
        const SLACK: f64 = 1e-9;
        if !(-SLACK..=1.0 + SLACK).contains(&place) {
            return String::new();
        }
        let at = |low: &f64, high: &f64| low + place * (high - low);
        match self {
            Self::Linear(low, high) => number(at(low, high)),
            Self::Logarithmic(low, high) => format!("{:.1e}", at(low, high).exp()),
            Self::Names(names) => {
                let place = place * (names.len() - 1) as f64;
                let near = (place - place.round()).abs() < 0.25 || names.len() == 1;
                let name = names.get(place.round() as usize).filter(|_| near);
                name.map_or(String::new(), |name| name.chars().take(MAX_LABEL).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_placed_by_their_size_and_names_side_by_side() {
        let places = |values: &[&str]| -> Vec<f64> {
            let axis = Axis::of(values.iter().copied());
            values.iter().map(|value| axis.place(value)).collect()
        };
        assert_eq!(places(&["1", "3", "2"]), [0.0, 1.0, 0.5]);
        assert_eq!(places(&["a", "b", "a", "c"]), [0.0, 0.5, 0.0, 1.0]);
        assert_eq!(places(&["7", "7"]), [0.5, 0.5]);
        let logarithmic = places(&["0.0001", "0.001", "0.01"]);
        assert!((logarithmic[1] - 0.5).abs() < 1e-9, "{logarithmic:?}");
        assert_eq!(places(&["1", "inf"]), [0.0, 1.0], "these are names");
    }

    #[test]
    fn every_point_is_drawn_and_the_label_is_in_the_svg() {
        let points = vec![("0.1".into(), 3.0), ("0.2".into(), 2.0), ("0.2".into(), 2.5)];
        let svg = Scatter { x_label: "r1", y_label: "frechet", points }
            .svg("r1 against frechet")
            .unwrap();
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains("aria-label=\"r1 against frechet\""));
    }
}
