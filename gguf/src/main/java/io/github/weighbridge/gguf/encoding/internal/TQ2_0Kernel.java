package io.github.weighbridge.gguf.encoding.internal;

/// `TQ2_0`: 256 ternary elements in 66 bytes. Byte 0: codes ([Blocks#packCrumbs]), 1 more than the level; byte 64: half-precision scale.
class TQ2_0Kernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 66;
    static final int SCALE = 64;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block + SCALE);
            for (int i = 0; i < COLUMNS; i++) {
                target[to + i] = (code(blocks, block, i) - 1) * scale;
            }
        }
    }

    private static int code(byte[] blocks, int block, int element) {
        return blocks[block + element / 128 * 32 + element % 32] >> element / 32 % 4 * 2 & 3;
    }

    @Override
    public boolean encodes() {
        return true;
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        byte[] codes = new byte[COLUMNS];
        for (int i = 0; i < count; i++) {
            int block = at + i * BYTES;
            Bytes.putHalf(blocks, block + SCALE, round(source, sourceOffset + i * COLUMNS, codes));
            Blocks.packCrumbs(codes, 0, blocks, block);
        }
    }

    /// [#ternary], in whichever form.
    float round(float[] source, int from, byte[] codes) {
        return ternary(source, from, codes);
    }

    /// Rounds 256 elements to 0, 1 and 2 for minus, zero and plus the largest magnitude.
    ///
    /// @return that magnitude
    static float ternary(float[] source, int from, byte[] codes) {
        float scale = Blocks.magnitude(source, from, COLUMNS);
        float inverse = Rounding.inverse(scale);
        for (int i = 0; i < COLUMNS; i++) {
            float level = source[from + i] * inverse;
            // Where the inverse is infinite, C's `lroundf` gives a number whose low bits are 0: level 0.
            codes[i] = (byte) (Math.abs(level) <= 1 ? Rounding.away(level) + 1 : 1);
        }
        return scale;
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        scales[scaleOffset] = Bytes.half(block, at + SCALE);
        for (int i = 0; i < COLUMNS; i++) {
            codes[codesOffset + i] = (byte) (code(block, at, i) - 1);
        }
    }

    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        byte[] stored = Blocks.shifted(codes, codesOffset, COLUMNS, 1);
        Blocks.packCrumbs(stored, 0, block, at);
        Bytes.putHalf(block, at + SCALE, scales[0]);
    }
}
