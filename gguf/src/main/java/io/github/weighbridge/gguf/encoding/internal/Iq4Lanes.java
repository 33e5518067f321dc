package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

import static io.github.weighbridge.gguf.encoding.internal.Lanes.BYTES;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.COUNT;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.FLOATS;
import static io.github.weighbridge.gguf.encoding.internal.Lanes.INTS;

/// [Iq4#search] for as many groups as there are lanes. Serves one thread. Made as [AffineLanes] is.
final class Iq4Lanes {
    /// Elements, [turned][Transposed].
    final float[] x = new float[Transposed.ROOM];
    /// Scale of each group.
    final float[] scales = new float[COUNT];

    private final float[] weights = new float[Transposed.ROOM];
    private final float[] peaks = new float[COUNT];
    private final float[] factor = new float[COUNT];
    private final float[] products = new float[COUNT];
    private final float[] squares = new float[COUNT];
    private final float[] best = new float[COUNT];

    /// Searches scales, the squares of the elements being the weights.
    void search() {
        survey();
        first();
        guess();
        begin();
        for (int step = -Iq4.TRIES; step <= Iq4.TRIES; step++) {
            FloatVector.broadcast(FLOATS, step + Iq4.level(0)).div(FloatVector.fromArray(FLOATS, peaks, 0)).intoArray(factor, 0);
            guess();
            keep();
        }
    }

    /// Finds the first elements of largest magnitude; 0 stands for those that are too small.
    private void survey() {
        FloatVector largest = FloatVector.zero(FLOATS);
        FloatVector peak = largest;
        for (int i = 0; i < Transposed.ROOM; i += COUNT) {
            FloatVector value = FloatVector.fromArray(FLOATS, x, i);
            FloatVector magnitude = value.abs();
            VectorMask<Float> larger = largest.lt(magnitude);
            largest = largest.blend(magnitude, larger);
            peak = peak.blend(value, larger);
            value.mul(value).intoArray(weights, i);
        }
        peak.blend(0, largest.compare(VectorOperators.LT, Searches.GROUP_EPSILON)).intoArray(peaks, 0);
    }

    private void first() {
        FloatVector scale = FloatVector.fromArray(FLOATS, peaks, 0).neg().div(Iq4.level(0));
        FloatVector.broadcast(FLOATS, 1).div(scale).intoArray(factor, 0);
    }

    private void guess() {
        FloatVector inverse = FloatVector.fromArray(FLOATS, factor, 0);
        FloatVector levelProducts = FloatVector.zero(FLOATS);
        FloatVector levelSquares = levelProducts;
        for (int i = 0; i < Transposed.ROOM; i += COUNT) {
            FloatVector value = FloatVector.fromArray(FLOATS, x, i);
            FloatVector scaled = inverse.mul(value);
            FloatVector level = FloatVector.broadcast(FLOATS, Iq4.level(0));
            for (int code = 0; code < 15; code++) {
                level = level.blend(Iq4.level(code + 1), scaled.compare(VectorOperators.GE, Iq4.middle(code)));
            }
            FloatVector part = FloatVector.fromArray(FLOATS, weights, i).mul(level);
            levelProducts = levelProducts.add(part.mul(value));
            levelSquares = levelSquares.add(part.mul(level));
        }
        levelProducts.intoArray(products, 0);
        levelSquares.intoArray(squares, 0);
    }

    /// The first guess is taken unless it has no levels; a group that counts as 0 gets scale 0, which nothing improves.
    private void begin() {
        FloatVector product = FloatVector.fromArray(FLOATS, products, 0);
        FloatVector square = FloatVector.fromArray(FLOATS, squares, 0);
        FloatVector scale = FloatVector.zero(FLOATS).blend(product.div(square), square.compare(VectorOperators.GT, 0));
        VectorMask<Float> none = FloatVector.fromArray(FLOATS, peaks, 0).compare(VectorOperators.EQ, 0);
        scale.mul(product).blend(Float.POSITIVE_INFINITY, none).intoArray(best, 0);
        scale.blend(0, none).intoArray(scales, 0);
    }

    private void keep() {
        FloatVector product = FloatVector.fromArray(FLOATS, products, 0);
        FloatVector square = FloatVector.fromArray(FLOATS, squares, 0);
        FloatVector previous = FloatVector.fromArray(FLOATS, best, 0);
        VectorMask<Float> better = previous.mul(square).lt(product.mul(product)).and(square.compare(VectorOperators.GT, 0));
        FloatVector scale = product.div(square);
        previous.blend(scale.mul(product), better).intoArray(best, 0);
        FloatVector.fromArray(FLOATS, scales, 0).blend(scale, better).intoArray(scales, 0);
    }

    /// [Iq4#codes].
    static void codes(float[] source, int from, float inverse, byte[] codes) {
        if (Float.isInfinite(inverse)) {
            Iq4.codes(source, from, inverse, codes, 0);
        } else {
            finiteCodes(source, from, inverse, codes);
        }
    }

    private static void finiteCodes(float[] source, int from, float inverse, byte[] codes) {
        for (int i = 0; i < Iq4.COLUMNS; i += COUNT) {
            FloatVector scaled = FloatVector.fromArray(FLOATS, source, from + i).mul(inverse);
            IntVector code = IntVector.zero(INTS);
            for (int next = 1; next < 16; next++) {
                code = code.blend(next, scaled.compare(VectorOperators.GE, Iq4.middle(next - 1)).cast(INTS));
            }
            ((ByteVector) code.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(codes, i);
        }
    }
}
