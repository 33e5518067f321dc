package io.github.weighbridge.gguf.encoding.internal;

/// `Q4_K`: 256 elements in 144 bytes, in eight groups of 32. Bytes 0 and 2: half-precision factors of scales and of minimums; byte 4:
/// [SixBitScales]; byte 16: 128 bytes, of which byte `32p + l` holds the codes of elements `64p + l` (low nibble) and `64p + 32 + l`.
class Q4_KKernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 144;
    static final int CODES = 16;
    static final int GROUP = 32;
    static final int TOP = 15;
    static final Searches.Stretch STRETCH = new Searches.Stretch(-1, 0.1f, 20, false);

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            for (int group = 0; group < SixBitScales.GROUPS; group++, to += GROUP) {
                float scale = SixBitScales.scaleOf(blocks, block, group);
                float minimum = SixBitScales.minimumOf(blocks, block, group);
                int codes = block + CODES + group / 2 * GROUP;
                int shift = (group & 1) * 4;
                for (int i = 0; i < GROUP; i++) {
                    target[to + i] = scale * (blocks[codes + i] >> shift & 15) - minimum;
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
        byte[] levels = new byte[COLUMNS];
        float[] scales = new float[SixBitScales.GROUPS];
        float[] minimums = new float[SixBitScales.GROUPS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            for (int group = 0; group < SixBitScales.GROUPS; group++) {
                int first = from + group * GROUP;
                KQuants.weighByMagnitude(source, first, search.weights);
                scales[group] = search.affine(source, first, GROUP, TOP, STRETCH, levels, group * GROUP);
                minimums[group] = search.minimum();
            }
            SixBitScales.round(scales, minimums, 0, blocks, at + i * BYTES);
            finish(source, from, levels, blocks, at + i * BYTES);
        }
    }

    private static void finish(float[] source, int from, byte[] levels, byte[] blocks, int block) {
        KQuants.finalLevels(source, from, TOP, levels, blocks, block);
        pack(levels, blocks, block);
    }

    static void pack(byte[] levels, byte[] blocks, int block) {
        for (int pair = 0; pair < 4; pair++) {
            int first = pair * 2 * GROUP;
            Blocks.joinNibbles(levels, first, first + GROUP, blocks, block + CODES + pair * GROUP, GROUP);
        }
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
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            KQuants.searchWeighted(search, source, from, importance, column + i * COLUMNS, TOP, 255, levels, blocks, at + i * BYTES);
            finish(source, from, levels, blocks, at + i * BYTES);
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        for (int group = 0; group < SixBitScales.GROUPS; group++) {
            scales[scaleOffset + group] = SixBitScales.scaleOf(block, at, group);
            zeros[scaleOffset + group] = -SixBitScales.minimumOf(block, at, group);
            int first = at + CODES + group / 2 * GROUP;
            for (int i = 0; i < GROUP; i++) {
                codes[codesOffset + group * GROUP + i] = (byte) (block[first + i] >> (group & 1) * 4 & 15);
            }
        }
    }
}
