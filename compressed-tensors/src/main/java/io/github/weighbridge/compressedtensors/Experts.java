package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.safetensors.HuggingFaceTensors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// The experts of a model. Quantised ones are modules of their own, whatever the family's own files look like; plain ones stay together where
/// these have them so.
///
/// All experts of a layer are one module in vLLM, with one scheme for gate, up and down; pack-quantized ones have 4 or 8 bits.
/// (`compressed_tensors_moe/compressed_tensors_moe.py`, `get_moe_method`, and `compressed_tensors_moe_wna16_marlin.py`, of September 2026.)
final class Experts {
    private static final Set<Role> ROLES = Set.of(Role.EXPERT_GATE, Role.EXPERT_UP, Role.EXPERT_DOWN);

    private final HuggingFaceTensors model;
    private final Map<String, List<TargetTensor>> parts = new LinkedHashMap<>();
    private final Map<Integer, List<TargetTensor>> byLayer = new LinkedHashMap<>();

    Experts(HuggingFaceTensors model) {
        this.model = model;
        for (TargetTensor tensor : model.tensors()) {
            model.whole(tensor).ifPresent(whole -> parts.computeIfAbsent(whole.name(), _ -> new ArrayList<>()).add(tensor));
            if (isExpert(tensor)) {
                byLayer.computeIfAbsent(tensor.identity().layer(), _ -> new ArrayList<>()).add(tensor);
            }
        }
    }

    static boolean isExpert(TargetTensor tensor) {
        return ROLES.contains(tensor.identity().role());
    }

    /// Layers with an expert of which something holds.
    Set<Integer> layers(Predicate<TargetTensor> some) {
        Set<Integer> layers = new HashSet<>();
        byLayer.forEach((layer, experts) -> {
            if (experts.stream().anyMatch(some)) {
                layers.add(layer);
            }
        });
        return layers;
    }

    /// Names of the experts of each layer, which vLLM makes one module.
    List<List<String>> fused() {
        return byLayer.values().stream().map(experts -> experts.stream().map(TargetTensor::name).toList())
                .filter(names -> names.size() > 1).toList();
    }

    /// For each part of a tensor that stays whole, what it is a part of: all parts have one plain encoding.
    Map<String, TargetTensor> together(Assignment assignment) {
        Map<String, TargetTensor> together = new HashMap<>();
        for (List<TargetTensor> own : parts.values()) {
            Encoding first = assignment.of(own.getFirst()).encoding();
            if (first.dense().isPresent() && own.stream().allMatch(part -> assignment.of(part).encoding().equals(first))) {
                Optional<TargetTensor> whole = model.whole(own.getFirst());
                own.forEach(part -> together.put(part.name(), whole.orElseThrow()));
            }
        }
        return together;
    }

    /// Whether a part is the first of its tensor.
    boolean isFirst(TargetTensor part, TargetTensor whole) {
        return Objects.requireNonNull(parts.get(whole.name())).getFirst() == part;
    }
}
