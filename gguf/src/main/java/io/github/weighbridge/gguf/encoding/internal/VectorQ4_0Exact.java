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

/// The vectorised form of [Q4_0Exact]: lanes are elements of a block, and where something is computed once for a block, they are blocks.
///
/// Blocks of BF16 numbers that lie on the grid are done many at a time. The nearer a step is to that of least squares, the less its error
/// with the same levels; so the nearest half that returns all numbers is the one that the plain form finds, and no bounds are needed to tell.
/// All other blocks go the plain form's way. Only what does not depend on an order is computed in lanes of a block.
final class VectorQ4_0Exact extends Q4_0Exact {
    private static final int HALF = COLUMNS / 2;
    private static final int INFINITE = 0x7f800000;
    private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);
    private static final int BATCH = 4 * COUNT;
    private static final int LEAST_NORMAL = 0x0400;
    private static final int NONE = 0;
    private static final int NEAR_HALVES = 3;
    /// What the bits of a normal half, as those of a float, have more to their exponent.
    private static final int HALF_BIAS = 0x38000000;
    private static final int SIGN_OF_HALF = 0x8000;

    /// What is known of a batch of blocks whose largest magnitudes are taken to be at level -8.
    private static final class Batch {
        /// The first of the largest numbers.
        final float[] peaks = new float[BATCH];
        /// One divided by the step.
        final float[] inverses = new float[BATCH];
        /// Whether no other level of the largest magnitude is possible.
        final boolean[] certain = new boolean[BATCH];
        /// Products of numbers and levels, and their sums.
        final float[] products = new float[BATCH * HALF];
        final float[] productSums = new float[BATCH];
        /// Sums of squared levels.
        final int[] squares = new int[BATCH];
        /// Steps of least squares in half precision, as bits and as numbers where they are normal.
        final int[] halves = new int[BATCH];
        final float[] steps = new float[BATCH];
        /// Whether they return all numbers.
        final boolean[] returned = new boolean[BATCH];
    }

    @Override
    void encodeAll(float[] source, int from, Source type, byte[] blocks, int at, int count) {
        if (type == Source.F16) {
            super.encodeAll(source, from, type, blocks, at, count);
            return;
        }
        Batch batch = new Batch();
        Fit fit = new Fit();
        for (int done = 0; done < count; done += BATCH) {
            encode(source, from + done * COLUMNS, type, blocks, at + done * Q4_0Kernel.BYTES, Math.min(BATCH, count - done), batch, fit);
        }
    }

    private void encode(float[] source, int from, Source type, byte[] blocks, int at, int count, Batch batch, Fit fit) {
        for (int i = 0; i < count; i++) {
            batch.peaks[i] = VectorBlocks.peak32(source, from + i * COLUMNS);
        }
        inverses(batch);
        for (int i = 0; i < count; i++) {
            int first = from + i * COLUMNS;
            batch.certain[i] = (type == Source.BF16 || bf16(source, first))
                    && sums(source, first, batch.inverses[i], batch, i, blocks, at + i * Q4_0Kernel.BYTES + Q4_0Kernel.CODES);
        }
        for (int i = 0; i < count; i++) {
            batch.productSums[i] = tree(batch.products, i * HALF);
        }
        steps(batch);
        for (int i = 0; i < count; i++) {
            batch.returned[i] = returned(source, from + i * COLUMNS, batch.inverses[i], batch.steps[i]);
        }
        for (int i = 0; i < count; i++) {
            int first = from + i * COLUMNS;
            int block = at + i * Q4_0Kernel.BYTES;
            if (batch.returned[i] && batch.certain[i] && normal(batch.halves[i])) {
                Bytes.putI16(blocks, block, batch.halves[i]);
            } else if (!batch.certain[i] || !otherwise(source, first, batch, i, fit, blocks, block)) {
                encode(source, first, type, blocks, block, fit);
            }
        }
    }

    /// The inverses of steps that put the largest numbers at level -8.
    private static void inverses(Batch batch) {
        for (int i = 0; i < BATCH; i += COUNT) {
            FloatVector.broadcast(FLOATS, -LEVELS).div(FloatVector.fromArray(FLOATS, batch.peaks, i)).intoArray(batch.inverses, i);
        }
    }

    /// Whether all numbers are those of BF16.
    private static boolean bf16(float[] source, int from) {
        IntVector bits = IntVector.zero(INTS);
        for (int i = 0; i < COLUMNS; i += COUNT) {
            bits = bits.or(FloatVector.fromArray(FLOATS, source, from + i).reinterpretAsInts());
        }
        return bits.and(0xffff).compare(VectorOperators.EQ, 0).allTrue();
    }

    /// Rounds all numbers to levels, writes these, and sums what least squares need. Whether the numbers lie near the levels shows later.
    ///
    /// @return whether this level of the largest magnitude is the only one possible: with an odd level beside it there is no other
    private static boolean sums(float[] source, int from, float inverse, Batch batch, int index, byte[] blocks, int at) {
        IntVector seen = IntVector.zero(INTS);
        FloatVector squares = FloatVector.broadcast(FLOATS, ROUND);
        for (int i = 0; i < HALF; i += COUNT) {
            FloatVector first = FloatVector.fromArray(FLOATS, source, from + i);
            FloatVector second = FloatVector.fromArray(FLOATS, source, from + HALF + i);
            FloatVector firstPlace = first.mul(inverse).add(ROUND);
            FloatVector secondPlace = second.mul(inverse).add(ROUND);
            FloatVector low = firstPlace.sub(ROUND);
            FloatVector high = secondPlace.sub(ROUND);
            IntVector lowCode = firstPlace.reinterpretAsInts().sub(ROUND_BITS - LEVELS);
            IntVector highCode = secondPlace.reinterpretAsInts().sub(ROUND_BITS - LEVELS);
            seen = seen.or(lowCode).or(highCode);
            IntVector pairs = lowCode.or(highCode.lanewise(VectorOperators.LSHL, 4));
            ((ByteVector) pairs.convertShape(VectorOperators.I2B, Lanes.BYTES, 0)).intoArray(blocks, at + i);
            first.mul(low).add(second.mul(high)).intoArray(batch.products, index * HALF + i);
            // Whole numbers, exact in any order.
            squares = squares.add(low.mul(low)).add(high.mul(high));
        }
        batch.squares[index] = squares.reinterpretAsInts().sub(ROUND_BITS).reduceLanes(VectorOperators.ADD);
        // Level 8 has no code.
        return seen.and(1).compare(VectorOperators.NE, 0).anyTrue() && seen.and(-16).compare(VectorOperators.EQ, 0).allTrue();
    }

    /// Divides sums of products by sums of squares, and rounds the quotients to half precision.
    private static void steps(Batch batch) {
        for (int i = 0; i < BATCH; i += COUNT) {
            FloatVector squares = (FloatVector) IntVector.fromArray(INTS, batch.squares, i).convert(VectorOperators.I2F, 0);
            IntVector signed = FloatVector.fromArray(FLOATS, batch.productSums, i).div(squares).reinterpretAsInts();
            IntVector bits = signed.and(MAGNITUDE);
            IntVector odd = bits.lanewise(VectorOperators.LSHR, 13).and(1);
            IntVector half = bits.sub(HALF_BIAS).add(0x0fff).add(odd).lanewise(VectorOperators.LSHR, 13);
            // What is too small or too large for a normal half is so here as well.
            IntVector sign = signed.lanewise(VectorOperators.LSHR, 16).and(SIGN_OF_HALF);
            half = half.min(INFINITE >>> 16);
            half.or(sign).intoArray(batch.halves, i);
            half.lanewise(VectorOperators.LSHL, 13).add(HALF_BIAS).or(sign.lanewise(VectorOperators.LSHL, 16)).reinterpretAsFloats()
                    .intoArray(batch.steps, i);
        }
    }

    /// Whether a half and the nearest few are normal.
    private static boolean normal(int half) {
        int magnitude = half & ~SIGN_OF_HALF;
        return magnitude >= LEAST_NORMAL + NEAR_HALVES && magnitude <= LARGEST_HALF - NEAR_HALVES;
    }

    /// The half nearest to the step of least squares that returns all numbers, where that itself does not. Those that do lie side by side, so
    /// that the first one that is found on either side is the nearest.
    ///
    /// @return its bits; 0 where it is none of the nearest few
    private static int beside(float[] source, int from, float inverse, int half) {
        for (int distance = 1; distance <= NEAR_HALVES; distance++) {
            if (returned(source, from, inverse, Float.float16ToFloat((short) (half - distance)))) {
                return half - distance;
            }
            if (returned(source, from, inverse, Float.float16ToFloat((short) (half + distance)))) {
                return half + distance;
            }
        }
        return NONE;
    }

    /// Whether all products of level and step, rounded to BF16, are the numbers. They have the same signs, but for those of 0.
    private static boolean returned(float[] source, int from, float inverse, float step) {
        IntVector differences = IntVector.zero(INTS);
        for (int i = 0; i < COLUMNS; i += COUNT) {
            FloatVector number = FloatVector.fromArray(FLOATS, source, from + i);
            IntVector bits = number.mul(inverse).add(ROUND).sub(ROUND).mul(step).reinterpretAsInts();
            IntVector rounded = bits.add(bits.lanewise(VectorOperators.LSHR, 16).and(1)).add(0x7fff).and(0xffff0000);
            differences = differences.or(rounded.lanewise(VectorOperators.XOR, number.reinterpretAsInts()));
        }
        return differences.and(MAGNITUDE).compare(VectorOperators.EQ, 0).allTrue();
    }

    /// Tries what else is usual: another step beside that of least squares, or a lower level of the largest magnitude where it cannot be at the
    /// highest.
    ///
    /// @return whether a block was written
    private boolean otherwise(float[] source, int from, Batch batch, int index, Fit fit, byte[] blocks, int block) {
        float peak = Math.abs(batch.peaks[index]);
        if (levels(source, from, LEVELS / peak, fit)) {
            int half = normal(batch.halves[index]) ? beside(source, from, batch.inverses[index], batch.halves[index]) : NONE;
            if (half != NONE) {
                Bytes.putI16(blocks, block, half);
            }
            return half != NONE;
        }
        for (int level = LEVELS - 1; level > 0; level--) {
            float inverse = level / peak;
            if (levels(source, from, inverse, fit)) {
                int squares = products(source, from, fit);
                int half = Float.floatToFloat16(tree(fit.products, 0) / squares);
                if (!normal(half) || !only(level, fit.levels)) {
                    return false;
                }
                if (!returned(source, from, inverse, Float.float16ToFloat((short) half))) {
                    half = beside(source, from, inverse, half);
                }
                if (half != NONE) {
                    pack(fit.levels, half, false, blocks, block);
                }
                return half != NONE;
            }
        }
        return false;
    }

    /// Whether no other level of the largest magnitude is possible than the one that gave these levels.
    private static boolean only(int level, float[] levels) {
        IntVector one = IntVector.broadcast(INTS, 1);
        IntVector seen = IntVector.zero(INTS);
        for (int i = 0; i < COLUMNS; i += COUNT) {
            IntVector magnitude = FloatVector.fromArray(FLOATS, levels, i).abs().add(ROUND).reinterpretAsInts().sub(ROUND_BITS);
            seen = seen.or(one.lanewise(VectorOperators.LSHL, magnitude));
        }
        return (OTHERS[level][seen.reduceLanes(VectorOperators.OR)] & (1 << level) - 2) == 0;
    }

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
