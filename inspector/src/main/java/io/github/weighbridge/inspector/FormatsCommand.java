package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.Formats;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "formats", description = "Lists formats: built in, and added by plugins.")
final class FormatsCommand implements Action {
    private static final String OURS = "io.github.weighbridge.";

    @Option(names = "--json", description = "Print JSON (schema weighbridge.formats/1).") private boolean json;

    @Override
    public void run(Session session) {
        List<Format> formats = Formats.installed().all();
        if (json) {
            Map<String, Value> fields = new LinkedHashMap<>();
            fields.put("schema", Value.of("weighbridge.formats/1"));
            fields.put("formats", new Value.Items(formats.stream().map(FormatsCommand::json).toList()));
            JsonText.write(new Value.Fields(fields), session.out());
            return;
        }
        Report report = new Report(session);
        for (Format format : formats) {
            report.title(format.name() + (format.reads() ? " read" : "") + (format.reads() && format.writes() ? "," : "")
                    + (format.writes() ? " written" : "") + (isPlugin(format) ? " (plugin " + format.getClass().getName() + ")" : ""));
            report.paragraph(2, 2, format.description());
            if (!format.types().isEmpty()) {
                report.paragraph(2, 4, "--type: " + String.join(", ", format.types()));
            }
            if (!format.options().isEmpty()) {
                report.paragraph(2, 4, "options: " + format.options().stream().map(option -> "--" + option.word() + " " + option.label())
                        .collect(Collectors.joining(", ")));
            }
            if (!format.encodings().isEmpty()) {
                report.paragraph(2, 4,
                        "encodings: " + format.encodings().stream().map(Encoding::name).distinct().collect(Collectors.joining(", ")));
            }
        }
    }

    private static Value json(Format format) {
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("name", Value.of(format.name()));
        fields.put("description", Value.of(format.description()));
        fields.put("reads", Value.of(format.reads()));
        fields.put("writes", Value.of(format.writes()));
        fields.put("types", Value.ofTexts(format.types()));
        fields.put("options", Value.ofTexts(format.options().stream().map(FormatOption::word).toList()));
        fields.put("encodings", Value.ofTexts(format.encodings().stream().map(Encoding::name).distinct().toList()));
        fields.put("plugin", Value.of(isPlugin(format)));
        fields.put("class", Value.of(format.getClass().getName()));
        return new Value.Fields(fields);
    }

    private static boolean isPlugin(Format format) {
        return !format.getClass().getName().startsWith(OURS);
    }
}
