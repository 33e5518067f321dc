package io.github.weighbridge.gguf.encoding.internal;

/// `IQ3_S`: 256 elements in 110 bytes. Byte 0: half-precision factor of the scales; byte 2: low bytes of the codes of 64 points of 4; byte
/// 66: their ninth bits; byte 74: signs of the elements; byte 106: scales of 32 elements, two to a byte, of which s means `1 + 2s`.
class IQ3_SKernel implements BlockKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 110;
    private static final int LOW = 2;
    private static final int NINTH = 66;
    private static final int SIGNS = 74;
    private static final int SCALES = 106;
    private static final int POINTS = 64;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float factor = Bytes.half(blocks, block);
            for (int i = 0; i < POINTS; i++, to += 4) {
                int stored = blocks[block + SCALES + i / 16] >> i / 8 % 2 * 4 & 15;
                int code = blocks[block + LOW + i] & 255 | (blocks[block + NINTH + i / 8] >> i % 8 & 1) << 8;
                Points.put4(Lattices.IQ3_S, code, factor * (1 + 2 * stored), blocks[block + SIGNS + i / 2] >> i % 2 * 4, target, to);
            }
        }
    }
}
