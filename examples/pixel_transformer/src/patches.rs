//! Images as patches of pixels with a few levels.

use gan_core::ImageShape;

/// How an image is divided: patches row by row, from left to right, and the pixels of a patch likewise.
#[derive(Clone, Copy, Debug)]
pub struct Patches {
    /// The images, whose sides are multiples of `side`.
    pub image: ImageShape,
    /// Rows and columns of a patch.
    pub side: usize,
    /// Levels of a pixel, from black to white.
    pub levels: usize,
}

/// Neighbours of a patch that precede it.
pub const NEIGHBOURS: usize = 4;

impl Patches {
    /// Patches of an image.
    pub fn count(self) -> usize {
        self.image.len() / self.values()
    }

    /// Values of a patch.
    pub fn values(self) -> usize {
        self.side * self.side * self.image.channels
    }

    /// The index in the image of each value, patch by patch.
    pub fn places(self) -> Vec<usize> {
        let Self { image: ImageShape { channels, height, width }, side, .. } = self;
        let mut places = Vec::with_capacity(self.image.len());
        for (top, left) in (0..height)
            .step_by(side)
            .flat_map(|top| (0..width).step_by(side).map(move |left| (top, left)))
        {
            for row in top..top + side {
                let first = (row * width + left) * channels;
                places.extend(first..first + side * channels);
            }
        }
        places
    }

    /// The values of the neighbours that precede a patch: above left, above, above right and left, 0
    /// (grey) outside the image. `image` has its values patch by patch.
    pub fn neighbours(self, image: &[f32], patch: usize) -> impl Iterator<Item = f32> {
        let (values, columns) = (self.values(), self.image.width / self.side);
        let (row, column) = (patch / columns, patch % columns);
        [(1, -1), (1, 0), (1, 1), (0, -1)].into_iter().flat_map(move |(up, right)| {
            let (row, column) = (row.checked_sub(up), column.checked_add_signed(right));
            let column = column.filter(|column| *column < columns);
            let other = row.zip(column).map(|(row, column)| row * columns + column);
            (0..values).map(move |index| other.map_or(0.0, |other| image[other * values + index]))
        })
    }

    /// The level of a value in [−1, 1].
    pub fn level(self, value: f32) -> usize {
        let most = (self.levels - 1) as f32;
        (f32::midpoint(value, 1.0) * most).round().clamp(0.0, most) as usize
    }

    /// The value of a level.
    pub fn value(self, level: usize) -> f32 {
        2.0 * level as f32 / (self.levels - 1) as f32 - 1.0
    }

    /// The grey of a level, 0 to 255.
    pub fn grey(self, level: usize) -> u8 {
        (level as f32 * 255.0 / (self.levels - 1) as f32).round() as u8
    }
}
