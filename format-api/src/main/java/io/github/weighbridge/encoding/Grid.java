package io.github.weighbridge.encoding;

/// What codes mean: which numbers a tensor can hold, apart from where the bits lie.
///
/// A value is `scale x level` without a zero, `scale x (level - zero)` with an integer zero point, and `scale x level + minimum` with a
/// real minimum. With an outer scale, one number for the whole tensor, `scale / outer` takes the place of the scale (NVFP4).
///
/// @param levels the numbers a code stands for, before scaling
/// @param granularity which elements share a scale
/// @param scale number type of a scale
/// @param signedScale whether scales may be negative
/// @param zero whether the grid is shifted
/// @param outer whether one number for the whole tensor divides all scales
public record Grid(Levels levels, Granularity granularity, DenseType scale, boolean signedScale, Zero zero, boolean outer) {
    /// A grid without an outer scale.
    public Grid(Levels levels, Granularity granularity, DenseType scale, boolean signedScale, Zero zero) {
        this(levels, granularity, scale, signedScale, zero, false);
    }

    /// The numbers codes stand for, before scaling.
    public sealed interface Levels {
        /// All integers from `minimum` to `maximum`.
        record Range(int minimum, int maximum) implements Levels {
            /// Refuses an empty range.
            public Range {
                if (minimum > maximum || minimum < -128 || maximum > 255) {
                    throw new IllegalArgumentException(minimum + " to " + maximum);
                }
            }

            /// Two's complement integers of a width: 4 bits give -8 to 7.
            public static Range ofBits(int bits) {
                return new Range(-(1 << bits - 1), (1 << bits - 1) - 1);
            }

            /// Whether all of the other's levels are among these.
            public boolean contains(Range other) {
                return minimum <= other.minimum && maximum >= other.maximum;
            }
        }

        /// A table, by name: `E2M1`, `IQ4_NL`. Codes index it.
        record Table(String name, java.util.List<Float> values) implements Levels {
            /// The 16 numbers of four bits with 2 of exponent: 0, 0.5, 1, 1.5, 2, 3, 4, 6, then the same below zero.
            public static final Table E2M1 = new Table("E2M1",
                    java.util.List.of(0f, 0.5f, 1f, 1.5f, 2f, 3f, 4f, 6f, -0f, -0.5f, -1f, -1.5f, -2f, -3f, -4f, -6f));
            /// The 256 numbers of [DenseType#F8_E4M3], by their bits.
            public static final Table E4M3 = new Table("E4M3",
                    java.util.stream.IntStream.range(0, 256).mapToObj(bits -> SmallFloats.e4m3((byte) bits)).toList());

            /// Copies the list.
            public Table {
                values = java.util.List.copyOf(values);
            }
        }
    }

    /// Which elements share a scale.
    public sealed interface Granularity {
        /// The whole tensor.
        record Tensor() implements Granularity {}

        /// Each row; "channel" in compressed-tensors and LiteRT.
        record Row() implements Granularity {}

        /// Runs of `size` columns within a row; the last of a row may be shorter.
        record Group(int size) implements Granularity {
            /// The size must be positive.
            public Group {
                if (size <= 0) {
                    throw new IllegalArgumentException("group of " + size);
                }
            }
        }

        /// Rectangles of `rows` by `columns`; those at the end may be smaller.
        record Block(int rows, int columns) implements Granularity {
            /// Both must be positive.
            public Block {
                if (rows <= 0 || columns <= 0) {
                    throw new IllegalArgumentException("blocks of " + rows + " by " + columns);
                }
            }
        }
    }

    /// Whether the grid is shifted.
    public enum Zero {
        /// Level 0 is the number 0.
        NONE,
        /// An integer zero point for each scale.
        INTEGER,
        /// A real minimum for each scale, as in the k-quants.
        MINIMUM
    }

    /// Columns that share a scale in a tensor of this shape.
    public long groupColumns(Shape shape) {
        return switch (granularity) {
            case Granularity.Tensor() -> shape.columns();
            case Granularity.Row() -> shape.columns();
            case Granularity.Group(int size) -> size;
            case Granularity.Block(int _, int columns) -> columns;
        };
    }
}
