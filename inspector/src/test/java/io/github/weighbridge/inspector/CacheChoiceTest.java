package io.github.weighbridge.inspector;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Options.Numbers;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/// What a policy says of the key/value cache stands in the result where its format has a place, is read back, and counts in every footprint: the plan's
/// and that of the file.
class CacheChoiceTest {
    private static final byte[] SENTENCEPIECE = {0x0a, 3, 0x0a, 1, 'a'};
    /// Of the tiny models: three sliding layers and a full one keep caches, of one head of 64 and 128 numbers; windows hold 64 positions.
    private static final long SLIDING_NUMBERS = 3 * 2 * 64;
    private static final long FULL_NUMBERS = 2 * 128;
    private static final long WINDOW = 64;
    private static final Map<String, Double> BYTES =
            Map.of("f16", 2.0, "f32", 4.0, "int8", 1.0, "fp8", 1.0, "q8_0", 34 / 32.0, "q4_0", 18 / 32.0);

    @TempDir static Path sources;

    @TempDir Path folder;

    private static Path dense;
    private static Path mobile;

    @BeforeAll
    static void make() throws IOException {
        dense = sources.resolve("dense");
        Gemma4Fixture.write(dense, Gemma4Options.of(Gemma4Size.TINY));
        mobile = sources.resolve("mobile");
        Gemma4Fixture.write(mobile, Gemma4Options.of(Gemma4Size.TINY).withNumbers(Numbers.MOBILE));
        for (Path source : List.of(dense, mobile)) {
            Files.write(source.resolve("tokenizer.model"), SENTENCEPIECE);
        }
    }

    private static long bytes(String sliding, String full, long context) {
        return Math.round(SLIDING_NUMBERS * Math.min(context, WINDOW) * BYTES.get(sliding))
                + Math.round(FULL_NUMBERS * context * BYTES.get(full));
    }

    private static Optional<String> own(Value.Fields report) {
        return report.object("memory").orElseThrow().object("kv_cache_own").map(own -> own.text("sliding").orElseThrow() + "/"
                + own.text("full").orElseThrow() + " " + own.text("said_by").orElseThrow());
    }

    private static List<Value.Fields> caches(Value.Fields report) {
        return ReportCheck.list(report.object("memory").orElseThrow(), "kv_cache");
    }

    private static Object[] line(List<?> first, List<String> more, String format) {
        List<Object> all = new ArrayList<>(first);
        all.addAll(more);
        all.addAll(List.of("--to", format));
        if (format.equals("litertlm") || format.equals("task")) {
            all.addAll(List.of("--cache-length", "256", "--prefill", "16"));
        }
        return all.toArray();
    }

    private void converts(Path source, String format, List<String> options, String expected) throws IOException {
        Path target = folder.resolve("out." + format);
        Value.Fields plan = Cli.run(line(List.of("plan", source, target, "--json"), options, format)).json();
        assertThat(Cli.run(line(List.of("convert", source, target, "--force"), options, format)).err()).isEmpty();
        Value.Fields report = Cli.run("inspect", target, "--json").json();
        assertThat(own(report)).contains(expected);
        assertThat(own(plan)).contains(expected);
        assertThat(caches(report)).isEqualTo(caches(plan)).isNotEmpty();
        String sliding = expected.substring(0, expected.indexOf('/'));
        String full = expected.substring(expected.indexOf('/') + 1, expected.indexOf(' '));
        for (Value.Fields cache : caches(report)) {
            assertThat(cache.flag("own")).contains(true);
            assertThat(cache.text("type")).contains(sliding);
            assertThat(cache.text("full_type")).isEqualTo(sliding.equals(full) ? Optional.empty() : Optional.of(full));
            if (cache.text("accounting").isEmpty()) {
                assertThat(ReportCheck.whole(cache, "bytes")).isEqualTo(bytes(sliding, full, ReportCheck.whole(cache, "context")));
            }
        }
        // What fits is counted with it: all weights, logits and activations, and the cache at the longest context or not a byte less.
        long least = caches(report).stream().filter(cache -> cache.text("accounting").isEmpty()).mapToLong(cache -> ReportCheck.whole(cache,
                "bytes")).max().orElseThrow();
        long other = ReportCheck.list(Cli.run("inspect", target, "--json", "--kv-cache", "f16").json().object("memory").orElseThrow(),
                "kv_cache").stream().filter(cache -> cache.text("accounting").isEmpty())
                .mapToLong(cache -> ReportCheck.whole(cache, "bytes"))
                .max().orElseThrow();
        Value.Fields memory = report.object("memory").orElseThrow();
        long longest = ReportCheck.whole(report.object("architecture").orElseThrow(), "context_length");
        long all = ReportCheck.whole(memory, "resident_bytes") - ReportCheck.whole(memory, "dead_bytes")
                + ReportCheck.whole(memory, "logits_bytes") + ReportCheck.whole(memory, "widest_activation_bytes")
                + ReportCheck.whole(memory, "per_layer_input_bytes");
        assertThat(Cli.run("inspect", target, "--context", longest, "--fits", all + least).code()).isZero();
        assertThat(Cli.run("inspect", target, "--context", longest, "--fits", all + least - 1).code()).isEqualTo(6);
        assertThat(Cli.run("inspect", target, "--context", longest, "--kv-cache", "f16", "--fits", all + other - 1).code()).isEqualTo(6);
        assertThat(Cli.run(Screen.ofWidth(200), "inspect", target).out()).contains("The checkpoint wants the key/value cache in ");
    }

