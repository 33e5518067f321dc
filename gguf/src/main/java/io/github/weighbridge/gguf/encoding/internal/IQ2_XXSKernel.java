package io.github.weighbridge.gguf.encoding.internal;

/// `IQ2_XXS`: 256 elements in 66 bytes, in eight groups of 32. Byte 0: half-precision factor of the scales; byte 2: for each group two
/// 32-bit numbers. The bytes of the first are codes of four points of 8; the second holds four times seven [signs][Lattices#signs] and, in
/// its upper four bits, the scale.
class IQ2_XXSKernel implements BlockKernel {
    static final int COLUMNS = 256;
    static final int BYTES = 66;
    private static final int GROUPS = 8;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float factor = Bytes.half(blocks, block);
            for (int group = 0; group < GROUPS; group++) {
                int codes = block + 2 + group * 8;
                int rest = Bytes.i32(blocks, codes + 4);
                float scale = factor * (0.5f + (rest >>> 28)) * 0.25f;
                for (int i = 0; i < 4; i++, to += 8) {
                    Points.put8(Lattices.IQ2_XXS, blocks[codes + i] & 255, scale, Lattices.signs(rest >>> 7 * i & 127), target, to);
                }
            }
        }
    }
}
