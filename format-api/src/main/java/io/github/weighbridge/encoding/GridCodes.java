package io.github.weighbridge.encoding;

import io.github.weighbridge.encoding.internal.CodeKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Moves codes, scales and zero points of a [GridEncoding] in and out of its planes.
final class GridCodes {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final GridLayout layout;
    private final Packing packing;
    private final DenseEncoding scaleEncoding;
    /// Numbers by code, for levels from a table; empty for integers.
    private final float[] table;
    private final boolean unsigned;
    private final int flip;
    private final int shift;
    private final int mask;
    private final boolean direct;

    GridCodes(GridLayout layout) {
        this.layout = layout;
        this.packing = layout.packing;
        this.scaleEncoding = DenseEncoding.of(layout.grid.scale());
        this.mask = (1 << packing.bits()) - 1;
        // Codes of 8 bits wherever a row begins; narrower ones are rarely read from within a byte.
        this.direct = packing.bits() == 8 || packing.bits() == 4 || packing.bits() == 2;
        switch (layout.grid.levels()) {
            case Grid.Levels.Range(int minimum, int maximum) -> {
                this.table = new float[0];
                this.unsigned = maximum > Byte.MAX_VALUE;
                int sign = minimum < 0 ? 1 << packing.bits() - 1 : 0;
                this.flip = packing.offsetBinary() ? 0 : sign;
                this.shift = packing.offsetBinary() ? -minimum : sign;
            }
            case Grid.Levels.Table(String _, var values) -> {
                this.table = new float[mask + 1];
                for (int i = 0; i < table.length; i++) {
                    table[i] = i < values.size() ? values.get(i) : Float.NaN;
                }
                this.unsigned = true;
                this.flip = 0;
                this.shift = 0;
            }
        }
    }

    /// Scales and zero points of a region: `groups` for each row of scales.
    private static final class Units {
        float[] scales = {};
        float[] zeros = {};
        int groups;
        int groupColumns;
    }

    private int scaleRow(Region region, int row) {
        return layout.perTensor() ? 0
                : (int) ((region.rowBegin() + row) / layout.blockRows() - region.rowBegin() / layout.blockRows());
    }

    private Units units(Shape shape, Region region, MemorySegment[] planes) {
        Units units = new Units();
        units.groups = Math.toIntExact(layout.endGroup(shape, region) - layout.firstGroup(shape, region));
        units.groupColumns = Math.toIntExact(Math.max(1, Math.min(layout.grid.groupColumns(shape), region.columnCount())));
        units.scales = scales(planes[GridLayout.SCALES]);
        if (layout.outer >= 0) {
            float outer = planes[layout.outer].get(FLOAT, 0);
            for (int i = 0; i < units.scales.length; i++) {
                units.scales[i] /= outer;
            }
        }
        switch (layout.extra.zeros()) {
            case NONE -> units.zeros = new float[0];
            case BYTES -> {
                units.zeros = new float[units.scales.length];
                for (int i = 0; i < units.zeros.length; i++) {
                    units.zeros[i] = planes[layout.zeros].get(ValueLayout.JAVA_BYTE, i);
                }
            }
            case PACKED -> units.zeros = packedZeros(shape, region, planes[layout.zeros], units.groups);
        }
        return units;
    }

    float[] scales(MemorySegment plane) {
        int count = Math.toIntExact(plane.byteSize() / layout.grid.scale().bytes());
        float[] scales = new float[count];
        scaleEncoding.decodeBlocks(plane, 0, scales, 0, count);
        return scales;
    }

    private float[] packedZeros(Shape shape, Region region, MemorySegment plane, int here) {
        int all = Math.toIntExact(layout.groups(shape));
        int first = Math.toIntExact(layout.firstGroup(shape, region));
        int rows = Math.toIntExact(region.rowCount());
        long firstWord = packing.bit(region.rowBegin()) / Integer.SIZE;
        float[] zeros = new float[rows * here];
        for (int row = 0; row < rows; row++) {
            long bit = packing.bit(region.rowBegin() + row);
            long word = bit / Integer.SIZE - firstWord;
            int within = (int) (bit % Integer.SIZE);
            for (int group = 0; group < here; group++) {
                long value = Integer.toUnsignedLong(plane.get(INT, (word * all + first + group) * Integer.BYTES)) >>> within;
                if (within + packing.bits() > Integer.SIZE) {
                    value |= (long) plane.get(INT, ((word + 1) * all + first + group) * Integer.BYTES) << Integer.SIZE - within;
                }
                zeros[row * here + group] = ((int) value & mask ^ flip) - shift;
            }
        }
        return zeros;
    }

    /// Bit of a region's row within the segment of its codes.
    private long firstBit(Shape shape, Region region, int row) {
        long stride = packing.rowStride(shape.columns());
        long first = region.rowBegin() * stride + packing.bit(region.columnBegin());
        return first % 8 + row * stride;
    }

