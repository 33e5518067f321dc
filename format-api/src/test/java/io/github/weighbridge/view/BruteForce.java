package io.github.weighbridge.view;

import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import java.util.List;
import java.util.function.Function;

/// The meaning of views, written down index by index: slow, and what everything faster is held against.
public final class BruteForce {
    private BruteForce() {}

    /// All numbers of a view, row-major.
    public static float[] numbers(View view, Function<StoredTensor, float[]> stored) {
        Shape shape = view.shape();
        float[] result = new float[(int) shape.elements()];
        switch (view) {
            case View.Stored(StoredTensor tensor) -> System.arraycopy(stored.apply(tensor), 0, result, 0, result.length);
            case View.Slice(View of, int axis, long begin, long _) -> {
                float[] from = numbers(of, stored);
                for (int i = 0; i < result.length; i++) {
                    long[] index = index(shape, i);
                    index[axis] += begin;
                    result[i] = from[flat(of.shape(), index)];
                }
            }
            case View.Concat(int axis, List<View> parts) -> {
                List<float[]> from = parts.stream().map(part -> numbers(part, stored)).toList();
                for (int i = 0; i < result.length; i++) {
                    long[] index = index(shape, i);
                    int part = 0;
                    while (index[axis] >= parts.get(part).shape().dimension(axis)) {
                        index[axis] -= parts.get(part).shape().dimension(axis);
                        part++;
                    }
                    result[i] = from.get(part)[flat(parts.get(part).shape(), index)];
                }
            }
            case View.Swap(View of, int axis, long first, long second, long block) -> {
                float[] from = numbers(of, stored);
                for (int i = 0; i < result.length; i++) {
                    long[] index = index(shape, i);
                    long k = index[axis] % block;
                    long a = index[axis] / block % first;
                    long b = index[axis] / block / first % second;
                    long rest = index[axis] / block / first / second;
                    index[axis] = ((rest * first + a) * second + b) * block + k;
                    result[i] = from[flat(of.shape(), index)];
                }
            }
            case View.Reshape(View of, Shape _) -> System.arraycopy(numbers(of, stored), 0, result, 0, result.length);
            case View.Transpose(View of, List<Integer> order) -> {
                float[] from = numbers(of, stored);
                for (int i = 0; i < result.length; i++) {
                    long[] index = index(shape, i);
                    long[] original = new long[index.length];
                    for (int axis = 0; axis < index.length; axis++) {
                        original[order.get(axis)] = index[axis];
                    }
                    result[i] = from[flat(of.shape(), original)];
                }
            }
            case View.Mapped(View of, Elementwise function) -> {
                System.arraycopy(numbers(of, stored), 0, result, 0, result.length);
                function.apply(result, 0, result.length);
            }
            case View.Constant(Shape _, List<Float> values) -> {
                for (int i = 0; i < result.length; i++) {
                    result[i] = values.get(i);
                }
            }
        }
        return result;
    }

    /// The numbers of a region, row-major.
    public static float[] cut(float[] numbers, Shape shape, Region region) {
        float[] result = new float[region.elements()];
        int at = 0;
        for (long row = region.rowBegin(); row < region.rowEnd(); row++) {
            for (long column = region.columnBegin(); column < region.columnEnd(); column++) {
                result[at++] = numbers[(int) (row * shape.columns() + column)];
            }
        }
        return result;
    }

    private static long[] index(Shape shape, int flat) {
        long[] index = new long[shape.rank()];
        long rest = flat;
        for (int axis = shape.rank() - 1; axis >= 0; axis--) {
            index[axis] = rest % shape.dimension(axis);
            rest /= shape.dimension(axis);
        }
        return index;
    }

    private static int flat(Shape shape, long[] index) {
        long flat = 0;
        for (int axis = 0; axis < shape.rank(); axis++) {
            flat = flat * shape.dimension(axis) + index[axis];
        }
        return (int) flat;
    }
}
