package io.github.weighbridge.gguf.encoding.internal;

/// `IQ4_NL`: 32 elements in 18 bytes. Byte 0: half-precision scale; byte 2: codes in the order of `Q4_0`, which index [Iq4]'s levels.
class IQ4_NLKernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 32;
    static final int BYTES = 18;
    static final int CODES = 2;
    private static final int HALF = 16;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            for (int i = 0; i < HALF; i++) {
                int pair = blocks[block + CODES + i];
                target[to + i] = scale * Iq4.level(pair & 15);
                target[to + HALF + i] = scale * Iq4.level(pair >> 4 & 15);
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
        byte[] codes = new byte[COLUMNS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            search.squares(source, from, COLUMNS);
            encodeBlock(source, from, search.weights, codes, blocks, at + i * BYTES);
        }
    }

    private static void encodeBlock(float[] source, int from, float[] weights, byte[] codes, byte[] blocks, int block) {
        float scale = Iq4.search(source, from, weights);
        Bytes.putHalf(blocks, block, scale);
        Iq4.codes(source, from, Rounding.inverse(scale), codes, 0);
        Blocks.packNibbles(codes, 0, blocks, block + CODES);
    }

    @Override
    public Weighing weighing() {
        return Weighing.BLOCK;
    }

    @Override
    public void encodeWeighted(float[] source, int sourceOffset, float[] importance, int column, float meanSquare, byte[] blocks, int at,
            int count) {
        float[] weights = new float[COLUMNS];
        byte[] codes = new byte[COLUMNS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            float deviation = Blocks.squares(source, from, COLUMNS) * (2f / COLUMNS);
            Blocks.weigh(source, from, COLUMNS, importance, column + i * COLUMNS, deviation, weights);
            encodeBlock(source, from, weights, codes, blocks, at + i * BYTES);
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        scales[scaleOffset] = Bytes.half(block, at);
        Blocks.splitNibbles(block, at + CODES, codes, codesOffset);
    }

    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        Bytes.putHalf(block, at, scales[0]);
        Blocks.packNibbles(codes, codesOffset, block, at + CODES);
    }
}
