package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.ALMOST_HALF;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.FLOATS;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.SIGN;

/// The vectorised form of [Q8_0Kernel]: lanes are elements of a block.
final class VectorQ8_0Kernel extends Q8_0Kernel {
    @Override
    public void decode(byte[] blocks, int at, float[] target, int targetOffset, int count) {
        int to = targetOffset;
        for (int block = at, end = at + count * BYTES; block < end; block += BYTES, to += COLUMNS) {
            float scale = Bytes.half(blocks, block);
            for (int i = 0; i < COLUMNS; i += COUNT) {
                ByteVector codes = ByteVector.fromArray(Lanes.BYTES, blocks, block + CODES + i);
                FloatVector levels = (FloatVector) codes.convertShape(VectorOperators.B2F, FLOATS, 0);
                levels.mul(scale).intoArray(target, to + i);
            }
        }
    }

    @Override
    public void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        float[] peaks = new float[COUNT];
        float[] inverses = new float[COUNT];
        int[] halves = new int[COUNT];
        for (int done = 0; done < count; done += COUNT) {
            int now = Math.min(COUNT, count - done);
            int from = sourceOffset + done * COLUMNS;
            for (int i = 0; i < now; i++) {
                peaks[i] = VectorBlocks.magnitude(source, from + i * COLUMNS, COLUMNS);
            }
            VectorBlocks.scales(peaks, 127, inverses, halves);
            for (int i = 0; i < now; i++) {
                int block = at + (done + i) * BYTES;
                if (Float.isInfinite(inverses[i])) {
                    encodeBlock(source, from + i * COLUMNS, blocks, block);
                } else {
                    Bytes.putI16(blocks, block, halves[i]);
                    codes(source, from + i * COLUMNS, inverses[i], blocks, block + CODES);
                }
            }
        }
    }

    static void codes(float[] source, int from, float inverse, byte[] blocks, int at) {
        for (int i = 0; i < COLUMNS; i += COUNT) {
            FloatVector level = FloatVector.fromArray(FLOATS, source, from + i).mul(inverse);
            // Half away from zero, as in Rounding.away.
            FloatVector half = level.reinterpretAsInts().and(SIGN).or(ALMOST_HALF).reinterpretAsFloats();
            IntVector code = (IntVector) level.add(half).convert(VectorOperators.F2I, 0);
            ((ByteVector) code.convertShape(VectorOperators.I2B, Lanes.BYTES, 0)).intoArray(blocks, at + i);
        }
    }
}
