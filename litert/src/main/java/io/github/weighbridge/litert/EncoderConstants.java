package io.github.weighbridge.litert;

import io.github.weighbridge.litert.graph.DecoderWeights;
import io.github.weighbridge.litert.graph.EncoderWeights;
import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import io.github.weighbridge.litert.tflite.write.Quantization;
import io.github.weighbridge.plan.TargetTensor;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The constants of a model of an encoder that is being planned: each is made when a graph first asks for it, and shared by all.
final class EncoderConstants implements EncoderWeights {
    private final Map<String, TargetTensor> weights;
    private final Map<String, TargetTensor> activations;
    private final SectionModel model;
    private final Map<String, ConstantTensor> constants = new HashMap<>();
    private final Map<String, Quantization> scales = new HashMap<>();

    EncoderConstants(Map<String, TargetTensor> weights, Map<String, TargetTensor> activations, SectionModel model) {
        this.weights = weights;
        this.activations = activations;
        this.model = model;
    }

    /// Names of the weights that graphs asked for.
    Set<String> used() {
        return Set.copyOf(constants.keySet());
    }

    @Override
    public ConstantTensor weight(String name) {
        return optional(name).orElseThrow(() -> new IllegalArgumentException("no " + name));
    }

    @Override
    public Optional<ConstantTensor> optional(String name) {
        return Optional.ofNullable(weights.get(name)).map(tensor -> constants.computeIfAbsent(name, _ -> model.constant(tensor)));
    }

    @Override
    public Optional<DecoderWeights.Static> activation(String name, boolean input) {
        String scale = BundleTensors.activationScale(name, input);
        return Optional.ofNullable(activations.get(scale))
                .map(tensor -> new DecoderWeights.Static(scale, scales.computeIfAbsent(scale, _ -> model.activation(tensor))));
    }
}
