package io.github.weighbridge.gguf.encoding.internal;

/// Arithmetic that several block types share.
final class Blocks {
    private static final long LOW_NIBBLES = 0x0f0f0f0f0f0f0f0fL;
    private static final long LOW_CRUMBS = 0x0303030303030303L;
    private static final long LOW_BITS = 0x0101010101010101L;

    private Blocks() {}

    /// The first element of largest magnitude, with its sign; 0 (of positive sign) when all are 0.
    static float peak(float[] source, int from, int count) {
        float largest = 0;
        float peak = 0;
        for (int i = 0; i < count; i++) {
            float value = source[from + i];
            if (largest < Math.abs(value)) {
                largest = Math.abs(value);
                peak = value;
            }
        }
        return peak;
    }

    /// The largest magnitude.
    static float magnitude(float[] source, int from, int count) {
        float largest = 0;
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, Math.abs(source[from + i]));
        }
        return largest;
    }

    /// Sum of the squares, from the first element upward.
    static float squares(float[] source, int from, int count) {
        float sum = 0;
        for (int i = 0; i < count; i++) {
            sum += source[from + i] * source[from + i];
        }
        return sum;
    }

    /// Weights of elements where columns are weighed: importance x sqrt(deviation + x^2).
    static void weigh(float[] source, int from, int count, float[] importance, int column, float deviation, float[] weights) {
        for (int i = 0; i < count; i++) {
            float value = source[from + i];
            weights[i] = importance[column + i] * (float) Math.sqrt(deviation + value * value);
        }
    }

    static float sum(float[] values, int count) {
        float sum = 0;
        for (int i = 0; i < count; i++) {
            sum += values[i];
        }
        return sum;
    }

    /// Joins 32 codes of 4 bits into 16 bytes: byte j has code j in its low nibble and code j + 16 in its high one. Higher bits are cut off.
    static void packNibbles(byte[] codes, int from, byte[] bytes, int at) {
        joinNibbles(codes, from, from + 16, bytes, at, 16);
    }

    /// Joins two runs of 4-bit codes, eight at a time: the first into the low nibbles, the second into the high ones.
    static void joinNibbles(byte[] codes, int low, int high, byte[] bytes, int at, int count) {
        for (int i = 0; i < count; i += 8) {
            long lower = Bytes.i64(codes, low + i) & LOW_NIBBLES;
            Bytes.putI64(bytes, at + i, lower | (Bytes.i64(codes, high + i) & LOW_NIBBLES) << 4);
        }
    }

    /// The inverse of [#packNibbles].
    static void splitNibbles(byte[] bytes, int at, byte[] codes, int to) {
        for (int i = 0; i < 16; i++) {
            codes[to + i] = (byte) (bytes[at + i] & 15);
            codes[to + 16 + i] = (byte) (bytes[at + i] >> 4 & 15);
        }
    }

    /// The inverse of [#packCrumbs].
    static void splitCrumbs(byte[] bytes, int at, byte[] codes, int to) {
        for (int i = 0; i < 256; i++) {
            codes[to + i] = (byte) (bytes[at + i / 128 * 32 + i % 32] >> i / 32 % 4 * 2 & 3);
        }
    }

    /// A copy of codes with a number added to each.
    static byte[] shifted(byte[] codes, int from, int count, int by) {
        byte[] result = new byte[count];
        for (int i = 0; i < count; i++) {
            result[i] = (byte) (codes[from + i] + by);
        }
        return result;
    }

    /// Gathers the fifth bits of 32 codes: bit i belongs to code i.
    static int fifthBits(byte[] codes, int from) {
        int bits = 0;
        for (int i = 0; i < 32; i++) {
            bits |= (codes[from + i] >> 4 & 1) << i;
        }
        return bits;
    }

    /// Joins 256 codes of 2 bits into 64 bytes: code `128a + 32l + m` stands in bits `2l` and up of byte `32a + m`.
    static void packCrumbs(byte[] codes, int from, byte[] bytes, int at) {
        for (int i = 0; i < 64; i += 8) {
            int first = from + (i & 32) * 4 + (i & 31);
            long packed = Bytes.i64(codes, first) & LOW_CRUMBS;
            packed |= (Bytes.i64(codes, first + 32) & LOW_CRUMBS) << 2;
            packed |= (Bytes.i64(codes, first + 64) & LOW_CRUMBS) << 4;
            packed |= (Bytes.i64(codes, first + 96) & LOW_CRUMBS) << 6;
            Bytes.putI64(bytes, at + i, packed);
        }
    }

    /// Gathers one bit of each of 256 codes into 32 bytes: that of code `32g + l` becomes bit g of byte l.
    static void packBits(byte[] codes, int shift, byte[] bytes, int at) {
        for (int i = 0; i < 32; i += 8) {
            long packed = 0;
            for (int group = 0; group < 8; group++) {
                packed |= (Bytes.i64(codes, 32 * group + i) >>> shift & LOW_BITS) << group;
            }
            Bytes.putI64(bytes, at + i, packed);
        }
    }

    /// Levels 0 to `top` of a group by its final scale and minimum. Where the scale is 0 they stay as the search left them.
    static void affineLevels(float[] source, int from, int count, float scale, float minimum, int top, byte[] levels, int levelsFrom) {
        if (scale == 0) {
            return;
        }
        for (int i = 0; i < count; i++) {
            levels[levelsFrom + i] = (byte) Searches.clamp(Rounding.near((source[from + i] + minimum) / scale), 0, top);
        }
    }

    /// Levels `-half` to `half - 1` of a group by its final scale, each `half` more. Where it is 0 they stay as the search left them.
    static void symmetricLevels(float[] source, int from, int count, float scale, int half, byte[] levels, int levelsFrom) {
        if (scale == 0) {
            return;
        }
        for (int i = 0; i < count; i++) {
            levels[levelsFrom + i] = (byte) (Searches.clamp(Rounding.near(source[from + i] / scale), -half, half - 1) + half);
        }
    }
}
