package io.github.weighbridge.convert;

import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.policy.Activations;
import io.github.weighbridge.policy.CachePolicy;
import io.github.weighbridge.policy.Decision;
import io.github.weighbridge.policy.Policies;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.PolicySettings;
import io.github.weighbridge.policy.budget.Budget;
import io.github.weighbridge.policy.budget.BudgetRequest;
import io.github.weighbridge.policy.budget.BudgetResult;
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
import java.util.Optional;
import java.util.Set;

/// From a checkpoint, a format and a policy to a plan.
public final class Planner {
    /// So many types of a format are named in a message.
    private static final int MOST_TYPES = 4;

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
        Stripping stripping = Stripping.of(source, full);
        stripping.demand(request.strip(), source);
        Decided decided = decide(source, format, own(policy, format), full);
        List<Finding> findings = new ArrayList<>(decided.findings());
        findings.addAll(PolicyFindings.of(policy, stripping));
        ConversionPlan plan = decided.target().plan(decided.decision().assignment());
        for (Job job : plan.jobs()) {
            Optional<String> refusal = Task.tooLong(job);
            if (refusal.isPresent()) {
                throw new PolicyException(refusal.get());
            }
        }
        return new Planned(plan.withFindings(findings), decided.decision(), policy, full);
    }

    /// Finds the encodings that keep a conversion within a budget. What rules drop takes no part of it.
    ///
    /// @return a policy for this format, which gives the result without a budget
    /// @throws PolicyException when the format cannot hold the checkpoint, the policy leaves nothing to choose, or the budget is too small
    /// @throws IOException when weights cannot be read
    public static BudgetResult budget(Checkpoint source, Format format, Policy policy, TargetRequest request, BudgetRequest budget)
            throws IOException, PolicyException {
        Policy own = own(policy, format);
        TargetRequest full = request(policy, request);
        Stripping.of(source, full).demand(request.strip(), source);
        Decided decided = decide(source, format, own, full);
        return Budget.solve(own, decided.source(), decided.target(), decided.decision(), budget);
    }

    /// A decision, and what it is about: without what rules drop.
    private record Decided(Checkpoint source, Target target, Decision decision, List<Finding> findings) {}

    private static Decided decide(Checkpoint source, Format format, Policy own, TargetRequest full) throws IOException, PolicyException {
        ScaleCheck.check(source);
        Target target = format.target(source, full);
        Decision decision = Policies.decide(own, source, target);
        if (decision.dropped().isEmpty()) {
            return new Decided(source, target, decision, List.of());
        }
        List<Finding> findings = new ArrayList<>();
        Checkpoint rest = Dropped.from(source, decision.dropped(), findings);
        target = format.target(rest, full);
        Map<String, Choice> left = new LinkedHashMap<>();
        for (TargetTensor tensor : target.tensors()) {
            left.put(tensor.name(), decision.assignment().of(tensor));
        }
        return new Decided(rest, target, new Decision(new Assignment(left, decision.assignment().findings(), decision.assignment().type()),
                decision.outcomes(), decision.dropped(), decision.open()), findings);
    }

    /// What a policy says for a format.
    private static Policy own(Policy policy, Format format) throws PolicyException {
        try {
            return policy.in(format.name());
        } catch (PolicyException e) {
            List<String> types = format.types();
            throw types.isEmpty() || types.size() > MOST_TYPES ? e
                    : new PolicyException(e.getMessage() + "; " + format.name() + " has " + String.join(", ", types));
        }
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
