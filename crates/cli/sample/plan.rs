//! Which samples are drawn: the latent vector and the class of each.

use std::ops::Range;

use gan_model::checkpoint::Header;
use gan_model::one_hot;
use gan_sample::{Grid, sample_latent, slerp};

use super::args::SampleArgs;
use crate::common::{Failure, check_range, usage};

/// The most points of a walk, and steps from one to the next.
const MAX_WALK: usize = 1 << 10;
/// Points of a walk where neither their number nor their classes are given.
const POINTS: usize = 8;

/// What is drawn, sample by sample.
#[derive(Debug, PartialEq)]
pub struct Plan {
    seed: u64,
    latent: usize,
    /// Number of classes of the model, 0 without.
    classes: usize,
    kind: Kind,
    /// Samples in all.
    pub count: usize,
    /// How they are laid out.
    pub grid: Grid,
}

#[derive(Debug, PartialEq)]
enum Kind {
    /// Samples 0, 1, … of a seed; the classes take turns.
    Turns,
    /// A row for each of these classes, whose columns share a latent vector.
    Rows { classes: Vec<u16>, columns: usize },
    /// These classes, from one latent vector or from one each.
    Written { classes: Vec<u16>, vary: bool },
    /// A closed walk through points: the class of each, if there are any, and `steps` from one to the
    /// next.
    Walk { points: usize, classes: Vec<u16>, vary: bool, steps: usize },
}

impl Plan {
    /// What the flags ask of the model of a checkpoint.
    pub fn new(args: &SampleArgs, header: &Header) -> Result<Self, Failure> {
        let model = &header.model;
        let names = &header.dataset.class_names;
        let conditional = model.classes();
        if let Some(flag) = args.class_flag().filter(|_| conditional.is_none()) {
            return Err(usage!(
                "{flag} asks for a class, and the checkpoint was trained without classes; train one \
                 that has them: gan-train --conditional"
            ));
        }
        let classes = conditional.unwrap_or(0);
        let asked = args.class.as_deref().map(|text| parse_classes(text, names, classes));
        let asked = asked.transpose()?;
        let written = args.write.as_deref().map(|text| parse_text(text, names, classes));
        let written = written.transpose()?;
        let per_row = args.count.unwrap_or(10);
        // Samples in a row, where the flags leave no choice.
        let (kind, count, row) = match (args.interpolate, asked, written) {
            (Some(points), asked, written) => {
                let vary = args.vary || written.is_none();
                let turns = || (0..classes.min(usize::from(u16::MAX)) as u16).collect();
                let route = written.or(asked).unwrap_or_else(turns);
                let default = if vary { POINTS } else { route.len() };
                let points = if points == 0 { default } else { points };
                check_range("interpolate", points, 2..=MAX_WALK)?;
                check_range("count", per_row, 2..=MAX_WALK)?;
                let walk = Kind::Walk { points, classes: route, vary, steps: per_row };
                (walk, points * per_row, Some(per_row))
            }
            (None, Some(classes), _) => {
                check_range("count", per_row, 1..=1 << 20)?;
                let count = classes.len() * per_row;
                let row = (classes.len() > 1).then_some(per_row);
                (Kind::Rows { classes, columns: per_row }, count, row)
            }
            (None, None, Some(classes)) => {
                if let Some(count) = args.count {
                    return Err(usage!(
                        "--count {count} has no effect with --write, which draws each class once; \
                         omit it, or add --interpolate"
                    ));
                }
                let count = classes.len();
                (Kind::Written { classes, vary: args.vary }, count, Some(count))
            }
            (None, None, None) => {
                check_range("count", per_row, 1..=u32::MAX as usize)?;
                (Kind::Turns, per_row, None)
            }
        };
        if let (Some(columns), Some(row)) = (args.columns, row) {
            return Err(usage!(
                "--columns {columns} has no effect with --interpolate, --write or several classes of \
                 --class, whose rows have {row} samples here; omit it"
            ));
        }
        let grid = Grid { columns: row.or(args.columns).unwrap_or(10), scale: args.scale };
        Ok(Self { seed: args.seed, latent: model.latent, classes, kind, count, grid })
    }

    /// Whether the samples are the frames of a walk.
    pub fn is_walk(&self) -> bool {
        matches!(self.kind, Kind::Walk { .. })
    }

    /// The latent vectors of some samples, `[n, latent]`, and their classes, `[n, classes]`.
    pub fn inputs(&self, range: Range<usize>) -> (Vec<f32>, Option<Vec<f32>>) {
        let latents = range.clone().flat_map(|index| self.latent(index)).collect();
        let classes = || range.flat_map(|index| self.class_weights(index)).collect();
        (latents, (self.classes > 0).then(classes))
    }

    /// The class of each sample; on a walk the nearer of two.
    pub fn labels(&self) -> Vec<u16> {
        let nearer = |index| {
            let (class, next, t) = self.route(index);
            if t < 0.5 { class } else { next }
        };
        (0..self.count).map(nearer).collect()
    }

