package io.github.weighbridge.gguf.encoding.internal;

/// The three ways in which ggml makes integers of `float`, as its x86-64 build computes them.
final class Rounding {
    /// The number before one half: added with the sign of a number it makes truncation round half away from zero.
    static final float ALMOST_HALF = 0x1.fffffep-2f;

    private Rounding() {}

    /// C's cast. Out of range it gives the smallest integer, whose low byte is 0, where Java's cast gives the nearest end.
    static int truncate(float value) {
        return value >= -0x1p31f && value < 0x1p31f ? (int) value : Integer.MIN_VALUE;
    }

    /// C's `roundf` and a cast: to the nearest, halves away from zero.
    static int away(float value) {
        // From 2^23 on every number is an integer and the sum below would round.
        return Math.abs(value) < 0x1p22f ? (int) (value + Math.copySign(ALMOST_HALF, value)) : truncate(value);
    }

    /// `nearest_int` of ggml: ties to even by the bits of a sum, which also says what happens to absurdly large input.
    static int near(float value) {
        return (Float.floatToRawIntBits(value + 12582912f) & 0x007fffff) - 0x00400000;
    }

    /// One divided by a scale; 0 for 0. Infinite where the scale is so small that its inverse is no float.
    static float inverse(float scale) {
        return scale != 0 ? 1 / scale : 0;
    }
}
