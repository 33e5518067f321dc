package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.ComparisonJson;
import io.github.weighbridge.audit.Diff;
import io.github.weighbridge.audit.Diff.Change;
import io.github.weighbridge.audit.Diff.Kind;
import io.github.weighbridge.model.Checkpoint;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "diff", description = "Says what is different between two checkpoints of any formats. Exit code 6 when anything is.")
final class DiffCommand implements Action {
    private static final int SHOWN = 40;

    @Mixin private SourceOptions source = new SourceOptions();

    @Parameters(index = "1", paramLabel = "OTHER", description = "The checkpoint to compare with.") private String other = "";

    @Mixin private SweepChoice sweep = new SweepChoice();

    @Option(names = "--json", description = "Print JSON (schema weighbridge.diff/1).") private boolean json;

    @Option(names = "--no-values", description = "Compare what headers say, and read no weights.") private boolean withoutValues;

    @Option(names = "--ignore", split = ",", paramLabel = "KIND",
            description = "Kinds of differences that do not count: added, removed, reshaped, reencoded, values, scale, metadata, tokenizer, "
                    + "document.") private List<String> ignored = new ArrayList<>();

    @Option(names = "--all",
            description = "List all differences, not the first " + SHOWN + " of each kind. JSON always does.") private boolean all;

    private String current = "";
    private Optional<Failure> outcome = Optional.empty();

    @Override
    public Given given() {
        return new Given(source.path(), current, List.of(source.path(), other));
    }

    @Override
    public Optional<Failure> outcome() {
        return outcome;
    }

    @Override
    public void run(Session session) throws UsageException, IOException {
        Set<Kind> kinds = kinds();
        sweep.check();
        current = source.path();
        try (Checkpoint first = source.open()) {
            current = other;
            try (Checkpoint second = SourceOptions.open(other, source.passUnknown())) {
                Diff diff;
                try (Progress progress = Progress.of(first.bytes() + second.bytes(), session)) {
                    diff = Diff.of(first, second, !withoutValues, sweep.options(session, progress)).without(kinds);
                }
                if (json) {
                    JsonText.write(ComparisonJson.diff(diff, Audited.of(first), Audited.of(second)), session.out());
                } else {
                    print(diff, new Report(session));
                }
                if (!diff.changes().isEmpty()) {
                    outcome = Optional.of(new Failure(Failure.DIFFERENT,
                            Harmless.line(source.path()) + ": " + Harmless.line(other) + " differs: " + summary(diff)));
                }
            }
        }
    }

    private Set<Kind> kinds() throws UsageException {
        Set<Kind> kinds = EnumSet.noneOf(Kind.class);
        for (String word : ignored) {
            kinds.add(Kind.of(word).orElseThrow(() -> new UsageException("--ignore \"" + word + "\" is none of "
                    + Arrays.stream(Kind.values()).map(Kind::word).collect(Collectors.joining(", ")))));
        }
        return kinds;
    }

    private static String summary(Diff diff) {
        return Arrays.stream(Kind.values()).filter(kind -> diff.count(kind) > 0)
                .map(kind -> Numbers.grouped(diff.count(kind)) + " " + kind.word()).collect(Collectors.joining(", "));
    }

    private void print(Diff diff, Report report) {
        report.title(diff.changes().isEmpty() ? "No difference" : summary(diff));
        report.paragraph(2, 2, Numbers.count(diff.weights(), "weight", "weights") + " in both, " + Numbers.grouped(diff.same())
                + (withoutValues ? " of the same shape and encoding; values were not read" : " of the same shape, encoding and values"));
        // What is encoded anew is listed once, with its errors.
        Set<String> recoded = diff.changes().stream().filter(change -> change.kind() == Kind.REENCODED).map(Change::subject)
                .collect(Collectors.toSet());
        for (Kind kind : Kind.values()) {
            List<Change> changes = diff.changes().stream().filter(change -> change.kind() == kind)
                    .filter(change -> kind != Kind.VALUES || !recoded.contains(change.subject())).toList();
            if (changes.isEmpty()) {
                continue;
            }
            report.section(kind.word());
            boolean measured = changes.stream().anyMatch(change -> change.sums().isPresent());
            Table table = new Table().name("what", 20).name("first", 12).name("second", 12);
            if (measured) {
                table.number("changed").number("max abs").number("SNR dB", 1);
            }
            List<Change> some = all ? changes : changes.subList(0, Math.min(SHOWN, changes.size()));
            for (Change change : some) {
                List<String> cells = new ArrayList<>(List.of(change.subject(), change.first(), change.second()));
                if (measured) {
                    cells.add(change.sums().map(sums -> Errors.share(1 - sums.exact())).orElse(""));
                    cells.add(change.sums().map(sums -> Errors.number(sums.maxAbs())).orElse(""));
                    cells.add(change.sums().map(sums -> Errors.decibels(sums.snrDb())).orElse(""));
                }
                table.row(cells.toArray(String[]::new));
            }
            report.table(table);
            if (some.size() < changes.size()) {
                report.paragraph(2, 2, "and " + Numbers.grouped(changes.size() - some.size()) + " more (--all)");
            }
        }
        if (!diff.unstated().isEmpty()) {
            report.section("stated on one side only, which the formats may account for");
            report.paragraph(2, 2, String.join(", ", diff.unstated()));
        }
    }
}
