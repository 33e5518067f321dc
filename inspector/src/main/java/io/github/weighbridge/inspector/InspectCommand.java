package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.ConversationMemory;
import io.github.weighbridge.audit.ValueReport;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.scan.GridDetector;
import io.github.weighbridge.scan.GridFinding;
import io.github.weighbridge.scan.SweepOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "inspect", description = "Weighs a checkpoint. Reads headers, no weights unless asked to.")
final class InspectCommand implements Action {
    @Mixin private SourceOptions source = new SourceOptions();

    @Mixin private CacheOptions cache = new CacheOptions();

    @Option(names = "--json", description = "Print JSON (schema weighbridge.inspect/1).") private boolean json;

    @Option(names = "--markdown", description = "Print Markdown, for the description of a change.") private boolean markdown;

    @Option(names = "--html", paramLabel = "FILE", description = "Write the report as one HTML file too.") private String html = "";

    @Option(names = "--tensors", description = "List all tensors. JSON always does.") private boolean tensors;

    @Option(names = "--grid",
            description = "Look for the grid that dense numbers lie on. Reads a sample of the weights.") private boolean grid;

    @Option(names = "--full", description = "With --grid: read all weights.") private boolean full;

    @Option(names = "--values",
            description = "Say what the numbers are like: outliers, zeros, what is not finite or passes half precision, codes at the ends of "
                    + "their range, tensors with the same bytes. Reads all weights.") private boolean values;

    private String current = "";
    private Optional<Failure> outcome = Optional.empty();

    @Override
    public Optional<Failure> outcome() {
        return outcome;
    }

    @Override
    public Given given() {
        return new Given(source.path(), current.isEmpty() ? source.path() : current, List.of(source.path(), html));
    }

    @Override
    public void run(Session session) throws UsageException, IOException {
        AuditOptions options = cache.options();
        if (full && !grid) {
            throw new UsageException("--full goes with --grid");
        }
        if (json && markdown) {
            throw new UsageException("--json and --markdown are two reports: ask for one");
        }
        if (!html.isEmpty() && ReportFile.isPartOf(html, source.path())) {
            throw new UsageException("--html \"" + html + "\" would take the place of SOURCE, or of a part of it");
        }
        current = html;
        try (ReportFile file = ReportFile.of(html)) {
            current = "";
            inspect(session, options, file);
        }
    }

    private void inspect(Session session, AuditOptions options, ReportFile file) throws UsageException, IOException {
        try (Checkpoint checkpoint = grid || values ? source.open() : source.openHeaders()) {
            Audited audited = Audited.of(checkpoint);
            if (!options.fit(ConversationMemory.of(audited))) {
                outcome = Optional.of(new Failure(Failure.DIFFERENT, Harmless.line(source.path())
                        + ": a conversation of the length asked for does not fit into " + Numbers.grouped(options.limit().orElse(0))
                        + " bytes, or is not known to"));
            }
            Map<String, Optional<GridFinding>> grids =
                    grid ? GridDetector.detect(checkpoint, full, EngineOptions.defaults().threads()) : Map.of();
            Optional<ValueReport> found = Optional.empty();
            if (values) {
                try (Progress progress = Progress.of(checkpoint.bytes(), session)) {
                    found = Optional.of(ValueReport.of(checkpoint, new SweepOptions(SweepOptions.defaults().threads(), progress,
                            session.ending())));
                }
                List<Finding> findings = new ArrayList<>(audited.findings());
                findings.addAll(found.get().findings());
                audited = audited.with(audited.tensors(), findings, false);
            }
            Audited result = audited;
            if (!html.isEmpty()) {
                HtmlTensors.Looks looks = new HtmlTensors.Looks(grids, found.map(ValueReport::tensors).orElse(Map.of()));
                file.write(out -> HtmlReport.write(result, options, looks, out));
            }
            if (json) {
                AuditText.write(audited, options, grids, found.map(ValueReport::tensors).orElse(Map.of()), session.out());
                return;
            }
            Report report = Report.of(session, markdown);
            report.print(audited, options);
            if (tensors) {
                report.tensors(audited);
            }
            if (grid) {
                report.grids(audited, grids);
            }
            if (found.isPresent()) {
                ValuesText.print(found.get(), tensors, report);
            }
            report.end();
        }
    }
}
