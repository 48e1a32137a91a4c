//! The digits of a preview in half-block characters: two pixels a cell, one above the other.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::colours::Colours;

/// Without greys, pixels of at least this much are ink.
const INK: u8 = 96;

/// A row of digits, as a run keeps it: square pictures side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    side: usize,
    count: usize,
    /// `[side, count * side]` row-major, 0 to 255.
    pixels: Vec<u8>,
}

impl Digits {
    /// The digits in a picture of `width` times `height` pixels, row-major, 0 to 255; none if
    /// there is no whole one in it.
    #[must_use]
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        let count = width.checked_div(height)?;
        let whole = count > 0 && width == count * height && pixels.len() == width * height;
        whole.then_some(Self { side: height, count, pixels })
    }

    /// How large they can be drawn on `width` times `height` cells: digits in a row, and pixels
    /// of a digit's side, even, at most as many as it has. None if they would be too small to read.
    #[must_use]
    pub(crate) fn fit(&self, width: u16, height: u16) -> Option<(u16, u16)> {
        let fits = |columns: u16| {
            let rows = (self.count as u16).div_ceil(columns);
            let side = (width / columns).min(2 * (height / rows)).min(self.side as u16);
            (columns, side - side % 2)
        };
        let all = (1..=self.count.min(1000) as u16).map(fits);
        // Of equal sizes the one with the longer rows, which is the lower one.
        all.filter(|(_, side)| *side >= 8).max_by_key(|(columns, side)| (*side, *columns))
    }

    /// Cells that so many columns of digits of this size take, `(width, height)`.
    #[must_use]
    pub(crate) fn size(&self, (columns, side): (u16, u16)) -> (u16, u16) {
        (columns * side, (self.count as u16).div_ceil(columns) * (side / 2))
    }

    /// Draws them as [`fit`](Self::fit) says.
    pub(crate) fn draw(
        &self,
        (columns, side): (u16, u16),
        colours: Colours,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let weights = weights(self.side, side.into());
        for index in 0..self.count as u16 {
            let left = area.x + index % columns * side;
            let top = area.y + index / columns * (side / 2);
            let pixels = self.scaled(index.into(), &weights);
            for (row, pair) in (0..).zip(pixels.chunks_exact(2 * usize::from(side))) {
                let (upper, lower) = pair.split_at(side.into());
                for (column, (&upper, &lower)) in (0..).zip(upper.iter().zip(lower)) {
                    if let Some(cell) = buffer.cell_mut((left + column, top + row)) {
                        let (symbol, style) = half_block(upper, lower, colours);
                        cell.set_symbol(symbol).set_style(style);
                    }
                }
            }
        }
    }

    /// One digit at another size, each new pixel the mean of what it covers.
    fn scaled(&self, index: usize, weights: &[Vec<(usize, f32)>]) -> Vec<u8> {
        let row_length = self.count * self.side;
        let at = |row: usize, column: usize| {
            f32::from(self.pixels[row * row_length + index * self.side + column])
        };
        let mut pixels = Vec::with_capacity(weights.len() * weights.len());
        for rows in weights {
            for columns in weights {
                let mean = |(row, share): &(usize, f32)| {
                    let of_row = columns.iter().map(|(column, share)| share * at(*row, *column));
                    share * of_row.sum::<f32>()
                };
                pixels.push(rows.iter().map(mean).sum::<f32>().round() as u8);
            }
        }
        pixels
    }
}

/// For each of `to` pixels, which of `from` it covers, and what share of it each has.
fn weights(from: usize, to: usize) -> Vec<Vec<(usize, f32)>> {
    let scale = from as f32 / to as f32;
    let of = |pixel: usize| {
        let (begin, end) = (pixel as f32 * scale, (pixel + 1) as f32 * scale);
        let last = (end.ceil() as usize).min(from);
        let share = |old: usize| (end.min((old + 1) as f32) - begin.max(old as f32)) / scale;
        (begin.floor() as usize..last).map(|old| (old, share(old))).collect()
    };
    (0..to).map(of).collect()
}

