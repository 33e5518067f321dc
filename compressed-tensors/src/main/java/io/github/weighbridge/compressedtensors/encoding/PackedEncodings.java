package io.github.weighbridge.compressedtensors.encoding;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.Grid.Levels;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.GridPlanes;
import io.github.weighbridge.encoding.Packing;

/// The layouts of a quantised module as encodings. (compressed-tensors 0.18.0, `compressors/`.)
///
/// Codes of 1 to 8 bits are level minus lowest level, low bits first, in words of 32 bits; a row begins a word. Plain integers are I8, floats
/// E4M3 or two E2M1 a byte, the first in the low half. Scales multiply, and may have either sign.
public final class PackedEncodings {
    private static final int NVFP4_GROUP = 16;
    private static final int MX_GROUP = 32;

    private PackedEncodings() {}

    /// Integers in words of 32 bits (`pack-quantized`).
    ///
    /// @param zeros how zero points lie
    /// @param wholeCodes whether no code spans two words, as versions before 0.18 packed
    /// @param index whether columns have an order of their own
    public static GridEncoding packed(int bits, Granularity granularity, DenseType scale, GridPlanes.Zeros zeros, boolean wholeCodes,
            boolean index) {
        return new GridEncoding(name(bits, granularity, zeros) + (index ? "/g_idx" : ""),
                new Grid(Levels.Range.ofBits(bits), granularity, scale, true, zero(zeros)),
                new Packing(bits, true, 32, wholeCodes), new GridPlanes(false, zeros, index, true));
    }

    /// Symmetric integers in words of 32 bits.
    public static GridEncoding packed(int bits, Granularity granularity, DenseType scale) {
        return packed(bits, granularity, scale, GridPlanes.Zeros.NONE, false, false);
    }

    /// Integers of some bits, a byte each (`int-quantized`).
    public static GridEncoding bytes(int bits, Granularity granularity, DenseType scale, GridPlanes.Zeros zeros) {
        return new GridEncoding(name(bits, granularity, zeros), new Grid(Levels.Range.ofBits(bits), granularity, scale, true, zero(zeros)),
                new Packing(8, false, 8), new GridPlanes(false, zeros, false, false));
    }

    /// E4M3 numbers (`float-quantized`).
    public static GridEncoding floats(Granularity granularity, DenseType scale) {
        return new GridEncoding("fp8" + suffix(granularity), new Grid(Levels.Table.E4M3, granularity, scale, true, Grid.Zero.NONE),
                new Packing(8, false, 8));
    }

    /// E2M1 numbers in groups of 16 with E4M3 scales, divided by a number for the tensor.
    public static GridEncoding nvfp4() {
        return new GridEncoding("nvfp4",
                new Grid(Levels.Table.E2M1, new Granularity.Group(NVFP4_GROUP), DenseType.F8_E4M3, true, Grid.Zero.NONE, true),
                new Packing(4, false, 8), new GridPlanes(true, GridPlanes.Zeros.NONE, false, false));
    }

    /// E2M1 numbers in groups of 32 with powers of two.
    public static GridEncoding mxfp4() {
        return new GridEncoding("mxfp4",
                new Grid(Levels.Table.E2M1, new Granularity.Group(MX_GROUP), DenseType.F8_E8M0, false, Grid.Zero.NONE),
                new Packing(4, false, 8));
    }

    /// E4M3 numbers in groups of 32 with powers of two.
    public static GridEncoding mxfp8() {
        return new GridEncoding("mxfp8",
                new Grid(Levels.Table.E4M3, new Granularity.Group(MX_GROUP), DenseType.F8_E8M0, false, Grid.Zero.NONE),
                new Packing(8, false, 8));
    }

    private static Grid.Zero zero(GridPlanes.Zeros zeros) {
        return zeros == GridPlanes.Zeros.NONE ? Grid.Zero.NONE : Grid.Zero.INTEGER;
    }

    private static String name(int bits, Granularity granularity, GridPlanes.Zeros zeros) {
        return "int" + bits + suffix(granularity) + (zeros == GridPlanes.Zeros.NONE ? "" : "/asym");
    }

    /// How names end: `/channel`, `/group32`.
    private static String suffix(Granularity granularity) {
        return switch (granularity) {
            case Granularity.Tensor() -> "/tensor";
            case Granularity.Row() -> "/channel";
            case Granularity.Group(int size) -> "/group" + size;
            case Granularity.Block(int rows, int columns) -> "/block" + rows + "x" + columns;
        };
    }
}
