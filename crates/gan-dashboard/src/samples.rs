//! The samples of a preview in half-block characters: two pixels per cell, one above the other.

use image::RgbImage;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::colours::Colours;

/// Larger images are not reduced below this many pixels per side.
const MIN_SIDE: u32 = 8;

/// A row of samples, side by side as in the PNG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SampleRow {
    image: RgbImage,
    /// Width and height of a sample.
    size: (u32, u32),
    count: u32,
}

/// An arrangement of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    columns: u16,
    /// Pixels of a sample, which are as many columns of cells.
    width: u16,
    /// Pixels of a sample, an even number: two per line of cells.
    height: u16,
    /// Lines and columns of all samples.
    pub size: (u16, u16),
}

impl SampleRow {
    /// The samples in the image of a row, each of this size; without a size, the image is one
    /// sample. `None` if the image is not such a row.
    pub(crate) fn new(image: RgbImage, size: Option<(u32, u32)>) -> Option<Self> {
        let size = size.unwrap_or(image.dimensions());
        let count = image.width().checked_div(size.0)?;
        let valid = size.1 > 0 && image.dimensions() == (count * size.0, size.1) && count > 0;
        valid.then_some(Self { image, size, count: count.min(1000) })
    }

    /// The arrangement with the largest samples on so many cells; none if they would be too small.
    pub(crate) fn fit(&self, width: u16, height: u16) -> Option<Grid> {
        let (full_width, full_height) = self.size;
        let fit = |columns: u32| {
            let rows = self.count.div_ceil(columns);
            let by_width = u32::from(width) / columns * full_height / full_width;
            let height = by_width.min(2 * (u32::from(height) / rows)).min(full_height) & !1;
            let width = height * full_width / full_height;
            (columns, width, height)
        };
        let large_enough = |(_, width, height): &(u32, u32, u32)| {
            *height >= MIN_SIDE.min(full_height & !1).max(2)
                && *width > 0
                && *width + 1 >= MIN_SIDE.min(full_width)
        };
        // Of equal sizes the one with the longer rows.
        let fits = (1..=self.count).map(fit).filter(large_enough);
        let (columns, width, height) =
            fits.max_by_key(|(columns, _, height)| (*height, *columns))?;
        let lines = self.count.div_ceil(columns) * height / 2;
        let [columns, width, height, lines] = [columns, width, height, lines].map(|n| n as u16);
        Some(Grid { columns, width, height, size: (columns * width, lines) })
    }

    /// Draws the samples in the arrangement of [`fit`](Self::fit).
    pub(crate) fn draw(&self, grid: Grid, colours: Colours, area: Rect, buffer: &mut Buffer) {
        let Grid { columns, width, height, .. } = grid;
        let row_weights = weights(self.size.1, height.into());
        let column_weights = weights(self.size.0, width.into());
        for index in 0..self.count as u16 {
            let left = area.x + index % columns * width;
            let top = area.y + index / columns * (height / 2);
            let pixels = self.scaled(index.into(), &row_weights, &column_weights);
            for (row, pair) in (0..).zip(pixels.chunks_exact(2 * usize::from(width))) {
                let (upper, lower) = pair.split_at(width.into());
                for (column, (&upper, &lower)) in (0..).zip(upper.iter().zip(lower)) {
                    if let Some(cell) = buffer.cell_mut((left + column, top + row)) {
                        let (symbol, style) = colours.half_block(upper, lower);
                        cell.set_symbol(symbol).set_style(style);
                    }
                }
            }
        }
    }

    /// Writes the class of each sample, which take turns, over its upper left corner.
    pub(crate) fn name(&self, grid: Grid, classes: &[String], area: Rect, buffer: &mut Buffer) {
        let Grid { columns, width, height, .. } = grid;
        for (index, name) in (0..self.count as u16).zip(classes.iter().cycle()) {
            let left = area.x + index % columns * width;
            let top = area.y + index / columns * (height / 2);
            let style = Style::new().add_modifier(Modifier::DIM);
            buffer.set_stringn(left, top, name, width.into(), style);
        }
    }

    /// A sample at another size; each pixel is the mean of the area it covers.
    fn scaled(&self, index: u32, rows: &[Weights], columns: &[Weights]) -> Vec<[u8; 3]> {
        let at = |row: u32, column: u32, channel: usize| {
            f32::from(self.image.get_pixel(index * self.size.0 + column, row)[channel])
        };
        let mut pixels = Vec::with_capacity(rows.len() * columns.len());
        for rows in rows {
            for columns in columns {
                pixels.push(std::array::from_fn(|channel| {
                    let mean = |(row, share): &(u32, f32)| {
                        let values = columns.iter().map(|(x, share)| share * at(*row, *x, channel));
                        share * values.sum::<f32>()
                    };
                    rows.iter().map(mean).sum::<f32>().round() as u8
                }));
            }
        }
        pixels
    }
}

/// The old pixels that a new pixel covers, each with its share.
type Weights = Vec<(u32, f32)>;

