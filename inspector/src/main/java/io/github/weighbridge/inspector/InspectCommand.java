package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.ConversationMemory;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.scan.GridDetector;
import io.github.weighbridge.scan.GridFinding;
import java.io.IOException;
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

    @Option(names = "--tensors", description = "List all tensors. JSON always does.") private boolean tensors;

    @Option(names = "--grid",
            description = "Look for the grid that dense numbers lie on. Reads a sample of the weights.") private boolean grid;

    @Option(names = "--full", description = "With --grid: read all weights.") private boolean full;

    private Optional<Failure> outcome = Optional.empty();

    @Override
    public Optional<Failure> outcome() {
        return outcome;
    }

    @Override
    public Given given() {
        return Given.source(source.path());
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
        try (Checkpoint checkpoint = grid ? source.open() : source.openHeaders()) {
            Audited audited = Audited.of(checkpoint);
            if (!options.fit(ConversationMemory.of(audited))) {
                outcome = Optional.of(new Failure(Failure.DIFFERENT, Harmless.line(source.path())
                        + ": a conversation of the length asked for does not fit into " + Numbers.grouped(options.limit().orElse(0))
                        + " bytes, or is not known to"));
            }
            Map<String, Optional<GridFinding>> grids =
                    grid ? GridDetector.detect(checkpoint, full, EngineOptions.defaults().threads()) : Map.of();
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
