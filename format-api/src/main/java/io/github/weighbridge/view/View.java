package io.github.weighbridge.view;

import io.github.weighbridge.encoding.Shape;
import java.util.ArrayList;
import java.util.List;

/// A tensor described by what it is made of. Views are data: they can be compared, printed and kept in a plan; nothing is read until a
/// [io.github.weighbridge.scan.ViewReader] evaluates one.
///
/// Make views by the static methods, which simplify: a reader applies the inverse of what a writer applies, and the pair cancels here as
/// records, so that bytes are copied where a computation would have rounded.
public sealed interface View {
    /// Dimensions, rows first.
    Shape shape();

    /// A tensor of a file.
    record Stored(StoredTensor tensor) implements View {
        @Override
        public Shape shape() {
            return tensor.shape();
        }
    }

    /// Indices `begin` up to `end - 1` of one axis.
    record Slice(View of, int axis, long begin, long end) implements View {
        @Override
        public Shape shape() {
            return of.shape().with(axis, end - begin);
        }
    }

    /// Views laid one behind the other along an axis.
    record Concat(int axis, List<View> parts) implements View {
        /// Copies the list.
        public Concat {
            parts = List.copyOf(parts);
        }

        @Override
        public Shape shape() {
            long sum = 0;
            for (View part : parts) {
                sum += part.shape().dimension(axis);
            }
            return parts.getFirst().shape().with(axis, sum);
        }
    }

    /// Swaps the order of blocks along an axis: each run of `first x second x block` indices, seen as `[first][second][block]`, becomes
    /// `[second][first][block]`. llama's query and key rows are stored so: per head `[2][half]` in one dialect, `[half][2]` in the other.
    record Swap(View of, int axis, long first, long second, long block) implements View {
        @Override
        public Shape shape() {
            return of.shape();
        }

        /// The index of the original's axis that an index of this one's comes from.
        public long source(long index) {
            return source(index, first, second, block);
        }

        /// Where an index comes from when blocks are `unit` long.
        static long source(long index, long first, long second, long unit) {
            long span = first * second * unit;
            long within = index % span;
            long b = within / (first * unit);
            long a = within / unit % first;
            return index - within + (a * second + b) * unit + within % unit;
        }
    }

    /// The same numbers in the same order under another shape.
    record Reshape(View of, Shape shape) implements View {}

    /// Axes in another order: axis `i` of the result is axis `order[i]` of the original.
    record Transpose(View of, List<Integer> order) implements View {
        /// Copies the list.
        public Transpose {
            order = List.copyOf(order);
        }

        @Override
        public Shape shape() {
            Shape shape = of.shape();
            return Shape.of(order.stream().mapToLong(shape::dimension).toArray());
        }
    }

    /// A function of each number.
    record Mapped(View of, Elementwise function) implements View {
        @Override
        public Shape shape() {
            return of.shape();
        }
    }

    /// Numbers that are in no file.
    record Constant(Shape shape, List<Float> values) implements View {
        /// Copies the list, which must have as many numbers as the shape.
        public Constant {
            values = List.copyOf(values);
            if (values.size() != shape.elements()) {
                throw new IllegalArgumentException(values.size() + " numbers for shape " + shape);
            }
        }
    }

    /// The stored tensors that a view reads, in order, each once.
    static List<StoredTensor> stored(View view) {
        java.util.LinkedHashSet<StoredTensor> found = new java.util.LinkedHashSet<>();
        collect(view, found);
        return List.copyOf(found);
    }

    private static void collect(View view, java.util.Set<StoredTensor> found) {
        switch (view) {
            case Stored(StoredTensor tensor) -> found.add(tensor);
            case Slice(View of, int _, long _, long _) -> collect(of, found);
            case Concat(int _, List<View> parts) -> parts.forEach(part -> collect(part, found));
            case Swap(View of, int _, long _, long _, long _) -> collect(of, found);
            case Reshape(View of, Shape _) -> collect(of, found);
            case Transpose(View of, List<Integer> _) -> collect(of, found);
            case Mapped(View of, Elementwise _) -> collect(of, found);
            case Constant _ -> {
                // No file has these numbers.
            }
        }
    }