    @ParameterizedTest
    @CsvSource({"gguf, q8_0, q8_0/q8_0 weighbridge.kv_cache", "gguf, int8, int8/int8 weighbridge.kv_cache",
        "safetensors, q4_0, q4_0/q4_0 weighbridge.kv_cache", "compressed-tensors, f16, f16/f16 weighbridge.kv_cache",
        "compressed-tensors, int8, int8/int8 kv_cache_scheme", "litertlm, int8, int8/int8 graph", "litertlm, f16, f32/f32 graph",
        "task, int8, int8/int8 graph", "task, f16, f32/f32 graph"})
    void theTypeStandsInTheResult(String format, String type, String expected) throws IOException {
        converts(mobile, format, List.of("--kv-cache", type), expected);
    }

    /// Kinds of layers may differ: where the format has one place for all, metadata says it.
    @ParameterizedTest
    @CsvSource({"gguf, f16/int8 weighbridge.kv_cache", "safetensors, f16/int8 weighbridge.kv_cache",
        "compressed-tensors, f16/int8 weighbridge.kv_cache", "litertlm, f32/int8 graph", "task, f32/int8 graph"})
    void kindsOfLayersMayDiffer(String format, String expected) throws IOException {
        Path policy = Files.writeString(folder.resolve("policy.yaml"), "kv_cache: { sliding: f16, full: int8 }\n");
        converts(mobile, format, List.of("--policy", policy.toString()), expected);
    }

    /// Without a word of a policy: graphs have caches of some type, quantizations have schemes, and other results say nothing.
    @ParameterizedTest
    @CsvSource({"gguf, ''", "safetensors, ''", "compressed-tensors, int8/int8 kv_cache_scheme", "litertlm, int8/int8 graph"})
    void withoutAPolicyTheFileSaysWhatItDoes(String format, String expected) throws IOException {
        if (!expected.isEmpty()) {
            converts(mobile, format, List.of(), expected);
            return;
        }
        Path target = folder.resolve("out." + format);
        assertThat(Cli.run("convert", mobile, target, "--to", format).err()).isEmpty();
        Value.Fields report = Cli.run("inspect", target, "--json").json();
        assertThat(own(report)).isEmpty();
        assertThat(caches(report)).allMatch(cache -> cache.text("type").equals(Optional.of("f16")) && cache.flag("own").isEmpty());
    }

    /// What scales are for is written, and what has none for it is a finding.
    @Test
    void schemesFollowThePolicy() throws IOException {
        Path none = folder.resolve("none");
        assertThat(Cli.run("convert", mobile, none, "--to", "compressed-tensors", "--kv-cache", "f16").err()).isEmpty();
        Look look = Look.at(none, "compressed-tensors");
        assertThat(look.json("config.json").path("quantization_config").path("kv_cache_scheme").isNull()).isTrue();
        assertThat(look.names()).noneMatch(name -> name.endsWith("k_scale") || name.endsWith("v_scale"));
        assertThat(findings("plan", mobile, "--to", "compressed-tensors", "--kv-cache", "f16", "--json")).contains("cache-scales-left-out");
        Path codes = folder.resolve("codes");
        assertThat(Cli.run("convert", mobile, codes, "--to", "compressed-tensors", "--kv-cache", "int8").err()).isEmpty();
        look = Look.at(codes, "compressed-tensors");
        JsonNode scheme = look.json("config.json").path("quantization_config").path("kv_cache_scheme");
        assertThat(scheme.path("num_bits").intValue()).isEqualTo(8);
        assertThat(scheme.path("type").textValue()).isEqualTo("int");
        assertThat(look.names().stream().filter(name -> name.endsWith(".k_scale")).count()).isEqualTo(8);
        assertThat(findings("plan", dense, "--to", "compressed-tensors", "--type", "W4A16", "--kv-cache", "int8", "--json"))
                .contains("cache-scales-missing");
        // A folder of floats of 8 bits without stored scales keeps its scheme.
        Path floats = folder.resolve("floats");
        assertThat(Cli.run("convert", dense, floats, "--to", "compressed-tensors", "--type", "W4A16").err()).isEmpty();
        Path config = floats.resolve("config.json");
        ObjectNode fields = (ObjectNode) Look.parse(Files.readAllBytes(config));
        ((ObjectNode) fields.get("quantization_config")).putObject("kv_cache_scheme").put("num_bits", 8).put("type", "float")
                .put("strategy", "tensor").put("dynamic", false).put("symmetric", true);
        Files.writeString(config, fields.toString());
        assertThat(own(Cli.run("inspect", floats, "--json").json())).contains("fp8/fp8 kv_cache_scheme");
        converts(floats, "compressed-tensors", List.of(), "fp8/fp8 kv_cache_scheme");
    }

