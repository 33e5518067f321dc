package io.github.weighbridge.policy.file;

import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.policy.Activations;
import io.github.weighbridge.policy.CachePolicy;
import io.github.weighbridge.policy.Condition;
import io.github.weighbridge.policy.Floor;
import io.github.weighbridge.policy.LayerSet;
import io.github.weighbridge.policy.Match;
import io.github.weighbridge.policy.PerFormat;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.PolicySettings;
import io.github.weighbridge.policy.Rule;
import io.github.weighbridge.scan.Tolerance;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Writes policies so that [PolicyFiles] reads the same again, what they extended included.
public final class PolicyWriter {
    /// Words that YAML takes for nothing else.
    private static final Pattern PLAIN = Pattern.compile("[a-zA-Z_][a-zA-Z0-9_/.-]*(:[a-zA-Z0-9_]+)*");

    private PolicyWriter() {}

    /// A policy as a document.
    public static Value.Fields value(Policy policy) {
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("name", Value.of(policy.name()));
        if (!policy.description().isEmpty()) {
            fields.put("description", Value.of(policy.description()));
        }
        PolicySettings settings = policy.settings();
        if (!settings.requirements().isEmpty()) {
            fields.put("requires", new Value.Items(settings.requirements().stream().<Value>map(requirement -> fields("when",
                    conditions(List.of(requirement.condition())), "otherwise", Value.of(requirement.otherwise()))).toList()));
        }
        if (!policy.strip().isEmpty()) {
            fields.put("strip", Value.ofTexts(List.copyOf(policy.strip())));
        }
        if (!policy.rules().isEmpty()) {
            fields.put("rules", new Value.Items(policy.rules().stream().map(PolicyWriter::rule).toList()));
        }
        policy.otherwise().ifPresent(rule -> fields.put("default", perFormat(rule.encodings().map(Value::of))));
        if (!policy.types().isEmpty()) {
            fields.put("type", perFormat(policy.types().map(Value::of)));
        }
        if (policy.pure()) {
            fields.put("pure", Value.of(true));
        }
        if (!settings.fallbacks().isEmpty()) {
            Map<String, Value> fallbacks = new LinkedHashMap<>();
            settings.fallbacks().forEach((word, words) -> fallbacks.put(word, perFormat(words.map(Value::ofTexts))));
            fields.put("fallbacks", new Value.Fields(fallbacks));
        }
        if (!settings.floors().isEmpty()) {
            fields.put("floors", new Value.Items(settings.floors().stream().map(PolicyWriter::floor).toList()));
        }
        settings.cache().ifPresent(cache -> fields.put("kv_cache", cache(cache)));
        if (settings.activations() != Activations.KEEP) {
            fields.put("activations", Value.of(settings.activations().word()));
        }
        settings.tolerance().ifPresent(tolerance -> fields.put("tolerance", tolerance(tolerance)));
        if (!settings.notes().isEmpty()) {
            Map<String, Value> notes = new LinkedHashMap<>();
            settings.notes().forEach((name, text) -> notes.put(name, Value.of(text)));
            fields.put("notes", new Value.Fields(notes));
        }
        return new Value.Fields(fields);
    }

    /// A policy as YAML: a rule a line.
    public static String yaml(Policy policy) {
        StringBuilder text = new StringBuilder();
        value(policy).fields().forEach((name, value) -> {
            text.append(name).append(':');
            if (value instanceof Value.Items(List<Value> items) && items.stream().anyMatch(Value.Fields.class::isInstance)) {
                text.append('\n');
                items.forEach(item -> text.append("  - ").append(flow(item)).append('\n'));
            } else {
                text.append(' ').append(flow(value)).append('\n');
            }
        });
        return text.toString();
    }

