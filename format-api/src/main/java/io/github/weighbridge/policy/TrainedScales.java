package io.github.weighbridge.policy;

import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// Scales of activations and caches come from training. A policy that demands them of a checkpoint without them is refused: they cannot be
/// made without running the model on text that is like its use. So is one that demands them of a target that has no place for them.
final class TrainedScales {
    private TrainedScales() {}

    static void check(Policy policy, Checkpoint source, Target target, Assignment assignment) throws PolicyException {
        if (policy.settings().activations() == Activations.STATIC) {
            activations(policy, source, target, assignment);
        }
        if (policy.settings().cache().filter(cache -> cache.scales() == CachePolicy.Scales.TRAINED).isPresent()) {
            cache(policy, source, target);
        }
    }

    private static void activations(Policy policy, Checkpoint source, Target target, Assignment assignment) throws PolicyException {
        List<String> without = new ArrayList<>();
        for (TargetTensor tensor : target.tensors()) {
            if (!tensor.identity().component().equals(Component.TEXT_DECODER)
                    || assignment.of(tensor).encoding().dense().isPresent()) {
                continue;
            }
            for (String key : tensor.weights()) {
                if (source.graph().weight(key).filter(weight -> weight.inputScale().isPresent()).isEmpty()) {
                    without.add(tensor.name());
                    break;
                }
            }
        }
        if (!without.isEmpty()) {
            throw new PolicyException("policy " + policy.name() + ", activations: static: the source has no trained activation scale for "
                    + without.getFirst() + others(without.size()) + "; scales cannot be made without running the model, so ask for"
                    + " dynamic or none, or begin with a checkpoint that was trained with them");
        }
        if (!holds(target, Role.ACTIVATION_SCALE)) {
            boolean there = source.graph().weights().stream().anyMatch(weight -> weight.inputScale().isPresent());
            throw new PolicyException("policy " + policy.name() + ", activations: static: " + (there
                    ? "the target has no place for the trained activation scales of the source, and the runtime would not use them"
                    : "the source has no trained activation scales; they cannot be made without running the model"));
        }
    }

    private static boolean holds(Target target, Role role) {
        return target.tensors().stream().anyMatch(tensor -> tensor.identity().role().equals(role));
    }

    private static void cache(Policy policy, Checkpoint source, Target target) throws PolicyException {
        Set<Integer> scaled = new TreeSet<>();
        source.graph().stored().stream().map(source.graph()::identity).filter(identity -> identity.role().equals(Role.KV_SCALE))
                .map(Identity::layer).forEach(scaled::add);
        List<Integer> without = source.architecture().layers().stream().filter(Layer::ownsCache).map(Layer::index)
                .filter(layer -> !scaled.contains(layer)).toList();
        if (!without.isEmpty()) {
            throw new PolicyException(
                    "policy " + policy.name() + ", kv_cache scales: trained: the source has no trained cache scale for layer "
                            + without.getFirst() + others(without.size()) + "; scales cannot be made without running the model");
        }
        if (!holds(target, Role.KV_SCALE)) {
            throw new PolicyException(
                    "policy " + policy.name() + ", kv_cache scales: trained: the target has no place for the trained cache scales"
                            + " of the source");
        }
    }

    private static String others(int count) {
        return count == 1 ? "" : " and " + (count - 1) + " more";
    }

}
