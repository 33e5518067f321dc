package io.github.weighbridge.litert;

import io.github.weighbridge.litert.graph.DecoderWeights;
import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import io.github.weighbridge.litert.tflite.write.Quantization;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.plan.TargetTensor;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// The constants of a decoder that is being planned: each is made when a graph first asks for it, and shared by all.
final class BundleWeights implements DecoderWeights {
    private final BundleTensors bundle;
    private final SectionModel model;
    private final Map<TargetTensor, ConstantTensor> constants = new HashMap<>();
    private final Map<TargetTensor, Quantization> scales = new HashMap<>();

    BundleWeights(BundleTensors bundle, SectionModel model) {
        this.bundle = bundle;
        this.model = model;
    }

    @Override
    public ConstantTensor weight(Role role, int layer) {
        return constants.computeIfAbsent(bundle.weight(role, layer), model::constant);
    }

    @Override
    public Optional<Static> activation(Role role, int layer, boolean input) {
        return Optional.ofNullable(bundle.activations().get(new BundleTensors.Scale(role, layer, input)))
                .map(scale -> new Static(scale.name(), scales.computeIfAbsent(scale, model::activation)));
    }

    @Override
    public Optional<Quantization> cache(int layer, boolean keys) {
        return Optional.ofNullable(bundle.caches().get(new BundleTensors.Scale(Role.KV_SCALE, layer, keys)))
                .map(scale -> scales.computeIfAbsent(scale, model::activation));
    }
}
