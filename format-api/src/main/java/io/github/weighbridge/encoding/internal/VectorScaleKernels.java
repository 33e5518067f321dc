package io.github.weighbridge.encoding.internal;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// The vectorised form: same bits as [ScalarScaleKernels]. A lane has a scale.
public final class VectorScaleKernels implements ScaleKernels {
    private static final VectorSpecies<Float> FLOATS =
            FloatVector.SPECIES_PREFERRED.length() > COUNT ? FloatVector.SPECIES_512 : FloatVector.SPECIES_PREFERRED;
    private static final int LANES = FLOATS.length();
    private static final VectorSpecies<Double> DOUBLES = VectorSpecies.of(double.class, FLOATS.vectorShape());
    private static final int HALF = DOUBLES.length();
    private static final float ROUND = ScalarCodeKernels.ROUND;
    private static final int ZERO = Float.floatToRawIntBits(ROUND);

    /// The nearest level. Numbers near the constant that rounds have the order of their bits, and integers are compared in one instruction, where
    /// floats need several for NaN and -0.
    private static FloatVector level(FloatVector place, int lowest, int highest) {
        IntVector rounded = place.add(ROUND).reinterpretAsInts();
        return rounded.max(lowest).min(highest).reinterpretAsFloats().sub(ROUND);
    }

    private static DoubleVector half(FloatVector sums, int half) {
        return (DoubleVector) sums.convertShape(VectorOperators.F2D, DOUBLES, half);
    }

    @Override
    public void products(float[] numbers, int from, int count, float[] inverses, int bits, double[] products, double[] squares) {
        int lowest = ZERO - (1 << bits - 1);
        int highest = ZERO + (1 << bits - 1) - 1;
        for (int part = 0; part < COUNT; part += LANES) {
            products(numbers, from, count, inverses, part, lowest, highest, products, squares);
        }
    }

    private static void products(float[] numbers, int from, int count, float[] inverses, int part, int lowest, int highest,
            double[] products, double[] squares) {
        FloatVector inverse = FloatVector.fromArray(FLOATS, inverses, part);
        DoubleVector productsLow = DoubleVector.zero(DOUBLES);
        DoubleVector productsHigh = DoubleVector.zero(DOUBLES);
        DoubleVector squaresLow = DoubleVector.zero(DOUBLES);
        DoubleVector squaresHigh = DoubleVector.zero(DOUBLES);
        for (int begin = from; begin < from + count; begin += PIECE) {
            int end = Math.min(from + count, begin + PIECE);
            FloatVector evenProducts = FloatVector.zero(FLOATS);
            FloatVector oddProducts = FloatVector.zero(FLOATS);
            FloatVector evenSquares = FloatVector.zero(FLOATS);
            FloatVector oddSquares = FloatVector.zero(FLOATS);
            int i = begin;
            for (; i < end - 1; i += 2) {
                FloatVector even = level(inverse.mul(numbers[i]), lowest, highest);
                FloatVector odd = level(inverse.mul(numbers[i + 1]), lowest, highest);
                evenProducts = evenProducts.add(even.mul(numbers[i]));
                oddProducts = oddProducts.add(odd.mul(numbers[i + 1]));
                evenSquares = evenSquares.add(even.mul(even));
                oddSquares = oddSquares.add(odd.mul(odd));
            }
            if (i < end) {
                FloatVector even = level(inverse.mul(numbers[i]), lowest, highest);
                evenProducts = evenProducts.add(even.mul(numbers[i]));
                evenSquares = evenSquares.add(even.mul(even));
            }
            evenProducts = evenProducts.add(oddProducts);
            evenSquares = evenSquares.add(oddSquares);
            productsLow = productsLow.add(half(evenProducts, 0));
            productsHigh = productsHigh.add(half(evenProducts, 1));
            squaresLow = squaresLow.add(half(evenSquares, 0));
            squaresHigh = squaresHigh.add(half(evenSquares, 1));
        }
        productsLow.intoArray(products, part);
        productsHigh.intoArray(products, part + HALF);
        squaresLow.intoArray(squares, part);
        squaresHigh.intoArray(squares, part + HALF);
    }

    @Override
    public void errors(float[] numbers, int from, int count, float[] scales, int bits, double[] errors) {
        int lowest = ZERO - (1 << bits - 1);
        int highest = ZERO + (1 << bits - 1) - 1;
        for (int part = 0; part < COUNT; part += LANES) {
            errors(numbers, from, count, scales, part, lowest, highest, errors);
        }
    }

    private static void errors(float[] numbers, int from, int count, float[] scales, int part, int lowest, int highest, double[] errors) {
        FloatVector scale = FloatVector.fromArray(FLOATS, scales, part);
        FloatVector inverse = FloatVector.broadcast(FLOATS, 1).div(scale);
        DoubleVector low = DoubleVector.zero(DOUBLES);
        DoubleVector high = DoubleVector.zero(DOUBLES);
        for (int begin = from; begin < from + count; begin += PIECE) {
            int end = Math.min(from + count, begin + PIECE);
            FloatVector evenErrors = FloatVector.zero(FLOATS);
            FloatVector oddErrors = FloatVector.zero(FLOATS);
            int i = begin;
            for (; i < end - 1; i += 2) {
                FloatVector even = scale.mul(level(inverse.mul(numbers[i]), lowest, highest)).sub(numbers[i]);
                FloatVector odd = scale.mul(level(inverse.mul(numbers[i + 1]), lowest, highest)).sub(numbers[i + 1]);
                evenErrors = evenErrors.add(even.mul(even));
                oddErrors = oddErrors.add(odd.mul(odd));
            }
            if (i < end) {
                FloatVector even = scale.mul(level(inverse.mul(numbers[i]), lowest, highest)).sub(numbers[i]);
                evenErrors = evenErrors.add(even.mul(even));
            }
            evenErrors = evenErrors.add(oddErrors);
            low = low.add(half(evenErrors, 0));
            high = high.add(half(evenErrors, 1));
        }
        low.intoArray(errors, part);
        high.intoArray(errors, part + HALF);
    }
}
