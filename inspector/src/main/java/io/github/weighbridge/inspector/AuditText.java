package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditJson;
import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.Audited.AuditedTensor;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.scan.GridFinding;
import io.github.weighbridge.scan.ValueSums;
import java.io.PrintStream;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/// An audit as JSON text. Its tensors are turned into JSON a few at a time: there may be hundreds of thousands, and little memory.
final class AuditText {
    private static final int PART = 1024;
    private static final String SCHEMA = "schema";
    private static final String TENSORS = "tensors";

    private AuditText() {}

    static void write(Audited audited, AuditOptions options, PrintStream out) {
        write(audited, options, Map.of(), Map.of(), Value.Fields.EMPTY, out);
    }

    /// @param more fields after those of the audit
    static void write(Audited audited, AuditOptions options, Value.Fields more, PrintStream out) {
        write(audited, options, Map.of(), Map.of(), more, out);
    }

    static void write(Audited audited, AuditOptions options, Map<String, Optional<GridFinding>> grids, PrintStream out) {
        write(audited, options, grids, Map.of(), out);
    }

    static void write(Audited audited, AuditOptions options, Map<String, Optional<GridFinding>> grids, Map<String, ValueSums> values,
            PrintStream out) {
        write(audited, options, grids, values, Value.Fields.EMPTY, out);
    }

    private static void write(Audited audited, AuditOptions options, Map<String, Optional<GridFinding>> grids,
            Map<String, ValueSums> values, Value.Fields more, PrintStream out) {
        // A plan lists its tensors whatever the options say, so its sums are taken as those of the checkpoint that it would become.
        Value.Fields sums = AuditJson.report(with(audited, audited.tensors(), false), options.withTensors(false));
        Value.Fields report = AuditJson.report(with(audited, List.of(), audited.planned()), AuditOptions.DEFAULT);
        for (String name : List.copyOf(report.fields().keySet())) {
            if (!name.equals(SCHEMA) && !name.equals(TENSORS)) {
                report = report.with(name, sums.get(name).orElseThrow());
            }
        }
        Optional<Value> published = sums.get(AuditJson.PUBLISHED);
        if (published.isPresent()) {
            report = report.with(AuditJson.PUBLISHED, published.get());
        }
        for (Map.Entry<String, Value> field : more.fields().entrySet()) {
            report = report.with(field.getKey(), field.getValue());
        }
        JsonText.write(report, TENSORS, tensors(audited, grids, values), out);
    }

    private static Iterator<Value> tensors(Audited audited, Map<String, Optional<GridFinding>> grids, Map<String, ValueSums> values) {
        List<AuditedTensor> all = audited.tensors();
        return IntStream.range(0, Math.ceilDiv(all.size(), PART)).boxed().flatMap(part -> {
            List<AuditedTensor> some = all.subList(part * PART, Math.min(all.size(), (part + 1) * PART));
            return AuditJson.report(with(audited, some, false), AuditOptions.DEFAULT, grids, values).list(TENSORS).orElseThrow().stream();
        }).iterator();
    }

    private static Audited with(Audited audited, List<AuditedTensor> tensors, boolean planned) {
        return audited.with(tensors, audited.findings(), planned);
    }
}
