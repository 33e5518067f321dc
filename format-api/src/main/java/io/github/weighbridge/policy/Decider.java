package io.github.weighbridge.policy;

import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Target;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// One decision: a policy held against a target.
final class Decider {
    private static final int NAMES_IN_MESSAGE = 3;
    private static final Pattern PARAMETER = Pattern.compile("\\{([a-zA-Z0-9_]+)}");
    private static final String FIXED = "fixed by the runtime";

    private final Policy policy;
    private final Architecture architecture;
    private final Target target;
    private final LayerKinds kinds;
    private final List<Rule> rules;
    private final Optional<Assignment> type;
    private final Map<String, Choice> choices = new LinkedHashMap<>();
    private final Sum fixedSum = new Sum(FIXED, "");
    private final List<Sum> ruleSums = new ArrayList<>();
    private final Sum restSum;
    private final Map<Fallen, List<TargetTensor>> fallen = new LinkedHashMap<>();
    private final Set<String> dropped = new LinkedHashSet<>();
    private final Set<String> open = new LinkedHashSet<>();

    /// What a fallback was taken for.
    private record Fallen(String label, String wanted, String given, String why) {}

    private static final class Sum {
        private final String label;
        private final String encoding;
        private int tensors;
        private long parameters;

        Sum(String label, String encoding) {
            this.label = label;
            this.encoding = encoding;
        }

        Decision.Outcome outcome() {
            return new Decision.Outcome(label, encoding, tensors, parameters);
        }

        void add(TargetTensor tensor) {
            tensors++;
            parameters += tensor.shape().elements();
        }
    }

    Decider(Policy policy, Architecture architecture, Target target) throws PolicyException {
        this.policy = policy;
        this.architecture = architecture;
        this.target = target;
        this.kinds = new LayerKinds(architecture, target.tensors());
        this.rules = policy.rules().stream().filter(rule -> rule.when().stream().allMatch(condition -> condition.holds(architecture)))
                .toList();
        this.type = policy.type().isPresent() ? Optional.of(type(policy, target)) : Optional.empty();
        this.restSum =
                new Sum(policy.type().map(word -> "type " + word).orElseGet(() -> policy.otherwise().map(Rule::label).orElse("default")),
                        policy.type().orElseGet(() -> policy.otherwise().map(Rule::encoding).orElse(Rule.KEEP)));
        rules.forEach(rule -> ruleSums.add(new Sum(rule.label(), rule.encoding())));
        Vocabulary.check(rules, target.tensors());
    }

    /// The named type; where the policy itself names it, a refusal names the policy.
    private static Assignment type(Policy policy, Target target) throws PolicyException {
        try {
            return target.type(policy.type().orElseThrow(), policy.pure());
        } catch (PolicyException e) {
            Optional<String> label = policy.settings().typeLabel();
            throw label.isPresent() ? new PolicyException(label.get() + ": " + e.getMessage()) : e;
        }
    }

    Decision decide() throws PolicyException {
        for (TargetTensor tensor : target.tensors()) {
            choices.put(tensor.name(), choose(tensor));
        }
        for (int i = 0; i < rules.size(); i++) {
            Rule rule = rules.get(i);
            if (ruleSums.get(i).tensors == 0 && !rule.optional()) {
                throw new PolicyException(rule.label() + " matches no tensor that it could decide" + nearest(rule));
            }
        }
        checkFused();
        List<Finding> findings = new ArrayList<>();
        type.ifPresent(named -> findings.addAll(named.findings()));
        findings.addAll(fallbacks());
        List<Decision.Outcome> outcomes = new ArrayList<>();
        Stream.of(fixedSum).filter(sum -> sum.tensors > 0).map(Sum::outcome).forEach(outcomes::add);
        ruleSums.stream().map(Sum::outcome).forEach(outcomes::add);
        Stream.of(restSum).filter(sum -> sum.tensors > 0).map(Sum::outcome).forEach(outcomes::add);
        return new Decision(new Assignment(choices, findings, type.flatMap(Assignment::type)), outcomes, dropped, open);
    }

    private Choice choose(TargetTensor tensor) throws PolicyException {
        Optional<Choice> fixed = target.fixed(tensor);
        for (int i = 0; i < rules.size(); i++) {
            Rule rule = rules.get(i);
            if (fixed.isPresent() && !rule.encoding().equals(Rule.DROP) || !matches(rule, tensor)) {
                continue;
            }
            ruleSums.get(i).add(tensor);
            if (rule.encoding().equals(Rule.DROP)) {
                dropped.addAll(tensor.weights());
                return fixed.isPresent() ? fixed.get() : target.keep(tensor);
            }
            return given(rule, tensor);
        }
        if (fixed.isPresent()) {
            fixedSum.add(tensor);
            return fixed.get();
        }
        restSum.add(tensor);
        open.add(tensor.name());
        if (type.isPresent()) {
            return type.get().of(tensor);
        }
        return policy.otherwise().isPresent() ? given(policy.otherwise().get(), tensor) : target.keep(tensor);
    }

    private boolean matches(Rule rule, TargetTensor tensor) throws PolicyException {
        try {
            return rule.match().matches(tensor, kinds);
        } catch (PatternTooSlow e) {
            throw new PolicyException(rule.label() + ": the pattern " + rule.match().name().orElseThrow() + " " + e.getMessage() + ", "
                    + tensor.name());
        }
    }

