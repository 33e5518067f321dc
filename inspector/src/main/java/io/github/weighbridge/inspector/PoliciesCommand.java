package io.github.weighbridge.inspector;

import io.github.weighbridge.io.Value;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.policy.file.PolicyWriter;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "policies",
        description = "Lists policies, and the named types of each format; or prints a policy as a file that can be changed.")
final class PoliciesCommand implements Action {
    @Parameters(index = "0", arity = "0..1", paramLabel = "NAME|FILE",
            description = "A preset or a policy file to print, with all that it extends, as YAML.") private String policy = "";

    @Option(names = "--json",
            description = "Print JSON (schema weighbridge.policies/1; of one policy, a policy file).") private boolean json;

    @Option(names = "--schema", description = "Print the JSON Schema of policy files.") private boolean schema;

    @Override
    public Given given() {
        return PolicyFiles.isFile(policy) ? Given.source(policy) : Given.NOTHING;
    }

    @Override
    public void run(Session session) throws UsageException, IOException, PolicyException {
        if (schema && (json || !policy.isEmpty())) {
            throw new UsageException("--schema goes with nothing else");
        }
        if (schema) {
            session.out().print(PolicyFiles.schema());
        } else if (policy.isEmpty()) {
            list(session);
        } else {
            Policy named = PolicyOptions.named("policies ", policy);
            if (json) {
                JsonText.write(PolicyWriter.value(named), session.out());
            } else {
                session.out().print(PolicyWriter.yaml(named));
            }
        }
    }

    private void list(Session session) {
        List<Format> typed = Formats.installed().all().stream().filter(format -> !format.types().isEmpty()).toList();
        if (json) {
            JsonText.write(json(typed), session.out());
            return;
        }
        Report report = new Report(session);
        report.title("--policy NAME");
        for (Policy policy : presets()) {
            report.paragraph(2, 4, policy.name() + ": " + policy.description());
        }
        if (!typed.isEmpty()) {
            report.section("--type TYPE");
        }
        for (Format format : typed) {
            report.paragraph(2, 4, "--to " + format.name() + ": " + String.join(", ", format.types()));
        }
    }

    private static List<Policy> presets() {
        return PolicyFiles.presets().stream().map(name -> PolicyFiles.preset(name).orElseThrow()).toList();
    }

    private static Value json(List<Format> typed) {
        List<Value> policies = new ArrayList<>();
        for (Policy policy : presets()) {
            Map<String, Value> fields = new LinkedHashMap<>();
            fields.put("name", Value.of(policy.name()));
            fields.put("description", Value.of(policy.description()));
            policies.add(new Value.Fields(fields));
        }
        List<Value> types = new ArrayList<>();
        for (Format format : typed) {
            Map<String, Value> fields = new LinkedHashMap<>();
            fields.put("format", Value.of(format.name()));
            fields.put("types", Value.ofTexts(format.types()));
            types.add(new Value.Fields(fields));
        }
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("schema", Value.of("weighbridge.policies/1"));
        fields.put("policies", new Value.Items(policies));
        fields.put("types", new Value.Items(types));
        return new Value.Fields(fields);
    }
}
