package io.github.weighbridge.encoding;

/// What codes mean: which numbers a tensor can hold, apart from where the bits lie.
///
/// A value is `scale x level` without a zero, `scale x (level - zero)` with an integer zero point, and `scale x level + minimum` with a
/// real minimum.
///
/// @param levels the numbers a code stands for, before scaling
/// @param granularity which elements share a scale
/// @param scale number type of a scale
/// @param signedScale whether scales may be negative
/// @param zero whether the grid is shifted
public record Grid(Levels levels, Granularity granularity, DenseType scale, boolean signedScale, Zero zero) {
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

        /// Rectangles of `rows` by `columns`.
        record Block(int rows, int columns) implements Granularity {}
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
