package io.github.weighbridge.view;

import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/// Random views of small tensors.
public final class RandomViews {
    private final Random random;
    private final Function<Shape, View> leaf;
    private final boolean simplify;

    /// Views over leaves that `leaf` makes for a shape; made by the methods that simplify, or by the constructors.
    public RandomViews(Random random, Function<Shape, View> leaf, boolean simplify) {
        this.random = random;
        this.leaf = leaf;
        this.simplify = simplify;
    }

    /// A shape of one to four dimensions from 1 to 6.
    public Shape shape() {
        return Shape.of(random.longs(random.nextInt(1, 5), 1, 7).toArray());
    }

    /// Some whole rows, or a run of columns in one row.
    public Region region(Shape shape) {
        if (random.nextBoolean()) {
            long begin = random.nextLong(shape.rows());
            return Region.rows(shape, begin, random.nextLong(begin + 1, shape.rows() + 1));
        }
        long row = random.nextLong(shape.rows());
        long begin = random.nextLong(shape.columns());
        return new Region(row, row + 1, begin, random.nextLong(begin + 1, shape.columns() + 1));
    }

    /// A view of any shape.
    public View view(int depth) {
        return view(shape(), depth);
    }

    /// A view of a shape, of at most `depth` steps.
    public View view(Shape shape, int depth) {
        if (depth == 0) {
            return leaf.apply(shape);
        }
        int axis = random.nextInt(shape.rank());
        long size = shape.dimension(axis);
        return switch (random.nextInt(8)) {
            case 0 -> {
                long before = random.nextLong(3);
                View of = view(shape.with(axis, before + size + random.nextLong(3)), depth - 1);
                yield simplify ? View.slice(of, axis, before, before + size) : new View.Slice(of, axis, before, before + size);
            }
            case 1 -> {
                List<View> parts = new ArrayList<>();
                for (long left = size; left > 0;) {
                    long part = random.nextLong(1, left + 1);
                    parts.add(view(shape.with(axis, part), depth - 1));
                    left -= part;
                }
                yield simplify ? View.concat(axis, parts) : new View.Concat(axis, parts);
            }
            case 2 -> {
                long first = divisor(size);
                long second = divisor(size / first);
                long block = divisor(size / first / second);
                View of = view(shape, depth - 1);
                yield simplify ? View.swap(of, axis, first, second, block) : new View.Swap(of, axis, first, second, block);
            }
            case 3, 4 -> {
                View of = view(reshaped(shape), depth - 1);
                yield simplify ? View.reshape(of, shape) : new View.Reshape(of, shape);
            }
            case 5 -> {
                List<Integer> order = new ArrayList<>(IntStream.range(0, shape.rank()).boxed().toList());
                Collections.shuffle(order, random);
                long[] original = new long[shape.rank()];
                for (int i = 0; i < original.length; i++) {
                    original[order.get(i)] = shape.dimension(i);
                }
                View of = view(Shape.of(original), depth - 1);
                yield simplify ? View.transpose(of, order) : new View.Transpose(of, order);
            }
            case 6 -> {
                View of = view(shape, depth - 1);
                Elementwise function = new Elementwise.Add(random.nextInt(-2, 3));
                yield simplify ? View.map(of, function) : new View.Mapped(of, function);
            }
            default -> random.nextInt(4) > 0 ? leaf.apply(shape)
                    : new View.Constant(shape, LongStream.range(0, shape.elements()).mapToObj(_ -> (float) random.nextInt(100)).toList());
        };
    }

    private long divisor(long of) {
        List<Long> divisors = LongStream.rangeClosed(1, of).filter(d -> of % d == 0).boxed().toList();
        return divisors.get(random.nextInt(divisors.size()));
    }

    /// Another shape of as many elements.
    private Shape reshaped(Shape shape) {
        List<Long> dimensions = new ArrayList<>();
        long left = shape.elements();
        for (int i = random.nextInt(4); i > 0; i--) {
            long next = divisor(left);
            dimensions.add(next);
            left /= next;
        }
        dimensions.add(left);
        return Shape.of(dimensions.stream().mapToLong(d -> d).toArray());
    }
}
