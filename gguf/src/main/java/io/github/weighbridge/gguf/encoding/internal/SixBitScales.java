package io.github.weighbridge.gguf.encoding.internal;

/// Scales and minimums of 6 bits for eight groups in 12 bytes, as `Q4_K` and `Q5_K` have them: bytes 0 to 3 hold the first four scales,
/// bytes 4 to 7 the first four minimums, bytes 8 to 11 the low nibbles of the others, whose upper bits stand atop the first eight bytes.
final class SixBitScales {
    private SixBitScales() {}

    /// Groups of a super-block.
    static final int GROUPS = 8;
    /// Where these bytes stand in a block; before them stand the half-precision factors of scales and of minimums.
    static final int AT = 4;

    private static final int FACTOR_OF_MINIMUMS = 2;
    private static final int TOP = 63;

    static int scale(byte[] bytes, int at, int group) {
        return group < 4 ? bytes[at + group] & 63 : bytes[at + group + 4] & 15 | (bytes[at + group - 4] & 0xc0) >> 2;
    }

    static int minimum(byte[] bytes, int at, int group) {
        return group < 4 ? bytes[at + group + 4] & 63 : bytes[at + group + 4] >> 4 & 15 | (bytes[at + group] & 0xc0) >> 2;
    }

    /// Puts a group's numbers in; groups come in order.
    static void put(byte[] bytes, int at, int group, int scale, int minimum) {
        if (group < 4) {
            bytes[at + group] = (byte) scale;
            bytes[at + group + 4] = (byte) minimum;
        } else {
            bytes[at + group + 4] = (byte) (scale & 15 | (minimum & 15) << 4);
            bytes[at + group - 4] |= (byte) (scale >> 4 << 6);
            bytes[at + group] |= (byte) (minimum >> 4 << 6);
        }
    }

    /// Scale of a group as a number: the rounded factor times 6 bits.
    static float scaleOf(byte[] blocks, int block, int group) {
        return Bytes.half(blocks, block) * scale(blocks, block + AT, group);
    }

    /// Minimum of a group as a number.
    static float minimumOf(byte[] blocks, int block, int group) {
        return Bytes.half(blocks, block + FACTOR_OF_MINIMUMS) * minimum(blocks, block + AT, group);
    }

    /// Rounds scales and minimums of a super-block against the largest of each.
    static void round(float[] scales, float[] minimums, int from, byte[] blocks, int block) {
        float largestScale = 0;
        float largestMinimum = 0;
        for (int i = 0; i < GROUPS; i++) {
            largestScale = scales[from + i] > largestScale ? scales[from + i] : largestScale;
            largestMinimum = minimums[from + i] > largestMinimum ? minimums[from + i] : largestMinimum;
        }
        float inverseScale = largestScale > 0 ? TOP / largestScale : 0;
        float inverseMinimum = largestMinimum > 0 ? TOP / largestMinimum : 0;
        for (int i = 0; i < GROUPS; i++) {
            int scale = Math.min(TOP, Rounding.near(inverseScale * scales[from + i]) & 255);
            int minimum = Math.min(TOP, Rounding.near(inverseMinimum * minimums[from + i]) & 255);
            put(blocks, block + AT, i, scale, minimum);
        }
        Bytes.putHalf(blocks, block, largestScale / TOP);
        Bytes.putHalf(blocks, block + FACTOR_OF_MINIMUMS, largestMinimum / TOP);
    }

    /// Rounds scales and minimums of a super-block by search, where columns are weighed.
    ///
    /// @param weights of the groups
    static void roundWeighted(float[] scales, float[] minimums, int from, float[] weights, int most, byte[] blocks, int block) {
        int[] scaleLevels = new int[GROUPS];
        int[] minimumLevels = new int[GROUPS];
        float scale = Searches.positive(scales, from, GROUPS, TOP, weights, scaleLevels);
        float minimum = Searches.positive(minimums, from, GROUPS, TOP, weights, minimumLevels);
        for (int i = 0; i < GROUPS; i++) {
            put(blocks, block + AT, i, Math.min(most, scaleLevels[i]), Math.min(most, minimumLevels[i]));
        }
        Bytes.putHalf(blocks, block, scale);
        Bytes.putHalf(blocks, block + FACTOR_OF_MINIMUMS, minimum);
    }
}
