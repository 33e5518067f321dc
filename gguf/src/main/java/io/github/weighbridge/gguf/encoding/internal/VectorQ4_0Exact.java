package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.gguf.encoding.internal.ExactKernel.Source;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/// The vectorised form of [Q4_0Exact]: lanes are elements of a block. Only what does not depend on an order is computed in lanes.
final class VectorQ4_0Exact extends Q4_0Exact {
    private static final int HALF = COLUMNS / 2;

    @Override
    boolean levels(float[] source, int from, float inverse, Fit fit) {
        for (int i = 0; i < COLUMNS; i += Lanes.COUNT) {
            FloatVector place = Lanes.floats(source, from + i).mul(inverse);
            FloatVector level = place.add(ROUND).sub(ROUND);
            level.intoArray(fit.levels, i);
            if (!place.sub(level).abs().compare(VectorOperators.LE, TOLERANCE).allTrue()) {
                return false;
            }
        }
        return true;
    }

    @Override
    void bounds(float[] source, int from, Source type, Fit fit) {
        FloatVector low = FloatVector.zero(Lanes.FLOATS);
        FloatVector high = FloatVector.broadcast(Lanes.FLOATS, Float.POSITIVE_INFINITY);
        IntVector magnitudes = IntVector.zero(Lanes.INTS);
        FloatVector most = FloatVector.zero(Lanes.FLOATS);
        FloatVector least = FloatVector.zero(Lanes.FLOATS);
        IntVector one = IntVector.broadcast(Lanes.INTS, 1);
        for (int i = 0; i < COLUMNS; i += Lanes.COUNT) {
            FloatVector level = Lanes.floats(fit.levels, i);
            FloatVector magnitude = level.abs();
            most = most.max(level);
            least = least.min(level);
            magnitudes = magnitudes.or(one.lanewise(VectorOperators.LSHL, Lanes.truncate(magnitude)));
            IntVector bits = Lanes.magnitudes(Lanes.floats(source, from + i));
            VectorMask<Float> some = bits.compare(VectorOperators.NE, 0).cast(Lanes.FLOATS);
            FloatVector below;
            FloatVector above;
            switch (type) {
                case BF16 -> {
                    IntVector reach = bits.lanewise(VectorOperators.LSHR, 16).and(1).mul(-OPEN).add(0x8000);
                    below = bits.sub(reach).reinterpretAsFloats();
                    above = bits.add(reach).reinterpretAsFloats();
                }
                case F16 -> {
                    IntVector reach = bits.lanewise(VectorOperators.LSHR, 13).and(1).mul(-OPEN).add(0x1000);
                    VectorMask<Float> normal = bits.compare(VectorOperators.GT, LEAST_NORMAL_HALF).cast(Lanes.FLOATS);
                    FloatVector value = bits.reinterpretAsFloats();
                    below = value.sub(HALF_SPACING).blend(bits.sub(reach).reinterpretAsFloats(), normal);
                    above = value.add(HALF_SPACING).blend(bits.add(reach).reinterpretAsFloats(), normal);
                }
                case F32, UNKNOWN -> {
                    below = bits.reinterpretAsFloats();
                    above = below;
                }
                default -> throw new IllegalArgumentException(type.name());
            }
            low = low.max(low.blend(below.div(magnitude), some));
            high = high.min(high.blend(above.div(magnitude), some));
        }
        fit.low = low.reduceLanes(VectorOperators.MAX);
        fit.high = high.reduceLanes(VectorOperators.MIN);
        fit.magnitudes = magnitudes.reduceLanes(VectorOperators.OR);
        fit.atPlusEight = most.reduceLanes(VectorOperators.MAX) == 8;
        fit.atMinusEight = least.reduceLanes(VectorOperators.MIN) == -8;
    }

    @Override
    void pack(float[] levels, int half, boolean negative, byte[] blocks, int block) {
        float sign = negative ? -1 : 1;
        Bytes.putI16(blocks, block, negative ? half | 0x8000 : half);
        for (int i = 0; i < HALF; i += Lanes.COUNT) {
            IntVector low = Lanes.truncate(Lanes.floats(levels, i).mul(sign).add(8));
            IntVector high = Lanes.truncate(Lanes.floats(levels, HALF + i).mul(sign).add(8));
            Lanes.store(low.or(high.lanewise(VectorOperators.LSHL, 4)), blocks, block + Q4_0Kernel.CODES + i);
        }
    }
}
