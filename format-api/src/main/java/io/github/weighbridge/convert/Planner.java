package io.github.weighbridge.convert;

import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policies;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;

/// From a checkpoint, a format and a policy to a plan.
public final class Planner {
    private Planner() {}

    /// Plans a conversion. Reads headers and documents, no weights.
    ///
    /// @throws PolicyException when the format cannot hold the checkpoint, or cannot meet the policy
    /// @throws IOException when documents cannot be read or are bad
    public static ConversionPlan plan(Checkpoint source, Format format, Policy policy, TargetRequest request)
            throws IOException, PolicyException {
        Set<String> strip = new HashSet<>(request.strip());
        strip.addAll(policy.strip());
        Target target = format.target(source, request.withStrip(strip));
        Assignment assignment = Policies.assign(policy, target);
        return target.plan(assignment);
    }
}
