//! What was found in a source, for people.

use super::fit::{Fit, ImageOptions};
use super::part::Notes;
use crate::Dataset;

/// What was found, as rows of a table.
pub(crate) fn describe(
    train: &Dataset,
    test: &Dataset,
    held_out: Option<usize>,
    notes: Notes,
    options: &ImageOptions,
    count: usize,
) -> Vec<(&'static str, String)> {
    let shape = train.shape();
    let kind = if shape.channels == 1 { "grey" } else { "colour" };
    let classes = match (train.classes(), notes.labels) {
        (Some(classes), Some(place)) => format!("{classes}, from {place}"),
        (Some(classes), None) => classes.to_string(),
        (None, _) => "none: the images have no labels".into(),
    };
    let tests = if let Some(held_out) = held_out {
        format!("{held_out} held out of the {count} by a random choice")
    } else {
        let place = notes.test.map_or(String::new(), |place| format!(", from {place}"));
        format!("{}{place}", test.len())
    };
    let mut rows = vec![
        ("format", notes.format),
        ("images", format!("{} of {shape}, {kind}", train.len())),
        ("values", notes.range),
        ("classes", classes),
        ("test images", tests),
        ("sha256", train.digest().to_owned()),
    ];
    let mut others = notes.others;
    if let Some([width, height]) = options.size {
        let fit = match options.fit {
            Fit::Crop => "cropped",
            Fit::Pad => "padded",
            Fit::Stretch => "stretched",
        };
        others.push(format!("brought to {width}x{height}, {fit} where needed"));
    }
    if options.invert {
        others.push("inverted".into());
    }
    let brightest = train.images().iter().copied().max().unwrap_or(0);
    if brightest < 128 {
        others.push(format!(
            "the brightest pixel is {brightest} of 255: the images are dark; multiply them so that \
             white is 255"
        ));
    }
    rows.extend(others.into_iter().map(|note| ("note", note)));
    rows
}
