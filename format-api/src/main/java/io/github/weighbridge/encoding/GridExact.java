package io.github.weighbridge.encoding;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// The recipe `exact` of a [GridEncoding] with 4-bit codes in groups of 32.
final class GridExact {
    private static final int HALF = GridSearch.COLUMNS / 2;
    private static final Grid.Levels LEVELS = Grid.Levels.Range.ofBits(4);
    private static final Grid.Granularity GROUPS = new Grid.Granularity.Group(GridSearch.COLUMNS);

    private final GridCodes codes;
    private final DenseType scale;
    private final DenseType source;

    GridExact(GridCodes codes, DenseType scale, Optional<DenseType> source) {
        this.codes = codes;
        this.scale = scale;
        this.source = source.filter(type -> type == DenseType.BF16 || type == DenseType.F16).orElse(DenseType.F32);
    }

    /// Whether there is such a recipe.
    static boolean exists(GridLayout layout) {
        Grid grid = layout.grid;
        return grid.levels().equals(LEVELS) && grid.granularity().equals(GROUPS) && grid.zero() == Grid.Zero.NONE && grid.signedScale()
                && !grid.outer() && (grid.scale() == DenseType.F16 || grid.scale() == DenseType.BF16) && layout.index < 0;
    }

    void encode(Shape shape, Region region, float[] numbers, int offset, MemorySegment[] planes) {
        if (region.columnCount() % GridSearch.COLUMNS != 0) {
            throw new IllegalArgumentException(region + " does not consist of groups of " + GridSearch.COLUMNS);
        }
        int elements = region.elements();
        int groups = elements / GridSearch.COLUMNS;
        checkFinite(numbers, offset, elements);
        Codes found = new Codes();
        found.resize(Math.toIntExact(region.rowCount()), Math.toIntExact(region.columnCount()), GridSearch.COLUMNS, false);
        byte[] levels = found.codes();
        byte[] pairs = new byte[elements / 2];
        int[] steps = new int[groups];
        GridSearch.FORMS.best().find(numbers, offset, groups, source, scale, pairs, 0, HALF, steps);
        for (int group = 0; group < groups; group++) {
            int bits = steps[group];
            float step = scale == DenseType.F16 ? Float.float16ToFloat((short) bits) : SmallFloats.fromBf16((short) bits);
            if (Float.isInfinite(step)) {
                throw new ArithmeticException("its scale would pass 65504, the largest finite number of half precision");
            }
            found.scales()[group] = step;
            int at = group * GridSearch.COLUMNS;
            for (int i = 0; i < HALF; i++) {
                int pair = pairs[group * HALF + i];
                levels[at + i] = (byte) ((pair & 15) - 8);
                levels[at + HALF + i] = (byte) ((pair >> 4 & 15) - 8);
            }
        }
        codes.write(shape, region, found, planes);
    }

    private static void checkFinite(float[] numbers, int offset, int count) {
        int largest = 0;
        for (int i = offset; i < offset + count; i++) {
            largest = Math.max(largest, Float.floatToRawIntBits(numbers[i]) & 0x7fffffff);
        }
        if (largest < 0x7f800000) {
            return;
        }
        for (int i = offset; i < offset + count; i++) {
            if (!Float.isFinite(numbers[i])) {
                throw new ArithmeticException("there is a value of " + numbers[i]);
            }
        }
    }
}
