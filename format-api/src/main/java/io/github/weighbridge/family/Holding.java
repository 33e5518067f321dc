package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.view.View;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;

/// Which weights a tensor of a file holds, and how they lie in it. The same description is read in both directions: it takes a stored
/// tensor apart into canonical weights, and assembles one from them.
public sealed interface Holding {
    /// Shape of the tensor as the dialect stores it.
    Shape shape();

    /// Keys of the weights in it, in order.
    List<String> keys();

    /// The stored tensor, made of canonical weights.
    View assemble(Function<String, View> weights);

    /// The canonical weights, made of the stored tensor.
    void split(View stored, BiConsumer<String, View> weights);

    /// One weight, possibly transformed.
    ///
    /// @param key the weight's key
    /// @param canonical its canonical shape
    /// @param transforms applied in order from the canonical form to the stored one
    record One(String key, Shape canonical, List<Transform> transforms) implements Holding {
        /// Copies the list.
        public One {
            transforms = List.copyOf(transforms);
        }

        @Override
        public Shape shape() {
            Shape shape = canonical;
            for (Transform transform : transforms) {
                shape = transform.storedShape(shape);
            }
            return shape;
        }

        @Override
        public List<String> keys() {
            return List.of(key);
        }

        @Override
        public View assemble(Function<String, View> weights) {
            View view = weights.apply(key);
            for (Transform transform : transforms) {
                view = transform.toStored(view);
            }
            return view;
        }

        @Override
        public void split(View stored, BiConsumer<String, View> weights) {
            // Shapes between the transforms are needed to go back through those that change them.
            Shape[] shapes = new Shape[transforms.size()];
            Shape shape = canonical;
            for (int i = 0; i < shapes.length; i++) {
                shapes[i] = shape;
                shape = transforms.get(i).storedShape(shape);
            }
            View view = stored;
            for (int i = shapes.length - 1; i >= 0; i--) {
                view = transforms.get(i).toCanonical(view, shapes[i]);
            }
            weights.accept(key, view);
        }
    }

    /// Holdings laid one behind the other along an axis: gate and up in one matrix.
    record Joined(int axis, List<Holding> parts) implements Holding {
        /// Copies the list.
        public Joined {
            parts = List.copyOf(parts);
        }

        @Override
        public Shape shape() {
            long sum = parts.stream().mapToLong(part -> part.shape().dimension(axis)).sum();
            return parts.getFirst().shape().with(axis, sum);
        }

        @Override
        public List<String> keys() {
            return parts.stream().flatMap(part -> part.keys().stream()).toList();
        }

        @Override
        public View assemble(Function<String, View> weights) {
            return View.concat(axis, parts.stream().map(part -> part.assemble(weights)).toList());
        }

        @Override
        public void split(View stored, BiConsumer<String, View> weights) {
            long at = 0;
            for (Holding part : parts) {
                long next = at + part.shape().dimension(axis);
                part.split(View.slice(stored, axis, at, next), weights);
                at = next;
            }
        }
    }

    /// Equal holdings under a new first axis: the experts of a layer.
    record Stacked(List<Holding> parts) implements Holding {
        /// Copies the list.
        public Stacked {
            parts = List.copyOf(parts);
        }

        @Override
        public Shape shape() {
            return parts.getFirst().shape().prepend(parts.size());
        }

        @Override
        public List<String> keys() {
            return parts.stream().flatMap(part -> part.keys().stream()).toList();
        }

        @Override
        public View assemble(Function<String, View> weights) {
            return View.stack(parts.stream().map(part -> part.assemble(weights)).toList());
        }

        @Override
        public void split(View stored, BiConsumer<String, View> weights) {
            for (int i = 0; i < parts.size(); i++) {
                Holding part = parts.get(i);
                part.split(View.reshape(View.slice(stored, 0, i, i + 1), part.shape()), weights);
            }
        }
    }

    /// Numbers that follow from hyper-parameters: no weight is in it, and readers need not look at it.
    ///
    /// @param constant the numbers
    record Made(View.Constant constant) implements Holding {
        @Override
        public Shape shape() {
            return constant.shape();
        }

        @Override
        public List<String> keys() {
            return List.of();
        }

        @Override
        public View assemble(Function<String, View> weights) {
            return constant;
        }

        @Override
        public void split(View stored, BiConsumer<String, View> weights) {}
    }

    /// One weight stored as it is.
    static Holding one(String key, Shape shape) {
        return new One(key, shape, List.of());
    }
}