    /// JSON is YAML: nothing in it needs to know how YAML quotes.
    private static String flow(Value value) {
        return switch (value) {
            case Value.Items(List<Value> items) -> items.stream().map(PolicyWriter::flow).collect(Collectors.joining(", ", "[", "]"));
            case Value.Fields(Map<String, Value> fields) -> fields.entrySet().stream()
                    .map(field -> flow(Value.of(field.getKey())) + ": " + flow(field.getValue()))
                    .collect(Collectors.joining(", ", "{ ", " }"));
            case Value.Text(String text) when PLAIN.matcher(text).matches() -> text;
            case Value.Text _, Value.Whole _, Value.Real _, Value.Flag _, Value.Nothing _ ->
                    new String(Json.bytes(value), StandardCharsets.UTF_8);
        };
    }

    /// One value where all formats have the same.
    private static Value perFormat(PerFormat<? extends Value> values) {
        return values.uniform() ? values.same().orElseThrow() : new Value.Fields(new LinkedHashMap<>(values.values()));
    }

    private static Value rule(Rule rule) {
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("match", match(rule.match()));
        if (!rule.formats().isEmpty()) {
            fields.put("formats", Value.ofTexts(List.copyOf(rule.formats())));
        }
        fields.put("encoding", perFormat(rule.encodings().map(Value::of)));
        if (rule.optional()) {
            fields.put("optional", Value.of(true));
        }
        if (!rule.when().isEmpty()) {
            fields.put("when", conditions(rule.when()));
        }
        if (!rule.alternatives().isEmpty()) {
            fields.put("fallback", perFormat(rule.alternatives().map(Value::ofTexts)));
        }
        rule.tolerance().ifPresent(tolerance -> fields.put("tolerance", tolerance(tolerance)));
        return new Value.Fields(fields);
    }

    private static Value match(Match match) {
        Map<String, Value> fields = new LinkedHashMap<>();
        if (!match.components().isEmpty()) {
            fields.put("component", Value.ofTexts(List.copyOf(match.components())));
        }
        if (!match.roles().isEmpty()) {
            fields.put("role", Value.ofTexts(List.copyOf(match.roles())));
        }
        if (!match.layers().isEmpty()) {
            fields.put("layers", Value.ofTexts(match.layers().stream().map(LayerSet::toString).toList()));
        }
        match.name().ifPresent(pattern -> fields.put("name", Value.of(pattern.pattern())));
        if (match.minimum() > 0 || match.maximum() < Long.MAX_VALUE) {
            Map<String, Value> counts = new LinkedHashMap<>();
            if (match.minimum() > 0) {
                counts.put("min", Value.of(match.minimum()));
            }
            if (match.maximum() < Long.MAX_VALUE) {
                counts.put("max", Value.of(match.maximum()));
            }
            fields.put("parameters", new Value.Fields(counts));
        }
        return fields.isEmpty() ? Value.of("all") : new Value.Fields(fields);
    }

    private static Value tolerance(Tolerance tolerance) {
        Map<String, Value> fields = new LinkedHashMap<>();
        tolerance.limits().forEach((word, limit) -> fields.put(word, new Value.Real(limit)));
        return new Value.Fields(fields);
    }

    private static Value floor(Floor floor) {
        return fields("match", match(floor.match()), "bits", Value.of(floor.bits()));
    }

    private static Value conditions(List<Condition> conditions) {
        Map<String, Value> fields = new LinkedHashMap<>();
        for (Condition condition : conditions) {
            fields.put(condition.parameter(), Value.of(condition.comparison() == Condition.Comparison.IS ? condition.value()
                    : condition.comparison().sign() + " " + condition.value()));
        }
        return new Value.Fields(fields);
    }

    private static Value cache(CachePolicy cache) {
        if (cache.equals(CachePolicy.of(cache.full()))) {
            return Value.of(cache.full());
        }
        return fields("sliding", Value.of(cache.sliding()), "full", Value.of(cache.full()), "scales",
                Value.of(cache.scales().name().toLowerCase(Locale.ROOT)));
    }

    private static Value.Fields fields(Object... pairs) {
        Map<String, Value> fields = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            fields.put((String) pairs[i], (Value) pairs[i + 1]);
        }
        return new Value.Fields(fields);
    }
}
