package io.github.weighbridge.gguf.encoding.internal;

/// `Q1_0`: 128 elements in 18 bytes. Byte 0: half-precision scale; byte 2: bit `i % 8` of byte `i / 8` is set where element i is plus the
/// scale, otherwise it is minus the scale.
class Q1_0Kernel implements BlockKernel {
    static final int COLUMNS = 128;
    static final int BYTES = 18;
    static final int CODES = 2;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            for (int i = 0; i < COLUMNS; i++) {
                target[to + i] = (blocks[block + CODES + i / 8] >> i % 8 & 1) != 0 ? scale : -scale;
            }
        }
    }

    @Override
    public boolean encodes() {
        return true;
    }

    /// The scale is the mean magnitude.
    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        int from = sourceOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, from += COLUMNS) {
            float sum = 0;
            for (int i = 0; i < COLUMNS; i++) {
                sum += Math.abs(source[from + i]);
            }
            Bytes.putHalf(blocks, block, sum / COLUMNS);
            packSigns(source, from, blocks, block);
        }
    }

    static void packSigns(float[] source, int from, byte[] blocks, int block) {
        for (int i = 0; i < COLUMNS / 8; i++) {
            int bits = 0;
            for (int j = 0; j < 8; j++) {
                bits |= source[from + 8 * i + j] >= 0 ? 1 << j : 0;
            }
            blocks[block + CODES + i] = (byte) bits;
        }
    }
}
