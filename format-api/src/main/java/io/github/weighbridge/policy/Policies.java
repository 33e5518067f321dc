package io.github.weighbridge.policy;

import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import java.util.Collection;
import java.util.List;

/// The way from a policy to an assignment.
public final class Policies {
    private Policies() {}

    /// Decides the encoding of every tensor of a target, of a model of which nothing but its tensors is known.
    ///
    /// @throws PolicyException when the target cannot give a tensor what a rule demands, or a rule matches nothing; names both
    public static Assignment assign(Policy policy, Target target) throws PolicyException {
        return decide(policy, Architecture.unknown("", Value.Fields.EMPTY), target).assignment();
    }

    /// Decides the encoding of every tensor of a target.
    ///
    /// @param architecture the source's
    /// @throws PolicyException when the policy is not for this architecture, the target cannot give a tensor what a rule demands, or a rule
    ///         matches nothing; names rule and tensor
    public static Decision decide(Policy policy, Architecture architecture, Target target) throws PolicyException {
        for (PolicySettings.Requirement requirement : policy.settings().requirements()) {
            if (!requirement.condition().holds(architecture)) {
                throw new PolicyException(requirement.label() + ": " + requirement.otherwise() + " (" + requirement.condition()
                        + " does not hold of " + (architecture.name().isEmpty() ? "this model" : architecture.name()) + ")");
            }
        }
        return new Decider(policy, architecture, target).decide();
    }

    /// Decides the encoding of every tensor that a target makes of a checkpoint, and checks that the checkpoint has what the policy wants
    /// carried.
    ///
    /// @throws PolicyException as above, or when trained scales are demanded that the checkpoint does not have
    public static Decision decide(Policy policy, Checkpoint source, Target target) throws PolicyException {
        Decision decision = decide(policy, source.architecture(), target);
        TrainedScales.check(policy, source, target, decision.assignment());
        return decision;
    }

    /// The tensors that a match means.
    ///
    /// @param architecture the source's
    /// @param tensors all tensors of the target
    /// @throws PolicyException when the match's pattern takes too long
    public static List<TargetTensor> matching(Match match, Architecture architecture, Collection<TargetTensor> tensors)
            throws PolicyException {
        LayerKinds kinds = new LayerKinds(architecture, tensors);
        try {
            return tensors.stream().filter(tensor -> match.matches(tensor, kinds)).toList();
        } catch (PatternTooSlow e) {
            throw new PolicyException("the pattern " + match.name().orElseThrow() + " " + e.getMessage());
        }
    }
}
