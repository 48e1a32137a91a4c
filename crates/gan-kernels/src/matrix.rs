//! A matrix of any layout in a slice.

use std::ops::Range;

/// A matrix in a slice: element (i, j) is at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "a matrix must fill its slice");
        Self { data, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// Rows and columns.
    pub(crate) fn size(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// The transposed matrix; nothing is copied.
    pub(crate) fn transposed(self) -> Self {
        let Self { data, rows, columns, row_stride, column_stride } = self;
        Self {
            data,
            rows: columns,
            columns: rows,
            row_stride: column_stride,
            column_stride: row_stride,
        }
    }

    /// A block of it: at least one row and one column.
    pub(crate) fn block(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        let first = rows.start * self.row_stride + columns.start * self.column_stride;
        let last = (rows.end - 1) * self.row_stride + (columns.end - 1) * self.column_stride;
        let data = &self.data[first..=last];
        Self { data, rows: rows.len(), columns: columns.len(), ..self }
    }
}
