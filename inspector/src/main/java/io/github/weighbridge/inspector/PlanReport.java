package io.github.weighbridge.inspector;

import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planned;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.OutputFile;
import io.github.weighbridge.plan.Piece;
import io.github.weighbridge.policy.Decision;
import io.github.weighbridge.policy.budget.BudgetResult;
import io.github.weighbridge.policy.file.PolicyWriter;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// What a plan would do, as text: how tensors come about, which files there will be, what it takes.
final class PlanReport {
    /// What a thread works with: its tiles, and the buffers on both sides.
    private static final long THREAD_BYTES = 12L << 20;
    private static final int FILES_NAMED = 20;

    /// Tensors that come about alike.
    private record Way(Job.Mode mode, String from, String to) {}

    private static final class Sum {
        private long tensors;
        private long bytes;
        private final Set<String> reasons = new LinkedHashSet<>();
    }

    private PlanReport() {}

    static void print(Wish.Made made, Path target, Report report) {
        ConversionPlan plan = made.planned().plan();
        rules(made.planned(), report);
        ways(plan, report);
        files(plan, report);
        needs(plan, target, report);
        made.budget().ifPresent(budget -> budget(budget, report));
    }

    private static void rules(Planned planned, Report report) {
        long all = planned.decision().outcomes().stream().mapToLong(Decision.Outcome::parameters).sum();
        report.section("What decides");
        Table table = new Table().name("rule", 16).word("encoding").number("tensors").number("parameters", 1).number("");
        for (Decision.Outcome outcome : planned.decision().outcomes()) {
            table.row(outcome.rule(), outcome.encoding(), Numbers.grouped(outcome.tensors()), Numbers.grouped(outcome.parameters()),
                    Numbers.share(outcome.parameters(), all));
        }
        report.table(table);
    }

    private static void budget(BudgetResult budget, Report report) {
        report.section("Budget");
        report.paragraph(2, 2, Numbers.grouped(budget.used()) + " of " + Numbers.grouped(budget.budget()) + " bytes ("
                + Numbers.share(budget.used(), budget.budget()) + "), " + Numbers.count(budget.tensors(), "tensor", "tensors")
                + " decided, "
                + budget.measured() + " encodings measured on samples");
        report.paragraph(2, 2,
                String.format(Locale.ROOT, "sum of relative squared errors %.6g, and no choice has less than %.6g (gap %.4f %%)",
                        budget.error(), budget.bound(), 100 * budget.gap()));
        report.section("The policy that reproduces it");
        PolicyWriter.yaml(budget.policy()).lines().forEach(line -> report.paragraph(0, 4, line));
    }

    private static void ways(ConversionPlan plan, Report report) {
        Map<Way, Sum> ways = new LinkedHashMap<>();
        for (Job job : plan.jobs()) {
            Set<String> from = new TreeSet<>();
            encodings(job.view(), from);
            Sum sum = ways.computeIfAbsent(new Way(job.mode(), String.join("+", from), job.target().encoding().name()), _ -> new Sum());
            sum.tensors++;
            sum.bytes += job.target().bytes();
            sum.reasons.add(job.reason());
        }
        report.section("How tensors come about");
        Table table =
                new Table().word("way").name("from", 12).name("to", 12).number("tensors").number("bytes").number("", 2).name("why", 16, 1);
        ways.entrySet().stream().sorted(Comparator.comparing((Map.Entry<Way, Sum> way) -> way.getKey().mode())).forEach(way -> table.row(
                word(way.getKey().mode()), way.getKey().from(), way.getKey().to(), Numbers.grouped(way.getValue().tensors),
                Numbers.grouped(way.getValue().bytes), Numbers.size(way.getValue().bytes), String.join("; ", way.getValue().reasons)));
        report.table(table);
    }

    private static String word(Job.Mode mode) {
        return switch (mode) {
            case COPY -> "copied";
            case CARRY -> "codes moved";
            case ENCODE -> "encoded";
        };
    }

    private static void encodings(View view, Set<String> found) {
        switch (view) {
            case View.Stored(StoredTensor tensor) -> found.add(tensor.encoding().name());
            case View.Slice(View of, int _, long _, long _) -> encodings(of, found);
            case View.Concat(int _, List<View> parts) -> parts.forEach(part -> encodings(part, found));
            case View.Swap(View of, int _, long _, long _, long _) -> encodings(of, found);
            case View.Reshape(View of, _) -> encodings(of, found);
            case View.Transpose(View of, _) -> encodings(of, found);
            case View.Mapped(View of, _) -> encodings(of, found);
            case View.Constant _ -> found.add("constant");
        }
    }

    private static void files(ConversionPlan plan, Report report) {
        report.section(plan.folder() ? "Files of the folder" : "Files");
        Table table = new Table().name("file", 16).number("bytes").number("").name("", 9, 1);
        for (OutputFile file : plan.files().subList(0, Math.min(FILES_NAMED, plan.files().size()))) {
            table.row(file.name(), Numbers.grouped(file.length()), Numbers.size(file.length()),
                    file.holdsTensors() ? "tensors" : "document");
        }
        report.table(table);
        if (plan.files().size() > FILES_NAMED) {
            report.paragraph(2, 2, "and " + Numbers.grouped(plan.files().size() - FILES_NAMED) + " more");
        }
    }

    private static void needs(ConversionPlan plan, Path target, Report report) {
        int threads = EngineOptions.defaults().threads();
        long memory = memory(plan);
        report.section("What it takes");
        Table table = new Table().word("").number("").number("").name("", 10, 1);
        table.row("disk", Numbers.grouped(plan.bytes()), Numbers.size(plan.bytes()), "");
        long free = free(target);
        if (free >= 0) {
            table.row("free on disk", Numbers.grouped(free), Numbers.size(free), free < plan.bytes() ? "not enough" : "");
        }
        table.row("memory", Numbers.grouped(memory), Numbers.size(memory),
                "about, with " + Numbers.count(threads, "thread", "threads") + ", besides Java's own");
        report.body(table);
    }

    /// About the memory that carrying a plan out takes on this machine, besides Java's own.
    static long memory(ConversionPlan plan) {
        long rendered = plan.files().stream().flatMap(file -> file.pieces().stream())
                .mapToLong(piece -> piece instanceof Piece.Rendered ? piece.length() : 0).sum();
        return rendered + EngineOptions.defaults().threads() * THREAD_BYTES;
    }

    /// Free bytes where the target would be; negative when that cannot be told.
    static long free(Path target) {
        for (Path place = target; place != null; place = place.getParent()) {
            if (Files.isDirectory(place)) {
                try {
                    return Files.getFileStore(place).getUsableSpace();
                } catch (IOException e) {
                    return -1;
                }
            }
        }
        return -1;
    }
}
