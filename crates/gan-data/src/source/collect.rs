//! Many encoded images, decoded by all processors, as one array.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::{self, ScopedJoinHandle};

use gan_core::ImageShape;
use gan_core::memory::OutOfMemory;

use super::decode::{Decoded, Pixels, decode, size};
use super::error::{Fault, SourceError, one_line};
use super::fit::{Fit, Fitter, ImageOptions, colour};

/// Images decoded, and images in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Images done.
    pub done: usize,
    /// Images in all.
    pub total: usize,
}

/// The largest side of images that are taken as they are, without a size of the options.
pub(crate) const MAX_OWN_SIDE: usize = 64;
/// Images that are decoded before they are joined with the others.
const BLOCK: usize = 1024;
/// Images that decide the background, or are named by their sizes.
pub(crate) const SURVEY: usize = 256;

/// Encoded images.
pub(crate) trait Encoded: Sync {
    /// How many there are.
    fn count(&self) -> usize;
    /// Where an image is, for a message.
    fn place(&self, index: usize) -> String;
    /// The file of an image.
    fn read(&self, index: usize) -> Result<Vec<u8>, SourceError>;
}

/// How encoded images are read.
#[derive(Clone, Copy)]
pub(crate) struct Collect<'a> {
    pub options: ImageOptions,
    /// The shape that the images must have, if that is known.
    pub expected: Option<ImageShape>,
    pub observe: &'a (dyn Fn(Progress) + Sync),
}

/// Images of one shape.
pub(crate) struct Collected {
    pub shape: ImageShape,
    pub pixels: Vec<u8>,
    /// The images that were left out, in rising order, and why.
    pub skipped: Vec<(usize, String)>,
}

impl Collected {
    /// The labels of the images that were not left out.
    pub(crate) fn kept(&self, labels: Vec<u32>) -> Vec<u32> {
        let mut skipped = self.skipped.iter().map(|(index, _)| *index).peekable();
        let labels = labels.into_iter().enumerate();
        labels.filter(|(index, _)| skipped.next_if_eq(index).is_none()).map(|(_, x)| x).collect()
    }
}

/// An image, or why there is none.
enum Outcome {
    Image(Decoded),
    /// It is too large to be taken as it is.
    Large,
    Broken(SourceError),
}

impl Collect<'_> {
    /// Decodes all images of `source`, which `whole` names, in their order.
    pub(crate) fn collect(
        &self,
        source: &dyn Encoded,
        whole: &str,
        background: [u8; 3],
    ) -> Result<Collected, SourceError> {
        let count = source.count();
        let (mut skipped, mut first) = (Vec::new(), None);
        let mut joined = Joined { pixels: Vec::new(), grey: self.options.channels != Some(3) };
        if self.expected.is_some_and(|shape| shape.channels == 3) {
            joined.grey = false;
        }
        for begin in (0..count).step_by(BLOCK) {
            (self.observe)(Progress { done: begin, total: count });
            let end = count.min(begin + BLOCK);
            let outcomes = self.decode_block(source, begin..end, background);
            for (index, outcome) in (begin..end).zip(outcomes) {
                let image = match outcome {
                    Outcome::Image(image) => image,
                    Outcome::Large => return Err(sizes(source, whole, index, self.expected)),
                    Outcome::Broken(error) if self.options.skip_broken => {
                        skipped.push((index, error.to_string()));
                        continue;
                    }
                    Outcome::Broken(error) => return Err(with_hint(error)),
                };
                let found = [image.width, image.height];
                if *first.get_or_insert(found) != found {
                    return Err(sizes(source, whole, index, self.expected));
                }
                let memory = |cause| SourceError::Memory { place: whole.into(), cause };
                joined.push(image, count - index).map_err(memory)?;
            }
        }
        (self.observe)(Progress { done: count, total: count });
        let Some([width, height]) = first else {
            let found = format!("none of its {count} images can be read");
            return Err(Fault::new(found, "images").at(whole));
        };
        let channels = if joined.grey { 1 } else { 3 };
        let shape = ImageShape { channels, height, width };
        Ok(Collected { shape, pixels: joined.pixels, skipped })
    }

    fn decode_block(
        &self,
        source: &dyn Encoded,
        block: std::ops::Range<usize>,
        background: [u8; 3],
    ) -> Vec<Outcome> {
        parallel(block, |indices| {
            let mut fitter = Fitter::new(self.options, background);
            indices.map(|index| self.decode_one(source, index, &mut fitter)).collect()
        })
    }

    fn decode_one(&self, source: &dyn Encoded, index: usize, fitter: &mut Fitter) -> Outcome {
        let mut read = || {
            let file = source.read(index)?;
            let fault = |fault: Fault| fault.at(&source.place(index));
            if self.options.size.is_none() {
                let most = self.expected.map_or(0, |shape| shape.width.max(shape.height));
                let [width, height] = size(&file).map_err(fault)?;
                if width.max(height) > most.max(MAX_OWN_SIDE) {
                    return Ok(Outcome::Large);
                }
            }
            let image = decode(&file).map_err(fault)?;
            Ok(Outcome::Image(fitter.fit(image).map_err(fault)?))
        };
        read().unwrap_or_else(Outcome::Broken)
    }

    /// The background behind transparent images and beside padded ones: that of the options, or
    /// the one of black and white that differs more from what transparent images show, or that is
    /// nearer to the edges of opaque ones. Also says how it was decided, if it is needed.
    pub(crate) fn background(&self, source: &dyn Encoded) -> ([u8; 3], Option<String>) {
        if let Some(background) = self.options.background {
            return (background, None);
        }
        let step = source.count().div_ceil(SURVEY).max(1);
        let sample: Vec<usize> = (0..source.count()).step_by(step).collect();
        let images = parallel(0..sample.len(), |range| {
            let read = |index| decode(&source.read(sample[index]).ok()?).ok();
            range.filter_map(read).map(|image| Tones::of(&image)).collect()
        });
        let tones = images.into_iter().fold(Tones::default(), Tones::add);
        let transparent = tones.shown[1] > 0.0;
        let needed = transparent || self.options.fit == Fit::Pad && self.options.size.is_some();
        let white = if transparent { mean(tones.shown) < 127.5 } else { mean(tones.edge) > 127.5 };
        let name = if white { "white" } else { "black" };
        let why =
            if transparent { "transparent images show the opposite" } else { "as at the edges" };
        ([if white { 255 } else { 0 }; 3], needed.then(|| format!("background {name} ({why})")))
    }
}

