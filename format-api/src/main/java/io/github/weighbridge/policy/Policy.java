package io.github.weighbridge.policy;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What a user asks for. The first rule that matches a tensor decides; where none does, the named type decides, and without one the
/// tensor keeps its numbers.
///
/// @param name how reports name it
/// @param description one line
/// @param strip parts to leave out
/// @param rules in order
/// @param type a named type of the target, such as `Q8_0` for GGUF
/// @param pure whether the type is applied without its mix
public record Policy(String name, String description, Set<String> strip, List<Rule> rules, Optional<String> type, boolean pure) {
    /// Every tensor keeps its numbers, in the smallest encoding of the target that holds them exactly.
    public static final Policy KEEP =
            new Policy("keep", "every tensor keeps its numbers, in the target's smallest encoding that holds them exactly",
                    Set.of(), List.of(), Optional.empty(), false);

    /// Copies the collections.
    public Policy {
        strip = Set.copyOf(strip);
        rules = List.copyOf(rules);
    }

    /// A copy with a named type.
    public Policy withType(String type, boolean pure) {
        return new Policy(name, description, strip, rules, Optional.of(type), pure);
    }

    /// A copy with rules put before its own.
    public Policy withFirst(List<Rule> first) {
        List<Rule> all = new java.util.ArrayList<>(first);
        all.addAll(rules);
        return new Policy(name, description, strip, all, type, pure);
    }

    /// A copy that also leaves parts out.
    public Policy withStrip(Set<String> parts) {
        Set<String> all = new java.util.HashSet<>(strip);
        all.addAll(parts);
        return new Policy(name, description, all, rules, type, pure);
    }
}
