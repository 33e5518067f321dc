package io.github.weighbridge.gguf.encoding.internal;

/// `IQ3_XXS`: 256 elements in 98 bytes. Byte 0: half-precision factor of the scales; byte 2: codes of 64 points of 4; byte 66: for each of
/// eight groups of 32 a 32-bit number, four times seven [signs][Lattices#signs] and, in its upper four bits, the scale.
class IQ3_XXSKernel implements BlockKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 98;
    private static final int CODES = 2;
    private static final int RESTS = 66;
    private static final int GROUPS = 8;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float factor = Bytes.half(blocks, block);
            for (int group = 0; group < GROUPS; group++) {
                int rest = Bytes.i32(blocks, block + RESTS + 4 * group);
                float scale = factor * (0.5f + (rest >>> 28)) * 0.5f;
                for (int i = 0; i < 4; i++, to += 8) {
                    int codes = block + CODES + 8 * group + 2 * i;
                    int signs = Lattices.signs(rest >>> 7 * i & 127);
                    Points.put4(Lattices.IQ3_XXS, blocks[codes] & 255, scale, signs, target, to);
                    Points.put4(Lattices.IQ3_XXS, blocks[codes + 1] & 255, scale, signs >> 4, target, to + 4);
                }
            }
        }
    }
}
