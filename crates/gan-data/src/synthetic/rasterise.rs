//! From strokes to 28×28 pixels, scaled and centred as MNIST's digits are.

use tiny_skia::{FillRule, LineCap, LineJoin, Mask, Path, PathBuilder, Stroke, Transform};

use super::variation::{Drawing, PenPoint};
use crate::MNIST_SHAPE;

/// An image's side in pixels.
const SIDE: usize = MNIST_SHAPE.width;
/// A digit's longer side in pixels.
const BOX: usize = 20;
/// Black pixels on each side of the box while the box is centred.
const MARGIN: usize = (SIDE - BOX) / 2;
/// Width kept free inside the box, so that rounding leaves the margin black.
const SLACK: f32 = 0.1;
/// The row and column of the middle pixel.
const MIDDLE: usize = SIDE / 2;

/// The pixels of a drawing, `[28, 28]` row-major, 0 (black) to 255 (white).
///
/// `None` when the digit leaves the box, or would leave the image once centred.
pub fn rasterise(drawing: &Drawing) -> Option<Vec<u8>> {
    let mut pixels = fill(drawing)?;
    centre(&mut pixels)?;
    Some(pixels)
}

fn fill(drawing: &Drawing) -> Option<Vec<u8>> {
    let curves: Vec<Curve> = drawing.strokes.iter().flat_map(|stroke| curves(stroke)).collect();
    let fit = fit(&curves, drawing.line_width)?;
    // All outlines are filled at once, so that overlapping edges are not added twice.
    let mut outlines = PathBuilder::new();
    for curve in curves {
        let stroke = Stroke {
            width: drawing.line_width * curve.pressure,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        outlines.push_path(&curve.path.transform(fit)?.stroke(&stroke, 1.0)?);
    }
    let mut mask = Mask::new(SIDE as u32, SIDE as u32)?;
    mask.fill_path(&outlines.finish()?, FillRule::Winding, true, Transform::identity());
    Some(mask.take())
}

/// The curve from one point to the next.
struct Curve {
    path: Path,
    pressure: f32,
}

/// A Catmull-Rom curve through the points of a stroke, with a corner where one is repeated.
fn curves(stroke: &[PenPoint]) -> impl Iterator<Item = Curve> {
    let point = |index: usize| stroke[index.min(stroke.len() - 1)];
    (1..stroke.len()).filter(move |&index| point(index - 1) != point(index)).filter_map(
        move |index| {
            let [before, from, to, after] =
                [index.saturating_sub(2), index - 1, index, index + 1].map(point);
            let handle = |axis: usize, on: PenPoint, ahead: PenPoint, behind: PenPoint| {
                on.at[axis] + (ahead.at[axis] - behind.at[axis]) / 6.0
            };
            let [x1, y1] = [0, 1].map(|axis| handle(axis, from, to, before));
            let [x2, y2] = [0, 1].map(|axis| handle(axis, to, from, after));
            let mut path = PathBuilder::new();
            path.move_to(from.at[0], from.at[1]);
            path.cubic_to(x1, y1, x2, y2, to.at[0], to.at[1]);
            Some(Curve { path: path.finish()?, pressure: from.pressure.midpoint(to.pressure) })
        },
    )
}

/// Scales the curves so that a line of full width along them just fits the box, in the middle
/// of the image.
fn fit(curves: &[Curve], line_width: f32) -> Option<Transform> {
    let mut all = PathBuilder::new();
    for curve in curves {
        all.push_path(&curve.path);
    }
    let bounds = all.finish()?.compute_tight_bounds()?;
    let scale = (BOX as f32 - SLACK - line_width) / bounds.width().max(bounds.height());
    let shift = |low: f32, high: f32| SIDE as f32 / 2.0 - scale * low.midpoint(high);
    let dx = shift(bounds.left(), bounds.right());
    let dy = shift(bounds.top(), bounds.bottom());
    Some(Transform::from_row(scale, 0.0, 0.0, scale, dx, dy))
}

/// Shifts the digit by whole pixels, so that its centre of mass is in the middle pixel.
fn centre(pixels: &mut [u8]) -> Option<()> {
    let (mut mass, mut down, mut across) = (0, 0, 0);
    for (index, &pixel) in pixels.iter().enumerate().filter(|&(_, &pixel)| pixel > 0) {
        let (row, column) = (index / SIDE, index % SIDE);
        // The outline of a sharp bend can leave the box.
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
    // The margins are black, so only black pixels move from one row to the next.
    pixels.rotate_right((MNIST_SHAPE.len() + to - from) % MNIST_SHAPE.len());
    Some(())
}