    /// A tensor of a file.
    static View of(StoredTensor tensor) {
        return new Stored(tensor);
    }

    /// Indices `begin` up to `end - 1` of one axis.
    static View slice(View of, int axis, long begin, long end) {
        java.util.Objects.checkFromToIndex(begin, end, of.shape().dimension(axis));
        if (begin == 0 && end == of.shape().dimension(axis)) {
            return of;
        }
        if (of instanceof Slice(View inner, int innerAxis, long innerBegin, long _) && innerAxis == axis) {
            return slice(inner, axis, innerBegin + begin, innerBegin + end);
        }
        if (of instanceof Concat(int concatAxis, List<View> parts) && concatAxis == axis) {
            long at = 0;
            for (View part : parts) {
                long next = at + part.shape().dimension(axis);
                if (begin >= at && end <= next) {
                    return slice(part, axis, begin - at, end - at);
                }
                at = next;
            }
        }
        return new Slice(of, axis, begin, end);
    }

    /// Views laid one behind the other along an axis; all other dimensions must be equal.
    static View concat(int axis, List<View> parts) {
        List<View> joined = new ArrayList<>();
        for (View part : parts) {
            if (!parts.getFirst().shape().with(axis, 0).equals(part.shape().with(axis, 0))) {
                throw new IllegalArgumentException(
                        "shapes " + parts.getFirst().shape() + " and " + part.shape() + " do not join along axis " + axis);
            }
            View last = joined.isEmpty() ? null : joined.getLast();
            if (last instanceof Slice(View a, int axisA, long begin, long middleA)
                    && part instanceof Slice(View b, int axisB, long middleB, long end)
                    && axisA == axis && axisB == axis && middleA == middleB && a.equals(b)) {
                joined.set(joined.size() - 1, slice(a, axis, begin, end));
            } else {
                joined.add(part);
            }
        }
        return joined.size() == 1 ? joined.getFirst() : new Concat(axis, joined);
    }

    /// Equal views under a new first axis.
    static View stack(List<View> parts) {
        return concat(0, parts.stream().map(part -> reshape(part, part.shape().prepend(1))).toList());
    }

    /// Blocks along an axis swapped; see [Swap].
    static View swap(View of, int axis, long first, long second, long block) {
        if (of.shape().dimension(axis) % (first * second * block) != 0) {
            throw new IllegalArgumentException(
                    "axis " + axis + " of " + of.shape() + " is no multiple of " + first + " x " + second + " x " + block);
        }
        if (first == 1 || second == 1) {
            return of;
        }
        if (of instanceof Swap(View inner, int innerAxis, long innerFirst, long innerSecond, long innerBlock) && innerAxis == axis
                && innerFirst == second && innerSecond == first && innerBlock == block) {
            return inner;
        }
        return new Swap(of, axis, first, second, block);
    }

    /// The same numbers in the same order under another shape.
    static View reshape(View of, Shape shape) {
        if (of.shape().elements() != shape.elements()) {
            throw new IllegalArgumentException("shape " + of.shape() + " does not become " + shape);
        }
        View base = of instanceof Reshape(View inner, Shape _) ? inner : of;
        return base.shape().equals(shape) ? base : new Reshape(base, shape);
    }

    /// Axes in another order.
    static View transpose(View of, List<Integer> order) {
        if (of instanceof Transpose(View inner, List<Integer> innerOrder)) {
            return transpose(inner, order.stream().map(innerOrder::get).toList());
        }
        for (int axis = 0; axis < order.size(); axis++) {
            if (order.get(axis) != axis) {
                return new Transpose(of, order);
            }
        }
        return of;
    }

    /// A function of each number.
    static View map(View of, Elementwise function) {
        return of instanceof Mapped(View inner, Elementwise before) && function.undoes(before) ? inner : new Mapped(of, function);
    }
}
