package io.github.weighbridge.gguf.encoding;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.gguf.file.GgmlType;
import java.util.Optional;

/// What a block type is besides its arithmetic.
///
/// @param codeBits width of a code
/// @param halves byte offsets of the fields of half precision, which must not be infinite
/// @param grid what codes mean, where they can be taken out
/// @param single the levels of codes that can be put in under one scale, of a grid without zeros
record BlockTraits(int codeBits, int[] halves, Optional<Grid> grid, Optional<Grid.Levels.Range> single) {
    private static BlockTraits plain(int codeBits, int... halves) {
        return new BlockTraits(codeBits, halves, Optional.empty(), Optional.empty());
    }

    private static BlockTraits integers(int bits) {
        Grid.Levels.Range levels = Grid.Levels.Range.ofBits(bits);
        Grid grid = new Grid(levels, new Grid.Granularity.Group(32), DenseType.F16, true, Grid.Zero.NONE);
        return new BlockTraits(bits, new int[] {0}, Optional.of(grid), Optional.of(levels));
    }

    static BlockTraits of(GgmlType type) {
        return switch (type) {
            case Q4_0 -> integers(4);
            case Q8_0 -> integers(8);
            case Q5_0 -> plain(5, 0);
            case Q4_1 -> plain(4, 0, 2);
            case Q5_1 -> plain(5, 0, 2);
            case Q8_1 -> plain(8, 0, 2);
            case Q2_K -> plain(2, 80, 82);
            case Q3_K -> plain(3, 108);
            case Q4_K -> plain(4, 0, 2);
            case Q5_K -> plain(5, 0, 2);
            case Q6_K -> plain(6, 208);
            case Q8_K -> plain(8);
            case IQ1_S -> plain(1, 0);
            case IQ1_M -> plain(1);
            case IQ2_XXS, IQ2_XS, IQ2_S -> plain(2, 0);
            case IQ3_XXS, IQ3_S -> plain(3, 0);
            case IQ4_NL, IQ4_XS -> plain(4, 0);
            case TQ1_0 -> plain(2, 52);
            case TQ2_0 -> plain(2, 64);
            case MXFP4, NVFP4 -> plain(4);
            case Q1_0 -> plain(1, 0);
            case Q2_0 -> plain(2, 0);
            case F32, F16, BF16, F64, I8, I16, I32, I64 -> throw new IllegalArgumentException(type + " has no blocks");
        };
    }
}
