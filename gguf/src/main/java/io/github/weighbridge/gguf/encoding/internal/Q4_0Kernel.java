package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.GridSearch;

/// `Q4_0`: 32 elements in 18 bytes. Byte 0: half-precision scale; byte 2: 16 bytes, of which byte j holds the codes of elements j (low
/// nibble) and j + 16 (high nibble), each 8 more than the level.
class Q4_0Kernel implements BlockKernel, CodeKernel, ExactKernel {
    static final int COLUMNS = GridSearch.COLUMNS;
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
                target[to + i] = ((pair & 15) - 8) * scale;
                target[to + HALF + i] = ((pair >> 4 & 15) - 8) * scale;
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

    /// The first element of largest magnitude becomes level -8.
    static void encodeBlock(float[] source, int from, byte[] blocks, int block) {
        float scale = Blocks.peak(source, from, COLUMNS) / -8;
        float inverse = Rounding.inverse(scale);
        Bytes.putHalf(blocks, block, scale);
        for (int i = 0; i < HALF; i++) {
            blocks[block + CODES + i] = (byte) (code(source[from + i] * inverse) | code(source[from + HALF + i] * inverse) << 4);
        }
    }

    private static int code(float level) {
        // An infinite inverse makes bytes of 0, as C's cast from float to a byte does.
        return Math.min(15, (byte) Rounding.truncate(level + 8.5f));
    }

    /// The search for the grid, in the form of this kernel.
    GridSearch search() {
        return GridSearch.FORMS.plain();
    }

    @Override
    public void encodeExact(float[] source, int sourceOffset, Source type, byte[] blocks, int at, int count) {
        int[] steps = new int[count];
        search().find(source, sourceOffset, count, type.type(), DenseType.F16, blocks, at + CODES, BYTES, steps);
        for (int i = 0; i < count; i++) {
            Bytes.putI16(blocks, at + i * BYTES, steps[i]);
        }
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
            Blocks.weigh(source, from, COLUMNS, importance, column + i * COLUMNS, meanSquare, weights);
            Bytes.putHalf(blocks, at + i * BYTES, Searches.symmetric(source, from, COLUMNS, 8, weights, 0, levels, 0));
            Blocks.packNibbles(levels, 0, blocks, at + i * BYTES + CODES);
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        scales[scaleOffset] = Bytes.half(block, at);
        for (int i = 0; i < HALF; i++) {
            int pair = block[at + CODES + i];
            codes[codesOffset + i] = (byte) ((pair & 15) - 8);
            codes[codesOffset + HALF + i] = (byte) ((pair >> 4 & 15) - 8);
        }
    }

    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        Bytes.putHalf(block, at, scales[0]);
        for (int i = 0; i < HALF; i++) {
            block[at + CODES + i] = (byte) (codes[codesOffset + i] + 8 & 15 | codes[codesOffset + HALF + i] + 8 << 4);
        }
    }
}
