package io.github.weighbridge.convert;

import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.Stripping;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What a policy asks for besides encodings.
final class PolicyFindings {
    private static final String PER_LAYER = "ple";

    private PolicyFindings() {}

    static List<Finding> of(Policy policy, Stripping stripping) {
        List<Finding> findings = new ArrayList<>(stripped(stripping));
        policy.settings().cache().ifPresent(cache -> findings.add(Finding.info("kv-cache-policy",
                "the policy wants the key/value cache in " + cache, List.of())));
        return findings;
    }

    /// What is left out because it was asked for.
    private static List<Finding> stripped(Stripping stripping) {
        List<Finding> findings = new ArrayList<>();
        for (Map.Entry<String, List<Weight>> part : stripping.removed().entrySet()) {
            Set<StoredTensor> tensors = new LinkedHashSet<>();
            for (Weight weight : part.getValue()) {
                tensors.addAll(weight.tensors());
            }
            if (tensors.isEmpty()) {
                continue;
            }
            List<String> names = tensors.stream().map(StoredTensor::name).toList();
            String what = "--strip " + part.getKey() + " leaves out " + names.size() + " tensors, "
                    + tensors.stream().mapToLong(StoredTensor::bytes).sum() + " bytes in the source";
            findings.add(part.getKey().equals(PER_LAYER) ? Finding.warning("per-layer-embeddings-left-out", what
                    + ": the table, its projection,"
                    + " and the gate, projection and norm of every layer. The model was trained with what they add to each layer, so that"
                    + " it predicts far worse without; compare the perplexity of the result with that of the source. llama.cpp, the graphs of"
                    + " LiteRT-LM and transformers take a Gemma 4 of this form, in which hidden_size_per_layer_input is 0", names)
                    : Finding.info("stripped", what, names));
        }
        return findings;
    }
}
