package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.view.Elementwise;
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// A step between a weight's canonical form and the form a dialect stores, readable in both directions.
public sealed interface Transform {
    /// Shape after the step, from the shape before it.
    Shape storedShape(Shape canonical);

    /// The step itself.
    View toStored(View canonical);

    /// The way back.
    ///
    /// @param canonical the shape before the step
    View toCanonical(View stored, Shape canonical);

    /// Adds a constant, as gemma3's norms do.
    record Add(float addend) implements Transform {
        @Override
        public Shape storedShape(Shape canonical) {
            return canonical;
        }

        @Override
        public View toStored(View canonical) {
            return View.map(canonical, new Elementwise.Add(addend));
        }

        @Override
        public View toCanonical(View stored, Shape canonical) {
            return View.map(stored, new Elementwise.Add(-addend));
        }
    }

    /// Swaps blocks along an axis, as llama's query and key rows need; see [View.Swap].
    record Swap(int axis, long first, long second, long block) implements Transform {
        @Override
        public Shape storedShape(Shape canonical) {
            return canonical;
        }

        @Override
        public View toStored(View canonical) {
            return View.swap(canonical, axis, first, second, block);
        }

        @Override
        public View toCanonical(View stored, Shape canonical) {
            return View.swap(stored, axis, second, first, block);
        }
    }

    /// Another shape for the same numbers.
    record Reshape(Shape to) implements Transform {
        @Override
        public Shape storedShape(Shape canonical) {
            return to;
        }

        @Override
        public View toStored(View canonical) {
            return View.reshape(canonical, to);
        }

        @Override
        public View toCanonical(View stored, Shape canonical) {
            return View.reshape(stored, canonical);
        }
    }

    /// Axes in another order; see [View.Transpose].
    record Transpose(List<Integer> order) implements Transform {
        /// Copies the list.
        public Transpose {
            order = List.copyOf(order);
        }

        @Override
        public Shape storedShape(Shape canonical) {
            return Shape.of(order.stream().mapToLong(canonical::dimension).toArray());
        }

        @Override
        public View toStored(View canonical) {
            return View.transpose(canonical, order);
        }

        @Override
        public View toCanonical(View stored, Shape canonical) {
            List<Integer> inverse = new ArrayList<>(Collections.nCopies(order.size(), 0));
            for (int axis = 0; axis < order.size(); axis++) {
                inverse.set(order.get(axis), axis);
            }
            return View.transpose(stored, inverse);
        }
    }

    /// Stores `log(1 + exp(x))`, as mmproj files do with the audio encoder's per-dimension scale.
    record Softplus() implements Transform {
        @Override
        public Shape storedShape(Shape canonical) {
            return canonical;
        }

        @Override
        public View toStored(View canonical) {
            return View.map(canonical, new Elementwise.Softplus());
        }

        @Override
        public View toCanonical(View stored, Shape canonical) {
            return View.map(stored, new Elementwise.InverseSoftplus());
        }
    }
}
