package io.github.weighbridge.model;

import io.github.weighbridge.view.StoredTensor;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// All tensors of a checkpoint: as stored, with what each is, and as the family's weights. Immutable.
public final class TensorGraph {
    private final Map<String, StoredTensor> stored;
    private final Map<String, Identity> identities;
    private final Map<String, Weight> weights;

    /// A graph.
    ///
    /// @param stored all stored tensors, in the order of the files; names must differ
    /// @param identities what each is, by name; absent ones are [Identity#NONE]
    /// @param weights the family's weights, in the family's order; keys must differ
    public TensorGraph(List<StoredTensor> stored, Map<String, Identity> identities, List<Weight> weights) {
        Map<String, StoredTensor> byName = LinkedHashMap.newLinkedHashMap(stored.size());
        for (StoredTensor tensor : stored) {
            if (byName.put(tensor.name(), tensor) != null) {
                throw new IllegalArgumentException("two tensors named " + tensor.name());
            }
        }
        Map<String, Weight> byKey = LinkedHashMap.newLinkedHashMap(weights.size());
        for (Weight weight : weights) {
            if (byKey.put(weight.key(), weight) != null) {
                throw new IllegalArgumentException("two weights with the key " + weight.key());
            }
        }
        this.stored = Collections.unmodifiableMap(byName);
        this.identities = Map.copyOf(identities);
        this.weights = Collections.unmodifiableMap(byKey);
    }

    /// All stored tensors, in the order of the files.
    public Collection<StoredTensor> stored() {
        return stored.values();
    }

    /// The stored tensor of a name.
    public Optional<StoredTensor> stored(String name) {
        return Optional.ofNullable(stored.get(name));
    }

    /// What a stored tensor is.
    public Identity identity(StoredTensor tensor) {
        return identities.getOrDefault(tensor.name(), Identity.NONE);
    }

    /// All weights, in the family's order.
    public Collection<Weight> weights() {
        return weights.values();
    }

    /// The weight of a key.
    public Optional<Weight> weight(String key) {
        return Optional.ofNullable(weights.get(key));
    }
}
