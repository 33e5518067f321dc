package io.github.weighbridge.policy;

import io.github.weighbridge.model.Identity;
import io.github.weighbridge.plan.TargetTensor;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// Which tensors a rule is about. Conditions that are given must all hold.
///
/// @param components words of components; empty for any
/// @param roles words of roles; empty for any
/// @param layers indices of layers; empty for any, tensors without a layer included
/// @param name pattern to be found in the tensor's name
public record Match(Set<String> components, Set<String> roles, Set<Integer> layers, Optional<Pattern> name) {
    /// Copies the sets.
    public Match {
        components = Set.copyOf(components);
        roles = Set.copyOf(roles);
        layers = Set.copyOf(layers);
    }

    /// Tensors whose name has a match of the pattern somewhere in it.
    public static Match named(Pattern pattern) {
        return new Match(Set.of(), Set.of(), Set.of(), Optional.of(pattern));
    }

    /// Whether a tensor is meant.
    public boolean matches(TargetTensor tensor) {
        Identity identity = tensor.identity();
        return (components.isEmpty() || components.contains(identity.component().word()))
                && (roles.isEmpty() || roles.contains(identity.role().word())) && (layers.isEmpty() || layers.contains(identity.layer()))
                && (name.isEmpty() || name.get().matcher(tensor.name()).find());
    }
}
