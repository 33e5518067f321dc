package io.github.weighbridge.gguf.encoding.internal;

/// `IQ4_XS`: 256 elements in 136 bytes, in eight groups of 32. Byte 0: half-precision factor of the scales; byte 2: the upper two bits of
/// the groups' scales, those of group g from bit 2g up; byte 4: their low nibbles, two groups to a byte; byte 8: codes, each group as in
/// `IQ4_NL`. Stored scales are 32 more than the scales.
class IQ4_XSKernel implements BlockKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 136;
    static final int UPPER = 2;
    static final int LOW = 4;
    static final int CODES = 8;
    static final int GROUP = 32;
    static final int GROUPS = 8;
    private static final int HALF = 16;
    private static final int HALF_SCALE = 32;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float factor = Bytes.half(blocks, block);
            int upper = Bytes.u16(blocks, block + UPPER);
            for (int group = 0; group < GROUPS; group++, to += GROUP) {
                int stored = blocks[block + LOW + group / 2] >> group % 2 * 4 & 15 | (upper >> 2 * group & 3) << 4;
                float scale = factor * (stored - HALF_SCALE);
                for (int i = 0; i < HALF; i++) {
                    int pair = blocks[block + CODES + group * HALF + i];
                    target[to + i] = scale * Iq4.level(pair & 15);
                    target[to + HALF + i] = scale * Iq4.level(pair >> 4 & 15);
                }
            }
        }
    }

    @Override
    public boolean encodes() {
        return true;
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        Searches search = new Searches();
        float[] scales = new float[GROUPS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            for (int group = 0; group < GROUPS; group++) {
                search.squares(source, from + group * GROUP, GROUP);
                scales[group] = Iq4.search(source, from + group * GROUP, search.weights);
            }
            finish(source, from, scales, 0, blocks, at + i * BYTES);
        }
    }

    /// Rounds the scales against the one of largest magnitude, which becomes the lowest. Unlike in other types the factor with which codes
    /// are chosen is not rounded.
    final void finish(float[] source, int from, float[] scales, int scalesFrom, byte[] blocks, int block) {
        byte[] codes = new byte[GROUP];
        float factor = -Blocks.peak(scales, scalesFrom, GROUPS) / HALF_SCALE;
        float inverse = Rounding.inverse(factor);
        Bytes.putHalf(blocks, block, factor);
        int upper = 0;
        for (int group = 0; group < GROUPS; group++) {
            int scale = Searches.clamp(Rounding.near(inverse * scales[scalesFrom + group]), -HALF_SCALE, HALF_SCALE - 1);
            codes(source, from + group * GROUP, Rounding.inverse(factor * scale), codes);
            Blocks.packNibbles(codes, 0, blocks, block + CODES + group * HALF);
            int stored = scale + HALF_SCALE;
            int low = block + LOW + group / 2;
            blocks[low] = (byte) (group % 2 == 0 ? stored & 15 : blocks[low] | (stored & 15) << 4);
            upper |= stored >> 4 << 2 * group;
        }
        Bytes.putI16(blocks, block + UPPER, upper);
    }

    /// [Iq4#codes], in whichever form.
    void codes(float[] source, int from, float inverse, byte[] codes) {
        Iq4.codes(source, from, inverse, codes, 0);
    }

    @Override
    public Weighing weighing() {
        return Weighing.BLOCK;
    }

    @Override
    public void encodeWeighted(float[] source, int sourceOffset, float[] importance, int column, float meanSquare, byte[] blocks, int at,
            int count) {
        float[] weights = new float[GROUP];
        float[] scales = new float[GROUPS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            float deviation = Blocks.squares(source, from, COLUMNS) * (2f / COLUMNS);
            for (int group = 0; group < GROUPS; group++) {
                int first = group * GROUP;
                Blocks.weigh(source, from + first, GROUP, importance, column + i * COLUMNS + first, deviation, weights);
                scales[group] = Iq4.search(source, from + first, weights);
            }
            finish(source, from, scales, 0, blocks, at + i * BYTES);
        }
    }
}
