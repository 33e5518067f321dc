package io.github.weighbridge.convert;

import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.policy.Activations;
import io.github.weighbridge.policy.CachePolicy;
import io.github.weighbridge.policy.Decision;
import io.github.weighbridge.policy.Policies;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.PolicySettings;
import io.github.weighbridge.scan.ScaleCheck;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Stripping;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// From a checkpoint, a format and a policy to a plan.
public final class Planner {
    private Planner() {}

    /// Plans a conversion. Reads headers, documents, and what a plan needs to know of scales and grids.
    ///
    /// @throws PolicyException when the format cannot hold the checkpoint, or cannot meet the policy
    /// @throws IOException when documents or scales cannot be read or are bad
    public static ConversionPlan plan(Checkpoint source, Format format, Policy policy, TargetRequest request)
            throws IOException, PolicyException {
        return prepare(source, format, policy, request).plan();
    }

    /// Plans a conversion, and says how it came to the plan. Parts that the request strips must be there; of those that the policy strips, whatever is
    /// there goes.
    ///
    /// @throws PolicyException when the format cannot hold the checkpoint, or cannot meet the policy
    /// @throws IOException when documents or scales cannot be read or are bad
    public static Planned prepare(Checkpoint source, Format format, Policy policy, TargetRequest request)
            throws IOException, PolicyException {
        TargetRequest full = request(policy, request);
        ScaleCheck.check(source);
        Stripping stripping = Stripping.of(source, full);
        stripping.demand(request.strip(), source);
        Target target = format.target(source, full);
        Decision decision = Policies.decide(policy, source, target);
        List<Finding> findings = new ArrayList<>();
        if (!decision.dropped().isEmpty()) {
            Checkpoint rest = Dropped.from(source, decision.dropped(), findings);
            target = format.target(rest, full);
            Map<String, Choice> left = new LinkedHashMap<>();
            for (TargetTensor tensor : target.tensors()) {
                left.put(tensor.name(), decision.assignment().of(tensor));
            }
            decision = new Decision(new Assignment(left, decision.assignment().findings(), decision.assignment().type()),
                    decision.outcomes(), decision.dropped(), decision.open());
        }
        findings.addAll(PolicyFindings.of(policy, stripping));
        return new Planned(target.plan(decision.assignment()).withFindings(findings), decision, policy, full);
    }

    /// The request of a policy: what it strips and its settings come on top.
    public static TargetRequest request(Policy policy, TargetRequest request) {
        Set<String> strip = new HashSet<>(request.strip());
        strip.addAll(policy.strip());
        TargetRequest full = request.withStrip(strip);
        PolicySettings settings = policy.settings();
        if (settings.activations() != Activations.KEEP) {
            full = full.withOption(TargetRequest.ACTIVATIONS, settings.activations().word());
        }
        if (settings.cache().isPresent()) {
            CachePolicy cache = settings.cache().get();
            full = full.withOption(TargetRequest.CACHE_SLIDING, cache.sliding()).withOption(TargetRequest.CACHE_FULL, cache.full())
                    .withOption(TargetRequest.CACHE_SCALES, cache.scales().name().toLowerCase(Locale.ROOT));
        }
        for (Map.Entry<String, String> note : settings.notes().entrySet()) {
            full = full.withOption(TargetRequest.NOTE + note.getKey(), note.getValue());
        }
        return full;
    }
}
