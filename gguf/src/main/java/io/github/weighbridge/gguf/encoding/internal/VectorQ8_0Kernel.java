package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// The vectorised form of [Q8_0Kernel]: lanes are elements of a block.
final class VectorQ8_0Kernel extends Q8_0Kernel {
    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            for (int i = 0; i < COLUMNS; i += Lanes.COUNT) {
                ByteVector codes = ByteVector.fromArray(Lanes.BYTES, blocks, block + CODES + i);
                FloatVector levels = (FloatVector) codes.convertShape(VectorOperators.B2F, Lanes.FLOATS, 0);
                levels.mul(scale).intoArray(target, to + i);
            }
        }
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        for (int i = 0; i < count; i++) {
            block(source, sourceOffset + i * COLUMNS, blocks, at + i * BYTES);
        }
    }

    private static void block(float[] source, int from, byte[] blocks, int block) {
        IntVector magnitude = Lanes.magnitudes(Lanes.floats(source, from));
        for (int i = Lanes.COUNT; i < COLUMNS; i += Lanes.COUNT) {
            magnitude = magnitude.max(Lanes.magnitudes(Lanes.floats(source, from + i)));
        }
        float scale = Float.intBitsToFloat(magnitude.reduceLanes(VectorOperators.MAX)) / 127;
        float inverse = Rounding.inverse(scale);
        if (inverse == Float.POSITIVE_INFINITY) {
            encodeBlock(source, from, blocks, block);
            return;
        }
        Bytes.putHalf(blocks, block, scale);
        for (int i = 0; i < COLUMNS; i += Lanes.COUNT) {
            FloatVector levels = Lanes.floats(source, from + i).mul(inverse);
            Lanes.store(Lanes.truncate(Lanes.beforeTruncation(levels)), blocks, block + CODES + i);
        }
    }
}
