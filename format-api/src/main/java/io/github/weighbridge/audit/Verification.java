package io.github.weighbridge.audit;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.scan.ErrorSums;
import io.github.weighbridge.scan.SweepOptions;
import io.github.weighbridge.scan.Tolerance;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// How far the weights of a checkpoint are from those of the one it was made of. Both are decoded, streamed, on all cores; the result does not
/// depend on the number of threads.
///
/// ```java
/// try (Checkpoint made = Formats.installed().open(Source.of(output), ReadOptions.defaults());
///         Checkpoint of = Formats.installed().open(Source.of(source), ReadOptions.defaults())) {
///     Verification verification = Verification.of(made, of, List.of(), SweepOptions.defaults());
///     System.out.println(verification.passed() + ", the worst: " + verification.weights().getFirst().key());
///     Tolerance twenty = Tolerance.NONE.with("snr_db", 20);
///     System.out.println(Verification.of(made, of, List.of(Verification.Rule.forAll(twenty)), SweepOptions.defaults()).passed());
/// }
/// ```
///
/// @param weights every weight that both have, the worst first: those that are not within what is asked of them, then by signal to noise
/// @param total sums over all of them, with a limit for none
/// @param findings what is left out, lost or missing; those with severity error count as failures
public record Verification(List<WeightError> weights, ErrorSums total, List<Finding> findings) {
    /// The error of one weight.
    ///
    /// @param key the weight's key, see [Weight]
    /// @param identity what it is
    /// @param shape its shape
    /// @param source words of the encodings it was stored in
    /// @param output words of the encodings it is stored in
    /// @param sums its errors; empty when bytes differ that cannot be decoded
    /// @param demand word for what was asked: `equal`, `rounded`, `half_step` or `tolerance`
    /// @param broken why it is not within that; empty when it is
    public record WeightError(String key, Identity identity, Shape shape, String source, String output, Optional<ErrorSums> sums,
            String demand, Optional<String> broken) {}

    /// What is asked of some weights instead of what their encoding owes.
    ///
    /// @param keys searched for in the keys of weights
    /// @param tolerance the limits
    public record Rule(Pattern keys, Tolerance tolerance) {
        /// Limits for all weights.
        public static Rule forAll(Tolerance tolerance) {
            return new Rule(Pattern.compile(""), tolerance);
        }
    }

    /// Copies the lists.
    public Verification {
        weights = List.copyOf(weights);
        findings = List.copyOf(findings);
    }

    /// Whether every weight is within what is asked of it and none is missing.
    public boolean passed() {
        return weights.stream().allMatch(weight -> weight.broken().isEmpty())
                && findings.stream().noneMatch(finding -> finding.severity() == Finding.Severity.ERROR);
    }

    /// Compares.
    ///
    /// @param output what was made
    /// @param source what it was made of
    /// @param rules the first whose pattern is found in a weight's key says what is asked of it; without one, equal values are where the
    ///        output's encoding can hold them, and else the encoding's own bound
    /// @throws IOException when a file cannot be read
    public static Verification of(Checkpoint output, Checkpoint source, List<Rule> rules, SweepOptions options) throws IOException {
        return of(output, source, rules, Map.of(), options);
    }

    /// Compares, with limits of a policy.
    ///
    /// @param output what was made
    /// @param source what it was made of
    /// @param rules as above; they come before the policy's limits
    /// @param limits what is asked of weights that no rule is about, by the output's keys, see [io.github.weighbridge.policy.Tolerances]
    /// @throws IOException when a file cannot be read
    public static Verification of(Checkpoint output, Checkpoint source, List<Rule> rules, Map<String, Tolerance> limits,
            SweepOptions options) throws IOException {
        Correspondence both = Correspondence.of(source.graph(), output.graph(), true);
        List<Finding> findings = new ArrayList<>();
        missing(source, output, both, findings);
        List<Correspondence.Pair> pairs = new ArrayList<>();
        for (Correspondence.Pair pair : both.pairs()) {
            if (sameNumbers(pair.first().view().shape(), pair.second().view().shape())) {
                pairs.add(pair);
            } else {
                findings.add(new Finding("reshaped", Finding.Severity.ERROR, pair.key() + " has shape " + pair.second().view().shape()
                        + ", its source " + pair.first().view().shape(), List.of(pair.key())));
            }
        }
        List<Demand> demands = pairs.stream().map(pair -> Demand.of(pair.first().view(), pair.second().view())).toList();
        List<Comparison.Question> questions = new ArrayList<>();
        for (int i = 0; i < pairs.size(); i++) {
            View reference = pairs.get(i).first().view();
            View value = View.reshape(pairs.get(i).second().view(), reference.shape());
            questions.add(new Comparison.Question(reference, value, demands.get(i).bound()));
        }
        List<Optional<ErrorSums>> answers = new Comparison(source, output, options).answer(questions);
        List<WeightError> errors = new ArrayList<>();
        ErrorSums total = ErrorSums.NONE;
        for (int i = 0; i < pairs.size(); i++) {
            errors.add(error(pairs.get(i), demands.get(i), answers.get(i), asked(pairs.get(i), rules, limits)));
            total = total.and(answers.get(i).orElse(ErrorSums.NONE));
        }
        errors.sort(Comparator.comparing((WeightError error) -> error.broken().isEmpty())
                .thenComparing(error -> error.sums().map(ErrorSums::snrDb).orElse(Double.NEGATIVE_INFINITY))
                .thenComparing(error -> -error.sums().map(ErrorSums::maxAbs).orElse(0.0)).thenComparing(WeightError::key));
        return new Verification(errors, total, findings);
    }

