package io.github.weighbridge.gguf.encoding.internal;

/// `Q2_K`: 256 elements in 84 bytes, in sixteen groups of 16. Byte 0: for each group the scale (low nibble) and the minimum (high
/// nibble); byte 16: 64 bytes of codes ([Blocks#packCrumbs]); bytes 80 and 82: half-precision factors of scales and of minimums.
class Q2_KKernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 84;
    static final int CODES = 16;
    static final int FACTOR = 80;
    static final int FACTOR_OF_MINIMUMS = 82;
    static final int GROUP = 16;
    static final int GROUPS = 16;
    static final int TOP = 3;
    static final Searches.Stretch STRETCH = new Searches.Stretch(-0.5f, 0.1f, 15, true);
    private static final int TOP_SCALE = 15;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            for (int group = 0; group < GROUPS; group++, to += GROUP) {
                float scale = scaleOf(blocks, block, group);
                float minimum = minimumOf(blocks, block, group);
                int codes = block + CODES + group / 8 * 32 + group % 2 * GROUP;
                int shift = group / 2 % 4 * 2;
                for (int i = 0; i < GROUP; i++) {
                    target[to + i] = scale * (blocks[codes + i] >> shift & 3) - minimum;
                }
            }
        }
    }

    static float scaleOf(byte[] blocks, int block, int group) {
        return Bytes.half(blocks, block + FACTOR) * (blocks[block + group] & 15);
    }

    static float minimumOf(byte[] blocks, int block, int group) {
        return Bytes.half(blocks, block + FACTOR_OF_MINIMUMS) * (blocks[block + group] >> 4 & 15);
    }

    @Override
    public boolean encodes() {
        return true;
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        Searches search = new Searches();
        byte[] levels = new byte[COLUMNS];
        float[] scales = new float[GROUPS];
        float[] minimums = new float[GROUPS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            for (int group = 0; group < GROUPS; group++) {
                int first = from + group * GROUP;
                for (int j = 0; j < GROUP; j++) {
                    search.weights[j] = Math.abs(source[first + j]);
                }
                scales[group] = search.affine(source, first, GROUP, TOP, STRETCH, levels, group * GROUP);
                minimums[group] = search.minimum();
            }
            round(scales, minimums, 0, blocks, at + i * BYTES);
            finish(source, from, levels, blocks, at + i * BYTES);
        }
    }

    /// Rounds scales and minimums of a super-block against the largest of each.
    static void round(float[] scales, float[] minimums, int from, byte[] blocks, int block) {
        float largestScale = 0;
        float largestMinimum = 0;
        for (int i = 0; i < GROUPS; i++) {
            largestScale = scales[from + i] > largestScale ? scales[from + i] : largestScale;
            largestMinimum = minimums[from + i] > largestMinimum ? minimums[from + i] : largestMinimum;
        }
        float inverseScale = largestScale > 0 ? TOP_SCALE / largestScale : 0;
        float inverseMinimum = largestMinimum > 0 ? TOP_SCALE / largestMinimum : 0;
        for (int i = 0; i < GROUPS; i++) {
            int scale = largestScale > 0 ? Rounding.near(inverseScale * scales[from + i]) : 0;
            int minimum = largestMinimum > 0 ? Rounding.near(inverseMinimum * minimums[from + i]) : 0;
            blocks[block + i] = (byte) (scale | minimum << 4);
        }
        Bytes.putHalf(blocks, block + FACTOR, largestScale / TOP_SCALE);
        Bytes.putHalf(blocks, block + FACTOR_OF_MINIMUMS, largestMinimum / TOP_SCALE);
    }

    private static void finish(float[] source, int from, byte[] levels, byte[] blocks, int block) {
        for (int group = 0; group < GROUPS; group++) {
            Blocks.affineLevels(source, from + group * GROUP, GROUP, scaleOf(blocks, block, group), minimumOf(blocks, block, group), TOP,
                    levels,
                    group * GROUP);
        }
        Blocks.packCrumbs(levels, 0, blocks, block + CODES);
    }

    @Override
    public Weighing weighing() {
        return Weighing.BLOCK;
    }

    @Override
    public void encodeWeighted(float[] source, int sourceOffset, float[] importance, int column, float meanSquare, byte[] blocks, int at,
            int count) {
        Searches search = new Searches();
        byte[] levels = new byte[COLUMNS];
        float[] scales = new float[GROUPS];
        float[] minimums = new float[GROUPS];
        float[] weights = new float[GROUPS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            float deviation = Blocks.squares(source, from, COLUMNS) / COLUMNS;
            for (int group = 0; group < GROUPS; group++) {
                int first = from + group * GROUP;
                Blocks.weigh(source, first, GROUP, importance, column + i * COLUMNS + group * GROUP, deviation, search.weights);
                weights[group] = Blocks.sum(search.weights, GROUP);
                scales[group] = search.affine(source, first, GROUP, TOP, Searches.Stretch.WEIGHTED, levels, group * GROUP);
                minimums[group] = search.minimum();
            }
            roundWeighted(scales, minimums, weights, blocks, at + i * BYTES);
            finish(source, from, levels, blocks, at + i * BYTES);
        }
    }

    private static void roundWeighted(float[] scales, float[] minimums, float[] weights, byte[] blocks, int block) {
        int[] scaleLevels = new int[GROUPS];
        int[] minimumLevels = new int[GROUPS];
        Bytes.putHalf(blocks, block + FACTOR, Searches.positive(scales, 0, GROUPS, TOP_SCALE, weights, scaleLevels));
        Bytes.putHalf(blocks, block + FACTOR_OF_MINIMUMS, Searches.positive(minimums, 0, GROUPS, TOP_SCALE, weights, minimumLevels));
        for (int i = 0; i < GROUPS; i++) {
            blocks[block + i] = (byte) (scaleLevels[i] | minimumLevels[i] << 4);
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        for (int group = 0; group < GROUPS; group++) {
            scales[scaleOffset + group] = scaleOf(block, at, group);
            zeros[scaleOffset + group] = -minimumOf(block, at, group);
        }
        Blocks.splitCrumbs(block, at + CODES, codes, codesOffset);
    }

    /// Levels -2 to 1: every group has scale 1 and minimum 1, the factor of minimums is twice that of scales.
    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        java.util.Arrays.fill(block, at, at + GROUPS, (byte) 0x11);
        Bytes.putHalf(block, at + FACTOR, scales[0]);
        Bytes.putHalf(block, at + FACTOR_OF_MINIMUMS, 2 * Bytes.half(block, at + FACTOR));
        Blocks.packCrumbs(Blocks.shifted(codes, codesOffset, COLUMNS, 2), 0, block, at + CODES);
    }
}
