package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.ComparisonJson;
import io.github.weighbridge.audit.Verification;
import io.github.weighbridge.audit.Verification.Rule;
import io.github.weighbridge.audit.Verification.WeightError;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.Tolerances;
import io.github.weighbridge.scan.ErrorSums;
import io.github.weighbridge.scan.Tolerance;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "verify",
        description = "Decodes a checkpoint and the one it was made of, and says how far each weight is off. Exit code 6 when "
                + "one is off by more than it may.")
final class VerifyCommand implements Action {
    private static final int SHOWN = 20;

    @Mixin private SourceOptions output = new SourceOptions();

    @Option(names = "--against", required = true, paramLabel = "SOURCE",
            description = "The checkpoint that it was made of.") private String against = "";

    @Mixin private SweepChoice sweep = new SweepChoice();

    @Option(names = "--json", description = "Print JSON (schema weighbridge.verify/1).") private boolean json;

    @Option(names = "--tolerance", paramLabel = "[REGEX=]LIMIT:N,...",
            description = "What is asked of weights whose key has a match, or of all: max_abs, rmse at most; snr_db, cosine, exact at least. "
                    + "The first that matches counts. Without any, values must be equal where the encoding can hold them, and else within "
                    + "the encoding's own bound.") private List<String> tolerances = new ArrayList<>();

    @Option(names = "--policy", paramLabel = "NAME|FILE",
            description = "The policy whose tolerances count where no --tolerance does.") private String policy = "";

    @Option(names = "--all", description = "List all weights, not the worst " + SHOWN + ". JSON always does.") private boolean all;

    private String current = "";
    private Optional<Failure> outcome = Optional.empty();

    @Override
    public Given given() {
        return new Given(output.path(), current, List.of(output.path(), against, policy));
    }

    @Override
    public Optional<Failure> outcome() {
        return outcome;
    }

    @Override
    public void run(Session session) throws UsageException, IOException, PolicyException {
        List<Rule> rules = new ArrayList<>();
        for (String tolerance : tolerances) {
            rules.add(rule(tolerance));
        }
        sweep.check();
        current = policy;
        Policy asked = PolicyOptions.named(policy);
        current = output.path();
        try (Checkpoint made = output.open()) {
            current = against;
            try (Checkpoint source = SourceOptions.open(against, output.passUnknown())) {
                current = policy;
                Map<String, Tolerance> limits =
                        Tolerances.of(asked.withRulesFor(made.format()), source.architecture(), made.graph().weights());
                current = against;
                long begin = System.nanoTime();
                Verification verification;
                try (Progress progress = Progress.of(made.bytes() + source.bytes(), session)) {
                    verification = Verification.of(made, source, rules, limits, sweep.options(session, progress));
                }
                double seconds = (System.nanoTime() - begin) / 1e9;
                if (json) {
                    JsonText.write(ComparisonJson.verification(verification, Audited.of(made), Audited.of(source)), session.out());
                } else {
                    print(verification, made.bytes() + source.bytes(), seconds, new Report(session));
                }
                if (!verification.passed()) {
                    outcome = Optional.of(new Failure(Failure.DIFFERENT, Harmless.line(output.path()) + ": " + failure(verification)));
                }
            }
        }
    }

    private static Rule rule(String text) throws UsageException {
        int equals = text.lastIndexOf('=');
        Tolerance tolerance;
        try {
            tolerance = Tolerance.parse(text.substring(equals + 1));
        } catch (IllegalArgumentException e) {
            throw new UsageException("--tolerance \"" + text + "\": " + e.getMessage());
        }
        try {
            return new Rule(Pattern.compile(text.substring(0, Math.max(0, equals))), tolerance);
        } catch (PatternSyntaxException e) {
            throw new UsageException("--tolerance \"" + text + "\" begins with no regular expression (" + e.getDescription() + ")");
        }
    }

    private static String failure(Verification verification) {
        long failed = verification.weights().stream().filter(weight -> weight.broken().isPresent()).count();
        List<String> reasons = new ArrayList<>();
        if (failed > 0) {
            WeightError worst = verification.weights().getFirst();
            reasons.add(Numbers.count(failed, "weight is", "weights are") + " off, the worst " + Harmless.line(worst.key()) + " ("
                    + worst.broken().orElse("") + ")");
        }
        verification.findings().stream().filter(finding -> finding.severity() == Finding.Severity.ERROR)
                .forEach(finding -> reasons.add(Harmless.line(finding.message())));
        return String.join("; ", reasons);
    }

    private void print(Verification verification, long bytes, double seconds, Report report) {
        ErrorSums total = verification.total();
        report.title(verification.passed() ? "Within what is asked" : "Not within what is asked");
        report.paragraph(2, 2, Numbers.count(verification.weights().size(), "weight", "weights") + ", " + Numbers.grouped(total.count())
                + " values, " + Errors.share(total.exact()) + " equal, largest error " + Errors.number(total.maxAbs()));
        report.paragraph(2, 2, "checked " + Numbers.size(bytes) + " in " + Numbers.duration(seconds) + ", "
                + String.format(Locale.ROOT, "%.0f MB/s", bytes / 1e6 / Math.max(seconds, 1e-3)));
        report.section("Weights, the worst first");
        Table table = new Table().name("weight", 26).word("source").word("output").name("asked", 9, 2).number("max abs")
                .number("rmse", 1).number("SNR dB").number("cosine", 3).number("equal");
        List<WeightError> weights = verification.weights();
        List<WeightError> some = all ? weights : weights.subList(0, Math.min(SHOWN, weights.size()));
        for (WeightError weight : some) {
            List<String> cells = new ArrayList<>(List.of(weight.key(), weight.source(), weight.output(), weight.demand()));
            weight.sums().ifPresentOrElse(
                    sums -> cells.addAll(List.of(Errors.number(sums.maxAbs()), Errors.number(sums.rmse()), Errors.decibels(sums.snrDb()),
                            String.format(Locale.ROOT, "%.6f", sums.cosine()), Errors.share(sums.exact()))),
                    () -> cells.addAll(List.of("?", "?", "?", "?", "?")));
            table.row(weight.broken().isPresent(), cells.toArray(String[]::new));
        }
        report.table(table);
        if (some.size() < weights.size()) {
            report.paragraph(2, 2, "and " + Numbers.grouped(weights.size() - some.size()) + " better ones (--all)");
        }
        List<WeightError> broken = some.stream().filter(weight -> weight.broken().isPresent()).toList();
        if (!broken.isEmpty()) {
            report.section("Off by more than they may");
            broken.forEach(weight -> report.paragraph(2, 4, weight.key() + ": " + weight.broken().orElse("")));
        }
        report.findings(verification.findings());
    }
}
