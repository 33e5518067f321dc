package io.github.weighbridge.gguf.encoding.internal;

/// `IQ2_S`: 256 elements in 82 bytes. Byte 0: half-precision factor of the scales; byte 2: low bytes of the codes of 32 points of 8; byte
/// 34: their signs, a byte each; byte 66: upper two bits of the codes, four points to a byte; byte 74: scales of 16 elements, two to a byte.
class IQ2_SKernel implements BlockKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 82;
    private static final int LOW = 2;
    private static final int SIGNS = 34;
    private static final int UPPER = 66;
    private static final int SCALES = 74;
    private static final int POINTS = 32;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float factor = Bytes.half(blocks, block);
            for (int i = 0; i < POINTS; i++, to += 8) {
                int stored = blocks[block + SCALES + i / 4] >> i / 2 % 2 * 4 & 15;
                float scale = factor * (0.5f + stored) * 0.25f;
                int code = blocks[block + LOW + i] & 255 | (blocks[block + UPPER + i / 4] >> i % 4 * 2 & 3) << 8;
                Points.put8(Lattices.IQ2_S, code, scale, blocks[block + SIGNS + i], target, to);
            }
        }
    }
}
