//! Arrays of images: which axis is what, what their numbers mean, and their pixels in our order.

use gan_core::ImageShape;
use gan_core::memory::reserve;

use super::error::Fault;

/// The largest number of rows or columns of an image that is read.
pub(crate) const MAX_SIDE: u64 = 1 << 14;

/// The axes of an array of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub count: usize,
    pub shape: ImageShape,
    axes: Axes,
}

/// What comes after the axis of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axes {
    /// All values of an image.
    Flat,
    /// Rows, columns, and channels if there are several.
    ChannelsLast,
    /// Channels, rows and columns, as in `PyTorch`.
    ChannelsFirst,
}

impl Layout {
    /// `[n, height, width]`, `[n, height, width, channels]`, `[n, channels, height, width]`, or
    /// `[n, values]` where the values are those of `expected`, or a square. `None` for all others.
    pub(crate) fn of(axes: &[u64], expected: Option<ImageShape>) -> Option<Self> {
        let shape = |height: u64, width: u64, channels: u64| {
            let shape = [channels, height, width].map(|size| size as usize);
            let [channels, height, width] = shape;
            ImageShape { channels, height, width }
        };
        let [count, ref image @ ..] = *axes else { return None };
        let (shape, axes) = match *image {
            [values] if expected.is_some_and(|shape| shape.len() as u64 == values) => {
                (expected?, Axes::Flat)
            }
            [values] => (shape(values.isqrt(), values.isqrt(), 1), Axes::Flat),
            [height, width] => (shape(height, width, 1), Axes::ChannelsLast),
            [a, b, c] => {
                let (last, first) = (shape(a, b, c), shape(b, c, a));
                // Sizes such as [n, 3, 32, 3] can be read either way: as what is expected, or as
                // the images that are less narrow.
                let side = |shape: ImageShape| shape.height.min(shape.width);
                let is_first = match ([1, 3].contains(&c), [1, 3].contains(&a)) {
                    (true, true) if expected == Some(last) => false,
                    (true, true) => expected == Some(first) || side(first) > side(last),
                    (false, true) => true,
                    (true, false) => false,
                    (false, false) => return None,
                };
                if is_first { (first, Axes::ChannelsFirst) } else { (last, Axes::ChannelsLast) }
            }
            _ => return None,
        };
        // One image, [32, 32, 3], or images along the last axis, [20, 20, 500], would be such narrow
        // images.
        let ImageShape { height, width, .. } = shape;
        let (short, long) = (height.min(width), height.max(width));
        let narrow = long > 8 * short && (short < 5 || count == height as u64);
        if narrow && expected.is_none_or(|shape| [shape.height, shape.width] != [height, width]) {
            return None;
        }
        let side = |side| (1..=MAX_SIDE).contains(&(side as u64));
        let values: u64 = image.iter().try_fold(1_u64, |all, &size| all.checked_mul(size))?;
        let whole = shape.len() as u64 == values && side(shape.height) && side(shape.width);
        let total = values.checked_mul(count)?;
        let total = usize::try_from(total).ok().filter(|&total| total < usize::MAX / 16);
        (count > 0 && whole && total.is_some()).then_some(Self {
            count: count as usize,
            shape,
            axes,
        })
    }

    /// Number of values.
    pub(crate) fn len(self) -> usize {
        self.count * self.shape.len()
    }

    /// Whether row-major values are in our order already.
    pub(crate) fn is_ours(self, fortran: bool) -> bool {
        !fortran && (self.axes != Axes::ChannelsFirst || self.shape.channels == 1)
    }

    /// The values of a row-major array in our order.
    pub(crate) fn arrange(self, values: Vec<u8>) -> Result<Vec<u8>, Fault> {
        if self.is_ours(false) {
            return Ok(values);
        }
        let mut arranged = zeros(self.len())?;
        let mut places = self.places(false);
        for value in values {
            arranged[places.next()] = value;
        }
        Ok(arranged)
    }

    /// Where each value of an array goes, in the order in which the array is stored: with the last
    /// axis fastest, or with the first (`fortran`).
    pub(crate) fn places(self, fortran: bool) -> Places {
        let ImageShape { channels, height, width } = self.shape;
        let [image, row] = [self.shape.len(), width * channels];
        let [all, rows, columns] = [(self.count, image), (height, row), (width, channels)];
        let mut axes = match self.axes {
            Axes::Flat => [(1, 0), (1, 0), all, (image, 1)],
            Axes::ChannelsLast => [all, rows, columns, (channels, 1)],
            Axes::ChannelsFirst => [all, (channels, 1), rows, columns],
        };
        if fortran {
            axes.reverse();
        }
        Places { axes, at: [0; 4], place: 0 }
    }
}

/// The places of an array's values, one after the other.
pub(crate) struct Places {
    /// Sizes and strides, the slowest first.
    axes: [(usize, usize); 4],
    at: [usize; 4],
    place: usize,
}

impl Places {
    pub(crate) fn next(&mut self) -> usize {
        let place = self.place;
        for axis in (0..4).rev() {
            let (size, stride) = self.axes[axis];
            self.at[axis] += 1;
            self.place += stride;
            if self.at[axis] < size {
                break;
            }
            self.place -= size * stride;
            self.at[axis] = 0;
        }
        place
    }
}

/// Zeros, or an error where the system refuses them.
pub(crate) fn zeros(len: usize) -> Result<Vec<u8>, Fault> {
    let mut zeros = reserve(len)?;
    zeros.resize(len, 0);
    Ok(zeros)
}

/// What the numbers of an array mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Range {
    /// 0 is black and 255 white.
    Bytes,
    /// 0 is black and 1 white.
    Unit,
    /// −1 is black and 1 white: a generator's tanh.
    Signed,
}

impl Range {
    /// The range of numbers from `low` to `high`; `whole` numbers are bytes.
    pub(crate) fn of(low: f64, high: f64, whole: bool) -> Result<Self, Fault> {
        /// Rounding may lead a little out of a range.
        const SLACK: f64 = 1e-3;
        let within = |from: f64, to: f64| low >= from - SLACK && high <= to + SLACK;
        if !whole && within(0.0, 1.0) {
            Ok(Self::Unit)
        } else if !whole && within(-1.0, 1.0) {
            Ok(Self::Signed)
        } else if within(0.0, 255.0) {
            Ok(Self::Bytes)
        } else {
            let expected = if whole {
                "whole numbers from 0 to 255 (0 to 1 and -1 to 1 are for floats)"
            } else {
                "0 to 1, -1 to 1, or 0 to 255"
            };
            Err(Fault::new(format!("its numbers are from {low} to {high}"), expected))
        }
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self == other || (self != Self::Unit && other == Self::Unit)
    }

    /// The number as a byte, rounded.
    pub(crate) fn byte(self, number: f64) -> u8 {
        let scaled = match self {
            Self::Bytes => number,
            Self::Unit => 255.0 * number,
            Self::Signed => 127.5 * number + 127.5,
        };
        (scaled + 0.5) as u8
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "0 to 255",
            Self::Unit => "0 to 1",
            Self::Signed => "-1 to 1",
        }
    }
}
