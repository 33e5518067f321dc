package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.model.Checkpoint;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "inspect", description = "Weighs a checkpoint. Reads headers, no weights.")
final class InspectCommand implements Action {
    @Mixin private SourceOptions source = new SourceOptions();

    @Mixin private CacheOptions cache = new CacheOptions();

    @Option(names = "--json", description = "Print JSON (schema weighbridge.inspect/1).") private boolean json;

    @Option(names = "--tensors", description = "List all tensors. JSON always does.") private boolean tensors;

    @Override
    public Given given() {
        return Given.source(source.path());
    }

    @Override
    public void run(Session session) throws UsageException, IOException {
        AuditOptions options = cache.options();
        try (Checkpoint checkpoint = source.open()) {
            Audited audited = Audited.of(checkpoint);
            if (json) {
                AuditText.write(audited, options, session.out());
                return;
            }
            Report report = new Report(session);
            report.print(audited, options);
            if (tensors) {
                report.tensors(audited);
            }
        }
    }
}
