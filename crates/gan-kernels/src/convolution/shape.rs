//! Where the numbers under a kernel are.

use std::ops::Range;

use crate::matrix::Matrix;
use crate::thread_pool::threads;

/// Numbers of the images that are computed together: half of most second-level caches.
const GROUP: usize = 1 << 16;

/// The shapes of a convolution with a square kernel.
///
/// Its weights are `[kernel · kernel · channels, filters]`, a row for each *tap*, by kernel row,
/// kernel column and channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Rows of the images.
    pub height: usize,
    /// Columns of the images.
    pub width: usize,
    /// Channels of the images.
    pub channels: usize,
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Pixels from one position of the kernel to the next.
    pub stride: usize,
    /// Zeros that surround the images.
    pub padding: usize,
}

impl Convolution {
    /// Rows and columns of the result.
    ///
    /// # Panics
    /// When the kernel is larger than the padded image, or the stride is 0.
    pub const fn output_size(&self) -> [usize; 2] {
        let [height, width] = [self.height + 2 * self.padding, self.width + 2 * self.padding];
        assert!(
            self.kernel <= height && self.kernel <= width,
            "the kernel must fit into the image"
        );
        [(height - self.kernel) / self.stride + 1, (width - self.kernel) / self.stride + 1]
    }

    /// Positions of the kernel.
    pub const fn positions(&self) -> usize {
        let [rows, columns] = self.output_size();
        rows * columns
    }

    /// Numbers of an image.
    pub const fn inputs(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Rows of the weights.
    pub const fn taps(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// Rows and columns of an image with its border.
    pub(super) fn padded_size(&self) -> [usize; 2] {
        let [rows, columns] = self.output_size();
        let padded = |positions: usize, side: usize| {
            let covered = (positions - 1) * self.stride + self.kernel;
            covered.max(side + self.padding)
        };
        [padded(rows, self.height), padded(columns, self.width)]
    }

    /// Numbers of an image with its border.
    pub(super) fn padded_len(&self) -> usize {
        let [rows, columns] = self.padded_size();
        rows * columns * self.channels
    }

    /// Numbers of a row of an image with its border.
    pub(super) fn padded_row(&self) -> usize {
        self.padded_size()[1] * self.channels
    }

    /// Where each position of `images` images is in them.
    pub(super) fn places(&self, images: usize) -> Vec<usize> {
        (0..images * self.positions()).map(|index| self.place(index)).collect()
    }

    /// Where position `index` of a group of images is in them.
    pub(super) fn place(&self, index: usize) -> usize {
        let columns = self.output_size()[1];
        let (image, position) = (index / self.positions(), index % self.positions());
        let (row, column) = (position / columns, position % columns);
        let in_image = row * self.padded_row() + column * self.channels;
        image * self.padded_len() + self.stride * in_image
    }

    /// Where each row of the kernel starts, from the kernel's place.
    pub(super) fn kernel_rows(&self) -> Vec<usize> {
        (0..self.kernel).map(|row| row * self.padded_row()).collect()
    }

    /// How many of `images` are computed together: as many as fit, and as many by each thread.
    pub(super) fn group(&self, images: usize) -> usize {
        let most = (GROUP / self.padded_len().max(1)).max(1);
        images.div_ceil(images.div_ceil(most).max(1).next_multiple_of(threads())).max(1)
    }

    /// The rows of an image and those of the same image with its border.
    #[inline(always)]
    pub(super) fn rows(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let len = self.width * self.channels;
        let (from, to) = (self.padding * self.channels, self.padded_row());
        let padding = self.padding;
        (0..self.height).map(move |row| {
            let start = (row + padding) * to + from;
            (row * len..(row + 1) * len, start..start + len)
        })
    }

    /// Copies images to where they are with a border; the border is not written.
    #[inline(always)]
    pub(super) fn pad(&self, images: &[f32], padded: &mut [f32]) {
        let images = images.chunks_exact(self.inputs());
        for (image, padded) in images.zip(padded.chunks_exact_mut(self.padded_len())) {
            for (from, to) in self.rows() {
                padded[to].copy_from_slice(&image[from]);
            }
        }
    }

    /// A kernel that fits into the image with its border: tiles rely on it.
    pub(super) fn check_kernel(&self) {
        let most = self.height.min(self.width) + 2 * self.padding;
        assert!(self.stride > 0 && self.channels > 0, "a convolution of nothing");
        assert!((1..=most).contains(&self.kernel), "the kernel must fit into the image");
    }

    /// Checks the weights, and returns how many filters there are.
    pub(super) fn check(&self, rows: Matrix, weight: Matrix) -> usize {
        self.check_kernel();
        assert_eq!(weight.rows, self.taps(), "weights must have a row for each tap");
        assert!(rows.column_stride == 1 && rows.row_stride == rows.columns, "no gaps");
        weight.columns
    }
}
