package io.github.weighbridge.gguf.encoding.internal;

/// `Q2_0`: 64 elements in 18 bytes. Byte 0: half-precision scale; byte 2: the code of element i in bits `2 (i % 4)` and up of byte `i / 4`,
/// 1 more than the level.
class Q2_0Kernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 64;
    static final int BYTES = 18;
    static final int CODES = 2;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            for (int i = 0; i < COLUMNS; i++) {
                target[to + i] = ((blocks[block + CODES + i / 4] >> i % 4 * 2 & 3) - 1) * scale;
            }
        }
    }

    @Override
    public boolean encodes() {
        return true;
    }

    /// The scale is the largest magnitude, so level 2 is left to codes that come from elsewhere.
    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        for (int i = 0; i < count; i++) {
            encodeBlock(source, sourceOffset + i * COLUMNS, blocks, at + i * BYTES);
        }
    }

    static void encodeBlock(float[] source, int from, byte[] blocks, int block) {
        float scale = Blocks.magnitude(source, from, COLUMNS);
        float inverse = Rounding.inverse(scale);
        Bytes.putHalf(blocks, block, scale);
        for (int i = 0; i < COLUMNS / 4; i++) {
            int bits = 0;
            for (int j = 0; j < 4; j++) {
                bits |= Searches.clamp(Rounding.away(source[from + 4 * i + j] * inverse) + 1, 0, 3) << 2 * j;
            }
            blocks[block + CODES + i] = (byte) bits;
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        scales[scaleOffset] = Bytes.half(block, at);
        for (int i = 0; i < COLUMNS; i++) {
            codes[codesOffset + i] = (byte) ((block[at + CODES + i / 4] >> i % 4 * 2 & 3) - 1);
        }
    }

    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        Bytes.putHalf(block, at, scales[0]);
        for (int i = 0; i < COLUMNS / 4; i++) {
            int bits = 0;
            for (int j = 0; j < 4; j++) {
                bits |= (codes[codesOffset + 4 * i + j] + 1 & 3) << 2 * j;
            }
            block[at + CODES + i] = (byte) bits;
        }
    }
}
