package io.github.weighbridge.encoding;

import java.util.ArrayList;
import java.util.List;

/// The arithmetic of a [GridEncoding]'s planes.
final class GridLayout {
    static final int CODES = 0;
    static final int SCALES = 1;
    private static final int WORD_BYTES = 4;

    final Grid grid;
    final Packing packing;
    final GridPlanes extra;
    final List<Plane> planes;
    /// Index of a plane; negative where there is none.
    final int outer;
    final int zeros;
    final int index;
    final int shapePlane;

    GridLayout(Grid grid, Packing packing, GridPlanes extra) {
        this.grid = grid;
        this.packing = packing;
        this.extra = extra;
        List<Plane> all = new ArrayList<>(List.of(new Plane("codes", Plane.Kind.DATA), new Plane("scales", Plane.Kind.SCALES)));
        this.outer = add(extra.outer(), new Plane("outer", Plane.Kind.SCALES), all);
        this.zeros = add(extra.zeros() != GridPlanes.Zeros.NONE, new Plane("zeros", Plane.Kind.ZEROS), all);
        this.index = add(extra.index(), new Plane("index", Plane.Kind.INDEX), all);
        this.shapePlane = add(extra.shape(), new Plane("shape", Plane.Kind.SHAPE), all);
        this.planes = List.copyOf(all);
    }

    private static int add(boolean there, Plane plane, List<Plane> all) {
        if (!there) {
            return -1;
        }
        all.add(plane);
        return all.size() - 1;
    }

    static int gcd(int a, int b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    boolean perTensor() {
        return grid.granularity() instanceof Grid.Granularity.Tensor;
    }

    /// Rows that share scales, one where each has its own.
    int blockRows() {
        return grid.granularity() instanceof Grid.Granularity.Block(int rows, int _) ? rows : 1;
    }

    /// Scales in a row of them.
    long groups(Shape shape) {
        long columns = grid.groupColumns(shape);
        return perTensor() ? 1 : shape.columns() == 0 ? 0 : (shape.columns() - 1) / columns + 1;
    }

    /// Rows of scales for some rows of the tensor.
    private long scaleRows(long begin, long end) {
        return perTensor() ? 1 : end == begin ? 0 : (end - 1) / blockRows() - begin / blockRows() + 1;
    }

    private static long words(long bits) {
        return bits / 32 + (bits % 32 == 0 ? 0 : 1);
    }

    long planeBytes(int plane, Shape shape) {
        if (plane == CODES) {
            long bits = Math.multiplyExact(shape.rows(), packing.rowStride(shape.columns()));
            return bits / 8 + (bits % 8 == 0 ? 0 : 1);
        }
        if (plane == SCALES || plane == zeros && extra.zeros() == GridPlanes.Zeros.BYTES) {
            long scales = Math.multiplyExact(scaleRows(0, shape.rows()), groups(shape));
            return Math.multiplyExact(scales, plane == SCALES ? grid.scale().bytes() : 1);
        }
        if (plane == zeros) {
            return Math.multiplyExact(Math.multiplyExact(words(packing.length(shape.rows())), groups(shape)), WORD_BYTES);
        }
        return plane == outer ? Float.BYTES : plane == index ? Math.multiplyExact(shape.columns(), Integer.BYTES)
                : (long) shape.rank() * Long.BYTES;
    }

    ByteRange planeRange(int plane, Shape shape, Region region) {
        if (plane == CODES) {
            return codes(shape, region);
        }
        if (plane == SCALES) {
            return scales(shape, region, grid.scale().bytes());
        }
        if (plane == zeros) {
            return extra.zeros() == GridPlanes.Zeros.BYTES ? scales(shape, region, 1) : packedZeros(shape, region);
        }
        if (plane == shapePlane) {
            // It is written once, with the first rows.
            boolean first = region.rowBegin() == 0 && region.columnBegin() == 0;
            return new ByteRange(0, first ? planeBytes(plane, shape) : 0);
        }
        return new ByteRange(0, planeBytes(plane, shape));
    }

    private ByteRange codes(Shape shape, Region region) {
        long stride = packing.rowStride(shape.columns());
        long begin = region.rowBegin() * stride + packing.bit(region.columnBegin());
        long end;
        if (region.wholeRows(shape)) {
            end = region.rowEnd() * stride;
        } else if (region.columnEnd() == shape.columns()) {
            end = (region.rowBegin() + 1) * stride;
        } else {
            end = region.rowBegin() * stride + packing.length(region.columnEnd());
        }
        return new ByteRange(begin / 8, (end + 7) / 8 - begin / 8);
    }

    /// First group of a region, and the group after the last. With an index, a column's group may be any.
    long firstGroup(Shape shape, Region region) {
        return perTensor() || index >= 0 || region.wholeRows(shape) ? 0 : region.columnBegin() / grid.groupColumns(shape);
    }

    long endGroup(Shape shape, Region region) {
        if (perTensor() || index >= 0 || region.wholeRows(shape)) {
            return groups(shape);
        }
        long first = firstGroup(shape, region);
        return region.columnEnd() == region.columnBegin() ? first : (region.columnEnd() - 1) / grid.groupColumns(shape) + 1;
    }

    private ByteRange scales(Shape shape, Region region, int width) {
        if (perTensor()) {
            return new ByteRange(0, width);
        }
        long groups = groups(shape);
        long first = region.rowBegin() / blockRows() * groups;
        long rows = scaleRows(region.rowBegin(), region.rowEnd());
        if (rows == 0) {
            return new ByteRange(first * width, 0);
        }
        // More than one row of scales only where rows are whole.
        long begin = first + firstGroup(shape, region);
        long end = first + (rows - 1) * groups + endGroup(shape, region);
        return new ByteRange(begin * width, (end - begin) * width);
    }

    private ByteRange packedZeros(Shape shape, Region region) {
        long rowBytes = groups(shape) * WORD_BYTES;
        long begin = packing.bit(region.rowBegin()) / 32;
        long end = region.rowCount() == 0 ? begin : words(packing.length(region.rowEnd()));
        return new ByteRange(begin * rowBytes, (end - begin) * rowBytes);
    }

    int columnUnit(Shape shape) {
        int whole = packing.byteUnit();
        long size = grid.groupColumns(shape);
        boolean grouped = index < 0 && (grid.granularity() instanceof Grid.Granularity.Group || blockRows() > 1);
        return grouped && size < shape.columns() ? Math.toIntExact(size / gcd((int) size, whole) * whole) : whole;
    }

    long rowUnit(Shape shape) {
        long stride = packing.rowStride(shape.columns());
        int rows = stride % 8 == 0 ? 1 : 8 / gcd((int) (stride % 8), 8);
        if (extra.zeros() == GridPlanes.Zeros.PACKED) {
            rows = rows / gcd(rows, packing.wordUnit()) * packing.wordUnit();
        }
        return (long) rows / gcd(rows, blockRows()) * blockRows();
    }
}
