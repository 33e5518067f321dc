package io.github.weighbridge.plan;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What the columns of a model's tensors matter, measured by running text through it. Encoders that know how weigh their errors by it.
///
/// @param name how files that are made with it call it; no path
/// @param datasets names of the texts it was measured with; may be empty
/// @param chunks pieces of text that were run; 0 where unknown
/// @param entries weights, by the names that tensors have in the target format
public record ImportanceMatrix(String name, List<String> datasets, long chunks, Map<String, float[]> entries) {
    /// Copies the collections; the arrays must not change.
    public ImportanceMatrix {
        datasets = List.copyOf(datasets);
        entries = Collections.unmodifiableMap(new LinkedHashMap<>(entries));
    }

    /// The weights of a tensor, matrix after matrix; must not be changed.
    public Optional<float[]> entry(String tensor) {
        return Optional.ofNullable(entries.get(tensor));
    }
}
