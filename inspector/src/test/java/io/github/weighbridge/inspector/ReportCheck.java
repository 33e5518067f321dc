package io.github.weighbridge.inspector;

import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

import static org.assertj.core.api.Assertions.assertThat;

/// Holds reports to the rules of their schema: what sums up must, and lengths are those of the files.
final class ReportCheck {
    private static final Set<String> COMPONENTS =
            Set.of("text_decoder", "token_embedding", "per_layer_embedding", "output_head", "vision_encoder",
                    "audio_encoder", "projector", "drafter", "other");

    private final List<String> bad = new ArrayList<>();

    private ReportCheck() {}

    /// Checks a report of existing files.
    static void inspect(Value.Fields report, Path... files) {
        ReportCheck check = new ReportCheck();
        check.equal("schema", report.text("schema").orElse(""), "weighbridge.inspect/1");
        check.report(report);
        if (files.length > 0) {
            check.equal("bytes", whole(report.object("source").orElseThrow(), "bytes"), length(files));
        }
        check.done();
    }

    /// Checks a plan.
    static void plan(Value.Fields report) {
        ReportCheck check = new ReportCheck();
        check.equal("schema", report.text("schema").orElse(""), "weighbridge.plan/1");
        check.report(report);
        check.done();
    }

    /// Checks that two reports have the same numbers.
    static void same(Value.Fields a, Value.Fields b) {
        ReportCheck check = new ReportCheck();
        for (String section : List.of("totals", "components", "layers", "tensors")) {
            Map<String, Value> left = new TreeMap<>();
            Map<String, Value> right = new TreeMap<>();
            flatten(a.get(section).orElseThrow(), section, left);
            flatten(b.get(section).orElseThrow(), section, right);
            Set<String> keys = new HashSet<>(left.keySet());
            keys.addAll(right.keySet());
            keys.removeIf(key -> key.endsWith(".file") || key.endsWith(".offset"));
            for (String key : keys) {
                if (!java.util.Objects.equals(left.get(key), right.get(key))) {
                    check.bad.add(key + ": " + left.get(key) + " and " + right.get(key));
                }
            }
        }
        check.equal("bytes", whole(a.object("source").orElseThrow(), "bytes"), whole(b.object("source").orElseThrow(), "bytes"));
        check.done();
    }

    private static void flatten(Value value, String path, Map<String, Value> flat) {
        switch (value) {
            case Value.Fields(Map<String, Value> fields) -> fields.forEach((name, field) -> flatten(field, path + "." + name, flat));
            case Value.Items(List<Value> items) -> {
                for (int i = 0; i < items.size(); i++) {
                    String key = Integer.toString(i);
                    if (items.get(i) instanceof Value.Fields fields) {
                        key = fields.text("name").or(() -> fields.text("component")).orElse(key);
                        if (fields.get("layer").isPresent() && fields.get("name").isEmpty()) {
                            key += "/" + whole(fields, "layer");
                        }
                    }
                    flatten(items.get(i), path + "[" + key + "]", flat);
                }
            }
            default -> flat.put(path, value);
        }
    }

    private void report(Value.Fields report) {
        Value.Fields source = report.object("source").orElseThrow();
        Value.Fields totals = report.object("totals").orElseThrow();
        Value.Fields architecture = report.object("architecture").orElseThrow();
        assertThat(architecture.text("family")).isPresent();
        assertThat(source.text("format")).isPresent();
        long bytes = 0;
        for (Value.Fields file : list(source, "files")) {
            bytes += whole(file, "bytes");
            String name = file.text("name").orElseThrow();
            if (name.startsWith("/") || List.of(name.split("/")).contains("..")) {
                bad.add("file name " + name);
            }
        }
        equal("sum of the files", bytes, whole(source, "bytes"));
        equal("tensor bytes and overhead", whole(totals, "tensor_bytes") + whole(totals, "overhead_bytes"), whole(source, "bytes"));
        if (whole(totals, "overhead_bytes") < 0) {
            bad.add("negative overhead");
        }
        List<Value.Fields> tensors = list(report, "tensors");
        Map<String, long[]> components = new HashMap<>();
        Map<String, long[]> encodings = new HashMap<>();
        Map<String, long[]> layers = new LinkedHashMap<>();
        Set<String> names = new HashSet<>();
        long[] sum = new long[3];
        for (Value.Fields tensor : tensors) {
            tensor(tensor);
            if (!names.add(tensor.text("name").orElseThrow())) {
                bad.add("twice: " + tensor.text("name").orElseThrow());
            }
            String component = tensor.text("component").orElseThrow();
            add(sum, tensor);
            add(components.computeIfAbsent(component, _ -> new long[3]), tensor);
            add(encodings.computeIfAbsent(component + "/" + tensor.text("encoding").orElseThrow(), _ -> new long[3]), tensor);
            tensor.whole("layer").ifPresent(layer -> add(layers.computeIfAbsent(component + "/" + layer, _ -> new long[3]), tensor));
        }
        equal("tensors", (long) tensors.size(), whole(totals, "tensors"));
        equal("tensor bytes", sum[2], whole(totals, "tensor_bytes"));
        equal("parameters", sum[1], whole(totals, "parameters"));
        bits("totals", totals, whole(totals, "parameters"), whole(totals, "tensor_bytes"));
        components(report, components, encodings);
        layers(report, layers, architecture);
        memory(report, totals);
        for (Value.Fields finding : list(report, "findings")) {
            assertThat(List.of(finding.text("code").orElseThrow(), finding.text("severity").orElseThrow(),
                    finding.text("message").orElseThrow()))
                    .doesNotContain("");
        }
    }

