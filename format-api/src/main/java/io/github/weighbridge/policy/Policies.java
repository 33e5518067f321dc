package io.github.weighbridge.policy;

import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The built-in policies, and the way from a policy to an assignment.
public final class Policies {
    private static final List<Policy> BUILT_IN = List.of(Policy.KEEP, dense("bf16", "BF16"), dense("f16", "F16"), dense("f32", "F32"),
            new Policy("qat-q4_0",
                    "for gguf: every matrix in Q4_0, embedding tables too, with the steps that return a trained grid; what llama-quantize"
                            + " leaves alone keeps its numbers",
                    Set.of(), List.of(), Optional.of("Q4_0:exact"), true),
            new Policy("google-q4_0",
                    "for gguf: the mix of Google's own QAT files: embedding tables in Q6_K, the per-layer model projection in F16, all other"
                            + " matrices in Q4_0 with the steps that return a trained grid",
                    Set.of(), List.of(preset("google-q4_0", Role.PER_LAYER_MODEL_PROJECTION, "gguf:F16")), Optional.of("Q4_0:exact"),
                    false));

    private Policies() {}

    /// A rule of a preset about one role, which not every model has.
    private static Rule preset(String policy, Role role, String encoding) {
        return new Rule(new Match(Set.of(), Set.of(role.word()), Set.of(), Optional.empty()), encoding, "policy " + policy, false);
    }

    private static Policy dense(String word, String type) {
        return new Policy(word, "every tensor that the runtime does not fix in " + type, Set.of(), List.of(new Rule(
                new Match(Set.of(), Set.of(), Set.of(), Optional.empty()), word, "policy " + word)), Optional.empty(), false);
    }

    /// The built-in policies.
    public static List<Policy> builtIn() {
        return BUILT_IN;
    }

    /// The built-in policy of a name.
    public static Optional<Policy> byName(String name) {
        return BUILT_IN.stream().filter(policy -> policy.name().equals(name)).findFirst();
    }

    /// Decides the encoding of every tensor of a target.
    ///
    /// @throws PolicyException when the target cannot give a tensor what a rule demands, or a rule matches nothing; names both
    public static Assignment assign(Policy policy, Target target) throws PolicyException {
        Map<String, Choice> choices = new LinkedHashMap<>();
        List<Finding> findings = new ArrayList<>();
        Optional<Assignment> type = Optional.empty();
        if (policy.type().isPresent()) {
            type = Optional.of(type(policy, target));
            findings.addAll(type.get().findings());
        }
        int[] matched = new int[policy.rules().size()];
        for (TargetTensor tensor : target.tensors()) {
            choices.put(tensor.name(), choose(policy, target, type, tensor, matched));
        }
        for (int i = 0; i < matched.length; i++) {
            if (matched[i] == 0 && policy.rules().get(i).required()) {
                throw new PolicyException(policy.rules().get(i).label() + " matches no tensor that it could decide");
            }
        }
        return new Assignment(choices, findings, type.flatMap(Assignment::type));
    }

    /// The named type; where the policy itself names it, a refusal names the policy.
    private static Assignment type(Policy policy, Target target) throws PolicyException {
        String type = policy.type().orElseThrow();
        try {
            return target.type(type, policy.pure());
        } catch (PolicyException e) {
            boolean own = byName(policy.name()).flatMap(Policy::type).filter(type::equals).isPresent();
            throw own ? new PolicyException("policy " + policy.name() + ": " + e.getMessage()) : e;
        }
    }

    private static Choice choose(Policy policy, Target target, Optional<Assignment> type, TargetTensor tensor, int[] matched)
            throws PolicyException {
        Optional<Choice> fixed = target.fixed(tensor);
        if (fixed.isPresent()) {
            return fixed.get();
        }
        for (int i = 0; i < policy.rules().size(); i++) {
            Rule rule = policy.rules().get(i);
            if (!rule.match().matches(tensor)) {
                continue;
            }
            matched[i]++;
            if (rule.encoding().equals(Rule.KEEP)) {
                return target.keep(tensor);
            }
            Choice choice = target.choice(rule.encoding(), tensor, rule.label()).orElseThrow(
                    () -> new PolicyException(
                            rule.label() + ": the target has no encoding \"" + rule.encoding() + "\", asked for " + tensor.name()));
            Optional<String> refusal = target.refuses(tensor, choice.encoding());
            if (refusal.isPresent()) {
                throw new PolicyException(
                        rule.label() + ": " + tensor.name() + " cannot be " + choice.encoding().name() + ": " + refusal.get());
            }
            return choice;
        }
        return type.isPresent() ? type.get().of(tensor) : target.keep(tensor);
    }
}
