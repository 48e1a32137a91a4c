//! Images side by side in one.

use gan_core::ImageShape;
use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, RgbImage};
use thiserror::Error;

/// A layout of images row by row, each pixel `scale` wide and high.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Images in a row.
    pub columns: usize,
    /// Width and height of a pixel.
    pub scale: usize,
}

/// A grid that is too large for one image.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "a grid of {width} x {height} pixels is too large; expected at most {max} pixels in all: \
     generate fewer samples, scale less, or write a folder or an .npy file",
    max = Grid::MAX_PIXELS
)]
pub struct GridError {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
}

impl Grid {
    /// Pixels of the largest grid: 256 Mi.
    pub const MAX_PIXELS: usize = 1 << 28;

    /// Width and height in pixels of a grid of `count` images of `shape`.
    pub(crate) fn size(self, count: usize, shape: ImageShape) -> Result<[usize; 2], GridError> {
        let columns = self.columns.clamp(1, count.max(1));
        let rows = count.div_ceil(columns);
        let width = shape.width.saturating_mul(columns).saturating_mul(self.scale);
        let height = shape.height.saturating_mul(rows).saturating_mul(self.scale);
        if width.saturating_mul(height) > Self::MAX_PIXELS {
            return Err(GridError { width, height });
        }
        Ok([width, height])
    }

    /// Lays out images `[n, height, width, channels]`, 0 to 255; what is left of the last row is
    /// black. The result is grey for one channel and RGB for three.
    ///
    /// # Errors
    /// When they are more pixels than [`Grid::MAX_PIXELS`].
    ///
    /// # Panics
    /// When there are neither one nor three channels.
    pub fn draw(self, pixels: &[u8], shape: ImageShape) -> Result<DynamicImage, GridError> {
        let [width, height] = self.size(pixels.len() / shape.len(), shape)?;
        let columns = (width / self.scale / shape.width).max(1);
        let (line, grid_line) = (shape.width * shape.channels, width / self.scale * shape.channels);
        let mut grid = vec![0; height / self.scale * grid_line];
        for (index, image) in pixels.chunks_exact(shape.len()).enumerate() {
            let start = index / columns * shape.height * grid_line + index % columns * line;
            for (y, row) in image.chunks_exact(line).enumerate() {
                grid[start + y * grid_line..][..line].copy_from_slice(row);
            }
        }
        let (width, height, scale) = (width as u32, height as u32, self.scale as u32);
        let size = (width / scale, height / scale);
        let grid = match shape.channels {
            1 => GrayImage::from_raw(size.0, size.1, grid).map(DynamicImage::ImageLuma8),
            3 => RgbImage::from_raw(size.0, size.1, grid).map(DynamicImage::ImageRgb8),
            other => panic!("a grid of images with {other} channels"),
        };
        let Some(grid) = grid else { unreachable!("the grid has as many bytes as pixels") };
        if scale == 1 {
            return Ok(grid);
        }
        Ok(grid.resize_exact(width, height, FilterType::Nearest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(grid: Grid, pixels: &[u8], shape: ImageShape) -> Vec<u8> {
        grid.draw(pixels, shape).unwrap().into_bytes()
    }

    #[test]
    fn images_lie_row_by_row_and_upright() {
        // Two by three pixels each: the first counts up, the others are even.
        let pixels = [[1, 2, 3, 4, 5, 6], [7; 6], [9; 6]].concat();
        let (grid, shape) = (Grid { columns: 2, scale: 1 }, ImageShape::grey(3, 2));
        assert_eq!(grid.size(3, shape), Ok([4, 6]));
        #[rustfmt::skip]
        let expected = [
            1, 2, 7, 7,
            3, 4, 7, 7,
            5, 6, 7, 7,
            9, 9, 0, 0,
            9, 9, 0, 0,
            9, 9, 0, 0,
        ];
        assert_eq!(draw(grid, &pixels, shape), expected);
    }

    #[test]
    fn scale_repeats_pixels() {
        let grid = Grid { columns: 10, scale: 2 };
        assert_eq!(draw(grid, &[5, 6], ImageShape::grey(1, 2)), [5, 5, 6, 6, 5, 5, 6, 6]);
    }

    #[test]
    fn three_channels_are_rgb() {
        let shape = ImageShape { channels: 3, height: 2, width: 1 };
        let grid = Grid { columns: 2, scale: 1 };
        let image = grid.draw(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], shape).unwrap().into_rgb8();
        assert_eq!(image.get_pixel(0, 1).0, [4, 5, 6], "below in the first");
        assert_eq!(image.get_pixel(1, 0).0, [7, 8, 9], "the second, beside it");
    }

    #[test]
    fn a_grid_that_is_too_large_is_refused_before_it_is_allocated() {
        let grid = Grid { columns: usize::MAX, scale: 1000 };
        let shape = ImageShape::grey(28, 28);
        assert!(grid.size(usize::MAX, shape).is_err());
        let error = Grid { columns: 10, scale: 100 }.size(1_000, shape).unwrap_err();
        assert_eq!(error, GridError { width: 28_000, height: 280_000 });
    }
}
