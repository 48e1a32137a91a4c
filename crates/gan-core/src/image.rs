//! The shape of an image.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Channels, rows and columns of an image.
///
/// Pixels are stored row by row with the channels of a pixel side by side:
/// `[height, width, channels]`, row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageShape {
    /// Values per pixel: 1 for grey, 3 for RGB. A record without the field is of grey images.
    #[serde(default = "grey")]
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

const fn grey() -> usize {
    1
}

impl ImageShape {
    /// A grey image of `height` rows and `width` columns.
    pub const fn grey(height: usize, width: usize) -> Self {
        Self { channels: 1, height, width }
    }

    /// Values in an image: `channels * height * width`, or `usize::MAX` where that overflows.
    #[expect(clippy::len_without_is_empty, reason = "a shape is not a collection")]
    pub const fn len(self) -> usize {
        self.channels.saturating_mul(self.height).saturating_mul(self.width)
    }
}

/// `WIDTHxHEIGHT` for grey images, `WIDTHxHEIGHTx3` for three channels.
impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)?;
        if self.channels == 1 { Ok(()) } else { write!(f, "x{}", self.channels) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_prints_as_width_by_height_by_channels() {
        assert_eq!(ImageShape::grey(20, 30).to_string(), "30x20");
        let colour = ImageShape { channels: 3, height: 32, width: 32 };
        assert_eq!((colour.to_string().as_str(), colour.len()), ("32x32x3", 3072));
        assert_eq!(ImageShape::grey(usize::MAX, 2).len(), usize::MAX);
    }
}
