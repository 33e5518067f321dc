package io.github.weighbridge.gguf.encoding.internal;

/// `IQ1_S`: 256 elements in 50 bytes. Byte 0: half-precision factor of the scales; byte 2: low bytes of the codes of 32 points of 8; byte
/// 34: for each of eight groups of 32 a 16-bit number: four times three upper bits of a code, three bits of scale, of which s means
/// `2s + 1`, and the sign of the [shift][Points#SHIFT].
class IQ1_SKernel implements BlockKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 50;
    private static final int LOW = 2;
    private static final int RESTS = 34;
    private static final int GROUPS = 8;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float factor = Bytes.half(blocks, block);
            for (int group = 0; group < GROUPS; group++) {
                int rest = Bytes.u16(blocks, block + RESTS + 2 * group);
                float scale = factor * (2 * (rest >> 12 & 7) + 1);
                float shift = (rest & 0x8000) != 0 ? -Points.SHIFT : Points.SHIFT;
                for (int i = 0; i < 4; i++, to += 8) {
                    int code = blocks[block + LOW + 4 * group + i] & 255 | (rest >> 3 * i & 7) << 8;
                    Points.putShifted(code, scale, shift, target, to);
                }
            }
        }
    }
}
