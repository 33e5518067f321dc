package io.github.weighbridge.litert.encoding;

import io.github.weighbridge.encoding.EncoderInputs;
import java.util.Optional;

/// Finds a scale for numbers that share one, and their codes.
///
/// 8 bits: the largest number becomes 127. Fewer bits: of a set of scales the one with the least squared error, since few levels are better spent
/// on the many small numbers than on the largest one. Among the scales of blocks are all that put the largest number on a level, so that numbers
/// that lie on a grid of such levels are found on it again, with no error.
///
/// Blocks have scales that products compute with: XNNPACK cuts half precision scales to bfloat16, and refuses negative ones. Lookups do neither:
/// with the recipe `signed` scales are any half precision numbers. (Measured: `RuntimeTruthsTest`.)
final class ScaleSearch {
    /// The recipe for tables of blocks.
    static final String SIGNED = "signed";
    /// The rule without a search.
    private static final String MAXIMUM = "maximum";
    private static final int STEPS = 16;
    private static final float LOWEST = 0.4f;
    private static final float SMALLEST_NORMAL_HALF = 0x1p-14f;

    /// What scales can be.
    private enum Kind { SINGLE, BFLOAT, SIGNED_HALF }

    private final int lowest;
    private final int highest;
    private final boolean search;
    private final Kind kind;

    private ScaleSearch(int bits, boolean search, Kind kind) {
        // One level of 8 bits is left unused, so that codes are symmetric; of few levels none can be spared.
        this.highest = (1 << bits - 1) - 1;
        this.lowest = bits == 8 ? -highest : -highest - 1;
        this.search = search && bits < 8;
        this.kind = kind;
    }

    static Optional<ScaleSearch> of(String method, int bits, boolean blocks) {
        Kind plain = blocks ? Kind.BFLOAT : Kind.SINGLE;
        if (method.equals(EncoderInputs.PLAIN.method())) {
            return Optional.of(new ScaleSearch(bits, true, plain));
        }
        if (method.equals(SIGNED) && blocks) {
            return Optional.of(new ScaleSearch(bits, true, Kind.SIGNED_HALF));
        }
        return method.equals(MAXIMUM) ? Optional.of(new ScaleSearch(bits, false, plain)) : Optional.empty();
    }

    /// Encodes numbers.
    ///
    /// @return the scale, 1 where all numbers are 0
    /// @throws ArithmeticException when a number is not finite, or the scale passes its type
    float encode(float[] source, int offset, int count, byte[] codes, int at) {
        float extreme = 0;
        for (int i = offset; i < offset + count; i++) {
            if (!(Math.abs(source[i]) <= Float.MAX_VALUE)) {
                throw new ArithmeticException("a number is " + source[i]);
            }
            if (Math.abs(source[i]) > Math.abs(extreme)) {
                extreme = source[i];
            }
        }
        if (extreme == 0) {
            java.util.Arrays.fill(codes, at, at + count, (byte) 0);
            return 1;
        }
        float scale = scale(source, offset, count, extreme);
        if (Float.isInfinite(scale)) {
            throw new ArithmeticException("a number of " + extreme + " needs a scale that passes the largest F16");
        }
        float inverse = 1 / scale;
        for (int i = 0; i < count; i++) {
            codes[at + i] = (byte) code(source[offset + i], inverse);
        }
        return scale;
    }

    private float scale(float[] source, int offset, int count, float extreme) {
        float best = rounded(Math.abs(extreme) / highest);
        if (!search) {
            return best;
        }
        double least = error(source, offset, count, best, Double.POSITIVE_INFINITY);
        if (kind != Kind.SINGLE) {
            for (int level = lowest; level <= highest && least > 0; level++) {
                // The sign of a level that the extreme is put on decides the scale's.
                if (level != 0 && (kind == Kind.SIGNED_HALF || level < 0 == extreme < 0)) {
                    float scale = rounded(extreme / level);
                    double error = error(source, offset, count, scale, least);
                    if (error < least) {
                        least = error;
                        best = scale;
                    }
                }
            }
        }
        float from = Math.abs(extreme) / (extreme < 0 ? -lowest : highest);
        for (int step = 0; step <= STEPS && least > 0; step++) {
            float scale = rounded(from * (1 - (1 - LOWEST) * step / STEPS));
            double error = error(source, offset, count, scale, least);
            if (error < least) {
                least = error;
                best = scale;
            }
        }
        return best;
    }

    private float rounded(float scale) {
        return switch (kind) {
            // The runtime wants normal numbers.
            case SINGLE -> Math.max(scale, Float.MIN_NORMAL);
            case BFLOAT -> {
                float nearest = bfloat(scale);
                yield nearest > 65_504 ? Float.POSITIVE_INFINITY : Math.max(nearest, SMALLEST_NORMAL_HALF);
            }
            case SIGNED_HALF -> {
                float nearest = Float.float16ToFloat(Float.floatToFloat16(scale));
                yield Math.abs(nearest) < SMALLEST_NORMAL_HALF ? Math.copySign(SMALLEST_NORMAL_HALF, scale) : nearest;
            }
        };
    }

    /// The nearest bfloat16 number of a finite one.
    static float bfloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff_0000);
    }

    private int code(float value, float inverse) {
        return Math.clamp(Math.round(value * inverse), lowest, highest);
    }

    /// Squared error, as far as it is below another.
    private double error(float[] source, int offset, int count, float scale, double least) {
        float inverse = 1 / scale;
        double sum = 0;
        for (int i = offset; i < offset + count && sum < least; i++) {
            float difference = source[i] - scale * code(source[i], inverse);
            sum += difference * difference;
        }
        return sum;
    }
}
