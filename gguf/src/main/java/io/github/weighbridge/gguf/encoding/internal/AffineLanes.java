package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.FLOATS;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.NEAR;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.NEAR_MASK;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.NEAR_ZERO;

/// [Searches#affine] for as many groups as there are lanes. Serves one thread.
///
/// Levels are not kept: final levels are chosen anew by the rounded scale. In the rare groups whose scale rounds to 0 they come back from
/// [#levels], by the guess that fitted best.
final class AffineLanes {
    /// Elements, [turned][Transposed].
    final float[] x = new float[Transposed.ROOM];
    /// Their weights.
    final float[] weights = new float[Transposed.ROOM];
    /// Scale of each group.
    final float[] scales = new float[COUNT];
    /// What is subtracted in each group.
    final float[] minimums = new float[COUNT];

    private final float[] low = new float[COUNT];
    private final float[] high = new float[COUNT];
    private final float[] weightSum = new float[COUNT];
    private final float[] weighted = new float[COUNT];

    private final float[] trial = new float[Transposed.ROOM];
    private final float[] inverse = new float[COUNT];
    private final float[] sum = new float[COUNT];
    private final float[] squares = new float[COUNT];
    private final float[] products = new float[COUNT];
    private final float[] triedScale = new float[COUNT];
    private final float[] triedLow = new float[COUNT];
    private final float[] determinant = new float[COUNT];
    private final float[] error = new float[COUNT];

    private final float[] best = new float[COUNT];
    private final float[] bestInverse = new float[COUNT];
    private final float[] bestLow = new float[COUNT];

    /// Weights for `Q4_K` and `Q5_K`: [KQuants#weighByMagnitude].
    void weighByMagnitude(int size) {
        FloatVector squareSum = FloatVector.zero(FLOATS);
        for (int i = 0; i < size * COUNT; i += COUNT) {
            FloatVector value = FloatVector.fromArray(FLOATS, x, i);
            squareSum = squareSum.add(value.mul(value));
        }
        FloatVector root = squareSum.div(size).sqrt();
        for (int i = 0; i < size * COUNT; i += COUNT) {
            root.add(FloatVector.fromArray(FLOATS, x, i).abs()).intoArray(weights, i);
        }
    }

    /// Weights for `Q2_K`: magnitudes.
    void weighByAbsolute(int size) {
        for (int i = 0; i < size * COUNT; i += COUNT) {
            FloatVector.fromArray(FLOATS, x, i).abs().intoArray(weights, i);
        }
    }

    /// Searches scales and minimums.
    ///
    /// @param size elements of a group
    void search(int size, int top, Searches.Stretch stretch) {
        int end = size * COUNT;
        survey(end);
        guess(end, top, top);
        first();
        measure(end, stretch.absolute());
        begin();
        for (int step = 0; step <= stretch.steps(); step++) {
            guess(end, stretch.first() + stretch.each() * step + top, top);
            fit();
            measure(end, stretch.absolute());
            keep();
        }
        FloatVector.fromArray(FLOATS, low, 0).neg().intoArray(minimums, 0);
    }

    /// Bounds of the groups and sums that do not depend on levels.
    private void survey(int end) {
        FloatVector least = FloatVector.fromArray(FLOATS, x, 0);
        FloatVector most = least;
        FloatVector weight = FloatVector.fromArray(FLOATS, weights, 0);
        FloatVector plain = weight;
        FloatVector moment = weight.mul(least);
        for (int i = COUNT; i < end; i += COUNT) {
            FloatVector value = FloatVector.fromArray(FLOATS, x, i);
            weight = FloatVector.fromArray(FLOATS, weights, i);
            least = least.blend(value, value.lt(least));
            most = most.blend(value, most.lt(value));
            plain = plain.add(weight);
            moment = moment.add(weight.mul(value));
        }
        least.blend(0, least.compare(VectorOperators.GT, 0)).intoArray(low, 0);
        most.intoArray(high, 0);
        plain.intoArray(weightSum, 0);
        moment.intoArray(weighted, 0);
    }

    /// Chooses levels by `numerator` levels in the span of a group, and sums over them.
    private void guess(int end, float numerator, int top) {
        FloatVector least = FloatVector.fromArray(FLOATS, low, 0);
        FloatVector factor = FloatVector.broadcast(FLOATS, numerator).div(FloatVector.fromArray(FLOATS, high, 0).sub(least));
        FloatVector levels = FloatVector.zero(FLOATS);
        FloatVector levelSquares = levels;
        FloatVector levelProducts = levels;
        for (int i = 0; i < end; i += COUNT) {
            FloatVector value = FloatVector.fromArray(FLOATS, x, i);
            IntVector near = factor.mul(value.sub(least)).add(NEAR).reinterpretAsInts().and(NEAR_MASK).sub(NEAR_ZERO).max(0).min(top);
            FloatVector level = (FloatVector) near.convert(VectorOperators.I2F, 0);
            level.intoArray(trial, i);
            FloatVector part = FloatVector.fromArray(FLOATS, weights, i).mul(level);
            levels = levels.add(part);
            levelSquares = levelSquares.add(part.mul(level));
            levelProducts = levelProducts.add(part.mul(value));
        }
        factor.intoArray(inverse, 0);
        levels.intoArray(sum, 0);
        levelSquares.intoArray(squares, 0);
        levelProducts.intoArray(products, 0);
    }

