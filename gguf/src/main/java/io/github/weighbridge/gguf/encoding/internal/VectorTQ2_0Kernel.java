package io.github.weighbridge.gguf.encoding.internal;

/// The vectorised form of [TQ2_0Kernel].
final class VectorTQ2_0Kernel extends TQ2_0Kernel {
    @Override
    float round(float[] source, int from, byte[] codes) {
        return VectorBlocks.ternary(source, from, codes);
    }

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float scale = Bytes.half(blocks, block + SCALE);
            for (int run = 0; run < 8; run++, to += 32) {
                VectorDecoding.symmetric(blocks, block + run / 4 * 32, run % 4 * 2, 3, 1, scale, target, to, 32);
            }
        }
    }
}
