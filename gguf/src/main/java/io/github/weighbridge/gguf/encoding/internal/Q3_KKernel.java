package io.github.weighbridge.gguf.encoding.internal;

/// `Q3_K`: 256 elements in 110 bytes, in sixteen groups of 16. Byte 0: the third bits, bit `e / 32` of byte `e % 32` that of element e;
/// byte 32: the other two ([Blocks#packCrumbs]); byte 96: scales of 6 bits; byte 108: their half-precision factor. Codes are 4 more than
/// the levels, stored scales 32 more than the scales.
class Q3_KKernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 110;
    static final int THIRD = 0;
    static final int CODES = 32;
    static final int SCALES = 96;
    static final int FACTOR = 108;
    static final int GROUP = 16;
    static final int GROUPS = 16;
    static final int HALF = 4;
    private static final int HALF_SCALE = 32;
    private static final int SWEEPS = 5;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            for (int group = 0; group < GROUPS; group++, to += GROUP) {
                float scale = scaleOf(blocks, block, group);
                int codes = block + CODES + group / 8 * 32 + group % 2 * GROUP;
                int shift = group / 2 % 4 * 2;
                int third = block + THIRD + group % 2 * GROUP;
                for (int i = 0; i < GROUP; i++) {
                    target[to + i] = scale * ((blocks[codes + i] >> shift & 3 | (blocks[third + i] >> group / 2 & 1) << 2) - HALF);
                }
            }
        }
    }

    static float scaleOf(byte[] blocks, int block, int group) {
        return Bytes.half(blocks, block + FACTOR) * (storedScale(blocks, block + SCALES, group) - HALF_SCALE);
    }

    private static int storedScale(byte[] bytes, int at, int group) {
        int low = bytes[at + group % 8] >> group / 8 * 4 & 15;
        return low | (bytes[at + 8 + group % 4] >> group / 4 * 2 & 3) << 4;
    }

    /// Puts a group's scale in; the bytes are 0 before the first.
    private static void putScale(byte[] bytes, int at, int group, int stored) {
        bytes[at + group % 8] |= (byte) ((stored & 15) << group / 8 * 4);
        bytes[at + 8 + group % 4] |= (byte) (stored >> 4 << group / 4 * 2);
    }

    @Override
    public boolean encodes() {
        return true;
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        byte[] levels = new byte[COLUMNS];
        float[] scales = new float[GROUPS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            for (int group = 0; group < GROUPS; group++) {
                scales[group] = search(source, from + group * GROUP, levels, group * GROUP);
            }
            round(scales, 0, blocks, at + i * BYTES);
            finish(source, from, levels, blocks, at + i * BYTES);
        }
    }

    /// `make_q3_quants`: from the levels that put the largest element at the lowest level, moves one level at a time while that fits better.
    private static float search(float[] x, int from, byte[] levels, int levelsFrom) {
        float peak = Blocks.peak(x, from, GROUP);
        if (Math.abs(peak) < Searches.GROUP_EPSILON) {
            java.util.Arrays.fill(levels, levelsFrom, levelsFrom + GROUP, (byte) 0);
            return 0;
        }
        float inverse = -HALF / peak;
        float products = 0;
        float squares = 0;
        for (int i = 0; i < GROUP; i++) {
            float value = x[from + i];
            float weight = value * value;
            int level = Searches.clamp(Rounding.near(inverse * value), -HALF, HALF - 1);
            levels[levelsFrom + i] = (byte) level;
            products += weight * value * level;
            squares += weight * level * level;
        }
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            boolean changed = false;
            for (int i = 0; i < GROUP; i++) {
                float value = x[from + i];
                float weight = value * value;
                int level = levels[levelsFrom + i];
                float otherProducts = products - weight * value * level;
                if (otherProducts > 0) {
                    float otherSquares = squares - weight * level * level;
                    int moved = Searches.clamp(Rounding.near(value * otherSquares / otherProducts), -HALF, HALF - 1);
                    if (moved != level) {
                        otherProducts += weight * value * moved;
                        otherSquares += weight * moved * moved;
                        if (otherSquares > 0 && otherProducts * otherProducts * squares > products * products * otherSquares) {
                            levels[levelsFrom + i] = (byte) moved;
                            products = otherProducts;
                            squares = otherSquares;
                            changed = true;
                        }
                    }
                }
            }
            if (!changed) {
                break;
            }
        }
        for (int i = 0; i < GROUP; i++) {
            levels[levelsFrom + i] = (byte) (levels[levelsFrom + i] + HALF);
        }
        return squares > 0 ? products / squares : 0;
    }

    /// Rounds the scales of a super-block against the one of largest magnitude, which becomes the lowest.
    static void round(float[] scales, int from, byte[] blocks, int block) {
        float peak = Blocks.peak(scales, from, GROUPS);
        java.util.Arrays.fill(blocks, block + SCALES, block + FACTOR, (byte) 0);
        float inverse = -HALF_SCALE / peak;
        for (int group = 0; group < GROUPS && peak != 0; group++) {
            int scale = Searches.clamp((byte) Rounding.near(inverse * scales[from + group]), -HALF_SCALE, HALF_SCALE - 1);
            putScale(blocks, block + SCALES, group, scale + HALF_SCALE);
        }
        Bytes.putHalf(blocks, block + FACTOR, peak != 0 ? 1 / inverse : 0);
    }

    private static void finish(float[] source, int from, byte[] levels, byte[] blocks, int block) {
        for (int group = 0; group < GROUPS; group++) {
            Blocks.symmetricLevels(source, from + group * GROUP, GROUP, scaleOf(blocks, block, group), HALF, levels, group * GROUP);
        }
        pack(levels, blocks, block);
    }

    static void pack(byte[] levels, byte[] blocks, int block) {
        Blocks.packBits(levels, 2, blocks, block + THIRD);
        Blocks.packCrumbs(levels, 0, blocks, block + CODES);
    }

    @Override
    public Weighing weighing() {
        return Weighing.BLOCK;
    }

    @Override
    public void encodeWeighted(float[] source, int sourceOffset, float[] importance, int column, float meanSquare, byte[] blocks, int at,
            int count) {
        byte[] levels = new byte[COLUMNS];
        float[] scales = new float[GROUPS];
        byte[] scaleLevels = new byte[GROUPS];
        float[] weights = new float[GROUP];
        float[] groupWeights = new float[GROUPS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            int block = at + i * BYTES;
            float deviation = 2 * Blocks.squares(source, from, COLUMNS) / COLUMNS;
            for (int group = 0; group < GROUPS; group++) {
                int first = from + group * GROUP;
                Blocks.weigh(source, first, GROUP, importance, column + i * COLUMNS + group * GROUP, deviation, weights);
                groupWeights[group] = Blocks.sum(weights, GROUP);
                scales[group] = Searches.symmetric(source, first, GROUP, HALF, weights, 0, levels, group * GROUP);
            }
            float factor = Searches.symmetric(scales, 0, GROUPS, HALF_SCALE, groupWeights, 0, scaleLevels, 0);
            java.util.Arrays.fill(blocks, block + SCALES, block + FACTOR, (byte) 0);
            for (int group = 0; group < GROUPS; group++) {
                putScale(blocks, block + SCALES, group, scaleLevels[group]);
            }
            Bytes.putHalf(blocks, block + FACTOR, factor);
            finish(source, from, levels, blocks, block);
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        for (int group = 0; group < GROUPS; group++) {
            scales[scaleOffset + group] = scaleOf(block, at, group);
        }
        Blocks.splitCrumbs(block, at + CODES, codes, codesOffset);
        for (int i = 0; i < COLUMNS; i++) {
            codes[codesOffset + i] = (byte) ((codes[codesOffset + i] | (block[at + THIRD + i % 32] >> i / 32 & 1) << 2) - HALF);
        }
    }

    /// Every group has scale 1.
    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        java.util.Arrays.fill(block, at + SCALES, at + FACTOR, (byte) 0);
        for (int group = 0; group < GROUPS; group++) {
            putScale(block, at + SCALES, group, 1 + HALF_SCALE);
        }
        Bytes.putHalf(block, at + FACTOR, scales[0]);
        pack(Blocks.shifted(codes, codesOffset, COLUMNS, HALF), block, at);
    }
}