    /// What a rule gives a tensor: its encoding, or the first of its fallbacks that the target can give.
    private Choice given(Rule rule, TargetTensor tensor) throws PolicyException {
        List<String> words = new ArrayList<>(List.of(rule.encoding()));
        words.addAll(rule.fallbacks());
        Optional.ofNullable(policy.settings().fallbacks().get(rule.encoding())).flatMap(PerFormat::same).ifPresent(words::addAll);
        String refusal = "";
        Optional<String> wanted = Optional.empty();
        for (String text : words) {
            String word = substituted(text, rule);
            Optional<Choice> choice =
                    word.equals(Rule.KEEP) ? Optional.of(target.keep(tensor)) : target.choice(word, tensor, rule.label());
            Optional<String> against = choice.isEmpty() ? Optional.of(target.lacking(word))
                    : word.equals(Rule.KEEP) ? Optional.empty() : target.refuses(tensor, choice.get().encoding());
            if (against.isPresent()) {
                if (refusal.isEmpty()) {
                    refusal = against.get();
                    wanted = choice.map(named -> named.encoding().name());
                }
                continue;
            }
            Choice given = word.equals(Rule.KEEP) ? choice.orElseThrow() : unchanged(tensor, choice.orElseThrow());
            if (refusal.isEmpty()) {
                return given;
            }
            fallen.computeIfAbsent(new Fallen(rule.label(), rule.encoding(), given.encoding().name(), refusal), _ -> new ArrayList<>())
                    .add(tensor);
            return new Choice(given.encoding(), given.method(), rule.label() + ", fallback");
        }
        throw new PolicyException(rule.label() + ": " + (wanted.isEmpty() ? refusal + ", asked for " + tensor.name()
                : tensor.name() + " cannot be " + wanted.get() + ": " + refusal));
    }

    /// A word with hyper-parameters in the place of their names: `int4/group{hidden_size_per_layer_input}`.
    private String substituted(String word, Rule rule) throws PolicyException {
        Matcher parameter = PARAMETER.matcher(word);
        StringBuilder result = new StringBuilder();
        while (parameter.find()) {
            Optional<Long> value = architecture.parameters().whole(parameter.group(1));
            if (value.isEmpty()) {
                throw new PolicyException(rule.label() + ": \"" + word + "\": the model has no whole number " + parameter.group(1));
            }
            parameter.appendReplacement(result, Long.toString(value.get()));
        }
        return parameter.appendTail(result).toString();
    }

    /// Where a tensor would keep its codes or bytes in the encoding that is asked for, it does.
    private Choice unchanged(TargetTensor tensor, Choice choice) {
        if (!choice.method().equals("plain")) {
            return choice;
        }
        try {
            Choice kept = target.keep(tensor);
            return kept.encoding().equals(choice.encoding()) ? new Choice(kept.encoding(), kept.method(), choice.reason()) : choice;
        } catch (PolicyException e) {
            return choice;
        }
    }

    private void checkFused() throws PolicyException {
        Map<String, TargetTensor> byName = new HashMap<>();
        target.tensors().forEach(tensor -> byName.put(tensor.name(), tensor));
        for (List<String> together : target.fused()) {
            Choice first = choices.get(together.getFirst());
            for (String name : together) {
                Choice other = choices.get(name);
                if (first != null && other != null && !first.encoding().name().equals(other.encoding().name())) {
                    throw new PolicyException(first.reason() + " and " + other.reason() + ": the runtime fuses " + together.getFirst()
                            + " and " + name + ", which therefore need one encoding, not " + first.encoding().name() + " and "
                            + other.encoding().name());
                }
            }
        }
    }

    private List<Finding> fallbacks() {
        long all = target.tensors().stream().mapToLong(tensor -> tensor.shape().elements()).sum();
        List<Finding> findings = new ArrayList<>();
        fallen.forEach((what, tensors) -> {
            long parameters = tensors.stream().mapToLong(tensor -> tensor.shape().elements()).sum();
            findings.add(Finding.info("fallback", what.label() + ": " + tensors.size() + (tensors.size() == 1 ? " tensor (" : " tensors (")
                    + String.format(Locale.ROOT, "%.2f", 100.0 * parameters / Math.max(1, all)) + " % of the parameters) became "
                    + what.given() + " instead of " + what.wanted() + ": " + what.why(),
                    tensors.stream().map(TargetTensor::name).toList()));
        });
        return findings;
    }

    /// For a rule that decided nothing: why, as far as that can be told.
    private String nearest(Rule rule) throws PolicyException {
        List<String> others = new ArrayList<>();
        boolean onlyFixed = false;
        for (TargetTensor tensor : target.tensors()) {
            if (matches(rule, tensor)) {
                if (target.fixed(tensor).isPresent()) {
                    onlyFixed = true;
                } else {
                    others.add(tensor.name());
                }
            }
        }
        if (!others.isEmpty()) {
            return "; earlier rules decide " + String.join(", ", others.subList(0, Math.min(NAMES_IN_MESSAGE, others.size())))
                    + (others.size() > NAMES_IN_MESSAGE ? " and " + (others.size() - NAMES_IN_MESSAGE) + " more" : "");
        }
        return onlyFixed ? "; the runtime fixes all that it matches" : "";
    }
}
