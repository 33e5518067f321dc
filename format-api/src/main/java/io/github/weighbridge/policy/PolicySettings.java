package io.github.weighbridge.policy;

import io.github.weighbridge.scan.Tolerance;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What a policy says besides its rules.
///
/// @param cache how the key/value cache is to be kept; empty where it is left to the runtime
/// @param activations what becomes of activations
/// @param fallbacks for an encoding's word, those to try in order where a target cannot give it to a tensor
/// @param floors the fewest bits a budget may leave
/// @param requirements what must hold of an architecture for the policy to mean anything, and what to say where it does not
/// @param typeLabel how messages name the policy's type; empty where it was given beside the policy
/// @param notes texts that are written into the output where the format has a place for them
/// @param tolerance how far the result may be from the source where no rule says it; empty where encodings answer for themselves
public record PolicySettings(Optional<CachePolicy> cache, Activations activations, Map<String, PerFormat<List<String>>> fallbacks,
        List<Floor> floors,
        List<Requirement> requirements, Optional<String> typeLabel, Map<String, String> notes, Optional<Tolerance> tolerance) {
    /// Nothing said.
    public static final PolicySettings NONE =
            new PolicySettings(Optional.empty(), Activations.KEEP, Map.of(), List.of(), List.of(), Optional.empty(), Map.of(),
                    Optional.empty());

    /// Something that must hold of an architecture.
    ///
    /// @param condition what
    /// @param otherwise what to say where it does not hold
    /// @param label place in the policy
    public record Requirement(Condition condition, String otherwise, String label) {}

    /// Copies the collections.
    public PolicySettings {
        Map<String, PerFormat<List<String>>> copy = new LinkedHashMap<>();
        fallbacks.forEach((word, words) -> copy.put(word, words.map(List::copyOf)));
        fallbacks = Collections.unmodifiableMap(copy);
        floors = List.copyOf(floors);
        requirements = List.copyOf(requirements);
        notes = Collections.unmodifiableMap(new LinkedHashMap<>(notes));
    }

    /// A copy with another cache.
    public PolicySettings withCache(CachePolicy policy) {
        return new PolicySettings(Optional.of(policy), activations, fallbacks, floors, requirements, typeLabel, notes, tolerance);
    }

    /// A copy with another way with activations.
    public PolicySettings withActivations(Activations way) {
        return new PolicySettings(cache, way, fallbacks, floors, requirements, typeLabel, notes, tolerance);
    }

    /// A copy whose type was given beside the policy.
    PolicySettings withoutTypeLabel() {
        return new PolicySettings(cache, activations, fallbacks, floors, requirements, Optional.empty(), notes, tolerance);
    }

    /// A copy with the fallbacks of one format.
    PolicySettings in(String format) {
        Map<String, PerFormat<List<String>>> own = new LinkedHashMap<>();
        fallbacks.forEach((word, words) -> words.in(format).ifPresent(found -> own.put(word, PerFormat.of(found))));
        return new PolicySettings(cache, activations, own, floors, requirements, typeLabel, notes, tolerance);
    }
}
