package io.github.weighbridge.gguf.encoding.internal;

/// `IQ1_M`: 256 elements in 56 bytes. Byte 0: low bytes of the codes of 32 points of 8; byte 32: a nibble for each point, three upper bits
/// of the code and the sign of the [shift][Points#SHIFT]; byte 48: four 16-bit numbers, four times three bits of scale of 16 elements, of
/// which s means `2s + 1`, and above them a nibble of the half-precision factor of the scales, the lowest first.
class IQ1_MKernel implements BlockKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 56;
    static final int SCALES = 48;
    private static final int REST = 32;
    private static final int POINTS = 32;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float factor = Float.float16ToFloat(factor(blocks, block));
            for (int i = 0; i < POINTS; i++, to += 8) {
                int stored = Bytes.u16(blocks, block + SCALES + i / 8 * 2) >> i / 2 % 4 * 3 & 7;
                int rest = blocks[block + REST + i / 2] >> i % 2 * 4;
                int code = blocks[block + i] & 255 | (rest & 7) << 8;
                Points.putShifted(code, factor * (2 * stored + 1), (rest & 8) != 0 ? -Points.SHIFT : Points.SHIFT, target, to);
            }
        }
    }

    /// Bits of the half-precision factor.
    private static short factor(byte[] blocks, int block) {
        int bits = 0;
        for (int i = 0; i < 4; i++) {
            bits |= Bytes.u16(blocks, block + SCALES + 2 * i) >> 12 << 4 * i;
        }
        return (short) bits;
    }
}
