package io.github.weighbridge.litert.graph;

import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import io.github.weighbridge.litert.tflite.write.Quantization;
import io.github.weighbridge.model.Role;
import java.util.Optional;

/// The constants of a decoder, by what they do.
public interface DecoderWeights {
    /// A weight.
    ///
    /// @param layer index, or [io.github.weighbridge.model.Identity#NO_LAYER]
    /// @throws IllegalArgumentException when there is none
    ConstantTensor weight(Role role, int layer);

    /// The static scale of what enters or leaves the product with a weight, and how tensors with it are called; empty where there is none.
    Optional<Static> activation(Role role, int layer, boolean input);

    /// The scale of a layer's key or value cache; empty where it holds single precision numbers.
    Optional<Quantization> cache(int layer, boolean keys);

    /// A static activation.
    ///
    /// @param name of tensors that have the scale
    /// @param quantization the scale
    record Static(String name, Quantization quantization) {}
}
