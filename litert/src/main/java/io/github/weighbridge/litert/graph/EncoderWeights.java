package io.github.weighbridge.litert.graph;

import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import java.util.Optional;

/// The constants of an encoder, by the names that Hugging Face has for them, such as
/// `model.audio_tower.layers.0.self_attn.q_proj.linear.weight`.
public interface EncoderWeights {
    /// A weight.
    ///
    /// @throws IllegalArgumentException when there is none
    ConstantTensor weight(String name);

    /// A weight that not every checkpoint has.
    Optional<ConstantTensor> optional(String name);

    /// The static scale of what enters or leaves the product with a weight, and how tensors with it are called; empty where there is none.
    ///
    /// @param name of the weight
    Optional<DecoderWeights.Static> activation(String name, boolean input);
}