    private void tensor(Value.Fields tensor) {
        String name = tensor.text("name").orElseThrow();
        assertThat(tensor.text("role")).as(name).isPresent();
        assertThat(tensor.number("code_bits")).as(name).isPresent();
        if (!COMPONENTS.contains(tensor.text("component").orElse(""))) {
            bad.add(name + ": component " + tensor.text("component"));
        }
        if (whole(tensor, "bytes") < 0 || elements(tensor) < 0 || whole(tensor, "offset") < 0) {
            bad.add(name + ": negative");
        }
    }

    private void components(Value.Fields report, Map<String, long[]> components, Map<String, long[]> encodings) {
        Set<String> listed = new HashSet<>();
        for (Value.Fields component : list(report, "components")) {
            String word = component.text("component").orElseThrow();
            long[] own = components.getOrDefault(word, new long[3]);
            listed.add(word);
            equal(word + " bytes", own[2], whole(component, "bytes"));
            equal(word + " parameters", own[1], whole(component, "parameters"));
            bits(word, component, own[1], own[2]);
            long[] sum = new long[3];
            for (Value.Fields encoding : list(component, "encodings")) {
                long[] of = encodings.getOrDefault(word + "/" + encoding.text("encoding").orElseThrow(), new long[3]);
                equal(word + " encoding tensors", of[0], whole(encoding, "tensors"));
                equal(word + " encoding parameters", of[1], whole(encoding, "parameters"));
                equal(word + " encoding bytes", of[2], whole(encoding, "bytes"));
                sum[0] += of[0];
                sum[2] += of[2];
            }
            equal(word + " tensors", sum[0], own[0]);
            equal(word + " bytes of encodings", sum[2], own[2]);
        }
        equal("components", listed, components.keySet());
    }

    private void layers(Value.Fields report, Map<String, long[]> layers, Value.Fields architecture) {
        Map<String, Value.Fields> listed = new LinkedHashMap<>();
        for (Value.Fields layer : list(report, "layers")) {
            listed.put(layer.text("component").orElseThrow() + "/" + whole(layer, "layer"), layer);
        }
        equal("layers twice", listed.size(), list(report, "layers").size());
        listed.forEach((key, layer) -> {
            long[] own = layers.getOrDefault(key, new long[3]);
            equal(key + " bytes", own[2], whole(layer, "bytes"));
            equal(key + " parameters", own[1], whole(layer, "parameters"));
            bits(key, layer, own[1], own[2]);
        });
        layers.keySet().stream().filter(key -> !listed.containsKey(key)).forEach(key -> bad.add("layer " + key + " is not listed"));
        long decoder = listed.keySet().stream().filter(key -> key.startsWith("text_decoder/")).count();
        architecture.whole("layers").filter(_ -> decoder > 0).ifPresent(count -> equal("layers of the decoder", decoder, count));
    }

    private void memory(Value.Fields report, Value.Fields totals) {
        Value.Fields memory = report.object("memory").orElseThrow();
        equal("memory", whole(memory, "resident_bytes") + whole(memory, "streamable_bytes"), whole(totals, "tensor_bytes"));
        for (Value.Fields cache : list(memory, "kv_cache")) {
            assertThat(cache.text("type")).isPresent();
            if (whole(cache, "bytes") < 0 || whole(cache, "context") <= 0) {
                bad.add("cache " + cache);
            }
        }
    }

    private static void add(long[] sum, Value.Fields tensor) {
        sum[0]++;
        sum[1] += elements(tensor);
        sum[2] += whole(tensor, "bytes");
    }

    private static long elements(Value.Fields tensor) {
        return tensor.list("shape").orElseThrow().stream().mapToLong(size -> ((Value.Whole) size).number()).reduce(1, (a, b) -> a * b);
    }

    private void bits(String what, Value.Fields of, long parameters, long bytes) {
        if (parameters > 0) {
            double exact = bytes * 8.0 / parameters;
            double stated = of.number("bits_per_weight").orElseThrow();
            if (Math.abs(stated - exact) > 0.0001) {
                bad.add(what + ": " + stated + " bits per weight, " + exact + " by bytes and parameters");
            }
        }
    }

    private void equal(String what, Object a, Object b) {
        if (!a.equals(b)) {
            bad.add(what + ": " + a + " and " + b);
        }
    }

    private void done() {
        assertThat(bad).isEmpty();
    }

    static long whole(Value.Fields fields, String name) {
        return fields.whole(name).orElseThrow(() -> new AssertionError("no whole number " + name));
    }

    static List<Value.Fields> list(Value.Fields fields, String name) {
        return fields.list(name).orElseThrow(() -> new AssertionError("no list " + name)).stream().map(Value.Fields.class::cast).toList();
    }

    /// Length of files; of a folder, that of its files with tensors.
    static long length(Path... files) {
        long sum = 0;
        for (Path file : files) {
            try {
                if (Files.isDirectory(file)) {
                    try (Stream<Path> list = Files.list(file)) {
                        for (Path entry : list.filter(entry -> entry.toString().endsWith(".safetensors")).toList()) {
                            sum += Files.size(entry);
                        }
                    }
                } else {
                    sum += Files.size(file);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return sum;
    }
}
