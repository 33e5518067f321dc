package io.github.weighbridge.litert.graph;

import io.github.weighbridge.litert.tflite.TensorType;
import java.util.List;

/// A tensor of a graph that is being made.
///
/// @param index its number in the graph
/// @param type number type
/// @param shape dimensions
public record Tensor(int index, TensorType type, List<Integer> shape) {
    /// Copies the list.
    public Tensor {
        shape = List.copyOf(shape);
    }

    /// A dimension; negative axes count from the end.
    int dimension(int axis) {
        return shape.get(axis < 0 ? shape.size() + axis : axis);
    }

    int rank() {
        return shape.size();
    }

    long elements() {
        long product = 1;
        for (int dimension : shape) {
            product = Math.multiplyExact(product, dimension);
        }
        return product;
    }
}
