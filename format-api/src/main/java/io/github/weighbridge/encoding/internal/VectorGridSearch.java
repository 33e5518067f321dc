package io.github.weighbridge.encoding.internal;

import io.github.weighbridge.encoding.DenseType;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// The vectorised form of [ScalarGridSearch]: lanes are elements of a block, and where something is computed once for a block, they are blocks.
///
/// Blocks of BF16 numbers that lie on the grid are done many at a time. The nearer a step is to that of least squares, the less its error
/// with the same levels; so the nearest step that returns all numbers is the one that the plain form finds, and no bounds are needed to tell.
/// All other blocks go the plain form's way. Only what does not depend on an order is computed in lanes of a block.
///
/// Methods with vectors call nothing but the Vector API, even where that repeats a line: a vector that crosses a call which the compiler
/// did not inline costs an allocation.
public final class VectorGridSearch extends ScalarGridSearch {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED.vectorBitSize() > 512 ? FloatVector.SPECIES_512
            : FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);
    private static final int COUNT = INTS.length();
    /// With fewer lanes there is no byte vector of as many, and the plain form serves.
    private static final boolean ENOUGH = COUNT >= 8;
    private static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, COUNT * 8)));
    /// Bits of a magnitude. As integers they are ordered like the numbers, and comparing integers is cheaper.
    private static final int MAGNITUDE = 0x7fffffff;
    private static final int HALF = COLUMNS / 2;
    private static final int INFINITE = 0x7f800000;
    private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);
    private static final int BATCH = 4 * COUNT;
    private static final int LEAST_NORMAL_STEP_HALF = 0x0400;
    private static final int LEAST_NORMAL_STEP_BF16 = 0x0080;
    private static final int NONE = 0;
    private static final int NEAR = 3;
    /// What the bits of a normal half, as those of a float, have more to their exponent.
    private static final int HALF_BIAS = 0x38000000;

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
        /// Steps of least squares, rounded, as bits and as numbers where they are normal.
        final int[] bits = new int[BATCH];
        final float[] steps = new float[BATCH];
        /// Whether they return all numbers.
        final boolean[] returned = new boolean[BATCH];
    }

    @Override
    public void find(float[] numbers, int from, int count, DenseType source, DenseType step, byte[] codes, int at, int stride,
            int[] steps) {
        if (source == DenseType.F16 || !ENOUGH) {
            super.find(numbers, from, count, source, step, codes, at, stride, steps);
            return;
        }
        Batch batch = new Batch();
        Fit fit = new Fit(step, codes);
        for (int done = 0; done < count; done += BATCH) {
            find(numbers, from + done * COLUMNS, source, at + done * stride, stride, steps, done, Math.min(BATCH, count - done), batch,
                    fit);
        }
    }

    private void find(float[] source, int from, DenseType type, int at, int stride, int[] found, int foundAt, int count, Batch batch,
            Fit fit) {
        for (int i = 0; i < count; i++) {
            batch.peaks[i] = signedPeak(source, from + i * COLUMNS);
        }
        inverses(batch);
        for (int i = 0; i < count; i++) {
            int first = from + i * COLUMNS;
            batch.certain[i] = (type == DenseType.BF16 || bf16(source, first))
                    && sums(source, first, batch.inverses[i], batch, i, fit.codes, at + i * stride);
        }
        for (int i = 0; i < count; i++) {
            batch.productSums[i] = tree(batch.products, i * HALF);
        }
        if (fit.half) {
            halves(batch);
        } else {
            bf16s(batch);
        }
        for (int i = 0; i < count; i++) {
            batch.returned[i] = returned(source, from + i * COLUMNS, batch.inverses[i], batch.steps[i]);
        }
        for (int i = 0; i < count; i++) {
            int first = from + i * COLUMNS;
            if (batch.returned[i] && batch.certain[i] && normal(batch.bits[i], fit)) {
                found[foundAt + i] = batch.bits[i];
                continue;
            }
            fit.at = at + i * stride;
            if (!batch.certain[i] || !otherwise(source, first, batch, i, fit)) {
                find(source, first, type, fit);
            }
            found[foundAt + i] = fit.found;
        }
    }

    /// The first number of the largest magnitude.
    private static float signedPeak(float[] source, int from) {
        IntVector magnitude = IntVector.zero(INTS);
        for (int i = 0; i < COLUMNS; i += COUNT) {
            magnitude = magnitude.max(FloatVector.fromArray(FLOATS, source, from + i).reinterpretAsInts().and(MAGNITUDE));
        }
        int largest = magnitude.reduceLanes(VectorOperators.MAX);
        if (largest == 0) {
            return 0;
        }
        long where = 0;
        for (int i = 0; i < COLUMNS; i += COUNT) {
            IntVector bits = FloatVector.fromArray(FLOATS, source, from + i).reinterpretAsInts();
            where |= bits.and(MAGNITUDE).compare(VectorOperators.EQ, largest).toLong() << i;
        }
        return source[from + Long.numberOfTrailingZeros(where)];
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
    private static boolean sums(float[] source, int from, float inverse, Batch batch, int index, byte[] codes, int at) {
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
            ((ByteVector) pairs.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(codes, at + i);
            first.mul(low).add(second.mul(high)).intoArray(batch.products, index * HALF + i);
            // Whole numbers, exact in any order.
            squares = squares.add(low.mul(low)).add(high.mul(high));
        }
        batch.squares[index] = squares.reinterpretAsInts().sub(ROUND_BITS).reduceLanes(VectorOperators.ADD);
        // Level 8 has no code.
        return seen.and(1).compare(VectorOperators.NE, 0).anyTrue() && seen.and(-16).compare(VectorOperators.EQ, 0).allTrue();
    }

    /// Divides sums of products by sums of squares, and rounds the quotients to half precision.
    private static void halves(Batch batch) {
        for (int i = 0; i < BATCH; i += COUNT) {
            FloatVector squares = (FloatVector) IntVector.fromArray(INTS, batch.squares, i).convert(VectorOperators.I2F, 0);
            IntVector signed = FloatVector.fromArray(FLOATS, batch.productSums, i).div(squares).reinterpretAsInts();
            IntVector bits = signed.and(MAGNITUDE);
            IntVector odd = bits.lanewise(VectorOperators.LSHR, 13).and(1);
            IntVector half = bits.sub(HALF_BIAS).add(0x0fff).add(odd).lanewise(VectorOperators.LSHR, 13);
            // What is too small or too large for a normal half is so here as well.
            IntVector sign = signed.lanewise(VectorOperators.LSHR, 16).and(SIGN);
            half = half.min(INFINITE >>> 16);
            half.or(sign).intoArray(batch.bits, i);
            half.lanewise(VectorOperators.LSHL, 13).add(HALF_BIAS).or(sign.lanewise(VectorOperators.LSHL, 16)).reinterpretAsFloats()
                    .intoArray(batch.steps, i);
        }
    }

    /// The same for BF16.
    private static void bf16s(Batch batch) {
        for (int i = 0; i < BATCH; i += COUNT) {
            FloatVector squares = (FloatVector) IntVector.fromArray(INTS, batch.squares, i).convert(VectorOperators.I2F, 0);
            IntVector bits = FloatVector.fromArray(FLOATS, batch.productSums, i).div(squares).reinterpretAsInts();
            IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
            IntVector rounded = bits.add(0x7fff).add(odd).lanewise(VectorOperators.LSHR, 16);
            rounded.intoArray(batch.bits, i);
            rounded.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(batch.steps, i);
        }
    }

    /// Whether a step and the nearest few are normal.
    private static boolean normal(int bits, Fit fit) {
        int magnitude = bits & ~SIGN;
        return magnitude >= (fit.half ? LEAST_NORMAL_STEP_HALF : LEAST_NORMAL_STEP_BF16) + NEAR && magnitude <= fit.largest() - NEAR;
    }

    /// The step nearest to that of least squares that returns all numbers, where that itself does not. Those that do lie side by side, so
    /// that the first one that is found on either side is the nearest.
    ///
    /// @return its bits; 0 where it is none of the nearest few
    private static int beside(float[] source, int from, float inverse, int bits, Fit fit) {
        for (int distance = 1; distance <= NEAR; distance++) {
            if (returned(source, from, inverse, fit.step(bits - distance))) {
                return bits - distance;
            }
            if (returned(source, from, inverse, fit.step(bits + distance))) {
                return bits + distance;
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
    /// @return whether a step was found
    private boolean otherwise(float[] source, int from, Batch batch, int index, Fit fit) {
        float peak = Math.abs(batch.peaks[index]);
        if (levels(source, from, LEVELS / peak, fit)) {
            int bits = batch.bits[index];
            // The codes are there already.
            fit.found = normal(bits, fit) ? beside(source, from, batch.inverses[index], bits, fit) : NONE;
            return fit.found != NONE;
        }
        for (int level = LEVELS - 1; level > 0; level--) {
            float inverse = level / peak;
            if (levels(source, from, inverse, fit)) {
                int squares = products(source, from, fit);
                int bits = fit.bits(tree(fit.products, 0) / squares);
                if (!normal(bits, fit) || !only(level, fit.levels)) {
                    return false;
                }
                if (!returned(source, from, inverse, fit.step(bits))) {
                    bits = beside(source, from, inverse, bits, fit);
                }
                if (bits != NONE) {
                    pack(bits, false, fit);
                }
                return bits != NONE;
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
        IntVector largest = IntVector.zero(INTS);
        for (int i = 0; i < COLUMNS; i += COUNT) {
            largest = largest.max(FloatVector.fromArray(FLOATS, source, from + i).reinterpretAsInts().and(MAGNITUDE));
        }
        return Float.intBitsToFloat(largest.reduceLanes(VectorOperators.MAX));
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
    void bounds(float[] source, int from, DenseType type, Fit fit) {
        if (type == DenseType.BF16) {
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
    void pack(int bits, boolean negative, Fit fit) {
        fit.found = negative ? bits | SIGN : bits;
        packCodes(fit.levels, negative ? -1 : 1, fit.codes, fit.at);
    }

    private static void packCodes(float[] levels, float sign, byte[] codes, int at) {
        for (int i = 0; i < HALF; i += COUNT) {
            FloatVector first = FloatVector.fromArray(FLOATS, levels, i).mul(sign).add(8);
            FloatVector second = FloatVector.fromArray(FLOATS, levels, HALF + i).mul(sign).add(8);
            IntVector low = (IntVector) first.convert(VectorOperators.F2I, 0);
            IntVector high = (IntVector) second.convert(VectorOperators.F2I, 0);
            IntVector pairs = low.or(high.lanewise(VectorOperators.LSHL, 4));
            ((ByteVector) pairs.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(codes, at + i);
        }
    }
}
