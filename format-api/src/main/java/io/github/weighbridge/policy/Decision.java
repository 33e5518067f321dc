package io.github.weighbridge.policy;

import io.github.weighbridge.plan.Assignment;
import java.util.List;
import java.util.Set;

/// What a policy decided for a target: the encodings, and what each of its rules did.
///
/// @param assignment an encoding for each tensor of the target
/// @param outcomes what the runtime fixed, what each rule decided, and what was left, in this order
/// @param dropped keys of weights that rules drop; the assignment is of a target that still has them
/// @param open names of the tensors that no rule is about
public record Decision(Assignment assignment, List<Outcome> outcomes, Set<String> dropped, Set<String> open) {
    /// What one rule did.
    ///
    /// @param rule its label
    /// @param encoding what it asks for
    /// @param tensors how many tensors it decided
    /// @param parameters their elements
    public record Outcome(String rule, String encoding, int tensors, long parameters) {}

    /// Copies the collections.
    public Decision {
        outcomes = List.copyOf(outcomes);
        open = java.util.Collections.unmodifiableSet(new java.util.LinkedHashSet<>(open));
        dropped = java.util.Collections.unmodifiableSet(new java.util.LinkedHashSet<>(dropped));
    }
}
