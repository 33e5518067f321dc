package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.FLOATS;

/// The vectorised form of [Q5_0Kernel]: lanes are elements of a block.
final class VectorQ5_0Kernel extends Q5_0Kernel {
    private static final int HALF = 16;

    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES) {
            float scale = Bytes.half(blocks, block);
            int fifth = Bytes.i32(blocks, block + FIFTH);
            VectorDecoding.nibblesAndBits(blocks, block + CODES, 0, fifth, 16, scale, target, to);
            VectorDecoding.nibblesAndBits(blocks, block + CODES, 4, fifth >>> HALF, 16, scale, target, to + HALF);
            to += COLUMNS;
        }
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        for (int i = 0; i < count; i++) {
            int from = sourceOffset + i * COLUMNS;
            int block = at + i * BYTES;
            float scale = VectorBlocks.peak32(source, from) / -16;
            float inverse = Rounding.inverse(scale);
            if (Float.isInfinite(inverse)) {
                encodeBlock(source, from, blocks, block);
            } else {
                Bytes.putHalf(blocks, block, scale);
                Bytes.putI32(blocks, block + FIFTH, codes(source, from, inverse, blocks, block + CODES));
            }
        }
    }

    /// Stores the lower four bits and returns the fifth ones.
    private static int codes(float[] source, int from, float inverse, byte[] blocks, int at) {
        long fifth = 0;
        for (int i = 0; i < HALF; i += COUNT) {
            FloatVector first = FloatVector.fromArray(FLOATS, source, from + i).mul(inverse).add(16.5f);
            FloatVector second = FloatVector.fromArray(FLOATS, source, from + HALF + i).mul(inverse).add(16.5f);
            IntVector lower = ((IntVector) first.convert(VectorOperators.F2I, 0)).min(31);
            IntVector upper = ((IntVector) second.convert(VectorOperators.F2I, 0)).min(31);
            IntVector pairs = lower.and(15).or(upper.lanewise(VectorOperators.LSHL, 4));
            ((ByteVector) pairs.convertShape(VectorOperators.I2B, Lanes.BYTES, 0)).intoArray(blocks, at + i);
            fifth |= lower.compare(VectorOperators.GE, 16).toLong() << i;
            fifth |= upper.compare(VectorOperators.GE, 16).toLong() << HALF + i;
        }
        return (int) fifth;
    }
}
