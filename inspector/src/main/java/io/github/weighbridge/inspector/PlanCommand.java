package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.convert.PlanContract;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.file.PolicyWriter;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "plan", description = "Says what convert would write, to the byte. Reads headers and documents, writes nothing.")
final class PlanCommand implements Action {
    @Mixin private SourceOptions source = new SourceOptions();

    @Parameters(index = "1", arity = "0..1", paramLabel = "TARGET",
            description = "The file or folder that convert would be given.") private String target = "";

    @Mixin private TargetOptions options = new TargetOptions();

    @Option(names = "--json", description = "Print JSON (schema weighbridge.plan/1).") private boolean json;

    @Option(names = "--markdown", description = "Print Markdown, for the description of a change.") private boolean markdown;

    @Option(names = "--save-policy", paramLabel = "FILE",
            description = "Write the policy, with what it extends and what a budget found, as a policy file.") private String savePolicy =
                    "";

    @Override
    public void declare(CommandSpec command) {
        options.declare(command);
    }

    @Override
    public Given given() {
        List<String> paths = new ArrayList<>(List.of(source.path(), target, savePolicy));
        paths.addAll(options.inputs());
        return new Given(source.path(), source.path(), paths);
    }

    @Override
    public void run(Session session) throws UsageException, IOException, PolicyException {
        Wish wish = options.wish(target, source.path());
        if (json && markdown) {
            throw new UsageException("--json and --markdown are two reports: ask for one");
        }
        try (Checkpoint checkpoint = source.open()) {
            Wish.Made made = wish.make(checkpoint);
            Policy policy = made.planned().policy();
            if (!savePolicy.isEmpty()) {
                Files.writeString(Path.of(savePolicy), PolicyWriter.yaml(policy));
            }
            Audited audited = Audited.of(made.planned().plan());
            AuditOptions audit = AuditOptions.DEFAULT;
            Optional<Path> place = target.isEmpty() ? Optional.empty() : Optional.of(Path.of(target).toAbsolutePath());
            if (json) {
                AuditText.write(audited, audit, PlanJson.fields(made, PlanContract.of(made.planned(), checkpoint, made.request()), place),
                        session.out());
                return;
            }
            Report report = Report.of(session, markdown);
            report.print(audited, audit);
            PlanReport.print(made, Path.of(target).toAbsolutePath(), report);
            report.end();
        }
    }
}
