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

/// [Searches#symmetric], and the search of `Q3_K`, for as many groups as there are lanes. Serves one thread. Made as [AffineLanes] is.
final class SymmetricLanes {
    private static final int SWEEPS = 5;

    /// Elements, [turned][Transposed].
    final float[] x = new float[Transposed.ROOM];
    /// Their weights.
    final float[] weights = new float[Transposed.ROOM];
    /// Scale of each group.
    final float[] scales = new float[COUNT];

    /// Weights times elements.
    private final float[] weighted = new float[Transposed.ROOM];
    private final float[] peaks = new float[COUNT];
    private final float[] inverse = new float[COUNT];
    private final float[] products = new float[COUNT];
    private final float[] squares = new float[COUNT];
    private final float[] best = new float[COUNT];
    private final float[] bestInverse = new float[COUNT];
    private final float[] levels = new float[Transposed.ROOM];

    /// Weights that are the squares of the elements.
    void weighBySquare(int size) {
        for (int i = 0; i < size * COUNT; i += COUNT) {
            FloatVector value = FloatVector.fromArray(FLOATS, x, i);
            value.mul(value).intoArray(weights, i);
        }
    }

    /// Searches scales of levels `-half` to `half - 1`.
    void search(int size, int half) {
        int end = size * COUNT;
        survey(end);
        guess(end, -half, half);
        begin();
        for (int step = -9; step <= 9; step++) {
            if (step != 0) {
                guess(end, -(half + 0.1f * step), half);
                keep();
            }
        }
    }

    /// Finds the first elements of largest magnitude; 0 stands for those that are too small.
    private void survey(int end) {
        FloatVector largest = FloatVector.zero(FLOATS);
        FloatVector peak = largest;
        for (int i = 0; i < end; i += COUNT) {
            FloatVector value = FloatVector.fromArray(FLOATS, x, i);
            FloatVector magnitude = value.abs();
            VectorMask<Float> larger = largest.lt(magnitude);
            largest = largest.blend(magnitude, larger);
            peak = peak.blend(value, larger);
            value.mul(FloatVector.fromArray(FLOATS, weights, i)).intoArray(weighted, i);
        }
        peak.blend(0, largest.compare(VectorOperators.LT, Searches.GROUP_EPSILON)).intoArray(peaks, 0);
    }

    private void guess(int end, float numerator, int half) {
        FloatVector factor = FloatVector.broadcast(FLOATS, numerator).div(FloatVector.fromArray(FLOATS, peaks, 0));
        FloatVector levelProducts = FloatVector.zero(FLOATS);
        FloatVector levelSquares = levelProducts;
        for (int i = 0; i < end; i += COUNT) {
            IntVector near = factor.mul(FloatVector.fromArray(FLOATS, x, i)).add(NEAR).reinterpretAsInts().and(NEAR_MASK).sub(NEAR_ZERO);
            FloatVector level = (FloatVector) near.max(-half).min(half - 1).convert(VectorOperators.I2F, 0);
            levelProducts = levelProducts.add(FloatVector.fromArray(FLOATS, weighted, i).mul(level));
            levelSquares = levelSquares.add(FloatVector.fromArray(FLOATS, weights, i).mul(level).mul(level));
        }
        factor.intoArray(inverse, 0);
        levelProducts.intoArray(products, 0);
        levelSquares.intoArray(squares, 0);
    }

    /// The first guess is taken unless it has no levels; a group that counts as 0 gets scale and levels 0, which nothing improves.
    private void begin() {
        FloatVector product = FloatVector.fromArray(FLOATS, products, 0);
        FloatVector square = FloatVector.fromArray(FLOATS, squares, 0);
        FloatVector scale = product.div(square).blend(0, square.compare(VectorOperators.EQ, 0));
        VectorMask<Float> none = FloatVector.fromArray(FLOATS, peaks, 0).compare(VectorOperators.EQ, 0);
        scale.mul(product).blend(Float.POSITIVE_INFINITY, none).intoArray(best, 0);
        scale.blend(0, none).intoArray(scales, 0);
        FloatVector.fromArray(FLOATS, inverse, 0).blend(0, none).intoArray(bestInverse, 0);
    }

    private void keep() {
        FloatVector product = FloatVector.fromArray(FLOATS, products, 0);
        FloatVector square = FloatVector.fromArray(FLOATS, squares, 0);
        FloatVector previous = FloatVector.fromArray(FLOATS, best, 0);
        VectorMask<Float> better = previous.mul(square).lt(product.mul(product)).and(square.compare(VectorOperators.GT, 0));
        FloatVector scale = product.div(square);
        previous.blend(scale.mul(product), better).intoArray(best, 0);
        FloatVector.fromArray(FLOATS, scales, 0).blend(scale, better).intoArray(scales, 0);
        FloatVector.fromArray(FLOATS, bestInverse, 0).blend(FloatVector.fromArray(FLOATS, inverse, 0), better).intoArray(bestInverse, 0);
    }

