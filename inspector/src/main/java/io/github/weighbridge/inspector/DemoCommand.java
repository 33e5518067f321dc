package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(name = "demo", description = "Makes a small Gemma 4 checkpoint of random weights, converts it to GGUF Q8_0 and shows both.")
final class DemoCommand implements Action {
    private static final String TYPE = "Q8_0";

    @Parameters(index = "0", arity = "0..1", paramLabel = "FOLDER",
            description = "Where to; a temporary folder if none is given.") private String folder = "";

    @Override
    public Given given() {
        return new Given("", folder, List.of(folder));
    }

    @Override
    public void run(Session session) throws IOException, PolicyException {
        Path place = folder.isEmpty() ? Files.createTempDirectory("weighbridge-demo-") : Files.createDirectories(Path.of(folder));
        Path source = place.resolve("gemma-4-demo");
        Path target = place.resolve("gemma-4-demo-" + TYPE + ".gguf");
        for (Path made : List.of(source, target)) {
            if (Files.exists(made)) {
                throw new FileAlreadyExistsException(made.toString(), null, "already exists");
            }
        }
        Gemma4Fixture.demo(source);
        Format gguf = Formats.installed().byName("gguf").orElseThrow();
        show(source, session);
        try (Checkpoint checkpoint = SourceOptions.openFile(source, false)) {
            ConversionPlan plan =
                    Planner.plan(checkpoint, gguf, Policy.KEEP.withType(TYPE, false), TargetRequest.named(target.getFileName().toString()));
            try (Progress progress = Progress.of(plan, session)) {
                EngineOptions usual = EngineOptions.defaults();
                Engine.run(plan, checkpoint, target, new EngineOptions(usual.threads(), false, progress, session.ending()));
            }
        }
        session.out().println();
        show(target, session);
        session.out().println();
        session.out().println("The files stay in " + Harmless.line(place.toString()) + ". Try:");
        session.out().println("  weighbridge inspect " + Harmless.line(target.toString()) + " --tensors");
        session.out().println("  weighbridge plan " + Harmless.line(source.toString()) + " --to gguf --type Q4_0");
    }

    private static void show(Path path, Session session) throws IOException {
        try (Checkpoint checkpoint = SourceOptions.openFile(path, false)) {
            Report report = new Report(session);
            report.title("weighbridge inspect " + path);
            session.out().println();
            report.print(Audited.of(checkpoint), AuditOptions.DEFAULT);
        }
    }
}
