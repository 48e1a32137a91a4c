//! Which curves a report has: of one run both nets in one chart, of several runs a chart for
//! each thing that can be compared.

use gan_run::{MetricsRow, Quality, Record};

use crate::chart::{Chart, Curve};
use crate::error::ViewError;
use crate::smooth::Point;

/// A chart with the words around it.
pub struct Figure {
    /// What it shows.
    pub title: &'static str,
    /// How to read it; it may be empty.
    pub note: String,
    /// Each curve's colour and name; names are as the caller gave them.
    pub legend: Vec<(usize, String)>,
    /// The drawing, an `<svg>` element.
    pub svg: String,
}

/// Something that rows tell.
#[derive(Clone, Copy)]
struct Reading {
    name: &'static str,
    /// What a chart of this alone is called.
    title: &'static str,
    of: fn(&MetricsRow) -> Option<f64>,
    colour: usize,
}

/// Readings that share an axis.
struct Group {
    title: &'static str,
    note: &'static str,
    axis: Axis,
    readings: &'static [Reading],
    /// Whether it is taken now and then, so that each one counts.
    measured: bool,
}

#[derive(Clone, Copy)]
enum Axis {
    Loss,
    Probability,
    Distance,
    Share,
}

macro_rules! measure {
    ($field:ident, $name:literal, $title:literal, $colour:literal) => {
        Reading {
            name: $name,
            title: $title,
            of: |row| row.quality.as_ref().map(|Quality { $field, .. }| *$field),
            colour: $colour,
        }
    };
}

macro_rules! reading {
    ($field:ident, $name:literal, $title:literal, $colour:literal) => {
        Reading { name: $name, title: $title, of: |row| Some(row.$field.into()), colour: $colour }
    };
}

const GROUPS: [Group; 4] = [
    Group {
        title: "Losses",
        note: "Two nets against each other: neither loss says how good the digits are, but one that \
               runs away says that the other net has won.",
        axis: Axis::Loss,
        readings: &[
            reading!(d_loss, "discriminator", "Loss of the discriminator", 0),
            reading!(g_loss, "generator", "Loss of the generator", 1),
        ],
        measured: false,
    },
    Group {
        title: "What the discriminator believes",
        note: "How likely it finds it that an image is real: of real ones, D(real), and of generated \
               ones, D(fake). Where both meet at 0.5 it cannot tell them apart.",
        axis: Axis::Probability,
        readings: &[
            reading!(d_real, "D(real)", "D(real): belief in real images", 2),
            reading!(d_fake, "D(fake)", "D(fake): belief in generated images", 3),
        ],
        measured: false,
    },
    Group {
        title: "Distance from real digits",
        note: "Measured now and then on pictures of the averaged generator. Less is better.",
        axis: Axis::Distance,
        readings: &[measure!(frechet, "Fréchet distance", "Fréchet distance", 0)],
        measured: true,
    },
    Group {
        title: "How good, and how many kinds",
        note: "Precision: pictures that lie among real images. Recall: real images that lie among \
               pictures. Density and coverage: the same, less shaken by outliers. More is better.",
        axis: Axis::Share,
        readings: &[
            measure!(precision, "precision", "Precision", 0),
            measure!(recall, "recall", "Recall", 1),
            measure!(density, "density", "Density", 2),
            measure!(coverage, "coverage", "Coverage", 3),
        ],
        measured: true,
    },
];

/// The charts of one run or of several; `names` are theirs. Charts of what was never measured
/// are left out.
///
/// # Errors
/// When the drawing library refuses.
pub fn figures(records: &[Record], names: &[String]) -> Result<Vec<Figure>, ViewError> {
    let mut figures = Vec::new();
    for group in &GROUPS {
        let parts = if records.len() == 1 { group.readings.len() } else { 1 };
        for (part, readings) in group.readings.chunks(parts).enumerate() {
            let figure = figure(records, names, group, readings)?;
            // What holds for all of a group is said once.
            let said = if part == 0 { group.note } else { "" };
            figures.extend(
                figure.map(|figure| Figure { note: format!("{said}{}", figure.note), ..figure }),
            );
        }
    }
    Ok(figures)
}

fn figure(
    records: &[Record],
    names: &[String],
    group: &Group,
    readings: &[Reading],
) -> Result<Option<Figure>, ViewError> {
    let alone = records.len() == 1;
    let (mut curves, mut legend, mut widest) = (Vec::new(), Vec::new(), 0);
    for (index, (record, name)) in records.iter().zip(names).enumerate() {
        for reading in readings {
            let points = points(&record.rows, reading.of);
            if points.is_empty() {
                continue;
            }
            let colour = if alone { reading.colour } else { index };
            let curve = Curve { colour, points, marked: group.measured };
            widest = widest.max(curve.reach());
            legend.push((colour, if alone { reading.name.into() } else { name.clone() }));
            curves.push(curve);
        }
    }
    if curves.is_empty() {
        return Ok(None);
    }
    let title = if alone { group.title } else { readings[0].title };
    let y = group.axis.name(records);
    let shows = matches!(group.axis, Axis::Probability | Axis::Share).then_some(0.0..1.0);
    let chart = Chart { y, shows, curves };
    let svg = chart.svg(&format!("{title}, over epochs"))?;
    let smoothed = if widest > 0 {
        let rows = 2 * widest + 1;
        format!(" Faint: as read. Bold: smoothed, the mean of up to {rows} readings.")
    } else {
        String::new()
    };
    let beyond = match chart.beyond() {
        0 => String::new(),
        1 => " One reading lies beyond the edge.".into(),
        count => format!(" {count} readings lie beyond the edge."),
    };
    let note = smoothed + &beyond;
    Ok(Some(Figure { title, note, legend, svg }))
}

impl Axis {
    fn name(self, records: &[Record]) -> String {
        let entropy = |record: &Record| record.setting("training.loss").as_deref() == Some("bce");
        match self {
            // Both nets' losses are cross-entropies then.
            Self::Loss if records.iter().all(entropy) => "loss (nats)".into(),
            Self::Loss => "loss (no unit)".into(),
            Self::Probability => "probability (0 to 1)".into(),
            Self::Distance => "Fréchet distance (no unit)".into(),
            Self::Share => "share (real images: about 1)".into(),
        }
    }
}

fn points(rows: &[MetricsRow], of: fn(&MetricsRow) -> Option<f64>) -> Vec<Point> {
    rows.iter().filter_map(|row| Some((row.epoch as f64, of(row)?))).collect()
}
