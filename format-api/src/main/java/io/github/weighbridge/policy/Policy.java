package io.github.weighbridge.policy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// What a user asks for. The first rule that matches a tensor decides; where none does, the named type or the default does, and without
/// both the tensor keeps its numbers.
///
/// @param name how reports name it
/// @param description one line
/// @param strip parts to leave out, in alphabetical order
/// @param rules in order
/// @param type a named type of the target, such as `Q8_0` for GGUF
/// @param pure whether the type is applied without its mix
/// @param otherwise what tensors get that no rule is about, where there is no type
/// @param settings everything else
public record Policy(String name, String description, Set<String> strip, List<Rule> rules, Optional<String> type, boolean pure,
        Optional<Rule> otherwise, PolicySettings settings) {
    /// Every tensor keeps its numbers, in the smallest encoding of the target that holds them exactly.
    public static final Policy KEEP =
            new Policy("keep", "every tensor keeps its numbers, in the target's smallest encoding that holds them exactly",
                    Set.of(), List.of(), Optional.empty(), false);

    /// Copies the collections.
    public Policy {
        if (type.isPresent() && otherwise.isPresent()) {
            throw new IllegalArgumentException("a policy has a named type or a default, not both");
        }
        strip = Collections.unmodifiableSet(new TreeSet<>(strip));
        rules = List.copyOf(rules);
    }

    /// A policy of rules and a type alone.
    public Policy(String name, String description, Set<String> strip, List<Rule> rules, Optional<String> type, boolean pure) {
        this(name, description, strip, rules, type, pure, Optional.empty(), PolicySettings.NONE);
    }

    /// A copy with a named type in the place of the default.
    public Policy withType(String type, boolean pure) {
        return new Policy(name, description, strip, rules, Optional.of(type), pure, Optional.empty(), settings.withoutTypeLabel());
    }

    /// A copy with rules put before its own.
    public Policy withFirst(List<Rule> first) {
        List<Rule> all = new ArrayList<>(first);
        all.addAll(rules);
        return new Policy(name, description, strip, all, type, pure, otherwise, settings);
    }

    /// A copy that also leaves parts out.
    public Policy withStrip(Set<String> parts) {
        Set<String> all = new TreeSet<>(strip);
        all.addAll(parts);
        return new Policy(name, description, all, rules, type, pure, otherwise, settings);
    }

    /// A copy with other settings.
    public Policy withSettings(PolicySettings other) {
        return new Policy(name, description, strip, rules, type, pure, otherwise, other);
    }
}
