package io.github.weighbridge.gguf.encoding.internal;

/// `Q5_1`: 32 elements in 24 bytes. Bytes 0 and 2: half-precision scale and minimum; byte 4: the fifth bits, bit i that of element i; byte
/// 8: the other four as in `Q4_0`. Codes are the levels.
class Q5_1Kernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 32;
    static final int BYTES = 24;
    static final int MINIMUM = 2;
    static final int FIFTH = 4;
    static final int CODES = 8;
    private static final int HALF = 16;
    private static final int TOP = 31;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            float minimum = Bytes.half(blocks, block + MINIMUM);
            int fifth = Bytes.i32(blocks, block + FIFTH);
            for (int i = 0; i < HALF; i++) {
                int pair = blocks[block + CODES + i];
                target[to + i] = (pair & 15 | (fifth >> i & 1) << 4) * scale + minimum;
                target[to + HALF + i] = (pair >> 4 & 15 | (fifth >> HALF + i & 1) << 4) * scale + minimum;
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

    static void encodeBlock(float[] source, int from, byte[] blocks, int block) {
        float low = Float.MAX_VALUE;
        float high = -Float.MAX_VALUE;
        for (int i = 0; i < COLUMNS; i++) {
            float value = source[from + i];
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        float scale = (high - low) / TOP;
        float inverse = Rounding.inverse(scale);
        Bytes.putHalf(blocks, block, scale);
        Bytes.putHalf(blocks, block + MINIMUM, low);
        int fifth = 0;
        for (int i = 0; i < HALF; i++) {
            int first = Rounding.truncate((source[from + i] - low) * inverse + 0.5f);
            int second = Rounding.truncate((source[from + HALF + i] - low) * inverse + 0.5f);
            blocks[block + CODES + i] = (byte) (first & 15 | second << 4);
            fifth |= (first >> 4 & 1) << i | (second >> 4 & 1) << HALF + i;
        }
        Bytes.putI32(blocks, block + FIFTH, fifth);
    }

    @Override
    public Weighing weighing() {
        return Weighing.ROW;
    }

    @Override
    public void encodeWeighted(float[] source, int sourceOffset, float[] importance, int column, float meanSquare, byte[] blocks, int at,
            int count) {
        Searches search = new Searches();
        byte[] levels = new byte[COLUMNS];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            int block = at + i * BYTES;
            Blocks.weigh(source, from, COLUMNS, importance, column + i * COLUMNS, meanSquare, search.weights);
            Bytes.putHalf(blocks, block, search.affine(source, from, COLUMNS, TOP, Searches.Stretch.WEIGHTED, levels, 0));
            Bytes.putHalf(blocks, block + MINIMUM, -search.minimum());
            Bytes.putI32(blocks, block + FIFTH, Blocks.fifthBits(levels, 0));
            Blocks.packNibbles(levels, 0, blocks, block + CODES);
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        scales[scaleOffset] = Bytes.half(block, at);
        zeros[scaleOffset] = Bytes.half(block, at + MINIMUM);
        int fifth = Bytes.i32(block, at + FIFTH);
        Blocks.splitNibbles(block, at + CODES, codes, codesOffset);
        for (int i = 0; i < COLUMNS; i++) {
            codes[codesOffset + i] |= (byte) ((fifth >> i & 1) << 4);
        }
    }
}