    private void unpack(CodeKernels kernels, MemorySegment codes, long bit, byte[] levels, int at, int count) {
        if (direct && (bit & 7) == 0) {
            kernels.unpack(codes, bit >>> 3, packing.bits(), flip, shift, levels, at, count);
            return;
        }
        int bits = packing.bits();
        for (int i = 0; i < count; i++) {
            long place = bit + packing.bit(i);
            int within = (int) (place & 7);
            int window = Byte.toUnsignedInt(codes.get(ValueLayout.JAVA_BYTE, place >>> 3));
            if (within + bits > 8) {
                window |= Byte.toUnsignedInt(codes.get(ValueLayout.JAVA_BYTE, (place >>> 3) + 1)) << 8;
            }
            levels[at + i] = (byte) ((window >>> within & mask ^ flip) - shift);
        }
    }

    private void pack(CodeKernels kernels, byte[] levels, int at, int count, MemorySegment codes, long bit) {
        int bits = packing.bits();
        // The last byte of a row may begin the next, which the kernel would clear.
        if (direct && (bit & 7) == 0 && (count * bits & 7) == 0) {
            kernels.pack(levels, at, count, bits, flip, shift, codes, bit >>> 3);
            return;
        }
        for (int i = 0; i < count; i++) {
            long place = bit + packing.bit(i);
            int code = (levels[at + i] + shift ^ flip) & mask;
            or(codes, place >>> 3, code << (place & 7));
            if ((place & 7) + bits > 8) {
                or(codes, (place >>> 3) + 1, code >>> 8 - (place & 7));
            }
        }
    }

    private static void or(MemorySegment segment, long offset, int bits) {
        segment.set(ValueLayout.JAVA_BYTE, offset, (byte) (segment.get(ValueLayout.JAVA_BYTE, offset) | bits));
    }

    void decode(Shape shape, Region region, MemorySegment[] planes, float[] target, int offset) {
        int rows = Math.toIntExact(region.rowCount());
        int columns = Math.toIntExact(region.columnCount());
        if (rows == 0 || columns == 0) {
            return;
        }
        CodeKernels kernels = CodeKernels.CHOICE.forCount((long) rows * columns);
        Units units = units(shape, region, planes);
        byte[] levels = new byte[columns];
        for (int row = 0; row < rows; row++) {
            unpack(kernels, planes[GridLayout.CODES], firstBit(shape, region, row), levels, 0, columns);
            int unit = scaleRow(region, row) * units.groups;
            int at = offset + row * columns;
            if (layout.index >= 0) {
                decodeIndexed(region, planes[layout.index], levels, units, unit, target, at);
                continue;
            }
            for (int begin = 0; begin < columns; begin += units.groupColumns, unit++) {
                int count = Math.min(units.groupColumns, columns - begin);
                if (table.length > 0) {
                    for (int i = begin; i < begin + count; i++) {
                        target[at + i] = table[levels[i] & 0xff] * units.scales[unit];
                    }
                } else if (units.zeros.length > 0) {
                    kernels.multiplyShifted(levels, begin, count, unsigned, units.scales[unit], units.zeros[unit], target, at + begin);
                } else {
                    kernels.multiply(levels, begin, count, unsigned, units.scales[unit], target, at + begin);
                }
            }
        }
    }

    private void decodeIndexed(Region region, MemorySegment index, byte[] levels, Units units, int unit, float[] target, int at) {
        for (int i = 0; i < levels.length; i++) {
            int group = unit + index.get(INT, (region.columnBegin() + i) * Integer.BYTES);
            float level = table.length > 0 ? table[levels[i] & 0xff] : unsigned ? levels[i] & 0xff : levels[i];
            target[at + i] = (level - (units.zeros.length > 0 ? units.zeros[group] : 0)) * units.scales[group];
        }
    }

    void read(Shape shape, Region region, MemorySegment[] planes, Codes target) {
        int rows = Math.toIntExact(region.rowCount());
        int columns = Math.toIntExact(region.columnCount());
        Units units = units(shape, region, planes);
        boolean shifted = layout.extra.zeros() != GridPlanes.Zeros.NONE;
        target.resize(rows, columns, units.groupColumns, shifted);
        CodeKernels kernels = CodeKernels.CHOICE.forCount((long) rows * columns);
        for (int row = 0; row < rows; row++) {
            unpack(kernels, planes[GridLayout.CODES], firstBit(shape, region, row), target.codes(), row * columns, columns);
            int from = scaleRow(region, row) * units.groups;
            System.arraycopy(units.scales, from, target.scales(), row * target.groups(), target.groups());
            if (shifted) {
                System.arraycopy(units.zeros, from, target.zeros(), row * target.groups(), target.groups());
            }
        }
    }

