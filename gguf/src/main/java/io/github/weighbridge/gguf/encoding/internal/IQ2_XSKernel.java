package io.github.weighbridge.gguf.encoding.internal;

/// `IQ2_XS`: 256 elements in 74 bytes. Byte 0: half-precision factor of the scales; byte 2: 32 16-bit numbers, the code of a point of 8 in
/// nine bits and its [signs][Lattices#signs] above; byte 66: scales of 16 elements, two to a byte.
class IQ2_XSKernel implements BlockKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 74;
    private static final int SCALES = 66;
    private static final int POINTS = 32;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float factor = Bytes.half(blocks, block);
            for (int i = 0; i < POINTS; i++, to += 8) {
                int stored = blocks[block + SCALES + i / 4] >> i / 2 % 2 * 4 & 15;
                float scale = factor * (0.5f + stored) * 0.25f;
                int code = Bytes.u16(blocks, block + 2 + 2 * i);
                Points.put8(Lattices.IQ2_XS, code & 511, scale, Lattices.signs(code >> 9), target, to);
            }
        }
    }
}