    /// Leading ones are dropped by some formats.
    static boolean sameNumbers(Shape one, Shape other) {
        return one.elements() == other.elements() && significant(one).equals(significant(other));
    }

    private static List<Long> significant(Shape shape) {
        return shape.toList().stream().dropWhile(dimension -> dimension == 1).toList();
    }

    private static Optional<Tolerance> asked(Correspondence.Pair pair, List<Rule> rules, Map<String, Tolerance> limits) {
        return rules.stream().filter(rule -> rule.keys().matcher(pair.key()).find()).map(Rule::tolerance).findFirst()
                .or(() -> Optional.ofNullable(limits.get(pair.second().key())));
    }

    private static WeightError error(Correspondence.Pair pair, Demand demand, Optional<ErrorSums> sums,
            Optional<Tolerance> asked) {
        Optional<String> broken = sums.isEmpty() ? Optional.of("bytes differ that cannot be decoded")
                : asked.isPresent() ? asked.get().broken(sums.get()) : demand.broken(sums.get());
        return new WeightError(pair.key(), pair.first().identity(), pair.first().view().shape(), encodings(pair.first()),
                encodings(pair.second()), sums, asked.isPresent() ? "tolerance" : demand.word(), broken);
    }

    /// The words of all encodings of a weight.
    static String encodings(Weight weight) {
        List<StoredTensor> stored = View.stored(weight.view());
        return stored.isEmpty() ? "constant" : stored.stream().map(tensor -> tensor.encoding().name()).distinct()
                .collect(Collectors.joining(" "));
    }

    private static void missing(Checkpoint source, Checkpoint output, Correspondence both, List<Finding> findings) {
        Set<Object> kinds = new HashSet<>();
        output.graph().weights().forEach(weight -> kinds.add(kind(weight)));
        List<String> dead = new ArrayList<>();
        List<String> leftOut = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (Weight weight : both.onlyFirst()) {
            boolean known = source.architecture().known() && output.architecture().known();
            (isDead(weight.identity(), source.architecture().layers()) ? dead : known && !kinds.contains(kind(weight)) ? leftOut : missing)
                    .add(weight.key());
        }
        List<String> lost = both.pairs().stream()
                .filter(pair -> pair.first().inputScale().isPresent() && pair.second().inputScale().isEmpty()
                        || pair.first().outputScale().isPresent() && pair.second().outputScale().isEmpty())
                .map(Correspondence.Pair::key).toList();
        List<String> more = both.onlySecond().stream().map(Weight::key).toList();
        List<String> tied = both.pairs().stream().filter(Correspondence.Pair::tied).map(Correspondence.Pair::key).toList();
        add(findings, Finding.Severity.ERROR, "missing-weights", missing, "weights of the source that are not in the output");
        add(findings, Finding.Severity.WARNING, "left-out", leftOut, "weights of the source that are left out, with all of their kind");
        add(findings, Finding.Severity.INFO, "dead-weights", dead, "weights left out that no runtime uses");
        add(findings, Finding.Severity.WARNING, "activation-scales-lost", lost, "weights that lost the scales of their static activations");
        add(findings, Finding.Severity.WARNING, "further-weights", more, "weights that are in the output alone");
        add(findings, Finding.Severity.INFO, "tied-head", tied, "output heads on one side only, compared with the token embedding");
    }

    private static void add(List<Finding> findings, Finding.Severity severity, String code, List<String> keys, String what) {
        if (!keys.isEmpty()) {
            findings.add(new Finding(code, severity, what + ": " + keys.size(), keys));
        }
    }

    private static Object kind(Weight weight) {
        return List.of(weight.identity().component(), weight.identity().role());
    }

    /// Whether a weight belongs to keys or values of a layer that reads another layer's cache.
    static boolean isDead(Identity identity, List<Layer> layers) {
        boolean decoder = identity.component().equals(Component.TEXT_DECODER) || identity.component().equals(Component.DRAFTER);
        return decoder && identity.layer() >= 0 && identity.layer() < layers.size() && !layers.get(identity.layer()).ownsCache()
                && (identity.role().equals(Role.ATTENTION_K) || identity.role().equals(Role.ATTENTION_V)
                        || identity.role().equals(Role.ATTENTION_K_NORM));
    }
}
