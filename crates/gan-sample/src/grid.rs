//! Pictures side by side in one.

use image::{GrayImage, imageops};
use thiserror::Error;

/// How pictures are laid out: row by row, each pixel `scale` wide and high.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Pictures in a row.
    pub columns: usize,
    /// Width and height of a pixel.
    pub scale: usize,
}

/// A grid that is too large to be one picture.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "a grid of {width} x {height} pixels is too large; expected at most {max} pixels in all: \
     draw fewer, scale less, or write a folder or an .npy file", max = Grid::MAX_PIXELS
)]
pub struct GridError {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
}

impl Grid {
    /// Pixels of the largest picture that is drawn: 256 Mi.
    pub const MAX_PIXELS: usize = 1 << 28;

    /// Width and height in pixels of `count` pictures of `width` by `height`.
    ///
    /// # Errors
    /// When they are more pixels than [`Grid::MAX_PIXELS`].
    pub fn size(self, count: usize, [width, height]: [usize; 2]) -> Result<[usize; 2], GridError> {
        let columns = self.columns.clamp(1, count.max(1));
        let rows = count.div_ceil(columns);
        let width = width.saturating_mul(columns).saturating_mul(self.scale);
        let height = height.saturating_mul(rows).saturating_mul(self.scale);
        if width.saturating_mul(height) > Self::MAX_PIXELS {
            return Err(GridError { width, height });
        }
        Ok([width, height])
    }

    /// Lays out pictures `[n, height, width]`, 0 to 255; what is left of the last row is 0.
    ///
    /// # Errors
    /// When they are more pixels than [`Grid::MAX_PIXELS`].
    pub fn draw(self, pixels: &[u8], [width, height]: [usize; 2]) -> Result<GrayImage, GridError> {
        let count = pixels.len() / (width * height);
        let columns = self.columns.clamp(1, count.max(1));
        let [full_width, full_height] = self.size(count, [width, height])?;
        let mut image =
            GrayImage::new((full_width / self.scale) as u32, (full_height / self.scale) as u32);
        for (index, picture) in pixels.chunks_exact(width * height).enumerate() {
            let (left, top) = (index % columns * width, index / columns * height);
            for (y, row) in picture.chunks_exact(width).enumerate() {
                for (x, &pixel) in row.iter().enumerate() {
                    image.put_pixel((left + x) as u32, (top + y) as u32, [pixel].into());
                }
            }
        }
        if self.scale == 1 {
            return Ok(image);
        }
        let nearest = imageops::FilterType::Nearest;
        Ok(imageops::resize(&image, full_width as u32, full_height as u32, nearest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_lie_row_by_row_and_upright() {
        // Two by three pixels each: the first counts up, the others are even.
        let pixels = [[1, 2, 3, 4, 5, 6], [7; 6], [9; 6]].concat();
        let image = Grid { columns: 2, scale: 1 }.draw(&pixels, [2, 3]).unwrap();
        assert_eq!(image.dimensions(), (4, 6));
        #[rustfmt::skip]
        let expected = [
            1, 2, 7, 7,
            3, 4, 7, 7,
            5, 6, 7, 7,
            9, 9, 0, 0,
            9, 9, 0, 0,
            9, 9, 0, 0,
        ];
        assert_eq!(image.into_raw(), expected);
    }

    #[test]
    fn scale_repeats_pixels() {
        let image = Grid { columns: 10, scale: 2 }.draw(&[5, 6], [2, 1]).unwrap();
        assert_eq!(image.into_raw(), [5, 5, 6, 6, 5, 5, 6, 6]);
    }

    #[test]
    fn a_grid_too_large_is_refused_before_it_is_made() {
        let grid = Grid { columns: usize::MAX, scale: 1000 };
        assert!(grid.size(usize::MAX, [28, 28]).is_err());
        let error = Grid { columns: 10, scale: 100 }.size(1_000, [28, 28]).unwrap_err();
        assert_eq!(error, GridError { width: 28_000, height: 280_000 });
    }
}
