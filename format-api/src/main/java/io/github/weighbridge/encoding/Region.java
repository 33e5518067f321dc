package io.github.weighbridge.encoding;

import java.util.Objects;

/// A part of a tensor seen as a matrix: some whole rows, or a run of columns within one row. The piece that is in flight when weights move.
///
/// @param rowBegin first row
/// @param rowEnd row after the last
/// @param columnBegin first column
/// @param columnEnd column after the last
public record Region(long rowBegin, long rowEnd, long columnBegin, long columnEnd) {
    /// Whole rows.
    public static Region rows(Shape shape, long begin, long end) {
        return new Region(Objects.checkFromToIndex(begin, end, shape.rows()), end, 0, shape.columns());
    }

    /// The whole tensor.
    public static Region all(Shape shape) {
        return rows(shape, 0, shape.rows());
    }

    /// Checks the order of the bounds.
    public Region {
        if (rowBegin < 0 || rowEnd < rowBegin || columnBegin < 0 || columnEnd < columnBegin) {
            throw new IllegalArgumentException("rows " + rowBegin + " to " + rowEnd + ", columns " + columnBegin + " to " + columnEnd);
        }
    }

    /// Number of rows.
    public long rowCount() {
        return rowEnd - rowBegin;
    }

    /// Number of columns.
    public long columnCount() {
        return columnEnd - columnBegin;
    }

    /// Number of elements, which fits an `int`: regions are made to fit working memory.
    public int elements() {
        return Math.toIntExact(Math.multiplyExact(rowCount(), columnCount()));
    }

    /// Whether all columns of the shape are in it.
    public boolean wholeRows(Shape shape) {
        return columnBegin == 0 && columnEnd == shape.columns();
    }
}
