package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.encoding.GridSearch;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.FLOATS;

/// The vectorised form of [Q4_0Kernel]: lanes are elements of a block.
final class VectorQ4_0Kernel extends Q4_0Kernel {
    private static final int HALF = 16;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            for (int i = 0; i < HALF; i += COUNT) {
                ByteVector bytes = ByteVector.fromArray(Lanes.BYTES, blocks, block + CODES + i);
                IntVector pairs = (IntVector) bytes.convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.INTS, 0);
                FloatVector low = (FloatVector) pairs.and(15).sub(8).convert(VectorOperators.I2F, 0);
                FloatVector high = (FloatVector) pairs.lanewise(VectorOperators.LSHR, 4).sub(8).convert(VectorOperators.I2F, 0);
                low.mul(scale).intoArray(target, to + i);
                high.mul(scale).intoArray(target, to + HALF + i);
            }
        }
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            int block = at + i * BYTES;
            float scale = VectorBlocks.peak32(source, from) / -8;
            float inverse = Rounding.inverse(scale);
            if (Float.isInfinite(inverse)) {
                encodeBlock(source, from, blocks, block);
            } else {
                Bytes.putHalf(blocks, block, scale);
                codes(source, from, inverse, blocks, block + CODES);
            }
        }
    }

    @Override
    GridSearch search() {
        return GridSearch.FORMS.best();
    }

    static void codes(float[] source, int from, float inverse, byte[] blocks, int at) {
        for (int i = 0; i < HALF; i += COUNT) {
            FloatVector first = FloatVector.fromArray(FLOATS, source, from + i).mul(inverse).add(8.5f);
            FloatVector second = FloatVector.fromArray(FLOATS, source, from + HALF + i).mul(inverse).add(8.5f);
            IntVector low = ((IntVector) first.convert(VectorOperators.F2I, 0)).min(15);
            IntVector high = ((IntVector) second.convert(VectorOperators.F2I, 0)).min(15);
            IntVector pairs = low.or(high.lanewise(VectorOperators.LSHL, 4));
            ((ByteVector) pairs.convertShape(VectorOperators.I2B, Lanes.BYTES, 0)).intoArray(blocks, at + i);
        }
    }
}
