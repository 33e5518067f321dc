package io.github.weighbridge.gguf.encoding.internal;

/// `Q5_0`: 32 elements in 22 bytes. Byte 0: half-precision scale; byte 2: the fifth bits, bit i that of element i; byte 6: the other four as
/// in `Q4_0`. Codes are 16 more than the levels.
class Q5_0Kernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 32;
    static final int BYTES = 22;
    static final int FIFTH = 2;
    static final int CODES = 6;
    private static final int HALF = 16;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            int fifth = Bytes.i32(blocks, block + FIFTH);
            for (int i = 0; i < HALF; i++) {
                int pair = blocks[block + CODES + i];
                target[to + i] = ((pair & 15 | (fifth >> i & 1) << 4) - 16) * scale;
                target[to + HALF + i] = ((pair >> 4 & 15 | (fifth >> HALF + i & 1) << 4) - 16) * scale;
            }
        }
    }

    @Override
    public boolean encodes() {
        return true;
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        for (int i = 0; i < count; i++) {
            encodeBlock(source, sourceOffset + i * COLUMNS, blocks, at + i * BYTES);
        }
    }

    /// The first element of largest magnitude becomes level -16.
    static void encodeBlock(float[] source, int from, byte[] blocks, int block) {
        float scale = Blocks.peak(source, from, COLUMNS) / -16;
        float inverse = Rounding.inverse(scale);
        Bytes.putHalf(blocks, block, scale);
        int fifth = 0;
        for (int i = 0; i < HALF; i++) {
            int first = code(source[from + i] * inverse);
            int second = code(source[from + HALF + i] * inverse);
            blocks[block + CODES + i] = (byte) (first & 15 | second << 4);
            fifth |= first >> 4 << i | second >> 4 << HALF + i;
        }
        Bytes.putI32(blocks, block + FIFTH, fifth);
    }

    private static int code(float level) {
        return Math.min(31, (byte) Rounding.truncate(level + 16.5f));
    }

    @Override
    public Weighing weighing() {
        return Weighing.ROW;
    }

    @Override
    public void encodeWeighted(float[] source, int sourceOffset, float[] importance, int column, float meanSquare, byte[] blocks, int at,
            int count) {
        float[] weights = new float[COLUMNS];
        byte[] levels = new byte[COLUMNS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            int block = at + i * BYTES;
            Blocks.weigh(source, from, COLUMNS, importance, column + i * COLUMNS, meanSquare, weights);
            Bytes.putHalf(blocks, block, Searches.symmetric(source, from, COLUMNS, 16, weights, 0, levels, 0));
            Bytes.putI32(blocks, block + FIFTH, Blocks.fifthBits(levels, 0));
            Blocks.packNibbles(levels, 0, blocks, block + CODES);
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        scales[scaleOffset] = Bytes.half(block, at);
        int fifth = Bytes.i32(block, at + FIFTH);
        for (int i = 0; i < HALF; i++) {
            int pair = block[at + CODES + i];
            codes[codesOffset + i] = (byte) ((pair & 15 | (fifth >> i & 1) << 4) - 16);
            codes[codesOffset + HALF + i] = (byte) ((pair >> 4 & 15 | (fifth >> HALF + i & 1) << 4) - 16);
        }
    }

    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        Bytes.putHalf(block, at, scales[0]);
        int fifth = 0;
        for (int i = 0; i < HALF; i++) {
            int first = codes[codesOffset + i] + 16;
            int second = codes[codesOffset + HALF + i] + 16;
            block[at + CODES + i] = (byte) (first & 15 | second << 4);
            fifth |= (first >> 4 & 1) << i | (second >> 4 & 1) << HALF + i;
        }
        Bytes.putI32(block, at + FIFTH, fifth);
    }
}