/// Black, or white if that is nearer to the edges of opaque images.
pub(crate) fn edge_background(images: impl Iterator<Item = Decoded>) -> [u8; 3] {
    let tones = images.map(|image| Tones::of(&image)).fold(Tones::default(), Tones::add);
    [if mean(tones.edge) > 127.5 { 255 } else { 0 }; 3]
}

fn mean([sum, weight]: [f64; 2]) -> f64 {
    if weight > 0.0 { sum / weight } else { 0.0 }
}

/// Sums of brightness and of weights.
#[derive(Clone, Copy, Default)]
struct Tones {
    /// Of transparent images, weighted by alpha.
    shown: [f64; 2],
    /// Of the edges of opaque images.
    edge: [f64; 2],
}

impl Tones {
    fn of(image: &Decoded) -> Self {
        let mut tones = Self::default();
        let (width, height) = (image.width, image.height);
        let edge = |index: usize| {
            let (row, column) = (index / width, index % width);
            row == 0 || column == 0 || row + 1 == height || column + 1 == width
        };
        let brightness = |rgb: &[u8]| {
            let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(f64::from);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let mut add_edge = |index: usize, value: f64| {
            if edge(index) {
                tones.edge[0] += value;
                tones.edge[1] += 1.0;
            }
        };
        match &image.pixels {
            Pixels::Grey(values) => {
                values.iter().enumerate().for_each(|(i, &x)| add_edge(i, f64::from(x)));
            }
            Pixels::Rgb(values) => {
                let pixels = values.chunks_exact(3).enumerate();
                pixels.for_each(|(index, rgb)| add_edge(index, brightness(rgb)));
            }
            Pixels::Rgba(values) => {
                for rgba in values.chunks_exact(4) {
                    tones.shown[0] += brightness(rgba) * f64::from(rgba[3]);
                    tones.shown[1] += f64::from(rgba[3]);
                }
            }
        }
        tones
    }

    fn add(self, other: Self) -> Self {
        let sum = |a: [f64; 2], b: [f64; 2]| [a[0] + b[0], a[1] + b[1]];
        Self { shown: sum(self.shown, other.shown), edge: sum(self.edge, other.edge) }
    }
}

/// Images one after the other, with one channel as long as all are grey.
struct Joined {
    pixels: Vec<u8>,
    grey: bool,
}

impl Joined {
    /// Adds an image, of which `left` are to come with this one.
    fn push(&mut self, image: Decoded, left: usize) -> Result<(), OutOfMemory> {
        let grey = matches!(image.pixels, Pixels::Grey(_));
        if self.grey && !grey {
            self.grey = false;
            let mut colours = Vec::new();
            reserve(&mut colours, 3 * self.pixels.len())?;
            colours.extend(self.pixels.iter().flat_map(|&value| [value; 3]));
            self.pixels = colours;
        }
        let image = if self.grey { image } else { colour(image) };
        let (Pixels::Grey(values) | Pixels::Rgb(values) | Pixels::Rgba(values)) = image.pixels;
        if self.pixels.capacity() - self.pixels.len() < values.len() {
            reserve(&mut self.pixels, values.len().saturating_mul(left))?;
        }
        self.pixels.extend_from_slice(&values);
        Ok(())
    }
}

fn reserve(values: &mut Vec<u8>, more: usize) -> Result<(), OutOfMemory> {
    values.try_reserve_exact(more).map_err(|_| OutOfMemory { bytes: values.len() + more })
}

/// The results of `work` on parts of a range, each on its own thread, in the range's order.
pub(crate) fn parallel<T: Send>(
    range: std::ops::Range<usize>,
    work: impl Fn(std::ops::Range<usize>) -> Vec<T> + Sync,
) -> Vec<T> {
    // One where the system has no threads.
    let threads = thread::available_parallelism().map_or(1, usize::from).min(range.len().max(1));
    if threads == 1 {
        return work(range);
    }
    let part = range.len().div_ceil(threads);
    let parts = range.clone().step_by(part).map(|begin| begin..range.end.min(begin + part));
    thread::scope(|scope| {
        let work = &work;
        let start = |part: std::ops::Range<usize>| {
            let work_on = part.clone();
            let thread = thread::Builder::new().spawn_scoped(scope, move || work(work_on));
            // The system may refuse a thread.
            thread.map_err(|_| work(part))
        };
        let running: Vec<_> = parts.map(start).collect();
        let results = running.into_iter().map(|thread| match thread.map(ScopedJoinHandle::join) {
            Ok(Ok(results)) | Err(results) => results,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
        });
        results.collect::<Vec<_>>().into_iter().flatten().collect()
    })
}

/// Says which sizes there are, that of the image at `odd` among them, and what to do.
fn sizes(source: &dyn Encoded, whole: &str, odd: usize, wanted: Option<ImageShape>) -> SourceError {
    let step = source.count().div_ceil(SURVEY).max(1);
    let mut surveyed: BTreeSet<_> = (0..source.count()).step_by(step).collect();
    surveyed.insert(odd);
    let surveyed: Vec<usize> = surveyed.into_iter().collect();
    let found = parallel(0..surveyed.len(), |range| {
        let read = |&index: &usize| Some((size(&source.read(index).ok()?).ok()?, index));
        surveyed[range].iter().filter_map(read).collect()
    });
    let mut sizes = BTreeMap::<[usize; 2], (usize, usize)>::new();
    for (size, index) in found {
        sizes.entry(size).or_insert((0, index)).0 += 1;
    }
    let mut frequent: Vec<_> = sizes.iter().collect();
    frequent.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let named = frequent.iter().take(4).map(|([width, height], (count, first))| {
        let images = if *count == 1 { "image" } else { "images" };
        format!("{width}x{height} ({count} {images}, such as {})", source.place(*first))
    });
    let more = frequent.len().saturating_sub(4);
    let more = if more > 0 { format!(", and {more} more sizes") } else { String::new() };
    let named = named.collect::<Vec<_>>().join(", ");
    let smallest = sizes.keys().flatten().copied().min().unwrap_or(1);
    let suggested = match wanted {
        Some(ImageShape { width, height, .. }) => format!("{width}x{height}"),
        None => smallest.clamp(16, MAX_OWN_SIDE).to_string(),
    };
    let of = match (surveyed.len(), source.count()) {
        (all, count) if all == count => String::new(),
        (some, count) => format!(" ({some} of its {count} images were looked at)"),
    };
    let found = format!("its images have the sizes {named}{more}{of}");
    let expected = format!(
        "one size of at most {MAX_OWN_SIDE}x{MAX_OWN_SIDE}; choose one for all, such as --size \
         {suggested}, with --fit crop, pad or stretch"
    );
    Fault::new(found, expected).at(whole)
}

fn with_hint(error: SourceError) -> SourceError {
    match error {
        SourceError::Content { place, found, expected } => {
            let expected = format!("{expected}; remove it, or leave such out with --skip-broken");
            SourceError::Content { place, found, expected }
        }
        other => other,
    }
}

/// The names of images that were left out, for a note.
pub(crate) fn skipped_note(skipped: &[(usize, String)]) -> Option<String> {
    let (_, first) = skipped.first()?;
    Some(format!(
        "{} images that cannot be read were left out, such as {}",
        skipped.len(),
        one_line(first)
    ))
}
