package io.github.weighbridge.encoding;

import io.github.weighbridge.encoding.internal.CodeKernels;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.OptionalDouble;

/// The ordinary recipes of a [GridEncoding]: scales from the range of each unit as compressed-tensors computes them, rounded to the type they
/// are stored in, and to each number the nearest code under that scale. All in single precision. Where integers are symmetric, of few bits, and
/// share a scale along a row, a scale of less squared error takes its place, unless the range is asked for.
///
/// Symmetric integers of b bits have the scale `largest / ((2^b - 1) / 2)`, shifted ones `(hi - lo) / (2^b - 1)` with 0 within the range;
/// E4M3 has `largest / 448`. A unit of zeros has the scale epsilon, as upstream gives it.
final class GridRecipe {
    private static final float LARGEST_E4M3 = 448;

    private final GridLayout layout;
    private final GridCodes codes;
    private final OptionalDouble tensorMaximum;
    private final boolean search;

    /// @param search whether scales are searched for where that is worth it
    GridRecipe(GridLayout layout, GridCodes codes, OptionalDouble tensorMaximum, boolean search) {
        this.layout = layout;
        this.codes = codes;
        this.tensorMaximum = tensorMaximum;
        this.search = search && searches(layout);
    }

    /// Whether there is such a recipe.
    static boolean exists(GridLayout layout) {
        Grid grid = layout.grid;
        boolean levels = grid.levels() instanceof Grid.Levels.Range(int _, int maximum) && maximum <= Byte.MAX_VALUE
                || grid.levels().equals(Grid.Levels.Table.E4M3);
        boolean scales = grid.scale() == DenseType.F32 || grid.scale() == DenseType.F16 || grid.scale() == DenseType.BF16;
        boolean shiftedTensor = layout.perTensor() && grid.zero() != Grid.Zero.NONE;
        return levels && scales && !grid.outer() && layout.index < 0 && !shiftedTensor;
    }

    /// Whether scales are worth a search.
    static boolean searches(GridLayout layout) {
        Grid grid = layout.grid;
        boolean along = grid.granularity() instanceof Grid.Granularity.Row || grid.granularity() instanceof Grid.Granularity.Group;
        return along && grid.zero() == Grid.Zero.NONE && bits(grid) >= 2 && bits(grid) <= ScaleSearch.MOST_BITS;
    }

    /// The width of levels in two's complement; 0 where they are others.
    private static int bits(Grid grid) {
        if (!(grid.levels() instanceof Grid.Levels.Range levels)) {
            return 0;
        }
        int bits = Integer.SIZE - Integer.numberOfLeadingZeros(levels.maximum()) + 1;
        return levels.equals(Grid.Levels.Range.ofBits(bits)) ? bits : 0;
    }

    void encode(Shape shape, Region region, float[] source, int offset, MemorySegment[] planes) {
        int rows = Math.toIntExact(region.rowCount());
        int columns = Math.toIntExact(region.columnCount());
        CodeKernels kernels = CodeKernels.CHOICE.forCount((long) rows * columns);
        float largest = kernels.largest(source, offset, rows * columns);
        if (!Float.isFinite(largest)) {
            throw new ArithmeticException("there is a value of " + notFinite(source, offset, rows * columns));
        }
        int groups = Math.toIntExact(layout.endGroup(shape, region) - layout.firstGroup(shape, region));
        int groupColumns = Math.toIntExact(Math.max(1, Math.min(layout.grid.groupColumns(shape), region.columnCount())));
        int scaleRows = layout.perTensor() ? 1 : (rows + layout.blockRows() - 1) / layout.blockRows();
        float[] scales = new float[scaleRows * groups];
        float[] zeros = new float[layout.grid.zero() == Grid.Zero.NONE ? 0 : scales.length];
        Optional<ScaleSearch> least = search ? Optional.of(new ScaleSearch(bits(layout.grid), false, this::rounded)) : Optional.empty();
        for (int unit = 0; unit < scales.length; unit++) {
            int firstRow = unit / groups * layout.blockRows();
            int lastRow = Math.min(rows, firstRow + layout.blockRows());
            int begin = unit % groups * groupColumns;
            int count = Math.min(groupColumns, columns - begin);
            if (zeros.length > 0) {
                shifted(source, offset, firstRow, lastRow, columns, begin, count, unit, scales, zeros);
                continue;
            }
            float peak = 0;
            if (layout.perTensor()) {
                peak = (float) tensorMaximum.orElse(largest);
            } else {
                for (int row = firstRow; row < lastRow; row++) {
                    peak = Math.max(peak, kernels.largest(source, offset + row * columns + begin, count));
                }
            }
            // A tensor without numbers has no part to be encoded, and then nothing writes its scale.
            scales[unit] = rows * columns == 0 ? 0 : stored(peak / divisor());
            if (least.isPresent() && peak > 0) {
                scales[unit] = least.get().find(source, offset + firstRow * columns + begin, count, peak, scales[unit]);
            }
        }
        codes.encode(shape, region, source, offset, scales, zeros, planes);
    }

    private float divisor() {
        return switch (layout.grid.levels()) {
            case Grid.Levels.Range(int minimum, int maximum) -> (maximum - minimum) / 2f;
            case Grid.Levels.Table _ -> LARGEST_E4M3;
        };
    }

    private void shifted(float[] source, int offset, int firstRow, int lastRow, int columns, int begin, int count, int unit, float[] scales,
            float[] zeros) {
        float low = 0;
        float high = 0;
        for (int row = firstRow; row < lastRow; row++) {
            int at = offset + row * columns + begin;
            for (int i = at; i < at + count; i++) {
                low = Math.min(low, source[i]);
                high = Math.max(high, source[i]);
            }
        }
        Grid.Levels.Range range = (Grid.Levels.Range) layout.grid.levels();
        // Halves first, so that the difference of two large numbers stays finite.
        scales[unit] = stored((high / 2 - low / 2) / ((range.maximum() - range.minimum()) / 2f));
        zeros[unit] = low == high ? 0
                : (float) Math.rint(Math.clamp(range.minimum() - low / scales[unit], range.minimum(), range.maximum()));
    }

    /// A scale as it is stored; epsilon where that is 0.
    private float stored(float scale) {
        float rounded = rounded(scale);
        if (Float.isInfinite(rounded)) {
            throw new ArithmeticException("a scale of " + scale + " passes 65504, the largest finite number of half precision");
        }
        return rounded != 0 ? rounded : switch (layout.grid.scale()) {
            case F16 -> 0x1p-10f;
            case BF16 -> 0x1p-7f;
            case F64, F32, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> 0x1p-23f;
        };
    }

    private float rounded(float scale) {
        return switch (layout.grid.scale()) {
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(scale));
            case BF16 -> SmallFloats.fromBf16(SmallFloats.toBf16(scale));
            case F64, F32, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> scale;
        };
    }

    private static float notFinite(float[] source, int from, int count) {
        for (int i = from; i < from + count; i++) {
            if (!Float.isFinite(source[i])) {
                return source[i];
            }
        }
        throw new IllegalStateException("all numbers are finite");
    }
}
