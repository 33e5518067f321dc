package io.github.weighbridge.convert;

import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.TensorGraph;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.view.StoredTensor;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A checkpoint as it would be without some of its weights.
final class Dropped {
    private Dropped() {}

    /// @param keys of the weights to leave out
    /// @param findings is told what was left out
    static Checkpoint from(Checkpoint source, Set<String> keys, List<Finding> findings) {
        TensorGraph graph = source.graph();
        Set<String> used = new HashSet<>();
        Set<String> gone = new HashSet<>();
        for (Weight weight : graph.weights()) {
            (keys.contains(weight.key()) ? gone : used).addAll(weight.stored().stream().map(StoredTensor::name).toList());
        }
        gone.removeAll(used);
        List<StoredTensor> stored = graph.stored().stream().filter(tensor -> !gone.contains(tensor.name())).toList();
        Map<String, Identity> identities = new HashMap<>();
        stored.forEach(tensor -> identities.put(tensor.name(), graph.identity(tensor)));
        findings.add(Finding.warning("dropped", keys.size() + (keys.size() == 1 ? " weight is" : " weights are")
                + " dropped, as the policy has it", List.copyOf(keys)));
        return new Checkpoint(source.format(), source.formatVersion(), source.files(), source.architecture(),
                new TensorGraph(stored, identities, graph.weights().stream().filter(weight -> !keys.contains(weight.key())).toList()),
                source.documents(), source.findings(), source.resources(), source.metadata(), source.cache());
    }
}
