package io.github.weighbridge.policy;

import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.plan.TargetTensor;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// Which tensors a rule is about. Conditions that are given must all hold; of a list, one must.
///
/// @param components words of components; empty for any
/// @param roles words of roles; empty for any
/// @param layers some layers; empty for any, tensors without a layer included
/// @param name pattern to be found in the tensor's name
/// @param minimum fewest parameters
/// @param maximum most parameters
public record Match(Set<String> components, Set<String> roles, List<LayerSet> layers, Optional<Pattern> name, long minimum, long maximum) {
    /// Every tensor.
    public static final Match EVERYTHING = new Match(Set.of(), Set.of(), List.of(), Optional.empty(), 0, Long.MAX_VALUE);

    /// Copies the collections.
    public Match {
        components = java.util.Collections.unmodifiableSet(new LinkedHashSet<>(components));
        roles = java.util.Collections.unmodifiableSet(new LinkedHashSet<>(roles));
        layers = List.copyOf(layers);
    }

    /// A match of any number of parameters.
    ///
    /// @param layers indices of layers; empty for any
    public Match(Set<String> components, Set<String> roles, Set<Integer> layers, Optional<Pattern> name) {
        this(components, roles, ranges(layers), name, 0, Long.MAX_VALUE);
    }

    /// Indices as ranges, in order.
    public static List<LayerSet> ranges(Collection<Integer> layers) {
        List<Integer> sorted = layers.stream().distinct().sorted().toList();
        List<LayerSet> ranges = new java.util.ArrayList<>();
        for (int i = 0; i < sorted.size();) {
            int end = i;
            while (end + 1 < sorted.size() && sorted.get(end + 1) == sorted.get(end) + 1) {
                end++;
            }
            ranges.add(new LayerSet.Range(sorted.get(i), sorted.get(end)));
            i = end + 1;
        }
        return ranges;
    }

    /// Tensors whose name has a match of the pattern somewhere in it.
    public static Match named(Pattern pattern) {
        return new Match(Set.of(), Set.of(), List.of(), Optional.of(pattern), 0, Long.MAX_VALUE);
    }

    /// Whether a tensor is meant, of a model of which nothing else is known.
    public boolean matches(TargetTensor tensor) {
        return matches(tensor, new LayerKinds(Architecture.unknown("", io.github.weighbridge.io.Value.Fields.EMPTY), List.of(tensor)));
    }

    /// Whether a tensor is meant.
    ///
    /// @throws PatternTooSlow when the name's pattern takes too many steps
    boolean matches(TargetTensor tensor, LayerKinds kinds) {
        Identity identity = tensor.identity();
        long parameters = tensor.shape().elements();
        return (components.isEmpty() || components.contains(identity.component().word()))
                && (roles.isEmpty() || roles.contains(identity.role().word()))
                && (layers.isEmpty() || layers.stream().anyMatch(set -> kinds.contains(set, identity)))
                && parameters >= minimum && parameters <= maximum
                && (name.isEmpty() || PatternTooSlow.find(name.get(), tensor.name()));
    }
}
