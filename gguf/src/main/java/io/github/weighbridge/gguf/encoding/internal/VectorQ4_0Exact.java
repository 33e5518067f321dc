package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.gguf.encoding.internal.ExactKernel.Source;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// The vectorised form of [Q4_0Exact]: lanes are elements of a block. Only what does not depend on an order is computed in lanes.
final class VectorQ4_0Exact extends Q4_0Exact {
    private static final int HALF = COLUMNS / 2;
    private static final int INFINITE = 0x7f800000;

    @Override
    boolean levels(float[] source, int from, float inverse, Fit fit) {
        for (int i = 0; i < COLUMNS; i += Lanes.COUNT) {
            FloatVector place = floats(source, from + i).mul(inverse);
            FloatVector level = place.add(ROUND).sub(ROUND);
            level.intoArray(fit.levels, i);
            if (!place.sub(level).abs().compare(VectorOperators.LE, level.abs().mul(TOLERANCE)).allTrue()) {
                return false;
            }
        }
        return true;
    }

    @Override
    float peak(float[] source, int from) {
        IntVector magnitude = magnitudes(floats(source, from));
        for (int i = Lanes.COUNT; i < COLUMNS; i += Lanes.COUNT) {
            magnitude = magnitude.max(magnitudes(floats(source, from + i)));
        }
        return Float.intBitsToFloat(magnitude.reduceLanes(VectorOperators.MAX));
    }

    @Override
    int products(float[] source, int from, Fit fit) {
        FloatVector squares = FloatVector.zero(Lanes.FLOATS);
        for (int i = 0; i < HALF; i += Lanes.COUNT) {
            FloatVector low = floats(fit.levels, i);
            FloatVector high = floats(fit.levels, HALF + i);
            floats(source, from + i).mul(low).add(floats(source, from + HALF + i).mul(high)).intoArray(fit.products, i);
            squares = squares.add(low.mul(low)).add(high.mul(high));
        }
        // Whole numbers, whose order does not matter.
        return (int) squares.reduceLanes(VectorOperators.ADD);
    }

    @Override
    void bounds(float[] source, int from, Source type, Fit fit) {
        if (type != Source.BF16) {
            super.bounds(source, from, type, fit);
            return;
        }
        // Bounds are positive, so that their bits are ordered as they are, and comparing integers is cheaper.
        IntVector low = IntVector.zero(Lanes.INTS);
        IntVector high = IntVector.broadcast(Lanes.INTS, INFINITE);
        IntVector magnitudes = low;
        IntVector most = low;
        IntVector least = low;
        IntVector one = IntVector.broadcast(Lanes.INTS, 1);
        FloatVector ones = FloatVector.broadcast(Lanes.FLOATS, 1);
        for (int i = 0; i < COLUMNS; i += Lanes.COUNT) {
            IntVector level = truncate(floats(fit.levels, i));
            IntVector magnitude = level.max(level.neg());
            most = most.max(level);
            least = least.min(level);
            magnitudes = magnitudes.or(one.lanewise(VectorOperators.LSHL, magnitude));
            FloatVector inverse = ones.div(toFloats(magnitude.max(1)));
            IntVector bits = magnitudes(floats(source, from + i));
            IntVector reach = IntVector.broadcast(Lanes.INTS, 0x8000).sub(bits.lanewise(VectorOperators.LSHR, 16).and(1).mul(OPEN));
            IntVector above = bits.add(reach).blend(INFINITE, bits.compare(VectorOperators.EQ, 0));
            low = low.max(bits.sub(reach).max(0).reinterpretAsFloats().mul(inverse).reinterpretAsInts());
            high = high.min(above.reinterpretAsFloats().mul(inverse).reinterpretAsInts());
        }
        fit.low = Float.intBitsToFloat(low.reduceLanes(VectorOperators.MAX)) * LOWERED;
        fit.high = Float.intBitsToFloat(high.reduceLanes(VectorOperators.MIN)) * RAISED;
        fit.magnitudes = magnitudes.reduceLanes(VectorOperators.OR);
        fit.atPlusEight = most.reduceLanes(VectorOperators.MAX) == 8;
        fit.atMinusEight = least.reduceLanes(VectorOperators.MIN) == -8;
    }

    @Override
    void pack(float[] levels, int half, boolean negative, byte[] blocks, int block) {
        float sign = negative ? -1 : 1;
        Bytes.putI16(blocks, block, negative ? half | 0x8000 : half);
        for (int i = 0; i < HALF; i += Lanes.COUNT) {
            IntVector low = truncate(floats(levels, i).mul(sign).add(8));
            IntVector high = truncate(floats(levels, HALF + i).mul(sign).add(8));
            store(low.or(high.lanewise(VectorOperators.LSHL, 4)), blocks, block + Q4_0Kernel.CODES + i);
        }
    }

    private static FloatVector floats(float[] source, int offset) {
        return FloatVector.fromArray(Lanes.FLOATS, source, offset);
    }

    /// The bits of the absolute values, which as integers are ordered like the numbers.
    private static IntVector magnitudes(FloatVector values) {
        return values.reinterpretAsInts().and(Lanes.MAGNITUDE);
    }

    private static IntVector truncate(FloatVector values) {
        return (IntVector) values.convert(VectorOperators.F2I, 0);
    }

    private static FloatVector toFloats(IntVector values) {
        return (FloatVector) values.convert(VectorOperators.I2F, 0);
    }

    /// Stores the low byte of each integer.
    private static void store(IntVector values, byte[] bytes, int offset) {
        ((ByteVector) values.convertShape(VectorOperators.I2B, Lanes.BYTES, 0)).intoArray(bytes, offset);
    }
}