    void write(Shape shape, Region region, Codes source, MemorySegment[] planes) {
        CodeKernels kernels = CodeKernels.CHOICE.forCount((long) source.rows() * source.columns());
        planes[GridLayout.CODES].fill((byte) 0);
        for (int row = 0; row < source.rows(); row++) {
            pack(kernels, source.codes(), row * source.columns(), source.columns(), planes[GridLayout.CODES],
                    firstBit(shape, region, row));
        }
        int groups = Math.toIntExact(layout.endGroup(shape, region) - layout.firstGroup(shape, region));
        int groupColumns = Math.toIntExact(Math.max(1, Math.min(layout.grid.groupColumns(shape), region.columnCount())));
        int scaleRows = source.rows() == 0 ? 0 : scaleRow(region, source.rows() - 1) + 1;
        float[] scales = new float[scaleRows * groups];
        float[] zeros = new float[layout.extra.zeros() == GridPlanes.Zeros.NONE ? 0 : scales.length];
        for (int row = source.rows() - 1; row >= 0; row--) {
            for (int group = 0; group < groups; group++) {
                int from = row * source.groups() + group * groupColumns / source.groupColumns();
                int to = scaleRow(region, row) * groups + group;
                scales[to] = source.scales()[from];
                if (zeros.length > 0) {
                    zeros[to] = source.zeros()[from];
                }
            }
        }
        writeUnits(shape, region, scales, zeros, groups, planes);
    }

    /// Writes everything but the codes.
    private void writeUnits(Shape shape, Region region, float[] scales, float[] zeros, int groups, MemorySegment[] planes) {
        Shape all = Shape.of(scales.length);
        scaleEncoding.encoder(EncoderInputs.PLAIN).orElseThrow().encode(all, Region.all(all), scales, 0,
                new MemorySegment[] {planes[GridLayout.SCALES]});
        if (layout.grid.scale() != DenseType.F32) {
            float[] rounded = scales(planes[GridLayout.SCALES]);
            for (int i = 0; i < scales.length; i++) {
                if (Float.isInfinite(rounded[i]) && !Float.isInfinite(scales[i])) {
                    throw new ArithmeticException("a scale of " + scales[i] + " passes the largest " + layout.grid.scale());
                }
            }
        }
        switch (layout.extra.zeros()) {
            case NONE -> {
                // no plane
            }
            case BYTES -> {
                for (int i = 0; i < zeros.length; i++) {
                    planes[layout.zeros].set(ValueLayout.JAVA_BYTE, i, (byte) zeros[i]);
                }
            }
            case PACKED -> writePackedZeros(region, zeros, groups, planes[layout.zeros]);
        }
        if (layout.shapePlane >= 0 && planes[layout.shapePlane].byteSize() > 0) {
            for (int axis = 0; axis < shape.rank(); axis++) {
                planes[layout.shapePlane].set(LONG, (long) axis * Long.BYTES, shape.dimension(axis));
            }
        }
    }

    private void writePackedZeros(Region region, float[] zeros, int groups, MemorySegment plane) {
        plane.fill((byte) 0);
        long firstWord = packing.bit(region.rowBegin()) / Integer.SIZE;
        for (int i = 0; i < zeros.length; i++) {
            long bit = packing.bit(region.rowBegin() + i / groups);
            long word = bit / Integer.SIZE - firstWord;
            int within = (int) (bit % Integer.SIZE);
            long code = (long) ((int) zeros[i] + shift ^ flip) & mask;
            long at = (word * groups + i % groups) * Integer.BYTES;
            plane.set(INT, at, plane.get(INT, at) | (int) (code << within));
            if (within + packing.bits() > Integer.SIZE) {
                long next = at + (long) groups * Integer.BYTES;
                plane.set(INT, next, plane.get(INT, next) | (int) (code >>> Integer.SIZE - within));
            }
        }
    }

    /// Writes numbers as levels with scales and zero points that are already what the planes can hold.
    ///
    /// @param scales a row for each row of scales
    void encode(Shape shape, Region region, float[] source, int offset, float[] scales, float[] zeros, MemorySegment[] planes) {
        int rows = Math.toIntExact(region.rowCount());
        int columns = Math.toIntExact(region.columnCount());
        CodeKernels kernels = CodeKernels.CHOICE.forCount((long) rows * columns);
        int groups = Math.toIntExact(layout.endGroup(shape, region) - layout.firstGroup(shape, region));
        int groupColumns = Math.toIntExact(Math.max(1, Math.min(layout.grid.groupColumns(shape), region.columnCount())));
        planes[GridLayout.CODES].fill((byte) 0);
        byte[] levels = new byte[columns];
        for (int row = 0; row < rows; row++) {
            int unit = scaleRow(region, row) * groups;
            int at = offset + row * columns;
            for (int begin = 0; begin < columns; begin += groupColumns, unit++) {
                int count = Math.min(groupColumns, columns - begin);
                switch (layout.grid.levels()) {
                    case Grid.Levels.Range(int minimum, int maximum) -> kernels.quantize(source, at + begin, count, scales[unit],
                            zeros.length > 0 ? zeros[unit] : 0, minimum, maximum, levels, begin);
                    case Grid.Levels.Table _ -> {
                        for (int i = begin; i < begin + count; i++) {
                            levels[i] = SmallFloats.toE4m3(source[at + i] / scales[unit]);
                        }
                    }
                }
            }
            pack(kernels, levels, 0, columns, planes[GridLayout.CODES], firstBit(shape, region, row));
        }
        writeUnits(shape, region, scales, zeros, groups, planes);
    }
}
