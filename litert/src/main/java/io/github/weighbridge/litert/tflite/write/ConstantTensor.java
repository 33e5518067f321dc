package io.github.weighbridge.litert.tflite.write;

import io.github.weighbridge.litert.tflite.TensorType;
import java.util.List;
import java.util.Optional;

/// A tensor whose bytes are in the model. All graphs that use it share them.
///
/// @param name its name in every graph
/// @param type number type
/// @param shape dimensions, rows first
/// @param buffer index among the model's buffers
/// @param quantization what its codes mean
public record ConstantTensor(String name, TensorType type, List<Integer> shape, int buffer, Optional<Quantization> quantization) {
    /// Copies the list.
    public ConstantTensor {
        shape = List.copyOf(shape);
    }
}
