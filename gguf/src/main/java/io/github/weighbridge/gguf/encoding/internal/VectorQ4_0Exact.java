package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.gguf.encoding.internal.ExactKernel.Source;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.FLOATS;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.INTS;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.MAGNITUDE;

/// The vectorised form of [Q4_0Exact]: lanes are elements of a block. Only what does not depend on an order is computed in lanes.
final class VectorQ4_0Exact extends Q4_0Exact {
    private static final int HALF = COLUMNS / 2;
    private static final int INFINITE = 0x7f800000;

    @Override
    float peak(float[] source, int from) {
        return VectorBlocks.magnitude(source, from, COLUMNS);
    }

    @Override
    boolean levels(float[] source, int from, float inverse, Fit fit) {
        for (int i = 0; i < COLUMNS; i += COUNT) {
            FloatVector place = FloatVector.fromArray(FLOATS, source, from + i).mul(inverse);
            FloatVector level = place.add(ROUND).sub(ROUND);
            level.intoArray(fit.levels, i);
            if (!place.sub(level).abs().compare(VectorOperators.LE, level.abs().mul(TOLERANCE)).allTrue()) {
                return false;
            }
        }
        return true;
    }

    @Override
    int products(float[] source, int from, Fit fit) {
        FloatVector squares = FloatVector.zero(FLOATS);
        for (int i = 0; i < HALF; i += COUNT) {
            FloatVector low = FloatVector.fromArray(FLOATS, fit.levels, i);
            FloatVector high = FloatVector.fromArray(FLOATS, fit.levels, HALF + i);
            FloatVector others = FloatVector.fromArray(FLOATS, source, from + HALF + i).mul(high);
            FloatVector.fromArray(FLOATS, source, from + i).mul(low).add(others).intoArray(fit.products, i);
            squares = squares.add(low.mul(low)).add(high.mul(high));
        }
        // Whole numbers, whose order does not matter.
        return (int) squares.reduceLanes(VectorOperators.ADD);
    }

    @Override
    void bounds(float[] source, int from, Source type, Fit fit) {
        if (type == Source.BF16) {
            boundsOfBf16(source, from, fit);
        } else {
            super.bounds(source, from, type, fit);
        }
    }

    private static void boundsOfBf16(float[] source, int from, Fit fit) {
        // Bounds are positive, so that their bits are ordered as they are, and comparing integers is cheaper.
        IntVector low = IntVector.zero(INTS);
        IntVector high = IntVector.broadcast(INTS, INFINITE);
        IntVector seen = low;
        IntVector one = IntVector.broadcast(INTS, 1);
        FloatVector ones = FloatVector.broadcast(FLOATS, 1);
        for (int i = 0; i < COLUMNS; i += COUNT) {
            IntVector level = (IntVector) FloatVector.fromArray(FLOATS, fit.levels, i).convert(VectorOperators.F2I, 0);
            IntVector magnitude = level.max(level.neg());
            seen = seen.or(one.lanewise(VectorOperators.LSHL, level.add(8)));
            FloatVector inverse = ones.div((FloatVector) magnitude.max(1).convert(VectorOperators.I2F, 0));
            IntVector bits = FloatVector.fromArray(FLOATS, source, from + i).reinterpretAsInts().and(MAGNITUDE);
            IntVector reach = IntVector.broadcast(INTS, 0x8000).sub(bits.lanewise(VectorOperators.LSHR, 16).and(1).mul(OPEN));
            IntVector above = bits.add(reach).blend(INFINITE, bits.compare(VectorOperators.EQ, 0));
            low = low.max(bits.sub(reach).max(0).reinterpretAsFloats().mul(inverse).reinterpretAsInts());
            high = high.min(above.reinterpretAsFloats().mul(inverse).reinterpretAsInts());
        }
        fit.low = Float.intBitsToFloat(low.reduceLanes(VectorOperators.MAX)) * LOWERED;
        fit.high = Float.intBitsToFloat(high.reduceLanes(VectorOperators.MIN)) * RAISED;
        fit.saw(seen.reduceLanes(VectorOperators.OR));
    }

    @Override
    void pack(float[] levels, int half, boolean negative, byte[] blocks, int block) {
        Bytes.putI16(blocks, block, negative ? half | 0x8000 : half);
        packCodes(levels, negative ? -1 : 1, blocks, block + Q4_0Kernel.CODES);
    }

    private static void packCodes(float[] levels, float sign, byte[] blocks, int at) {
        for (int i = 0; i < HALF; i += COUNT) {
            FloatVector first = FloatVector.fromArray(FLOATS, levels, i).mul(sign).add(8);
            FloatVector second = FloatVector.fromArray(FLOATS, levels, HALF + i).mul(sign).add(8);
            IntVector low = (IntVector) first.convert(VectorOperators.F2I, 0);
            IntVector high = (IntVector) second.convert(VectorOperators.F2I, 0);
            IntVector pairs = low.or(high.lanewise(VectorOperators.LSHL, 4));
            ((ByteVector) pairs.convertShape(VectorOperators.I2B, Lanes.BYTES, 0)).intoArray(blocks, at + i);
        }
    }
}
