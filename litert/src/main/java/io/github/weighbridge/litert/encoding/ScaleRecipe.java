package io.github.weighbridge.litert.encoding;

import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.ScaleSearch;
import java.util.Optional;

/// Finds a scale for numbers that share one, and their codes.
///
/// 8 bits: the largest number becomes 127. Fewer bits: a scale of least squared error (see [ScaleSearch]).
///
/// Blocks have scales that products compute with: XNNPACK cuts half precision scales to bfloat16, and refuses negative ones. Lookups do neither:
/// with the recipe `signed` scales are any half precision numbers. (Measured: `RuntimeTruthsTest`.) For use by one thread.
final class ScaleRecipe {
    /// The recipe for tables of blocks.
    static final String SIGNED = "signed";
    /// The rule without a search.
    private static final String MAXIMUM = "maximum";
    private static final float SMALLEST_NORMAL_HALF = 0x1p-14f;

    /// What scales can be.
    private enum Kind { SINGLE, BFLOAT, SIGNED_HALF }

    private final int lowest;
    private final int highest;
    private final Kind kind;
    private final Optional<ScaleSearch> search;

    private ScaleRecipe(int bits, boolean search, Kind kind) {
        // One level of 8 bits is left unused, so that codes are symmetric; of few levels none can be spared.
        this.highest = (1 << bits - 1) - 1;
        this.lowest = bits == 8 ? -highest : -highest - 1;
        this.kind = kind;
        this.search = search && bits <= ScaleSearch.MOST_BITS
                ? Optional.of(new ScaleSearch(bits, kind == Kind.SIGNED_HALF, this::rounded)) : Optional.empty();
    }

    static Optional<ScaleRecipe> of(String method, int bits, boolean blocks) {
        Kind plain = blocks ? Kind.BFLOAT : Kind.SINGLE;
        if (method.equals(EncoderInputs.PLAIN.method())) {
            return Optional.of(new ScaleRecipe(bits, true, plain));
        }
        if (method.equals(SIGNED) && blocks) {
            return Optional.of(new ScaleRecipe(bits, true, Kind.SIGNED_HALF));
        }
        return method.equals(MAXIMUM) ? Optional.of(new ScaleRecipe(bits, false, plain)) : Optional.empty();
    }

    /// Encodes numbers.
    ///
    /// @return the scale, 1 where all numbers are 0
    /// @throws ArithmeticException when a number is not finite, or the scale passes its type
    float encode(float[] source, int offset, int count, byte[] codes, int at) {
        float largest = 0;
        for (int i = offset; i < offset + count; i++) {
            if (!(Math.abs(source[i]) <= Float.MAX_VALUE)) {
                throw new ArithmeticException("a number is " + source[i]);
            }
            largest = Math.max(largest, Math.abs(source[i]));
        }
        if (largest == 0) {
            java.util.Arrays.fill(codes, at, at + count, (byte) 0);
            return 1;
        }
        float scale = rounded(largest / highest);
        if (Float.isInfinite(scale)) {
            throw new ArithmeticException("a number of " + largest + " needs a scale that passes the largest F16");
        }
        if (search.isPresent()) {
            scale = search.get().find(source, offset, count, largest, scale);
        }
        float inverse = 1 / scale;
        for (int i = 0; i < count; i++) {
            codes[at + i] = (byte) Math.clamp(Math.round(source[offset + i] * inverse), lowest, highest);
        }
        return scale;
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
}
