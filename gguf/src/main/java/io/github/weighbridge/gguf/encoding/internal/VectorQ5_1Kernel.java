package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.FLOATS;

/// The vectorised form of [Q5_1Kernel]: lanes are elements of a block.
final class VectorQ5_1Kernel extends Q5_1Kernel {
    private static final int HALF = 16;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float scale = Bytes.half(blocks, block);
            float minimum = Bytes.half(blocks, block + MINIMUM);
            int fifth = Bytes.i32(blocks, block + FIFTH);
            VectorDecoding.nibblesAndBits(blocks, block + CODES, 0, fifth, scale, minimum, target, to);
            VectorDecoding.nibblesAndBits(blocks, block + CODES, 4, fifth >>> HALF, scale, minimum, target, to + HALF);
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
            float scale = (bounds[1] - low) / 31;
            float inverse = Rounding.inverse(scale);
            // Zeros of both signs count as equal, and the first one stays: the plain form sees which it is.
            if (low == 0 || Float.isInfinite(inverse)) {
                encodeBlock(source, from, blocks, block);
            } else {
                Bytes.putHalf(blocks, block, scale);
                Bytes.putHalf(blocks, block + MINIMUM, low);
                Bytes.putI32(blocks, block + FIFTH, codes(source, from, low, inverse, blocks, block + CODES));
            }
        }
    }

    /// Stores the lower four bits and returns the fifth ones.
    private static int codes(float[] source, int from, float low, float inverse, byte[] blocks, int at) {
        long fifth = 0;
        for (int i = 0; i < HALF; i += COUNT) {
            FloatVector first = FloatVector.fromArray(FLOATS, source, from + i).sub(low).mul(inverse).add(0.5f);
            FloatVector second = FloatVector.fromArray(FLOATS, source, from + HALF + i).sub(low).mul(inverse).add(0.5f);
            IntVector lower = (IntVector) first.convert(VectorOperators.F2I, 0);
            IntVector upper = (IntVector) second.convert(VectorOperators.F2I, 0);
            IntVector pairs = lower.and(15).or(upper.lanewise(VectorOperators.LSHL, 4));
            ((ByteVector) pairs.convertShape(VectorOperators.I2B, Lanes.BYTES, 0)).intoArray(blocks, at + i);
            fifth |= lower.and(16).compare(VectorOperators.NE, 0).toLong() << i;
            fifth |= upper.and(16).compare(VectorOperators.NE, 0).toLong() << HALF + i;
        }
        return (int) fifth;
    }
}
