package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.BYTES;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.FLOATS;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.INTS;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.MAGNITUDE;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.NEAR;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.NEAR_MASK;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.NEAR_ZERO;

/// Vectorised arithmetic that several block types share.
final class VectorBlocks {
    private VectorBlocks() {}

    /// [Blocks#magnitude].
    static float magnitude(float[] source, int from, int count) {
        IntVector largest = IntVector.zero(INTS);
        for (int i = 0; i < count; i += COUNT) {
            largest = largest.max(FloatVector.fromArray(FLOATS, source, from + i).reinterpretAsInts().and(MAGNITUDE));
        }
        return Float.intBitsToFloat(largest.reduceLanes(VectorOperators.MAX));
    }

    /// [Blocks#peak] of 32 elements.
    static float peak32(float[] source, int from) {
        IntVector magnitude = IntVector.zero(INTS);
        for (int i = 0; i < 32; i += COUNT) {
            magnitude = magnitude.max(FloatVector.fromArray(FLOATS, source, from + i).reinterpretAsInts().and(MAGNITUDE));
        }
        int largest = magnitude.reduceLanes(VectorOperators.MAX);
        if (largest == 0) {
            return 0;
        }
        long where = 0;
        for (int i = 0; i < 32; i += COUNT) {
            IntVector bits = FloatVector.fromArray(FLOATS, source, from + i).reinterpretAsInts();
            where |= bits.and(MAGNITUDE).compare(VectorOperators.EQ, largest).toLong() << i;
        }
        return source[from + Long.numberOfTrailingZeros(where)];
    }

    /// Smallest and largest of 32 elements, by an order in which minus zero is below zero.
    static void bounds32(float[] source, int from, float[] bounds) {
        IntVector bits = FloatVector.fromArray(FLOATS, source, from).reinterpretAsInts();
        // As integers, negative numbers are ordered the wrong way round unless their other bits are turned over.
        IntVector low = bits.lanewise(VectorOperators.ASHR, 31).and(MAGNITUDE).lanewise(VectorOperators.XOR, bits);
        IntVector high = low;
        for (int i = COUNT; i < 32; i += COUNT) {
            bits = FloatVector.fromArray(FLOATS, source, from + i).reinterpretAsInts();
            IntVector key = bits.lanewise(VectorOperators.ASHR, 31).and(MAGNITUDE).lanewise(VectorOperators.XOR, bits);
            low = low.min(key);
            high = high.max(key);
        }
        bounds[0] = ofKey(low.reduceLanes(VectorOperators.MIN));
        bounds[1] = ofKey(high.reduceLanes(VectorOperators.MAX));
    }

    private static float ofKey(int key) {
        return Float.intBitsToFloat(key >> 31 & MAGNITUDE ^ key);
    }

    /// [TQ2_0Kernel#ternary].
    static float ternary(float[] source, int from, byte[] codes) {
        float scale = magnitude(source, from, codes.length);
        float inverse = Rounding.inverse(scale);
        if (inverse == Float.POSITIVE_INFINITY) {
            return TQ2_0Kernel.ternary(source, from, codes);
        }
        ternaryCodes(source, from, inverse, codes);
        return scale;
    }

    private static void ternaryCodes(float[] source, int from, float inverse, byte[] codes) {
        for (int i = 0; i < codes.length; i += COUNT) {
            FloatVector level = FloatVector.fromArray(FLOATS, source, from + i).mul(inverse);
            // Half away from zero, as in Rounding.away.
            FloatVector half = level.reinterpretAsInts().and(Lanes.SIGN).or(Lanes.ALMOST_HALF).reinterpretAsFloats();
            IntVector code = ((IntVector) level.add(half).convert(VectorOperators.F2I, 0)).add(1);
            ((ByteVector) code.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(codes, i);
        }
    }

    /// [E2m1#code] of a run of elements.
    static void e2m1Codes(float[] source, int from, int count, float scale, byte[] codes, int codesFrom) {
        for (int i = 0; i < count; i += COUNT) {
            FloatVector value = FloatVector.fromArray(FLOATS, source, from + i);
            FloatVector least = value.abs();
            IntVector nearest = IntVector.zero(INTS);
            for (int code = 1; code < 16; code++) {
                FloatVector error = FloatVector.broadcast(FLOATS, E2m1.doubled(code) * scale).sub(value).abs();
                nearest = nearest.blend(code, error.lt(least).cast(INTS));
                least = least.blend(error, error.lt(least));
            }
            ((ByteVector) nearest.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(codes, codesFrom + i);
        }
    }

    /// [Blocks#affineLevels] for a scale that is not 0.
    static void affineLevels(float[] source, int from, int count, float scale, float minimum, int top, byte[] levels, int levelsFrom) {
        for (int i = 0; i < count; i += COUNT) {
            FloatVector ratio = FloatVector.fromArray(FLOATS, source, from + i).add(minimum).div(scale);
            IntVector near = ratio.add(NEAR).reinterpretAsInts().and(NEAR_MASK).sub(NEAR_ZERO).max(0).min(top);
            ((ByteVector) near.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(levels, levelsFrom + i);
        }
    }

    /// [Blocks#symmetricLevels] for a scale that is not 0.
    static void symmetricLevels(float[] source, int from, int count, float scale, int half, byte[] levels, int levelsFrom) {
        for (int i = 0; i < count; i += COUNT) {
            FloatVector ratio = FloatVector.fromArray(FLOATS, source, from + i).div(scale);
            IntVector near = ratio.add(NEAR).reinterpretAsInts().and(NEAR_MASK).sub(NEAR_ZERO).max(-half).min(half - 1);
            ((ByteVector) near.add(half).convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(levels, levelsFrom + i);
        }
    }

    /// Divides the largest elements of as many blocks as there are lanes by a level, and one by the result: scales and their inverses. In
    /// lanes, since two divisions one behind the other take longer than the rest of a block.
    ///
    /// @param halves receives the scales' bits in half precision
    static void scales(float[] peaks, float level, float[] inverses, int[] halves) {
        FloatVector scale = FloatVector.fromArray(FLOATS, peaks, 0).div(level);
        FloatVector inverse = FloatVector.broadcast(FLOATS, 1).div(scale);
        inverse.blend(0, scale.compare(VectorOperators.EQ, 0)).intoArray(inverses, 0);
        IntVector bits = scale.reinterpretAsInts();
        IntVector magnitude = bits.and(MAGNITUDE);
        IntVector odd = magnitude.lanewise(VectorOperators.LSHR, 13).and(1);
        IntVector normal = magnitude.sub(0x38000000).add(0x0fff).add(odd).lanewise(VectorOperators.LSHR, 13);
        IntVector subnormal = magnitude.reinterpretAsFloats().add(0.5f).reinterpretAsInts().sub(0x3f000000);
        IntVector half = normal.blend(subnormal, magnitude.compare(VectorOperators.LT, Bytes.LEAST_NORMAL));
        half = half.blend(0x7c00, magnitude.compare(VectorOperators.GE, Bytes.LEAST_INFINITE));
        bits.lanewise(VectorOperators.LSHR, 16).and(0x8000).or(half).intoArray(halves, 0);
    }
}
