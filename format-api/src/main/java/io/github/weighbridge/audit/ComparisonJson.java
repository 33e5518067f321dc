package io.github.weighbridge.audit;

import io.github.weighbridge.audit.Verification.WeightError;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.scan.ErrorSums;

/// Differences and verifications as JSON, schemas `weighbridge.diff/1` and `weighbridge.verify/1`. Numbers that are infinite are `null`: the
/// signal to noise of what has no error, and `max_abs`, `rmse` and `snr_db` where a number that ought to be finite is not.
public final class ComparisonJson {
    private ComparisonJson() {}

    /// What is different between two checkpoints.
    public static Value.Fields diff(Diff diff, Audited first, Audited second) {
        Ordered counts = new Ordered();
        for (Diff.Kind kind : Diff.Kind.values()) {
            counts.put(kind.word(), Value.of(diff.count(kind)));
        }
        return new Ordered().put("schema", Value.of("weighbridge.diff/1")).put("first", AuditJson.source(first))
                .put("second", AuditJson.source(second)).put("equal", Value.of(diff.changes().isEmpty()))
                .put("totals", new Ordered().put("weights", Value.of(diff.weights())).put("same", Value.of(diff.same()))
                        .put("changes", Value.of(diff.changes().size())).fields())
                .put("counts", counts.fields()).put("changes", Ordered.list(diff.changes(), ComparisonJson::change))
                .put("unstated", Value.ofTexts(diff.unstated())).fields();
    }

    private static Value change(Diff.Change change) {
        Ordered json = new Ordered().put("kind", Value.of(change.kind().word())).put("subject", Value.of(change.subject()));
        if (!change.identity().equals(Identity.NONE)) {
            identity(change.identity(), json);
        }
        json.put("first", change.first().isEmpty() ? new Value.Nothing() : Value.of(change.first())).put("second",
                change.second().isEmpty() ? new Value.Nothing() : Value.of(change.second()));
        change.sums().ifPresent(sums -> sums(sums, json));
        return json.fields();
    }

    private static void identity(Identity identity, Ordered json) {
        json.put("role", Value.of(identity.role().word())).put("component", Value.of(identity.component().word()));
        if (identity.layer() != Identity.NO_LAYER) {
            json.put("layer", Value.of(identity.layer()));
        }
    }

    /// How far a checkpoint is from its source.
    public static Value.Fields verification(Verification verification, Audited output, Audited source) {
        Ordered totals = new Ordered().put("weights", Value.of(verification.weights().size()))
                .put("failed", Value.of(verification.weights().stream().filter(weight -> weight.broken().isPresent()).count()));
        sums(verification.total(), totals);
        return new Ordered().put("schema", Value.of("weighbridge.verify/1")).put("output", AuditJson.source(output))
                .put("source", AuditJson.source(source)).put("passed", Value.of(verification.passed())).put("totals", totals.fields())
                .put("weights", Ordered.list(verification.weights(), ComparisonJson::weight))
                .put("findings", Ordered.list(verification.findings(), AuditJson::finding)).fields();
    }

    private static Value weight(WeightError error) {
        Ordered json = new Ordered().put("key", Value.of(error.key()));
        identity(error.identity(), json);
        json.put("shape", new Value.Items(error.shape().toList().stream().map(dimension -> Value.of((long) dimension)).toList()))
                .put("source_encoding", Value.of(error.source())).put("output_encoding", Value.of(error.output()))
                .put("demand", Value.of(error.demand())).put("within", Value.of(error.broken().isEmpty()));
        error.broken().ifPresent(why -> json.put("why", Value.of(why)));
        error.sums().ifPresent(sums -> sums(sums, json));
        return json.fields();
    }

    private static void sums(ErrorSums sums, Ordered json) {
        json.put("values", Value.of(sums.count())).put("exact", sums.exact()).put("max_abs", sums.maxAbs()).put("rmse", sums.rmse())
                .put("snr_db", sums.snrDb()).put("cosine", sums.cosine());
        if (sums.broken() > 0) {
            json.put("broken", Value.of(sums.broken()));
        }
    }
}
