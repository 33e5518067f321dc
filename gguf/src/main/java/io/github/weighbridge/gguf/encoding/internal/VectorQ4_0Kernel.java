package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// The vectorised form of [Q4_0Kernel]: lanes are elements of a block.
final class VectorQ4_0Kernel extends Q4_0Kernel {
    private static final int HALF = 16;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            for (int i = 0; i < HALF; i += Lanes.COUNT) {
                IntVector pairs = Lanes.unsigned(blocks, block + CODES + i);
                Lanes.toFloats(pairs.and(15).sub(8)).mul(scale).intoArray(target, to + i);
                Lanes.toFloats(pairs.lanewise(VectorOperators.LSHR, 4).sub(8)).mul(scale).intoArray(target, to + HALF + i);
            }
        }
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        for (int i = 0; i < count; i++) {
            block(source, sourceOffset + i * COLUMNS, blocks, at + i * BYTES);
        }
    }

    @Override
    Q4_0Exact exact() {
        return new VectorQ4_0Exact();
    }

    private static void block(float[] source, int from, byte[] blocks, int block) {
        float scale = VectorBlocks.peak32(source, from) / -8;
        float inverse = Rounding.inverse(scale);
        if (Float.isInfinite(inverse)) {
            encodeBlock(source, from, blocks, block);
            return;
        }
        Bytes.putHalf(blocks, block, scale);
        for (int i = 0; i < HALF; i += Lanes.COUNT) {
            IntVector low = codes(source, from + i, inverse);
            IntVector high = codes(source, from + HALF + i, inverse);
            Lanes.store(low.or(high.lanewise(VectorOperators.LSHL, 4)), blocks, block + CODES + i);
        }
    }

    private static IntVector codes(float[] source, int from, float inverse) {
        return Lanes.truncate(Lanes.floats(source, from).mul(inverse).add(8.5f)).min(15);
    }
}