    /// What the source was meant for, the result is meant for too, until a policy says otherwise.
    @Test
    void theChoiceIsHandedOn() throws IOException {
        Path first = folder.resolve("first.gguf");
        assertThat(Cli.run("convert", mobile, first, "--kv-cache", "q8_0").err()).isEmpty();
        converts(first, "gguf", List.of("--type", "Q8_0"), "q8_0/q8_0 weighbridge.kv_cache");
        converts(first, "safetensors", List.of(), "q8_0/q8_0 weighbridge.kv_cache");
        converts(first, "gguf", List.of("--kv-cache", "q4_0"), "q4_0/q4_0 weighbridge.kv_cache");
        converts(first, "litertlm", List.of(), "f32/f32 graph");
        assertThat(Look.at(folder.resolve("out.litertlm"), "litertlm").metadata()).doesNotContainKey("weighbridge.kv_cache.full");
        assertThat(findings("plan", first, "--to", "gguf", "--strip", "ple", "--json")).contains("kv-cache-at-start");
    }

    /// Records that were written by others, or by nobody, are read as far as they make sense.
    @ParameterizedTest
    @CsvSource({"q8_0, q8_0, 1", "f16, q3_9, 0", "'F16; rm', f16, -1", "f16, '', -1"})
    void oddRecordsAreNoChoice(String sliding, String full, int listed) throws IOException {
        Path odd = folder.resolve("odd");
        assertThat(Cli.run("convert", dense, odd, "--to", "safetensors", "--kv-cache", "f16").err()).isEmpty();
        Path file = odd.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        int length = java.nio.ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN).getInt();
        ObjectNode header = (ObjectNode) Look.header(file);
        ((ObjectNode) header.get("__metadata__")).put("weighbridge.kv_cache.sliding", sliding).put("weighbridge.kv_cache.full", full);
        byte[] changed = header.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
        java.nio.ByteBuffer out = java.nio.ByteBuffer.allocate(8 + changed.length + bytes.length - 8 - length).order(
                java.nio.ByteOrder.LITTLE_ENDIAN);
        out.putLong(changed.length).put(changed).put(bytes, 8 + length, bytes.length - 8 - length);
        Files.write(file, out.array());
        Value.Fields report = Cli.run("inspect", odd, "--json").json();
        assertThat(own(report).isPresent()).isEqualTo(listed >= 0);
        assertThat(caches(report).stream().anyMatch(cache -> cache.flag("own").isPresent())).isEqualTo(listed == 1);
    }

    private static List<String> findings(Object... line) throws IOException {
        return ReportCheck.list(Cli.run(line).json(), "findings").stream().map(finding -> finding.text("code").orElseThrow()).toList();
    }

    /// Every report of the matrix holds against the schemas.
    @Test
    void reportsFollowTheSchemas() throws IOException {
        Path target = folder.resolve("out.litertlm");
        Path policy = Files.writeString(folder.resolve("policy.yaml"), "kv_cache: { sliding: f16, full: int8 }\n");
        assertThat(Cli.run(line(List.of("convert", mobile, target, "--policy", policy), List.of(), "litertlm")).err()).isEmpty();
        for (Object[] line : List.of(new Object[] {"inspect", target, "--json", "--fits", "10MB"},
                new Object[] {"plan", mobile, "--to", "gguf", "--policy", policy, "--json"})) {
            String kind = line[0].toString();
            List<String> errors = JsonSchemaTest.errors(kind, Cli.run(line).out());
            assertThat(errors).as(kind).isEmpty();
        }
        Path html = folder.resolve("report.html");
        assertThat(Cli.run("inspect", target, "--html", html).code()).isZero();
        assertThat(Files.readString(html)).contains("f32/int8 (the file's own)");
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString())).containsExactlyInAnyOrder("out.litertlm", "policy.yaml",
                    "report.html");
        }
    }
}
