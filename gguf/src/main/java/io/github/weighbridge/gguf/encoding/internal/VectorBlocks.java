package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Vectorised arithmetic that several block types share.
final class VectorBlocks {
    private VectorBlocks() {}

    /// [Blocks#peak] of 32 elements.
    static float peak32(float[] source, int from) {
        IntVector magnitude = Lanes.magnitudes(Lanes.floats(source, from));
        for (int i = Lanes.COUNT; i < 32; i += Lanes.COUNT) {
            magnitude = magnitude.max(Lanes.magnitudes(Lanes.floats(source, from + i)));
        }
        int largest = magnitude.reduceLanes(VectorOperators.MAX);
        if (largest == 0) {
            return 0;
        }
        long where = 0;
        for (int i = 0; i < 32; i += Lanes.COUNT) {
            where |= Lanes.magnitudes(Lanes.floats(source, from + i)).compare(VectorOperators.EQ, largest).toLong() << i;
        }
        return source[from + Long.numberOfTrailingZeros(where)];
    }

    /// [Blocks#affineLevels] for a scale that is not 0.
    static void affineLevels(float[] source, int from, int count, float scale, float minimum, int top, byte[] levels, int levelsFrom) {
        for (int i = 0; i < count; i += Lanes.COUNT) {
            Lanes.store(Lanes.near(Lanes.floats(source, from + i).add(minimum).div(scale), 0, top), levels, levelsFrom + i);
        }
    }

    /// [Blocks#symmetricLevels] for a scale that is not 0.
    static void symmetricLevels(float[] source, int from, int count, float scale, int half, byte[] levels, int levelsFrom) {
        for (int i = 0; i < count; i += Lanes.COUNT) {
            Lanes.store(Lanes.near(Lanes.floats(source, from + i).div(scale), -half, half - 1).add(half), levels, levelsFrom + i);
        }
    }
}
