package io.github.weighbridge.plan;

import io.github.weighbridge.model.Finding;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which encoding each target tensor gets, and why. Rules, named types, presets and budgets all end in one of these.
///
/// @param choices by name of the target tensor, all of them
/// @param findings fallbacks taken and anything else worth knowing
/// @param type the named type it follows, where it follows one: some formats write it into their files
public record Assignment(Map<String, Choice> choices, List<Finding> findings, Optional<String> type) {
    /// Copies the collections.
    public Assignment {
        choices = Collections.unmodifiableMap(new LinkedHashMap<>(choices));
        findings = List.copyOf(findings);
    }

    /// An assignment that follows no named type.
    public Assignment(Map<String, Choice> choices, List<Finding> findings) {
        this(choices, findings, Optional.empty());
    }

    /// The choice for a target tensor.
    ///
    /// @throws IllegalArgumentException when there is none
    public Choice of(TargetTensor tensor) {
        Choice choice = choices.get(tensor.name());
        if (choice == null) {
            throw new IllegalArgumentException("no encoding is assigned to " + tensor.name());
        }
        return choice;
    }
}