/// The cell of two pixels.
fn half_block(upper: u8, lower: u8, colours: Colours) -> (&'static str, Style) {
    if let (Some(upper), Some(lower)) = (colours.grey(upper), colours.grey(lower)) {
        return ("▀", Style::new().fg(upper).bg(lower));
    }
    let symbol = match (upper >= INK, lower >= INK) {
        (false, false) => " ",
        (true, false) => "▀",
        (false, true) => "▄",
        (true, true) => "█",
    };
    (symbol, Style::new())
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;

    /// Ten pictures of 28x28, the first one a white square in its middle, the others black.
    fn square() -> Digits {
        let at = |pixel: usize| {
            let (row, column) = (pixel / 280, pixel % 280);
            if (8..20).contains(&row) && (8..20).contains(&column) { 255 } else { 0 }
        };
        Digits::new(280, 28, (0..280 * 28).map(at).collect()).unwrap()
    }

    fn lines(buffer: &Buffer) -> Vec<String> {
        let line = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..buffer.area.height).map(|y| line(y).trim_end().to_owned()).collect()
    }

    #[test]
    fn they_are_as_large_as_the_place_allows() {
        let digits = square();
        let fit = |width, height| digits.fit(width, height);
        assert_eq!(fit(70, 14), Some((5, 14)), "two rows of five");
        assert_eq!(fit(300, 50), Some((10, 28)), "as they are, in one row");
        assert_eq!(fit(120, 6), Some((10, 12)), "low and wide");
        assert_eq!(fit(16, 60), Some((1, 12)), "narrow and high");
        assert_eq!(fit(39, 7), None, "too small");
        assert_eq!(fit(0, 0), None);
        assert_eq!(digits.size((5, 14)), (70, 14));
    }

    #[test]
    fn without_greys_pixels_are_ink_or_paper() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 70, 14));
        square().draw((5, 14), Colours::Plain, buffer.area, &mut buffer);
        let shape = ["", "", "    ██████", "    ██████", "    ██████", "", ""];
        assert_eq!(lines(&buffer)[..7], shape);
        assert!(lines(&buffer)[7..].iter().all(String::is_empty));
    }

    #[test]
    fn with_greys_each_half_of_a_cell_has_its_own() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 100, 10));
        square().draw((5, 20), Colours::True, buffer.area, &mut buffer);
        // Twenty pixels for 28: the edge at 8 lies five sevenths into the sixth.
        let cell = &buffer[(7, 2)];
        assert_eq!(cell.symbol(), "▀");
        assert_eq!((cell.fg, cell.bg), (Color::Rgb(0, 0, 0), Color::Rgb(73, 73, 73)));
        let inside = &buffer[(8, 4)];
        assert_eq!((inside.fg, inside.bg), (Color::Rgb(255, 255, 255), Color::Rgb(255, 255, 255)));
    }

    #[test]
    fn scaling_keeps_the_mean() {
        let digits = square();
        let mean =
            |pixels: &[u8]| pixels.iter().map(|&p| f32::from(p)).sum::<f32>() / pixels.len() as f32;
        let whole = mean(&digits.scaled(0, &weights(28, 28)));
        assert_eq!(whole, 255.0 * 144.0 / 784.0);
        for side in [8, 10, 14, 22] {
            let scaled = mean(&digits.scaled(0, &weights(28, side)));
            assert!((scaled - whole).abs() < 0.5, "{side}: {scaled}");
        }
    }

    #[test]
    fn a_picture_without_whole_digits_is_none() {
        for (width, height, length) in
            [(0, 0, 0), (27, 28, 27 * 28), (57, 28, 57 * 28), (56, 28, 9)]
        {
            assert_eq!(Digits::new(width, height, vec![0; length]), None);
        }
    }
}
