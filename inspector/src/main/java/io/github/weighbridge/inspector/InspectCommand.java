package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.ConversationMemory;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.scan.GridDetector;
import io.github.weighbridge.scan.GridFinding;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "inspect", description = "Weighs a checkpoint. Reads headers, no weights.")
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
        try (Checkpoint checkpoint = grid ? source.open() : source.openHeaders()) {
            Audited audited = Audited.of(checkpoint);
            if (!options.fit(ConversationMemory.of(audited))) {
                outcome = Optional.of(new Failure(Failure.DIFFERENT, Harmless.line(source.path())
                        + ": a conversation of the length asked for does not fit into " + Numbers.grouped(options.limit().orElse(0))
                        + " bytes, or is not known to"));
            }
            Map<String, Optional<GridFinding>> grids =
                    grid ? GridDetector.detect(checkpoint, full, EngineOptions.defaults().threads()) : Map.of();
            if (!html.isEmpty()) {
                file.write(out -> HtmlReport.write(audited, options, out));
            }
            if (json) {
                AuditText.write(audited, options, grids, session.out());
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
            report.end();
        }
    }
}
