package io.github.weighbridge.policy.budget;

import io.github.weighbridge.model.Identity;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.policy.Match;
import io.github.weighbridge.policy.Rule;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// Rules that give each tensor the encoding that was found for it. Tensors that role, component and layer tell from all others share a rule
/// with those of other layers; the rest are named.
final class Rules {
    private Rules() {}

    /// Tensors that can share a rule.
    private record Kind(String component, String role, String word) {}

    static List<Rule> of(Map<TargetTensor, String> words, Collection<TargetTensor> all) {
        Map<Identity, Integer> counts = new LinkedHashMap<>();
        all.forEach(tensor -> counts.merge(tensor.identity(), 1, Integer::sum));
        Map<Kind, List<TargetTensor>> kinds = new LinkedHashMap<>();
        List<Rule> named = new ArrayList<>();
        words.forEach((tensor, word) -> {
            Identity identity = tensor.identity();
            if (counts.getOrDefault(identity, 0) == 1) {
                kinds.computeIfAbsent(new Kind(identity.component().word(), identity.role().word(), word), _ -> new ArrayList<>())
                        .add(tensor);
            } else {
                named.add(rule(Match.named(Pattern.compile("^" + Pattern.quote(tensor.name()) + "$")), word, named.size()));
            }
        });
        List<Rule> rules = new ArrayList<>(named);
        kinds.forEach((kind, tensors) -> {
            List<Integer> layers = tensors.stream().map(tensor -> tensor.identity().layer()).filter(layer -> layer != Identity.NO_LAYER)
                    .toList();
            rules.add(rule(
                    new Match(Set.of(kind.component()), Set.of(kind.role()), Match.ranges(layers), Optional.empty(), 0, Long.MAX_VALUE),
                    kind.word(), rules.size()));
        });
        return rules;
    }

    private static Rule rule(Match match, String word, int number) {
        return new Rule(match, word, "budget, rule " + (number + 1));
    }
}
