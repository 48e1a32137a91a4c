//! A hand that never writes a digit the same way twice: from a form to a pen's track.

use std::iter::repeat_n;

use rand::{Rng, RngExt};

use super::strokes::{DIGITS, Form, Point};

/// One written digit.
pub struct Writing {
    /// A track for each stroke.
    pub tracks: Vec<Vec<Dab>>,
    /// Full width of the pen's line in pixels.
    pub nib: f32,
}

/// A point the pen passed, in units of the digit's height.
#[derive(Clone, Copy, PartialEq)]
pub struct Dab {
    pub at: [f32; 2],
    /// Share of the nib's width that the line has here, in (0, 1].
    pub pressure: f32,
}

/// Writes the digit `class` once.
pub fn write(class: usize, rng: &mut impl Rng) -> Writing {
    let form = choose(DIGITS[class], rng);
    let manner = Manner::draw(rng);
    let tracks = form.strokes.iter().map(|stroke| manner.trace(stroke, rng)).collect();
    Writing { tracks, nib: manner.nib }
}

fn choose(forms: &'static [Form], rng: &mut impl Rng) -> &'static Form {
    let total = forms.iter().map(|form| form.weight).sum();
    let pick = rng.random_range(0..total) as usize;
    let mut lots = forms.iter().flat_map(|form| repeat_n(form, form.weight as usize));
    lots.nth(pick).unwrap_or(&forms[0])
}

/// Draws with mean 0 and variance 1, as a normal does, but never beyond ±3: no digit is wild.
fn bell(rng: &mut impl Rng) -> f32 {
    (0..3).map(|_| rng.random_range(-1.0..1.0)).sum()
}

/// What all strokes of one writing share.
struct Manner {
    nib: f32,
    /// Width over height, against the form's own.
    aspect: f32,
    /// Lean to the right, per unit of height.
    slant: f32,
    /// Cosine and sine of the turn of the whole digit.
    turn: (f32, f32),
    /// How x and y grow with x², xy and y², which trades the size of one part for another's.
    bend: [[f32; 3]; 2],
    /// Unsteadiness of the points, in units of height.
    wobble: f32,
    /// Pressure lost by a stroke's end.
    flick: f32,
}

impl Manner {
    /// The spreads here are set by eye and by MNIST's own: ink, width and slant of each class.
    fn draw(rng: &mut impl Rng) -> Self {
        let aspect = 1.12 + 0.2 * bell(rng);
        let tangent = 0.08 * bell(rng);
        let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
        Self {
            // A narrow digit in a broad nib would close its own rings.
            nib: (3.0 + 0.55 * bell(rng)).max(1.9) * aspect.sqrt(),
            aspect,
            slant: 0.13 + 0.24 * bell(rng),
            turn: (cosine, cosine * tangent),
            bend: [(); 2].map(|()| [(); 3].map(|()| 0.17 * bell(rng))),
            wobble: rng.random_range(0.015..0.04),
            flick: rng.random_range(0.0..0.45),
        }
    }

    fn trace(&self, stroke: &[Point], rng: &mut impl Rng) -> Vec<Dab> {
        let last = stroke.len().saturating_sub(1);
        let swell = 0.1 * bell(rng);
        let mut drift = [0.0; 2];
        let mut track: Vec<Dab> = Vec::with_capacity(stroke.len());
        for (index, &point) in stroke.iter().enumerate() {
            if index > 0 && stroke[index - 1] == point {
                track.extend(track.last().copied()); // a corner's two points stay one
                continue;
            }
            // Neighbours err alike, and a stroke's ends err most.
            let reach = if index == 0 || index == last { 1.8 } else { 1.0 };
            drift = drift.map(|error| 0.5 * error + reach * self.wobble * bell(rng));
            let [x, y] = self.place(point);
            let along = index as f32 / last as f32;
            let lift = self.flick * along * along * along;
            let pressure = 0.85 + swell * (along - 0.5) + 0.05 * bell(rng) - lift;
            let at = [x + drift[0], y + drift[1]];
            track.push(Dab { at, pressure: pressure.clamp(0.3, 1.0) });
        }
        track
    }

    fn place(&self, (x, y): Point) -> [f32; 2] {
        let x = f32::from(x) / 100.0 - 0.36;
        let y = f32::from(y) / 100.0 - 0.5;
        let [dx, dy] = self.bend.map(|[xx, xy, yy]| xx * x * x + xy * x * y + yy * y * y);
        let y = y + dy;
        let x = self.aspect * (x + dx) - self.slant * y;
        let (cosine, sine) = self.turn;
        [cosine * x - sine * y, sine * x + cosine * y]
    }
}
