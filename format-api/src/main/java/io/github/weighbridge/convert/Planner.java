package io.github.weighbridge.convert;

import io.github.weighbridge.family.Family;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policies;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.scan.ScaleCheck;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// From a checkpoint, a format and a policy to a plan.
public final class Planner {
    private static final String PER_LAYER = "ple";

    private Planner() {}

    /// Plans a conversion. Reads headers, documents, and what a plan needs to know of scales and grids.
    ///
    /// @throws PolicyException when the format cannot hold the checkpoint, or cannot meet the policy
    /// @throws IOException when documents or scales cannot be read or are bad
    public static ConversionPlan plan(Checkpoint source, Format format, Policy policy, TargetRequest request)
            throws IOException, PolicyException {
        Set<String> strip = new HashSet<>(request.strip());
        strip.addAll(policy.strip());
        ScaleCheck.check(source);
        Target target = format.target(source, request.withStrip(strip));
        Assignment assignment = Policies.assign(policy, target);
        return target.plan(assignment).withFindings(stripped(source, strip, request));
    }

    /// What was left out because it was asked for.
    private static List<Finding> stripped(Checkpoint source, Set<String> strip, TargetRequest request) {
        Optional<Family> family = request.families().byName(source.architecture().family());
        List<Finding> findings = new ArrayList<>();
        for (String part : new TreeSet<>(strip)) {
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
