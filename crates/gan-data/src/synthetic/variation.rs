//! Random variation of a digit's strokes.

use std::iter::repeat_n;

use rand::{Rng, RngExt};

use super::strokes::{DIGITS, Form, Point};

/// One drawn digit.
pub struct Drawing {
    /// The points of each stroke.
    pub strokes: Vec<Vec<PenPoint>>,
    /// Full width of the line in pixels.
    pub line_width: f32,
}

/// A point of a stroke, in units of the digit's height.
#[derive(Clone, Copy, PartialEq)]
pub struct PenPoint {
    pub at: [f32; 2],
    /// The line's width here as a share of its full width, in (0, 1].
    pub pressure: f32,
}

/// A random drawing of the digit `class`.
pub fn vary(class: usize, rng: &mut impl Rng) -> Drawing {
    let form = choose(DIGITS[class], rng);
    let style = Style::random(rng);
    let strokes = form.strokes.iter().map(|stroke| style.apply(stroke, rng)).collect();
    Drawing { strokes, line_width: style.line_width }
}

fn choose(forms: &'static [Form], rng: &mut impl Rng) -> &'static Form {
    let total = forms.iter().map(|form| form.weight).sum();
    let pick = rng.random_range(0..total) as usize;
    let mut lots = forms.iter().flat_map(|form| repeat_n(form, form.weight as usize));
    lots.nth(pick).unwrap_or(&forms[0])
}

/// A random number of mean 0 and variance 1, nearly normal but within ±3.
fn bell(rng: &mut impl Rng) -> f32 {
    (0..3).map(|_| rng.random_range(-1.0..1.0)).sum()
}

/// What all strokes of a drawing share.
struct Style {
    line_width: f32,
    /// Width over height, relative to the form's own.
    aspect: f32,
    /// Slant to the right, per unit of height.
    slant: f32,
    /// Cosine and sine of the digit's rotation.
    rotation: (f32, f32),
    /// Coefficients of x², xy and y² that are added to x and y: they resize parts of a digit.
    bend: [[f32; 3]; 2],
    /// Noise of the points, in units of height.
    jitter: f32,
    /// Loss of width towards a stroke's end.
    taper: f32,
}

impl Style {
    /// The spreads are chosen by eye and by MNIST's mean pixel, width and slant of each class.
    fn random(rng: &mut impl Rng) -> Self {
        let aspect = 1.12 + 0.2 * bell(rng);
        let tangent = 0.08 * bell(rng);
        let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
        Self {
            // A narrow digit with a wide line would fill its own loops.
            line_width: (3.0 + 0.55 * bell(rng)).max(1.9) * aspect.sqrt(),
            aspect,
            slant: 0.13 + 0.24 * bell(rng),
            rotation: (cosine, cosine * tangent),
            bend: [(); 2].map(|()| [(); 3].map(|()| 0.17 * bell(rng))),
            jitter: rng.random_range(0.015..0.04),
            taper: rng.random_range(0.0..0.45),
        }
    }

    fn apply(&self, stroke: &[Point], rng: &mut impl Rng) -> Vec<PenPoint> {
        let last = stroke.len().saturating_sub(1);
        let swell = 0.1 * bell(rng);
        let mut drift = [0.0; 2];
        let mut points: Vec<PenPoint> = Vec::with_capacity(stroke.len());
        for (index, &point) in stroke.iter().enumerate() {
            if index > 0 && stroke[index - 1] == point {
                points.extend(points.last().copied()); // the two points of a corner stay equal
                continue;
            }
            // The noise of neighbours is correlated, and largest at a stroke's ends.
            let reach = if index == 0 || index == last { 1.8 } else { 1.0 };
            drift = drift.map(|error| 0.5 * error + reach * self.jitter * bell(rng));
            let [x, y] = self.place(point);
            let along = index as f32 / last as f32;
            let lift = self.taper * along * along * along;
            let pressure = 0.85 + swell * (along - 0.5) + 0.05 * bell(rng) - lift;
            let at = [x + drift[0], y + drift[1]];
            points.push(PenPoint { at, pressure: pressure.clamp(0.3, 1.0) });
        }
        points
    }

    fn place(&self, (x, y): Point) -> [f32; 2] {
        let x = f32::from(x) / 100.0 - 0.36;
        let y = f32::from(y) / 100.0 - 0.5;
        let [dx, dy] = self.bend.map(|[xx, xy, yy]| xx * x * x + xy * x * y + yy * y * y);
        let y = y + dy;
        let x = self.aspect * (x + dx) - self.slant * y;
        let (cosine, sine) = self.rotation;
        [cosine * x - sine * y, sine * x + cosine * y]
    }
}
