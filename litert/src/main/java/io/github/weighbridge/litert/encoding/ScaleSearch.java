package io.github.weighbridge.litert.encoding;

import io.github.weighbridge.encoding.EncoderInputs;
import java.util.Optional;

/// Finds a scale for numbers that share one, and their codes.
///
/// 8 bits: the largest number becomes 127. Fewer bits: of scales at and below that rule the one with the least squared error, since few levels are
/// better spent on the many small numbers than on the largest one; with `maximum` the rule itself.
final class ScaleSearch {
    /// The rule without a search.
    private static final String MAXIMUM = "maximum";
    private static final int STEPS = 16;
    private static final float LOWEST = 0.4f;

    private final int lowest;
    private final int highest;
    private final boolean search;

    private ScaleSearch(int bits, boolean search) {
        // One level of 8 bits is left unused, so that codes are symmetric; of few levels none can be spared.
        this.highest = (1 << bits - 1) - 1;
        this.lowest = bits == 8 ? -highest : -highest - 1;
        this.search = search && bits < 8;
    }

    static Optional<ScaleSearch> of(String method, int bits) {
        if (method.equals(EncoderInputs.PLAIN.method())) {
            return Optional.of(new ScaleSearch(bits, true));
        }
        return method.equals(MAXIMUM) ? Optional.of(new ScaleSearch(bits, false)) : Optional.empty();
    }

    /// Encodes numbers.
    ///
    /// @param half whether the scale must be a half precision number
    /// @return the scale, 1 where all numbers are 0
    /// @throws ArithmeticException when a number is not finite, or the scale passes its type
    float encode(float[] source, int offset, int count, byte[] codes, int at, boolean half) {
        float largest = 0;
        float extreme = 0;
        for (int i = offset; i < offset + count; i++) {
            float magnitude = Math.abs(source[i]);
            if (!(magnitude <= Float.MAX_VALUE)) {
                throw new ArithmeticException("a number is " + source[i]);
            }
            if (magnitude > largest) {
                largest = magnitude;
                extreme = source[i];
            }
        }
        if (largest == 0) {
            java.util.Arrays.fill(codes, at, at + count, (byte) 0);
            return 1;
        }
        float best = rounded(largest / highest, half);
        if (search) {
            double least = error(source, offset, count, best);
            // From the largest number at the lowest level, one further out on its side, down to where most of it is cut.
            float from = largest / (extreme < 0 ? -lowest : highest);
            for (int step = 0; step <= STEPS; step++) {
                float scale = rounded(from * (1 - (1 - LOWEST) * step / STEPS), half);
                double error = error(source, offset, count, scale);
                if (error < least) {
                    least = error;
                    best = scale;
                }
            }
        }
        if (Float.isInfinite(best)) {
            throw new ArithmeticException("a number of " + largest + " needs a scale that passes the largest F16");
        }
        float inverse = 1 / best;
        for (int i = 0; i < count; i++) {
            codes[at + i] = (byte) code(source[offset + i], inverse);
        }
        return best;
    }

    private static float rounded(float scale, boolean half) {
        float result = half ? Float.float16ToFloat(Float.floatToFloat16(scale)) : scale;
        // Where rounding leaves nothing, the smallest number that is something.
        return result == 0 ? half ? 0x1p-24f : Float.MIN_NORMAL : result;
    }

    private int code(float value, float inverse) {
        return Math.clamp(Math.round(value * inverse), lowest, highest);
    }

    private double error(float[] source, int offset, int count, float scale) {
        float inverse = 1 / scale;
        double sum = 0;
        for (int i = offset; i < offset + count; i++) {
            float difference = source[i] - scale * code(source[i], inverse);
            sum += difference * difference;
        }
        return sum;
    }
}
