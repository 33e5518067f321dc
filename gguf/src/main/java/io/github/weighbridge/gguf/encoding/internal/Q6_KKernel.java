package io.github.weighbridge.gguf.encoding.internal;

/// `Q6_K`: 256 elements in 210 bytes, in sixteen groups of 16. Byte 0: the low nibbles; byte 128: the upper two bits; byte 192: a signed
/// scale for each group; byte 208: their half-precision factor. Codes are 32 more than the levels.
///
/// Of each half of 128 elements, elements l and `64 + l` share low-nibble byte l, elements `32 + l` and `96 + l` byte `32 + l`, and all
/// four, in order, byte l of the upper bits.
class Q6_KKernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 210;
    static final int LOW = 0;
    static final int UPPER = 128;
    static final int SCALES = 192;
    static final int FACTOR = 208;
    static final int GROUP = 16;
    static final int GROUPS = 16;
    static final int HALF = 32;
    private static final int QUARTER = 32;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            for (int group = 0; group < GROUPS; group++, to += GROUP) {
                float scale = scaleOf(blocks, block, group);
                int half = group / 8;
                int quarter = group / 2 % 4;
                int low = block + LOW + half * 64 + quarter % 2 * QUARTER + group % 2 * GROUP;
                int upper = block + UPPER + half * 32 + group % 2 * GROUP;
                for (int i = 0; i < GROUP; i++) {
                    int code = blocks[low + i] >> quarter / 2 * 4 & 15 | (blocks[upper + i] >> quarter * 2 & 3) << 4;
                    target[to + i] = scale * (code - HALF);
                }
            }
        }
    }

    static float scaleOf(byte[] blocks, int block, int group) {
        return Bytes.half(blocks, block + FACTOR) * blocks[block + SCALES + group];
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
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            for (int group = 0; group < GROUPS; group++) {
                int first = from + group * GROUP;
                search.squares(source, first, GROUP);
                scales[group] = Searches.symmetric(source, first, GROUP, HALF, search.weights, 0, levels, group * GROUP);
            }
            finish(source, from, scales, levels, blocks, at + i * BYTES);
        }
    }

    private static void finish(float[] source, int from, float[] scales, byte[] levels, byte[] blocks, int block) {
        if (!round(scales, 0, blocks, block)) {
            return;
        }
        for (int group = 0; group < GROUPS; group++) {
            Blocks.symmetricLevels(source, from + group * GROUP, GROUP, scaleOf(blocks, block, group), HALF, levels, group * GROUP);
        }
        pack(levels, blocks, block);
    }

    /// Rounds the scales of a super-block against the one of largest magnitude, which becomes the lowest.
    ///
    /// @return whether anything is left to do: a super-block that counts as 0 is zero bytes
    static boolean round(float[] scales, int from, byte[] blocks, int block) {
        float peak = Blocks.peak(scales, from, GROUPS);
        if (Math.abs(peak) < Searches.GROUP_EPSILON) {
            java.util.Arrays.fill(blocks, block, block + BYTES, (byte) 0);
            return false;
        }
        float inverse = -128f / peak;
        Bytes.putHalf(blocks, block + FACTOR, 1 / inverse);
        for (int group = 0; group < GROUPS; group++) {
            blocks[block + SCALES + group] = (byte) Math.min(127, Rounding.near(inverse * scales[from + group]));
        }
        return true;
    }

    /// Leaves the upper bits in `levels`.
    static void pack(byte[] levels, byte[] blocks, int block) {
        for (int half = 0; half < 2; half++) {
            int first = half * 128;
            int low = block + LOW + half * 64;
            Blocks.joinNibbles(levels, first, first + 2 * QUARTER, blocks, low, QUARTER);
            Blocks.joinNibbles(levels, first + QUARTER, first + 3 * QUARTER, blocks, low + QUARTER, QUARTER);
        }
        for (int i = 0; i < COLUMNS; i += 8) {
            Bytes.putI64(levels, i, Bytes.i64(levels, i) >>> 4 & 0x0303030303030303L);
        }
        Blocks.packCrumbs(levels, 0, blocks, block + UPPER);
    }

    @Override
    public Weighing weighing() {
        return Weighing.BLOCK;
    }

    /// Importance alone is the weight here.
    @Override
    public void encodeWeighted(float[] source, int sourceOffset, float[] importance, int column, float meanSquare, byte[] blocks, int at,
            int count) {
        byte[] levels = new byte[COLUMNS];
        float[] scales = new float[GROUPS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            for (int group = 0; group < GROUPS; group++) {
                int weight = column + i * COLUMNS + group * GROUP;
                scales[group] = Searches.symmetric(source, from + group * GROUP, GROUP, HALF, importance, weight, levels, group * GROUP);
            }
            finish(source, from, scales, levels, blocks, at + i * BYTES);
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        for (int group = 0; group < GROUPS; group++) {
            scales[scaleOffset + group] = scaleOf(block, at, group);
        }
        Blocks.splitCrumbs(block, at + UPPER, codes, codesOffset);
        for (int i = 0; i < COLUMNS; i++) {
            int low = block[at + LOW + i / 128 * 64 + i % 64] >> i / 64 % 2 * 4 & 15;
            codes[codesOffset + i] = (byte) ((codes[codesOffset + i] << 4 | low) - HALF);
        }
    }

    /// Every group has scale 1.
    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        java.util.Arrays.fill(block, at + SCALES, at + FACTOR, (byte) 1);
        Bytes.putHalf(block, at + FACTOR, scales[0]);
        pack(Blocks.shifted(codes, codesOffset, COLUMNS, HALF), block, at);
    }
}
