package io.github.weighbridge.encoding;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// The recipe `exact` of a [GridEncoding] with 4-bit codes in groups of 32.
final class GridExact {
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
        GridSearch search = new GridSearch(scale, source);
        Codes found = new Codes();
        found.resize(Math.toIntExact(region.rowCount()), Math.toIntExact(region.columnCount()), GridSearch.COLUMNS, false);
        int groups = region.elements() / GridSearch.COLUMNS;
        for (int group = 0; group < groups; group++) {
            int at = group * GridSearch.COLUMNS;
            for (int i = 0; i < GridSearch.COLUMNS; i++) {
                if (!Float.isFinite(numbers[offset + at + i])) {
                    throw new ArithmeticException("there is a value of " + numbers[offset + at + i]);
                }
            }
            found.scales()[group] = search.find(numbers, offset + at, found.codes(), at);
        }
        codes.write(shape, region, found, planes);
    }
}
