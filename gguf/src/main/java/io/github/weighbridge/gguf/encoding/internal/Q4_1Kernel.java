package io.github.weighbridge.gguf.encoding.internal;

/// `Q4_1`: 32 elements in 20 bytes. Bytes 0 and 2: half-precision scale and minimum; byte 4: codes as in `Q4_0`, which are the levels.
class Q4_1Kernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 32;
    static final int BYTES = 20;
    static final int MINIMUM = 2;
    static final int CODES = 4;
    private static final int HALF = 16;
    private static final int TOP = 15;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            float minimum = Bytes.half(blocks, block + MINIMUM);
            for (int i = 0; i < HALF; i++) {
                int pair = blocks[block + CODES + i];
                target[to + i] = (pair & 15) * scale + minimum;
                target[to + HALF + i] = (pair >> 4 & 15) * scale + minimum;
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
        for (int i = 0; i < HALF; i++) {
            int first = code((source[from + i] - low) * inverse);
            int second = code((source[from + HALF + i] - low) * inverse);
            blocks[block + CODES + i] = (byte) (first | second << 4);
        }
    }

    private static int code(float level) {
        return Math.min(TOP, (byte) Rounding.truncate(level + 0.5f));
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
            Blocks.packNibbles(levels, 0, blocks, block + CODES);
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        scales[scaleOffset] = Bytes.half(block, at);
        zeros[scaleOffset] = Bytes.half(block, at + MINIMUM);
        Blocks.splitNibbles(block, at + CODES, codes, codesOffset);
    }
}
