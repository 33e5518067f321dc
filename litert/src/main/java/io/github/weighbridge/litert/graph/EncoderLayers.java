package io.github.weighbridge.litert.graph;

import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import java.util.Optional;

/// What the layers of encoders are made of.
///
/// @param epsilon what norms add to the mean square
record EncoderLayers(Graph graph, EncoderWeights weights, float epsilon) {
    /// What the names of linear layers end with.
    private static final String LINEAR = ".linear.weight";

    /// Numbers of a root mean square of 1 along the last axis.
    Tensor rootMeanSquare(Tensor x) {
        Tensor square = graph.mean(graph.multiply(x, x));
        return graph.multiply(x, graph.reciprocalRoot(graph.add(square, graph.number(epsilon))));
    }

    /// Such numbers, times a weight.
    Tensor norm(Tensor x, String name) {
        return graph.multiply(rootMeanSquare(x), graph.constant(weights.weight(name)));
    }

    /// A product within the bounds that the checkpoint has for what enters and leaves it.
    Tensor linear(Tensor x, String module) {
        return clipped(product(clipped(x, module + ".input_"), module + LINEAR), module + ".output_");
    }

    private Tensor clipped(Tensor x, String bounds) {
        Optional<ConstantTensor> least = weights.optional(bounds + "min");
        Optional<ConstantTensor> most = weights.optional(bounds + "max");
        Tensor raised = least.isPresent() ? graph.maximum(x, graph.constant(least.get())) : x;
        return most.isPresent() ? graph.minimum(raised, graph.constant(most.get())) : raised;
    }

    /// A product, with the static activations that the checkpoint has for it.
    Tensor product(Tensor x, String name) {
        return graph.product(x, weights.weight(name), weights.activation(name, true), weights.activation(name, false));
    }
}
