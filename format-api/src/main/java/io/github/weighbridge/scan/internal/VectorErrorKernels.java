package io.github.weighbridge.scan.internal;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// The vectorised form: same bits as [ScalarErrorKernels].
public final class VectorErrorKernels implements ErrorKernels {
    private static final VectorSpecies<Double> DOUBLES =
            DoubleVector.SPECIES_PREFERRED.length() > LANES ? DoubleVector.SPECIES_512 : DoubleVector.SPECIES_PREFERRED;
    private static final int WIDTH = DOUBLES.length();
    private static final VectorSpecies<Float> FLOATS =
            VectorSpecies.of(float.class, VectorShape.forBitSize(Math.max(64, DOUBLES.vectorBitSize() / 2)));
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;

    private final ErrorKernels plain = new ScalarErrorKernels();

    @Override
    public Sums sums(float[] reference, float[] value, int count, double relative, double absolute) {
        Sums sums = new Sums();
        int whole = count & -LANES;
        for (int part = 0; part < LANES; part += WIDTH) {
            part(reference, value, part, whole, relative, absolute, sums);
        }
        ScalarErrorKernels.rest(reference, value, whole, count, relative, absolute, sums);
        return sums;
    }

    private static DoubleVector numbers(float[] numbers, int at) {
        return (DoubleVector) FloatVector.fromArray(FLOATS, numbers, at).convertShape(VectorOperators.F2D, DOUBLES, 0);
    }

    /// As many lanes as a vector has, from one on.
    private static void part(float[] references, float[] values, int lane, int end, double relative, double absolute, Sums sums) {
        DoubleVector error = DoubleVector.zero(DOUBLES);
        DoubleVector reference = DoubleVector.zero(DOUBLES);
        DoubleVector value = DoubleVector.zero(DOUBLES);
        DoubleVector product = DoubleVector.zero(DOUBLES);
        DoubleVector largest = DoubleVector.zero(DOUBLES);
        int equal = 0;
        int beyond = 0;
        for (int i = lane; i < end; i += LANES) {
            DoubleVector x = numbers(references, i);
            DoubleVector y = numbers(values, i);
            DoubleVector d = y.sub(x).abs();
            equal += x.eq(y).trueCount();
            beyond += d.compare(VectorOperators.GT, x.abs().mul(relative).add(absolute)).trueCount();
            VectorMask<Double> larger = d.compare(VectorOperators.GT, largest);
            largest = largest.blend(d, larger);
            error = error.add(d.mul(d));
            reference = reference.add(x.mul(x));
            value = value.add(y.mul(y));
            product = product.add(x.mul(y));
        }
        error.intoArray(sums.error, lane);
        reference.intoArray(sums.reference, lane);
        value.intoArray(sums.value, lane);
        product.intoArray(sums.product, lane);
        for (int i = 0; i < WIDTH; i++) {
            sums.largest = Math.max(sums.largest, largest.lane(i));
        }
        sums.equal += equal;
        sums.beyond += beyond;
    }

    @Override
    public float largest(float[] numbers, int from, int count) {
        IntVector largest = IntVector.zero(INTS);
        int i = 0;
        for (; i <= count - INTS.length(); i += INTS.length()) {
            largest = largest.max(
                    FloatVector.fromArray(FloatVector.SPECIES_PREFERRED, numbers, from + i).reinterpretAsInts().and(0x7fffffff));
        }
        return Math.max(Float.intBitsToFloat(largest.reduceLanes(VectorOperators.MAX)), plain.largest(numbers, from + i, count - i));
    }
}
