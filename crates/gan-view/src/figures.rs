//! The charts of a report: for one run, related curves share a chart; for several runs, each curve
//! has a chart that compares the runs.

use std::ops::Range;

use gan_run::{MetricsRow, Record};

use crate::chart::{Chart, Curve};
use crate::error::ViewError;

/// A chart with its title, note and legend.
pub struct Figure {
    pub title: &'static str,
    /// How to read it; may be empty.
    pub note: String,
    /// The colour index and the name of each curve, not escaped.
    pub legend: Vec<(usize, String)>,
    /// The drawing, an `<svg>` element.
    pub svg: String,
}

/// A value of a row.
#[derive(Clone, Copy)]
struct Metric {
    name: &'static str,
    /// Title of a chart of this metric alone.
    title: &'static str,
    value: fn(&MetricsRow) -> Option<f64>,
    colour: usize,
}

/// Metrics that share a chart.
struct Group {
    title: &'static str,
    note: &'static str,
    /// With the unit.
    y_label: &'static str,
    /// A range that the vertical axis includes in any case.
    y_range: Option<Range<f64>>,
    metrics: &'static [Metric],
    /// Whether they are in the rows with an evaluation only.
    evaluated: bool,
    /// Whether the kernel distance replaces them where runs are compared.
    replaced: bool,
}

/// The label of losses, unless all are cross-entropies.
const LOSS: &str = "loss (no unit)";

const fn metric(
    name: &'static str,
    title: &'static str,
    colour: usize,
    value: fn(&MetricsRow) -> Option<f64>,
) -> Metric {
    Metric { name, title, value, colour }
}

const GROUPS: [Group; 5] = [
    Group {
        title: "Losses",
        note: "Neither loss measures the quality of the samples, but a loss that keeps rising means \
               that the other network wins.",
        y_label: LOSS,
        y_range: None,
        metrics: &[
            metric("discriminator", "Loss of the discriminator", 0, |row| Some(row.d_loss.into())),
            metric("generator", "Loss of the generator", 1, |row| Some(row.g_loss.into())),
        ],
        evaluated: false,
        replaced: false,
    },
    Group {
        title: "Discriminator output",
        note: "The discriminator's mean probability of \u{201c}real\u{201d}: for real images, D(real), \
               and for samples, D(fake). At 0.5 for both it cannot distinguish them.",
        y_label: "probability (0 to 1)",
        y_range: Some(0.0..1.0),
        metrics: &[
            metric("D(real)", "D(real): output for real images", 2, |row| Some(row.d_real.into())),
            metric("D(fake)", "D(fake): output for samples", 3, |row| Some(row.d_fake.into())),
        ],
        evaluated: false,
        replaced: false,
    },
    Group {
        title: "Kernel distance (KID) to real images",
        note: "Of samples of the averaged generator (EMA). Lower is better.",
        y_label: "kernel distance (no unit)",
        y_range: None,
        metrics: &[metric("kernel distance", "Kernel distance (KID)", 0, |row| {
            row.kernel_distance()
        })],
        evaluated: true,
        replaced: false,
    },
    Group {
        title: "Fréchet distance to real images",
        note: "Of samples of the averaged generator (EMA). Lower is better. Comparable between runs \
               with the same number of samples only.",
        y_label: "Fréchet distance (no unit)",
        y_range: None,
        metrics: &[metric("Fréchet distance", "Fréchet distance", 0, |row| {
            Some(row.quality.as_ref()?.frechet)
        })],
        evaluated: true,
        replaced: true,
    },
    Group {
        title: "Fidelity and diversity",
        note: "Precision: share of the samples within the manifold of real images. Recall: share of \
               the real images within the manifold of samples. Density and coverage: the same, \
               less sensitive to outliers. Higher is better.",
        y_label: "share (real images: about 1)",
        y_range: Some(0.0..1.0),
        metrics: &[
            metric("precision", "Precision", 0, |row| Some(row.quality.as_ref()?.precision)),
            metric("recall", "Recall", 1, |row| Some(row.quality.as_ref()?.recall)),
            metric("density", "Density", 2, |row| Some(row.quality.as_ref()?.density)),
            metric("coverage", "Coverage", 3, |row| Some(row.quality.as_ref()?.coverage)),
        ],
        evaluated: true,
        replaced: false,
    },
];

/// Whether the kernel distance replaces the Fréchet distance: there are several runs, and all their
/// evaluations have one.
pub fn compares_by_kernel_distance(records: &[Record]) -> bool {
    let mut rows = records.iter().flat_map(|record| &record.rows);
    records.len() > 1 && rows.all(|row| row.quality.is_none() || row.kernel_distance().is_some())
}

/// The charts of one run or several with these `names`, without charts that have no values.
pub fn figures(records: &[Record], names: &[String]) -> Result<Vec<Figure>, ViewError> {
    let mut figures = Vec::new();
    let kernel_distance = compares_by_kernel_distance(records);
    for group in GROUPS.iter().filter(|group| !(group.replaced && kernel_distance)) {
        let per_chart = if records.len() == 1 { group.metrics.len() } else { 1 };
        for (index, metrics) in group.metrics.chunks(per_chart).enumerate() {
            // The note of a group is printed once.
            let note = if index == 0 { group.note } else { "" };
            figures.extend(figure(records, names, group, metrics, note)?);
        }
    }
    Ok(figures)
}

fn figure(
    records: &[Record],
    names: &[String],
    group: &Group,
    metrics: &[Metric],
    note: &str,
) -> Result<Option<Figure>, ViewError> {
    let single = records.len() == 1;
    let (mut curves, mut legend, mut widest) = (Vec::new(), Vec::new(), 0);
    for (index, (record, name)) in records.iter().zip(names).enumerate() {
        for metric in metrics {
            let point = |row: &MetricsRow| Some((row.epoch as f64, (metric.value)(row)?));
            let points: Vec<_> = record.rows.iter().filter_map(point).collect();
            if points.is_empty() {
                continue;
            }
            let colour = if single { metric.colour } else { index };
            let curve = Curve { colour, points, marked: group.evaluated };
            widest = widest.max(curve.smoothing_radius());
            legend.push((colour, if single { metric.name.into() } else { name.clone() }));
            curves.push(curve);
        }
    }
    if curves.is_empty() {
        return Ok(None);
    }
    let title = if single { group.title } else { metrics[0].title };
    let entropy = |record: &Record| record.setting("training.loss").as_deref() == Some("bce");
    let y_label = match group.y_label {
        LOSS if records.iter().all(entropy) => "loss (nats)",
        label => label,
    };
    let chart = Chart { y_label, y_range: group.y_range.clone(), curves };
    let svg = chart.svg(&format!("{title}, over epochs"))?;
    let smoothed = if widest > 0 {
        let rows = 2 * widest + 1;
        format!(" Faint: as recorded. Bold: smoothed, the mean of up to {rows} rows.")
    } else {
        String::new()
    };
    let outside = match chart.points_outside() {
        0 => String::new(),
        1 => " One value is outside the range.".into(),
        count => format!(" {count} values are outside the range."),
    };
    let note = format!("{note}{smoothed}{outside}");
    Ok(Some(Figure { title, note, legend, svg }))
}
