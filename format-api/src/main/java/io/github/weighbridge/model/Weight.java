package io.github.weighbridge.model;

import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// A family's unit of weights in canonical form: Hugging Face orientation and values, experts apart, gate and up apart, the table of
/// per-layer embeddings whole. Policies, budgets, comparisons work on these.
///
/// @param key name, unique in the graph and equal for every format: `text_decoder.3.attention_q`
/// @param identity role, component and layer
/// @param view the numbers
/// @param stored the stored tensors that the view reads
/// @param inputScale scale of the static activation that enters the product with this weight, where there is one
/// @param outputScale scale of the static activation that leaves it
public record Weight(String key, Identity identity, View view, List<StoredTensor> stored, Optional<StoredTensor> inputScale,
        Optional<StoredTensor> outputScale) {
    /// Copies the list.
    public Weight {
        stored = List.copyOf(stored);
    }

    /// A weight without static activations.
    public static Weight of(String key, Identity identity, View view, List<StoredTensor> stored) {
        return new Weight(key, identity, view, stored, Optional.empty(), Optional.empty());
    }

    /// The scales of the static activations, the input's first; empty where there are none.
    public List<StoredTensor> activationScales() {
        return Stream.concat(inputScale.stream(), outputScale.stream()).toList();
    }

    /// All stored tensors that belong to the weight: those that the view reads, then the scales of its activations.
    public List<StoredTensor> tensors() {
        return Stream.concat(stored.stream(), activationScales().stream()).toList();
    }
}