/// The weights of `to` new pixels over `from` old ones.
fn weights(from: u32, to: u32) -> Vec<Weights> {
    let scale = from as f32 / to as f32;
    let of = |pixel: u32| {
        let (start, end) = (pixel as f32 * scale, (pixel + 1) as f32 * scale);
        let last = (end.ceil() as u32).min(from);
        let share = |old: u32| (end.min((old + 1) as f32) - start.max(old as f32)) / scale;
        (start.floor() as u32..last).map(|old| (old, share(old))).collect()
    };
    (0..to).map(of).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use image::{GrayImage, Luma, Rgb};
    use ratatui::style::Color;

    use super::*;

    /// Ten samples of 28x28 from the grey of each pixel.
    pub(crate) fn ten(pixel: impl Fn(u32, u32) -> u8) -> SampleRow {
        let image = GrayImage::from_fn(280, 28, |x, y| Luma([pixel(x, y)]));
        let image = image::DynamicImage::ImageLuma8(image).into_rgb8();
        SampleRow::new(image, Some((28, 28))).unwrap()
    }

    /// Ten samples: the first one a white square in the middle, the others black.
    fn square() -> SampleRow {
        ten(|x, y| if (8..20).contains(&x) && (8..20).contains(&y) { 255 } else { 0 })
    }

    fn lines(buffer: &Buffer) -> Vec<String> {
        let line = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..buffer.area.height).map(|y| line(y).trim_end().to_owned()).collect()
    }

    fn fit(samples: &SampleRow, width: u16, height: u16) -> Option<(u16, (u16, u16))> {
        let grid = samples.fit(width, height)?;
        Some((grid.columns, (grid.width, grid.height)))
    }

    #[test]
    fn samples_are_as_large_as_the_area_allows() {
        let samples = square();
        let fit = |width, height| fit(&samples, width, height);
        assert_eq!(fit(70, 14), Some((5, (14, 14))), "two rows of five");
        assert_eq!(fit(300, 50), Some((10, (28, 28))), "full size in one row");
        assert_eq!(fit(120, 6), Some((10, (12, 12))), "wide");
        assert_eq!(fit(16, 60), Some((1, (12, 12))), "narrow");
        assert_eq!(fit(39, 7), None, "too small");
        assert_eq!(fit(0, 0), None);
        assert_eq!(samples.fit(70, 14).unwrap().size, (70, 14));
    }

    #[test]
    fn samples_of_any_shape_keep_their_proportions() {
        let row = |width, height| {
            SampleRow::new(RgbImage::new(10 * width, height), Some((width, height))).unwrap()
        };
        assert_eq!(fit(&row(32, 64), 160, 20), Some((10, (16, 32))), "high");
        assert_eq!(fit(&row(64, 32), 160, 20), Some((5, (32, 16))), "wide");
        assert_eq!(fit(&row(8, 8), 100, 20), Some((10, (8, 8))), "not enlarged");
        assert_eq!(fit(&row(5, 5), 100, 20), Some((10, (4, 4))));
        assert_eq!(fit(&row(1, 1), 100, 20), None);
    }

    #[test]
    fn without_colours_pixels_are_black_or_white() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 70, 14));
        let grid = square().fit(70, 14).unwrap();
        square().draw(grid, Colours::Monochrome, buffer.area, &mut buffer);
        let shape = ["", "", "    ██████", "    ██████", "    ██████", "", ""];
        assert_eq!(lines(&buffer)[..7], shape);
        assert!(lines(&buffer)[7..].iter().all(String::is_empty));
    }

    #[test]
    fn both_halves_of_a_cell_have_their_colours() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 100, 20));
        let grid = square().fit(100, 20).unwrap();
        assert_eq!((grid.columns, grid.width), (5, 20));
        square().draw(grid, Colours::TrueColour, buffer.area, &mut buffer);
        // Twenty pixels for 28: the edge at 8 is five sevenths into the sixth.
        let cell = &buffer[(7, 2)];
        assert_eq!(cell.symbol(), "▀");
        assert_eq!((cell.fg, cell.bg), (Color::Rgb(0, 0, 0), Color::Rgb(73, 73, 73)));
        let inside = &buffer[(8, 4)];
        assert_eq!((inside.fg, inside.bg), (Color::Rgb(255, 255, 255), Color::Rgb(255, 255, 255)));
    }

    #[test]
    fn rgb_samples_are_drawn_in_colour() {
        let image = RgbImage::from_fn(32, 8, |x, _| Rgb([255, (x / 16) as u8 * 200, 0]));
        let samples = SampleRow::new(image, Some((16, 8))).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 32, 4));
        let grid = samples.fit(32, 4).unwrap();
        samples.draw(grid, Colours::TrueColour, buffer.area, &mut buffer);
        assert_eq!(
            (buffer[(0, 0)].fg, buffer[(31, 3)].bg),
            (Color::Rgb(255, 0, 0), Color::Rgb(255, 200, 0))
        );
    }

    #[test]
    fn scaling_keeps_the_mean() {
        let samples = square();
        let mean = |side| {
            let pixels = samples.scaled(0, &weights(28, side), &weights(28, side));
            pixels.iter().map(|pixel| f32::from(pixel[0])).sum::<f32>() / pixels.len() as f32
        };
        let full = mean(28);
        assert_eq!(full, 255.0 * 144.0 / 784.0);
        for side in [8, 10, 14, 22] {
            assert!((mean(side) - full).abs() < 0.5, "{side}: {}", mean(side));
        }
    }

    #[test]
    fn an_image_that_is_not_a_row_of_samples_is_none() {
        for (width, height) in [(0, 0), (27, 28), (57, 28), (56, 27)] {
            assert_eq!(SampleRow::new(RgbImage::new(width, height), Some((28, 28))), None);
        }
        assert_eq!(SampleRow::new(RgbImage::new(56, 28), Some((0, 28))), None);
        let one = SampleRow::new(RgbImage::new(56, 28), None).unwrap();
        assert_eq!((one.count, one.size), (1, (56, 28)), "a run without a recorded size");
    }
}
