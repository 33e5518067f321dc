package io.github.weighbridge.policy.budget;

import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.policy.Floor;
import io.github.weighbridge.policy.Match;
import io.github.weighbridge.policy.Policies;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.PolicyException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The fewest bits for each tensor: the policy's, or where it has none, those that every model bears.
final class Floors {
    /// Errors in these reach every token: the table that words come from and the head, keys and values that are kept, routers, and what feeds
    /// all layers.
    private static final List<Floor> USUAL = List.of(
            usual(Set.of("token_embedding", "output_head", "attention_k", "attention_v", "attention_qkv"), 4),
            usual(Set.of("per_layer_gate", "per_layer_projection", "per_layer_model_projection", "router"), 4));

    private final Map<String, Integer> bits = new HashMap<>();

    private Floors() {}

    private static Floor usual(Set<String> roles, int bits) {
        return new Floor(new Match(Set.of(), roles, List.of(), Optional.empty(), 0, Long.MAX_VALUE), bits, "the usual floor");
    }

    static Floors of(Policy policy, Architecture architecture, Collection<TargetTensor> tensors) throws PolicyException {
        Floors floors = new Floors();
        List<Floor> list = policy.settings().floors().isEmpty() ? USUAL : policy.settings().floors();
        for (Floor floor : list) {
            for (TargetTensor tensor : Policies.matching(floor.match(), architecture, tensors)) {
                floors.bits.merge(tensor.name(), floor.bits(), Math::max);
            }
        }
        return floors;
    }

    int bits(TargetTensor tensor) {
        return bits.getOrDefault(tensor.name(), 0);
    }
}