    /// The first guess is taken as it is.
    private void first() {
        FloatVector.broadcast(FLOATS, 1).div(FloatVector.fromArray(FLOATS, inverse, 0)).intoArray(triedScale, 0);
        FloatVector.fromArray(FLOATS, low, 0).intoArray(triedLow, 0);
    }

    private void begin() {
        FloatVector least = FloatVector.fromArray(FLOATS, low, 0);
        // A group of equal elements has level 0 throughout, which an inverse of 0 gives, and no error is below -1.
        VectorMask<Float> even = FloatVector.fromArray(FLOATS, high, 0).compare(VectorOperators.EQ, least);
        FloatVector.fromArray(FLOATS, error, 0).blend(-1, even).intoArray(best, 0);
        FloatVector.fromArray(FLOATS, triedScale, 0).blend(0, even).intoArray(scales, 0);
        FloatVector.fromArray(FLOATS, inverse, 0).blend(0, even).intoArray(bestInverse, 0);
        least.intoArray(bestLow, 0);
    }

    /// Least squares for the levels guessed.
    private void fit() {
        FloatVector a = FloatVector.fromArray(FLOATS, weightSum, 0);
        FloatVector b = FloatVector.fromArray(FLOATS, sum, 0);
        FloatVector c = FloatVector.fromArray(FLOATS, squares, 0);
        FloatVector right = FloatVector.fromArray(FLOATS, products, 0);
        FloatVector rightLow = FloatVector.fromArray(FLOATS, weighted, 0);
        FloatVector divisor = a.mul(c).sub(b.mul(b));
        FloatVector scale = a.mul(right).sub(rightLow.mul(b)).div(divisor);
        FloatVector least = c.mul(rightLow).sub(b.mul(right)).div(divisor);
        VectorMask<Float> above = least.compare(VectorOperators.GT, 0);
        scale.blend(right.div(c), above).intoArray(triedScale, 0);
        least.blend(0, above).intoArray(triedLow, 0);
        divisor.intoArray(determinant, 0);
    }

    /// Takes over what fits better. The lowest number changes the guesses that follow.
    private void keep() {
        FloatVector tried = FloatVector.fromArray(FLOATS, error, 0);
        FloatVector previous = FloatVector.fromArray(FLOATS, best, 0);
        VectorMask<Float> better = tried.lt(previous).and(FloatVector.fromArray(FLOATS, determinant, 0).compare(VectorOperators.GT, 0));
        previous.blend(tried, better).intoArray(best, 0);
        FloatVector least = FloatVector.fromArray(FLOATS, low, 0);
        FloatVector.fromArray(FLOATS, scales, 0).blend(FloatVector.fromArray(FLOATS, triedScale, 0), better).intoArray(scales, 0);
        FloatVector.fromArray(FLOATS, bestInverse, 0).blend(FloatVector.fromArray(FLOATS, inverse, 0), better).intoArray(bestInverse, 0);
        FloatVector.fromArray(FLOATS, bestLow, 0).blend(least, better).intoArray(bestLow, 0);
        least.blend(FloatVector.fromArray(FLOATS, triedLow, 0), better).intoArray(low, 0);
    }

    private void measure(int end, boolean absolute) {
        if (absolute) {
            measureAbsolute(end);
        } else {
            measureSquare(end);
        }
    }

    private void measureAbsolute(int end) {
        FloatVector scale = FloatVector.fromArray(FLOATS, triedScale, 0);
        FloatVector least = FloatVector.fromArray(FLOATS, triedLow, 0);
        FloatVector total = FloatVector.zero(FLOATS);
        for (int i = 0; i < end; i += COUNT) {
            FloatVector difference = scale.mul(FloatVector.fromArray(FLOATS, trial, i)).add(least).sub(FloatVector.fromArray(FLOATS, x, i));
            total = total.add(FloatVector.fromArray(FLOATS, weights, i).mul(difference.abs()));
        }
        total.intoArray(error, 0);
    }

    private void measureSquare(int end) {
        FloatVector scale = FloatVector.fromArray(FLOATS, triedScale, 0);
        FloatVector least = FloatVector.fromArray(FLOATS, triedLow, 0);
        FloatVector total = FloatVector.zero(FLOATS);
        for (int i = 0; i < end; i += COUNT) {
            FloatVector difference = scale.mul(FloatVector.fromArray(FLOATS, trial, i)).add(least).sub(FloatVector.fromArray(FLOATS, x, i));
            total = total.add(FloatVector.fromArray(FLOATS, weights, i).mul(difference.mul(difference)));
        }
        total.intoArray(error, 0);
    }

    /// Levels of one group as the search left them.
    void levels(float[] source, int from, int size, int lane, int top, byte[] levels, int levelsFrom) {
        for (int i = 0; i < size; i++) {
            levels[levelsFrom + i] = (byte) Searches.clamp(Rounding.near(bestInverse[lane] * (source[from + i] - bestLow[lane])), 0, top);
        }
    }
}
