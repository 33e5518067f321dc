package io.github.weighbridge.gguf.encoding;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.gguf.file.GgmlType;
import java.util.List;
import java.util.Optional;

/// What a block type is besides its arithmetic.
///
/// @param codeBits width of a code
/// @param halves byte offsets of the fields of half precision, which must not be infinite
/// @param grid what codes mean, where they can be taken out
/// @param guest the grid of codes that can be put in unchanged, with as many columns to a scale as a block can have
record BlockTraits(int codeBits, List<Integer> halves, Optional<Grid> grid, Optional<Grid> guest) {
    private static final Grid.Levels.Table E2M1 = new Grid.Levels.Table("E2M1",
            List.of(0f, 0.5f, 1f, 1.5f, 2f, 3f, 4f, 6f, -0f, -0.5f, -1f, -1.5f, -2f, -3f, -4f, -6f));
    private static final Grid.Levels.Table UNEVEN = new Grid.Levels.Table("IQ4_NL",
            List.of(-127f, -104f, -83f, -65f, -49f, -35f, -22f, -10f, 1f, 13f, 25f, 38f, 53f, 69f, 89f, 113f));

    private static BlockTraits opaque(int codeBits, Integer... halves) {
        return new BlockTraits(codeBits, List.of(halves), Optional.empty(), Optional.empty());
    }

    /// Levels, group and type of scale are the same for codes that come out and codes that go in.
    private static BlockTraits plain(int codeBits, Grid.Levels levels, int group, DenseType scale, Integer... halves) {
        Grid grid = new Grid(levels, new Grid.Granularity.Group(group), scale, scale == DenseType.F16, Grid.Zero.NONE);
        return new BlockTraits(codeBits, List.of(halves), Optional.of(grid), Optional.of(grid));
    }

    /// Codes that come out have scales that are products; codes that go in share the factor of the block.
    private static BlockTraits factored(int codeBits, int group, int half) {
        Grid.Levels levels = Grid.Levels.Range.ofBits(codeBits);
        Grid grid = new Grid(levels, new Grid.Granularity.Group(group), DenseType.F32, true, Grid.Zero.NONE);
        Grid guest = new Grid(levels, new Grid.Granularity.Group(256), DenseType.F16, true, Grid.Zero.NONE);
        return new BlockTraits(codeBits, List.of(half), Optional.of(grid), Optional.of(guest));
    }

    private static Grid affine(int codeBits, int group, DenseType scale) {
        Grid.Levels levels = new Grid.Levels.Range(0, (1 << codeBits) - 1);
        return new Grid(levels, new Grid.Granularity.Group(group), scale, true, Grid.Zero.MINIMUM);
    }

    private static BlockTraits withMinimum(int codeBits, int group, DenseType scale, Integer... halves) {
        return new BlockTraits(codeBits, List.of(halves), Optional.of(affine(codeBits, group, scale)), Optional.empty());
    }

    static BlockTraits of(GgmlType type) {
        return switch (type) {
            case Q4_0 -> plain(4, Grid.Levels.Range.ofBits(4), 32, DenseType.F16, 0);
            case Q5_0 -> plain(5, Grid.Levels.Range.ofBits(5), 32, DenseType.F16, 0);
            case Q8_0 -> plain(8, Grid.Levels.Range.ofBits(8), 32, DenseType.F16, 0);
            case Q4_1 -> withMinimum(4, 32, DenseType.F16, 0, 2);
            case Q5_1 -> withMinimum(5, 32, DenseType.F16, 0, 2);
            case Q8_1 -> opaque(8, 0, 2);
            // With minimum 1 for every group, levels 0 to 3 are levels -2 to 1.
            case Q2_K -> new BlockTraits(2, List.of(80, 82), Optional.of(affine(2, 16, DenseType.F32)), factored(2, 16, 80).guest);
            case Q3_K -> factored(3, 16, 108);
            case Q4_K -> withMinimum(4, 32, DenseType.F32, 0, 2);
            case Q5_K -> withMinimum(5, 32, DenseType.F32, 0, 2);
            case Q6_K -> factored(6, 16, 208);
            case Q8_K -> opaque(8);
            case IQ1_S -> opaque(1, 0);
            case IQ1_M -> opaque(1);
            case IQ2_XXS, IQ2_XS, IQ2_S -> opaque(2, 0);
            case IQ3_XXS, IQ3_S -> opaque(3, 0);
            case IQ4_NL -> plain(4, UNEVEN, 32, DenseType.F16, 0);
            case IQ4_XS -> opaque(4, 0);
            case TQ1_0 -> plain(2, new Grid.Levels.Range(-1, 1), 256, DenseType.F16, 52);
            case TQ2_0 -> plain(2, new Grid.Levels.Range(-1, 1), 256, DenseType.F16, 64);
            case MXFP4 -> plain(4, E2M1, 32, DenseType.F8_E8M0);
            case NVFP4 -> plain(4, E2M1, 16, DenseType.F8_E4M3);
            case Q1_0 -> opaque(1, 0);
            case Q2_0 -> plain(2, new Grid.Levels.Range(-1, 2), 64, DenseType.F16, 0);
            case F32, F16, BF16, F64, I8, I16, I32, I64 -> throw new IllegalArgumentException(type + " has no blocks");
        };
    }
}
