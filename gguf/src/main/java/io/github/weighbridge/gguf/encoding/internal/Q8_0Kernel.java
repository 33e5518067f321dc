package io.github.weighbridge.gguf.encoding.internal;

/// `Q8_0`: 32 elements in 34 bytes. Byte 0: half-precision scale; byte 2: 32 signed codes.
class Q8_0Kernel implements BlockKernel, CodeKernel {
    static final int COLUMNS = 32;
    static final int BYTES = 34;
    static final int CODES = 2;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            for (int i = 0; i < COLUMNS; i++) {
                target[to + i] = blocks[block + CODES + i] * scale;
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
        float largest = 0;
        for (int i = 0; i < COLUMNS; i++) {
            largest = Math.max(largest, Math.abs(source[from + i]));
        }
        float scale = largest / 127;
        float inverse = Rounding.inverse(scale);
        Bytes.putHalf(blocks, block, scale);
        for (int i = 0; i < COLUMNS; i++) {
            blocks[block + CODES + i] = (byte) Rounding.away(source[from + i] * inverse);
        }
    }

    @Override
    public void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset) {
        scales[scaleOffset] = Bytes.half(block, at);
        System.arraycopy(block, at + CODES, codes, codesOffset, COLUMNS);
    }

    @Override
    public void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        Bytes.putHalf(block, at, scales[0]);
        System.arraycopy(codes, codesOffset, block, at + CODES, COLUMNS);
    }
}
