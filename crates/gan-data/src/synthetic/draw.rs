//! From a pen's tracks to 28×28 pixels, sized and centred as MNIST's are.

use tiny_skia::{FillRule, LineCap, LineJoin, Mask, Path, PathBuilder, Stroke, Transform};

use super::hand::{Dab, Writing};
use crate::MNIST_SHAPE;

/// An image's side in pixels.
const SIDE: usize = MNIST_SHAPE.width;
/// A digit's longer side in pixels.
const BOX: usize = 20;
/// Paper on each side of the box while the box is in the middle.
const MARGIN: usize = (SIDE - BOX) / 2;
/// Paper kept inside the box, so that rounding does not ink the margin.
const SLACK: f32 = 0.1;
/// The row and column of the middle pixel.
const MIDDLE: usize = SIDE / 2;

/// Inks a writing: `[28, 28]` row-major, 0 is paper and 255 is ink.
///
/// `None` when the ink leaves the box, or would leave the field once centred.
pub fn draw(writing: &Writing) -> Option<Vec<u8>> {
    let mut pixels = ink(writing)?;
    centre(&mut pixels)?;
    Some(pixels)
}

fn ink(writing: &Writing) -> Option<Vec<u8>> {
    let curves: Vec<Curve> = writing.tracks.iter().flat_map(|track| curves(track)).collect();
    let fit = fit(&curves, writing.nib)?;
    // All outlines are filled at once, so that no edge is inked twice where they overlap.
    let mut outlines = PathBuilder::new();
    for curve in curves {
        let stroke = Stroke {
            width: writing.nib * curve.pressure,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        outlines.push_path(&curve.path.transform(fit)?.stroke(&stroke, 1.0)?);
    }
    let mut field = Mask::new(SIDE as u32, SIDE as u32)?;
    field.fill_path(&outlines.finish()?, FillRule::Winding, true, Transform::identity());
    Some(field.take())
}

/// The pen's way from one dab to the next.
struct Curve {
    path: Path,
    pressure: f32,
}

/// A Catmull-Rom curve through the dabs of a track, broken where one is repeated.
fn curves(track: &[Dab]) -> impl Iterator<Item = Curve> {
    let dab = |index: usize| track[index.min(track.len() - 1)];
    (1..track.len()).filter(move |&index| dab(index - 1) != dab(index)).filter_map(move |index| {
        let [before, from, to, after] =
            [index.saturating_sub(2), index - 1, index, index + 1].map(dab);
        let handle = |axis: usize, on: Dab, ahead: Dab, behind: Dab| {
            on.at[axis] + (ahead.at[axis] - behind.at[axis]) / 6.0
        };
        let [x1, y1] = [0, 1].map(|axis| handle(axis, from, to, before));
        let [x2, y2] = [0, 1].map(|axis| handle(axis, to, from, after));
        let mut path = PathBuilder::new();
        path.move_to(from.at[0], from.at[1]);
        path.cubic_to(x1, y1, x2, y2, to.at[0], to.at[1]);
        Some(Curve { path: path.finish()?, pressure: from.pressure.midpoint(to.pressure) })
    })
}

/// Scales the curves so that a full nib's line along them just fits the box, in the middle
/// of the field.
fn fit(curves: &[Curve], nib: f32) -> Option<Transform> {
    let mut all = PathBuilder::new();
    for curve in curves {
        all.push_path(&curve.path);
    }
    let bounds = all.finish()?.compute_tight_bounds()?;
    let scale = (BOX as f32 - SLACK - nib) / bounds.width().max(bounds.height());
    let shift = |low: f32, high: f32| SIDE as f32 / 2.0 - scale * low.midpoint(high);
    let dx = shift(bounds.left(), bounds.right());
    let dy = shift(bounds.top(), bounds.bottom());
    Some(Transform::from_row(scale, 0.0, 0.0, scale, dx, dy))
}

/// Moves the ink by whole pixels, so that its centre of mass is in the middle pixel.
fn centre(pixels: &mut [u8]) -> Option<()> {
    let (mut mass, mut down, mut across) = (0, 0, 0);
    for (index, &pixel) in pixels.iter().enumerate().filter(|&(_, &pixel)| pixel > 0) {
        let (row, column) = (index / SIDE, index % SIDE);
        // The outline of a hairpin can stick out of the box.
        if ![row, column].iter().all(|at| (MARGIN..SIDE - MARGIN).contains(at)) {
            return None;
        }
        let pixel = usize::from(pixel);
        mass += pixel;
        down += pixel * row;
        across += pixel * column;
    }
    let mean = |moment: usize| {
        let rounded = (2 * moment + mass).checked_div(2 * mass)?;
        (rounded.abs_diff(MIDDLE) <= MARGIN).then_some(rounded)
    };
    let from = mean(down)? * SIDE + mean(across)?;
    let to = MIDDLE * SIDE + MIDDLE;
    // The margins are paper, so what a row pushes over its end is paper too.
    pixels.rotate_right((MNIST_SHAPE.len() + to - from) % MNIST_SHAPE.len());
    Some(())
}