    /// Levels of one group as [#search] left them, each `half` more; all 0 in a group that counts as 0.
    void levels(float[] source, int from, int size, int lane, int half, byte[] target, int targetFrom) {
        int offset = peaks[lane] == 0 ? 0 : half;
        for (int i = 0; i < size; i++) {
            target[targetFrom + i] = (byte) (Searches.clamp(Rounding.near(bestInverse[lane] * source[from + i]), -half, half - 1) + offset);
        }
    }

    /// Searches as `Q3_K` does: see [Q3_KKernel].
    void sweep(int size, int half) {
        int end = size * COUNT;
        weighBySquare(size);
        survey(end);
        guessLevels(end, half);
        boolean changed = true;
        for (int sweep = 0; sweep < SWEEPS && changed; sweep++) {
            // A group that a sweep left as it was stays so in the sweeps that other groups still need.
            changed = improve(end, half);
        }
        FloatVector square = FloatVector.fromArray(FLOATS, squares, 0);
        VectorMask<Float> some = square.compare(VectorOperators.GT, 0);
        FloatVector.zero(FLOATS).blend(FloatVector.fromArray(FLOATS, products, 0).div(square), some).intoArray(scales, 0);
    }

    /// Chooses levels by the largest elements, and sums over them. Where that is 0, levels and sums are 0.
    private void guessLevels(int end, int half) {
        FloatVector peak = FloatVector.fromArray(FLOATS, peaks, 0);
        FloatVector factor = FloatVector.broadcast(FLOATS, -half).div(peak);
        VectorMask<Float> none = peak.compare(VectorOperators.EQ, 0);
        FloatVector levelProducts = FloatVector.zero(FLOATS);
        FloatVector levelSquares = levelProducts;
        for (int i = 0; i < end; i += COUNT) {
            IntVector near = factor.mul(FloatVector.fromArray(FLOATS, x, i)).add(NEAR).reinterpretAsInts().and(NEAR_MASK).sub(NEAR_ZERO);
            FloatVector level = ((FloatVector) near.max(-half).min(half - 1).convert(VectorOperators.I2F, 0)).blend(0, none);
            level.intoArray(levels, i);
            levelProducts = levelProducts.add(FloatVector.fromArray(FLOATS, weighted, i).mul(level));
            levelSquares = levelSquares.add(FloatVector.fromArray(FLOATS, weights, i).mul(level).mul(level));
        }
        levelProducts.intoArray(products, 0);
        levelSquares.intoArray(squares, 0);
    }

    private boolean improve(int end, int half) {
        FloatVector levelProducts = FloatVector.fromArray(FLOATS, products, 0);
        FloatVector levelSquares = FloatVector.fromArray(FLOATS, squares, 0);
        VectorMask<Float> some = FloatVector.fromArray(FLOATS, peaks, 0).compare(VectorOperators.NE, 0);
        boolean changed = false;
        for (int i = 0; i < end; i += COUNT) {
            FloatVector weight = FloatVector.fromArray(FLOATS, weights, i);
            FloatVector weightedValue = FloatVector.fromArray(FLOATS, weighted, i);
            FloatVector level = FloatVector.fromArray(FLOATS, levels, i);
            FloatVector otherProducts = levelProducts.sub(weightedValue.mul(level));
            FloatVector otherSquares = levelSquares.sub(weight.mul(level).mul(level));
            VectorMask<Float> sound = otherProducts.compare(VectorOperators.GT, 0).and(some);
            FloatVector ratio = FloatVector.fromArray(FLOATS, x, i).mul(otherSquares).div(otherProducts);
            IntVector near = ratio.add(NEAR).reinterpretAsInts().and(NEAR_MASK).sub(NEAR_ZERO).max(-half).min(half - 1);
            FloatVector moved = (FloatVector) near.convert(VectorOperators.I2F, 0);
            otherProducts = otherProducts.add(weightedValue.mul(moved));
            otherSquares = otherSquares.add(weight.mul(moved).mul(moved));
            FloatVector gain = otherProducts.mul(otherProducts).mul(levelSquares);
            FloatVector base = levelProducts.mul(levelProducts).mul(otherSquares);
            VectorMask<Float> better = base.lt(gain).and(sound).and(otherSquares.compare(VectorOperators.GT, 0))
                    .and(moved.compare(VectorOperators.NE, level));
            if (better.anyTrue()) {
                level.blend(moved, better).intoArray(levels, i);
                levelProducts = levelProducts.blend(otherProducts, better);
                levelSquares = levelSquares.blend(otherSquares, better);
                changed = true;
            }
        }
        levelProducts.intoArray(products, 0);
        levelSquares.intoArray(squares, 0);
        return changed;
    }

    /// Levels of one group as [#sweep] left them, each `half` more; all 0 in a group that counts as 0.
    void sweptLevels(int size, int lane, int half, byte[] target, int targetFrom) {
        int offset = peaks[lane] == 0 ? 0 : half;
        for (int i = 0; i < size; i++) {
            target[targetFrom + i] = (byte) ((int) levels[i * COUNT + lane] + offset);
        }
    }
}
