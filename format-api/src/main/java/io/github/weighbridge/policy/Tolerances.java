package io.github.weighbridge.policy;

import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.scan.Tolerance;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// How far a policy lets the weights of its result be from the source.
public final class Tolerances {
    private Tolerances() {}

    /// The limits of weights, by key. Of a weight, the first rule that matches it says them, else the policy; without both it is not in the
    /// answer. A rule's pattern is searched for in the names of the tensors that hold the weight.
    ///
    /// @param architecture the source's, of which the conditions of rules must hold
    /// @param weights the result's
    /// @throws PolicyException when a rule has limits, is not optional and is the first for no weight, or its pattern takes too long
    public static Map<String, Tolerance> of(Policy policy, Architecture architecture, Collection<Weight> weights) throws PolicyException {
        Map<Weight, List<TargetTensor>> tensors = new LinkedHashMap<>();
        weights.forEach(weight -> tensors.put(weight, tensors(weight)));
        LayerKinds kinds = new LayerKinds(architecture, tensors.values().stream().flatMap(List::stream).toList());
        List<Rule> rules = policy.rules().stream().filter(rule -> rule.when().stream().allMatch(condition -> condition.holds(architecture)))
                .toList();
        Map<String, Tolerance> limits = new LinkedHashMap<>();
        Set<Integer> used = new HashSet<>();
        for (Map.Entry<Weight, List<TargetTensor>> weight : tensors.entrySet()) {
            Optional<Tolerance> limit = policy.settings().tolerance();
            for (int i = 0; i < rules.size(); i++) {
                if (matches(rules.get(i), weight.getValue(), kinds)) {
                    used.add(i);
                    limit = rules.get(i).tolerance().or(() -> policy.settings().tolerance());
                    break;
                }
            }
            limit.ifPresent(tolerance -> limits.put(weight.getKey().key(), tolerance));
        }
        for (int i = 0; i < rules.size(); i++) {
            Rule rule = rules.get(i);
            if (rule.tolerance().isPresent() && !rule.optional() && !used.contains(i)) {
                throw new PolicyException(rule.label() + " has a tolerance and is the first to match for no weight");
            }
        }
        return Collections.unmodifiableMap(limits);
    }

    private static List<TargetTensor> tensors(Weight weight) {
        List<TargetTensor> tensors = new ArrayList<>();
        for (StoredTensor stored : weight.stored()) {
            tensors.add(new TargetTensor(stored.name(), weight.identity(), weight.view(), List.of(weight.key())));
        }
        return tensors.isEmpty() ? List.of(new TargetTensor(weight.key(), weight.identity(), weight.view(), List.of(weight.key())))
                : tensors;
    }

    private static boolean matches(Rule rule, List<TargetTensor> tensors, LayerKinds kinds) throws PolicyException {
        for (TargetTensor tensor : tensors) {
            try {
                if (rule.match().matches(tensor, kinds)) {
                    return true;
                }
            } catch (PatternTooSlow e) {
                throw new PolicyException(rule.label() + ": the pattern " + rule.match().name().orElseThrow() + " " + e.getMessage() + ", "
                        + tensor.name());
            }
        }
        return false;
    }
}