    fn latent(&self, index: usize) -> Vec<f32> {
        let draw = |index: usize| sample_latent(self.seed, index as u64, self.latent);
        match &self.kind {
            Kind::Turns => draw(index),
            Kind::Rows { columns, .. } => draw(index % columns),
            Kind::Written { vary, .. } => draw(if *vary { index } else { 0 }),
            Kind::Walk { vary: false, .. } => draw(0),
            Kind::Walk { points, steps, .. } => {
                let (from, t) = (index / steps, part(index % steps, *steps));
                slerp(&draw(from), &draw((from + 1) % points), t)
            }
        }
    }

    fn class_weights(&self, index: usize) -> Vec<f32> {
        let (class, next, t) = self.route(index);
        let ends = [class, next].map(|class| one_hot(&[class], self.classes));
        ends[0].iter().zip(&ends[1]).map(|(from, to)| (1.0 - t) * from + t * to).collect()
    }

    /// The class that a sample comes from, the one that it goes to, and how far it is.
    fn route(&self, index: usize) -> (u16, u16, f32) {
        let class = match &self.kind {
            Kind::Turns => (index % self.classes.max(1)) as u16,
            Kind::Rows { classes, columns } => classes[index / columns],
            Kind::Written { classes, .. } => classes[index],
            Kind::Walk { points, classes, steps, .. } => {
                let at = |point: usize| classes[point % points % classes.len()];
                let from = index / steps;
                return (at(from), at(from + 1), part(index % steps, *steps));
            }
        };
        (class, class, 0.0)
    }
}

/// Where a step of a leg is, from 0 to 1; both ends belong to the leg.
fn part(step: usize, steps: usize) -> f32 {
    step as f32 / steps.saturating_sub(1).max(1) as f32
}

/// The classes of `--class`: `all`, or names or numbers between commas.
fn parse_classes(text: &str, names: &[String], classes: usize) -> Result<Vec<u16>, Failure> {
    if text == "all" {
        return Ok((0..classes as u16).collect());
    }
    text.split(',').map(|name| find("class", name.trim(), names, classes)).collect()
}

/// The classes of `--write`: names between commas or spaces, or else each character is one.
fn parse_text(text: &str, names: &[String], classes: usize) -> Result<Vec<u16>, Failure> {
    let parts: Vec<&str> = text.split([',', ' ']).filter(|name| !name.is_empty()).collect();
    let whole: Result<Vec<_>, _> =
        parts.iter().map(|name| find("write", name, names, classes)).collect();
    if let (Ok(whole), true) = (&whole, parts.len() > 1) {
        return Ok(whole.clone());
    }
    let characters = parts.concat();
    if characters.is_empty() {
        return Err(usage!("--write has no characters; expected some, such as --write 2026"));
    }
    let each = characters.chars().map(|c| find("write", &c.to_string(), names, classes));
    let each: Result<Vec<_>, _> = each.collect();
    check_range("write", characters.chars().count(), 1..=4096)?;
    // What was meant is told by which of the two came further.
    match (each, whole) {
        (Ok(each), _) => Ok(each),
        (Err(_), Ok(whole)) => Ok(whole),
        (Err(error), Err(_)) => Err(error),
    }
}

/// The class with a name, or with a number if no name is one: of classes called 3, 5 and 8, `2` could
/// mean the first name that is missing or the third class.
fn find(flag: &str, name: &str, names: &[String], classes: usize) -> Result<u16, Failure> {
    let by_name = names.iter().position(|known| known == name);
    let numbered = !names.iter().any(|name| name.parse::<u64>().is_ok());
    let by_number = || name.parse().ok().filter(|_| numbered);
    let found = by_name.or_else(by_number).filter(|&class| class < classes);
    let found = found.and_then(|class| u16::try_from(class).ok());
    found.ok_or_else(|| {
        let known = match names {
            [] => format!("0 to {}", classes.saturating_sub(1)),
            names => {
                let shown: Vec<_> = names.iter().take(20).map(String::as_str).collect();
                let more = if names.len() > 20 { ", …" } else { "" };
                let last = classes.saturating_sub(1);
                let numbers = if numbered { format!(", or 0 to {last}") } else { String::new() };
                format!("{}{more}{numbers}", shown.join(", "))
            }
        };
        usage!("--{flag}: no class is called {name:?}; expected {known}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_numbers_are_refused_if_a_name_is_a_number() {
        let find = |name: &str, names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            find("class", name, &names, 3).map_err(|failure| format!("{failure:?}"))
        };
        assert_eq!(find("8", &["3", "5", "8"]), Ok(2));
        assert_eq!(find("2", &["cat", "dog", "hen"]), Ok(2));
        let error = find("2", &["3", "5", "8"]).unwrap_err();
        assert!(error.contains("expected 3, 5, 8") && !error.contains("0 to 2"), "{error}");
    }
}
