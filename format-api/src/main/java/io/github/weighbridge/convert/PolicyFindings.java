package io.github.weighbridge.convert;

import io.github.weighbridge.model.Finding;
import io.github.weighbridge.policy.CachePolicy;
import io.github.weighbridge.policy.Policy;
import java.util.ArrayList;
import java.util.List;

/// What a policy asks for that is nobody's tensor.
final class PolicyFindings {
    private PolicyFindings() {}

    static List<Finding> of(Policy policy, String format) {
        List<Finding> findings = new ArrayList<>();
        if (policy.settings().cache().isPresent()) {
            CachePolicy cache = policy.settings().cache().get();
            findings.add(
                    Finding.info("kv-cache-policy", "the policy wants the key/value cache in " + cache + "; see which findings say what "
                            + format + " makes of it", List.of()));
        }
        if (policy.strip().contains("ple")) {
            findings.add(Finding.warning("per-layer-embeddings-stripped",
                    "without per-layer embeddings each layer loses an input that the model"
                            + " was trained with: the result loads where the runtime reads hidden_size_per_layer_input (llama.cpp, transformers) and"
                            + " is another, much worse model",
                    List.of()));
        }
        return findings;
    }
}
