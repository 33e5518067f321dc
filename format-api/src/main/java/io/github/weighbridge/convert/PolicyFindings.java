package io.github.weighbridge.convert;

import io.github.weighbridge.family.Family;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// What a policy asks for besides encodings.
final class PolicyFindings {
    private static final String PER_LAYER = "ple";

    private PolicyFindings() {}

    static List<Finding> of(Policy policy, Checkpoint source, TargetRequest request) {
        List<Finding> findings = new ArrayList<>(stripped(source, request));
        policy.settings().cache().ifPresent(cache -> findings.add(Finding.info("kv-cache-policy",
                "the policy wants the key/value cache in " + cache + "; the sizes of caches below are those of this policy", List.of())));
        return findings;
    }

    /// What is left out because it was asked for.
    private static List<Finding> stripped(Checkpoint source, TargetRequest request) {
        Optional<Family> family = request.families().byName(source.architecture().family());
        List<Finding> findings = new ArrayList<>();
        for (String part : new TreeSet<>(request.strip())) {
            Set<StoredTensor> tensors = new LinkedHashSet<>();
            source.graph().weights().stream()
                    .filter(weight -> family.isPresent() && family.get().belongsTo(part, weight.key(), weight.identity()))
                    .forEach(weight -> tensors.addAll(weight.stored()));
            if (!tensors.isEmpty()) {
                List<String> names = tensors.stream().map(StoredTensor::name).toList();
                String what = "--strip " + part + " leaves out " + names.size() + " tensors, "
                        + tensors.stream().mapToLong(StoredTensor::bytes).sum() + " bytes in the source";
                findings.add(part.equals(PER_LAYER) ? Finding.warning("per-layer-embeddings-left-out", what + ": the table, its projection,"
                        + " and the gate, projection and norm of every layer. The model was trained with what they add to each layer, so that"
                        + " it predicts far worse without; compare the perplexity of the result with that of the source", names)
                        : Finding.info("stripped", what, names));
            }
        }
        return findings;
    }
}
