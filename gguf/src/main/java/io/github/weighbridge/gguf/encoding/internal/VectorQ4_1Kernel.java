package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.FLOATS;

/// The vectorised form of [Q4_1Kernel]: lanes are elements of a block.
final class VectorQ4_1Kernel extends Q4_1Kernel {
    private static final int HALF = 16;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float scale = Bytes.half(blocks, block);
            float minimum = Bytes.half(blocks, block + MINIMUM);
            VectorDecoding.affine(blocks, block + CODES, 0, 15, scale, minimum, target, to, HALF);
            VectorDecoding.affine(blocks, block + CODES, 4, 15, scale, minimum, target, to + HALF, HALF);
            to += COLUMNS;
        }
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        float[] bounds = new float[2];
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            int block = at + i * BYTES;
            VectorBlocks.bounds32(source, from, bounds);
            float low = bounds[0];
            float scale = (bounds[1] - low) / 15;
            float inverse = Rounding.inverse(scale);
            // Zeros of both signs count as equal, and the first one stays: the plain form sees which it is.
            if (low == 0 || Float.isInfinite(inverse)) {
                encodeBlock(source, from, blocks, block);
            } else {
                Bytes.putHalf(blocks, block, scale);
                Bytes.putHalf(blocks, block + MINIMUM, low);
                codes(source, from, low, inverse, blocks, block + CODES);
            }
        }
    }

    private static void codes(float[] source, int from, float low, float inverse, byte[] blocks, int at) {
        for (int i = 0; i < HALF; i += COUNT) {
            FloatVector first = FloatVector.fromArray(FLOATS, source, from + i).sub(low).mul(inverse).add(0.5f);
            FloatVector second = FloatVector.fromArray(FLOATS, source, from + HALF + i).sub(low).mul(inverse).add(0.5f);
            IntVector lower = ((IntVector) first.convert(VectorOperators.F2I, 0)).min(15);
            IntVector upper = ((IntVector) second.convert(VectorOperators.F2I, 0)).min(15);
            IntVector pairs = lower.or(upper.lanewise(VectorOperators.LSHL, 4));
            ((ByteVector) pairs.convertShape(VectorOperators.I2B, Lanes.BYTES, 0)).intoArray(blocks, at + i);
        }
    }
}
