package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.SmallFloats;

/// Which real numbers a number of a type stands for: those that round to it.
enum Roundings {
    /// The upper half of single precision.
    BF16(8, -133),
    /// Half precision.
    F16(11, -24),
    /// Single precision.
    F32(24, -149);

    /// A bound that itself rounds elsewhere is moved by so little that no product of a step and a level lies in between.
    private static final double OPEN = 0x1p-40;

    private final int digits;
    private final int leastExponent;

    Roundings(int digits, int leastExponent) {
        this.digits = digits;
        this.leastExponent = leastExponent;
    }

    /// The narrowest type that holds all numbers of some rows.
    static Roundings of(DenseType type, Iterable<float[]> rows) {
        if (type == DenseType.BF16) {
            return BF16;
        }
        Roundings narrowest = type == DenseType.F16 ? F16 : F32;
        if (narrowest == F32) {
            // Numbers of a narrower type that were only stored in a wider one are judged as what they are.
            for (Roundings candidate : new Roundings[] {BF16, F16}) {
                if (candidate.holdsAll(rows)) {
                    return candidate;
                }
            }
        }
        return narrowest;
    }

    private boolean holdsAll(Iterable<float[]> rows) {
        for (float[] row : rows) {
            for (float value : row) {
                if (round(value) != value) {
                    return false;
                }
            }
        }
        return true;
    }

    int digits() {
        return digits;
    }

    /// The nearest number of the type.
    float round(double value) {
        return switch (this) {
            case BF16 -> SmallFloats.fromBf16(SmallFloats.toBf16((float) value));
            case F16 -> Float.float16ToFloat(Float.floatToFloat16((float) value));
            case F32 -> (float) value;
        };
    }

    /// Distance to the next number above a positive one.
    double spacing(double value) {
        return Math.scalb(1.0, exponent(value));
    }

    private int exponent(double value) {
        return Math.max(Math.getExponent(value) - digits + 1, leastExponent);
    }

    private boolean odd(double value) {
        return ((long) Math.scalb(value, -exponent(value)) & 1) != 0;
    }

    /// The least real number that rounds to a positive one.
    double lower(double value) {
        // Below a power of two the numbers lie closer.
        double below = Math.scalb(1.0, exponent(Math.nextDown(value))) / 2;
        return value - below + (odd(value) ? value * OPEN : 0);
    }

    /// The greatest real number that rounds to a positive one.
    double upper(double value) {
        return value + spacing(value) / 2 - (odd(value) ? value * OPEN : 0);
    }

    /// Whether a number of the type lies between two positive bounds.
    boolean between(double low, double high) {
        double unit = spacing(low);
        return Math.ceil(low / unit) * unit <= high && Math.ceil(low / unit) * unit > 0 && (this != F16 || low <= 65_504);
    }
}
