package io.github.weighbridge.view;

import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import java.util.ArrayList;
import java.util.List;

/// A region of one view, as part of another's: how a view that only rearranges is taken apart.
///
/// @param view the view below
/// @param region the part of it
public record Run(View view, Region region) {
    /// The runs that, one behind the other, are the numbers of a region in row-major order. One level deep: runs are of the views directly
    /// below.
    ///
    /// @param view a slice, a join, a swap or a reshape
    /// @throws IllegalArgumentException for views that are not made of runs
    public static List<Run> of(View view, Region region) {
        List<Run> runs = new ArrayList<>();
        switch (view) {
            case View.Slice(View of, int axis, long begin, long _) -> {
                if (axis == view.shape().rank() - 1) {
                    for (long row = region.rowBegin(); row < region.rowEnd(); row++) {
                        runs.add(new Run(of, new Region(row, row + 1, begin + region.columnBegin(), begin + region.columnEnd())));
                    }
                } else {
                    long inner = innerRows(view.shape(), axis);
                    long length = view.shape().dimension(axis) * inner;
                    long lengthOf = of.shape().dimension(axis) * inner;
                    eachRowRun(region, length, (row, count) -> {
                        long source = row / length * lengthOf + begin * inner + row % length;
                        runs.add(new Run(of, new Region(source, source + count, region.columnBegin(), region.columnEnd())));
                    });
                }
            }
            case View.Concat(int axis, List<View> parts) -> {
                if (axis == view.shape().rank() - 1) {
                    for (long row = region.rowBegin(); row < region.rowEnd(); row++) {
                        long at = 0;
                        for (View part : parts) {
                            long columns = part.shape().columns();
                            long first = Math.max(region.columnBegin(), at) - at;
                            long last = Math.min(region.columnEnd(), at + columns) - at;
                            if (first < last) {
                                runs.add(new Run(part, new Region(row, row + 1, first, last)));
                            }
                            at += columns;
                        }
                    }
                } else {
                    long inner = innerRows(view.shape(), axis);
                    long length = view.shape().dimension(axis) * inner;
                    eachRowRun(region, length,
                            (row, count) -> concatRows(parts, axis, inner, row / length, row % length, count, region, runs));
                }
            }
            case View.Swap(View of, int axis, long first, long second, long block) -> {
                Shape shape = view.shape();
                boolean columns = axis == shape.rank() - 1;
                long inner = columns ? 1 : innerRows(shape, axis);
                long unit = block * inner;
                if (columns) {
                    for (long row = region.rowBegin(); row < region.rowEnd(); row++) {
                        for (long c = region.columnBegin(); c < region.columnEnd();) {
                            long end = Math.min(region.columnEnd(), (c / unit + 1) * unit);
                            long source = View.Swap.source(c, first, second, unit);
                            runs.add(new Run(of, new Region(row, row + 1, source, source + end - c)));
                            c = end;
                        }
                    }
                } else {
                    eachRowRun(region, unit, (row, count) -> {
                        long source = View.Swap.source(row, first, second, unit);
                        runs.add(new Run(of, new Region(source, source + count, region.columnBegin(), region.columnEnd())));
                    });
                }
            }
            case View.Reshape(View of, Shape shape) -> {
                long begin = region.rowBegin() * shape.columns() + region.columnBegin();
                elements(of, begin, begin + region.elements(), runs);
            }
            case View.Stored _, View.Transpose _, View.Mapped _, View.Constant _ -> throw new IllegalArgumentException(
                    view.getClass().getSimpleName() + " is not made of runs");
        }
        return runs;
    }

    @FunctionalInterface
    private interface RowRun {
        void accept(long row, long count);
    }

    /// Cuts the rows of a region at multiples of `length`.
    private static void eachRowRun(Region region, long length, RowRun action) {
        for (long row = region.rowBegin(); row < region.rowEnd();) {
            long end = Math.min(region.rowEnd(), (row / length + 1) * length);
            action.accept(row, end - row);
            row = end;
        }
    }

    /// Rows of the matrix for each index of an axis that is not the last.
    private static long innerRows(Shape shape, int axis) {
        long product = 1;
        for (int i = axis + 1; i < shape.rank() - 1; i++) {
            product *= shape.dimension(i);
        }
        return product;
    }

    private static void concatRows(List<View> parts, int axis, long inner, long outer, long begin, long count, Region region,
            List<Run> runs) {
        long at = 0;
        for (View part : parts) {
            long rows = part.shape().dimension(axis) * inner;
            long first = Math.max(begin, at) - at;
            long last = Math.min(begin + count, at + rows) - at;
            if (first < last) {
                runs.add(new Run(part, new Region(outer * rows + first, outer * rows + last, region.columnBegin(), region.columnEnd())));
            }
            at += rows;
        }
    }

    /// Elements in row-major order as at most three regions: the end of a row, whole rows, the beginning of a row.
    private static void elements(View of, long begin, long end, List<Run> runs) {
        if (begin == end) {
            return;
        }
        long columns = of.shape().columns();
        long at = begin;
        if (at % columns != 0) {
            long stop = Math.min(end, (at / columns + 1) * columns);
            runs.add(new Run(of, new Region(at / columns, at / columns + 1, at % columns, at % columns + stop - at)));
            at = stop;
        }
        long whole = (end - at) / columns;
        if (whole > 0) {
            runs.add(new Run(of, new Region(at / columns, at / columns + whole, 0, columns)));
            at += whole * columns;
        }
        if (at < end) {
            runs.add(new Run(of, new Region(at / columns, at / columns + 1, 0, end - at)));
        }
    }
}
