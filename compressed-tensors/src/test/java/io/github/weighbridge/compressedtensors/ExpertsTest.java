package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Match;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.Rule;
import io.github.weighbridge.spi.Format;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/// Experts that the family's files hold in one tensor: quantised ones are modules of their own, as vLLM loads them.
class ExpertsTest {
    private static final int LAYERS = 4;
    private static final int EXPERTS = 8;
    private static final String MODULE = "model.language_model.layers.%d.experts.%d.%s_proj";
    private static final List<String> MATRICES = List.of("gate", "up", "down");

    @TempDir private static Path folder;
    private static Path source;

    @BeforeAll
    static void make() throws IOException {
        source = folder.resolve("source");
        Gemma4Fixture.write(source, Gemma4Options.of(Gemma4Size.TINY_MOE));
    }

    private static ConversionPlan convert(Path from, String target, String format, Policy policy, Map<String, String> options)
            throws IOException, PolicyException {
        try (Checkpoint checkpoint = open(from)) {
            TargetRequest request = TargetRequest.named(target);
            for (Map.Entry<String, String> option : options.entrySet()) {
                request = request.withOption(option.getKey(), option.getValue());
            }
            Format chosen = Formats.installed().byName(format).orElseThrow();
            ConversionPlan plan = Planner.plan(checkpoint, chosen, policy, request);
            Engine.run(plan, checkpoint, folder.resolve(target), EngineOptions.defaults());
            return plan;
        }
    }

    private static Checkpoint open(Path path) throws IOException {
        return Formats.installed().open(Source.of(path), ReadOptions.defaults());
    }

    private static long bytes(Path target) throws IOException {
        try (var files = Files.list(target)) {
            return files.mapToLong(file -> file.toFile().length()).sum();
        }
    }

    private static Policy attentionOnly() {
        return new Policy("x", "x", Set.of(),
                List.of(new Rule(Match.named(Pattern.compile("self_attn\\..*_proj")), "int4/group32", "a rule")),
                Optional.empty(), false);
    }

    /// The parameters of vLLM's module for a layer's experts, which it loads entries into.
    private static Set<String> parameters(List<String> kinds) {
        Set<String> parameters = new TreeSet<>();
        for (int layer = 0; layer < LAYERS; layer++) {
            for (String kind : kinds) {
                parameters.add("model.layers." + layer + ".moe.experts.w13_" + kind);
                parameters.add("model.layers." + layer + ".moe.experts.w2_" + kind);
            }
        }
        return parameters;
    }

    /// What vLLM's loader of Gemma 4 makes of an entry's name: the parameter, the expert and the part. (`models/gemma4.py`, `load_weights` of both
    /// classes.)
    private static Optional<List<String>> loaded(String entry) {
        String name = entry.replace("language_model.", "").replaceAll("\\.experts\\.(\\d+)\\.", ".moe.experts.$1.");
        Matcher part = Pattern.compile("(.*\\.moe\\.)experts\\.(\\d+)\\.(gate|up|down)_proj\\.(.*)").matcher(name);
        return part.matches()
                ? Optional.of(List.of(part.group(1) + "experts." + (part.group(3).equals("down") ? "w2_" : "w13_") + part.group(4),
                        part.group(2), part.group(3)))
                : Optional.empty();
    }

    @Test
    void quantisedExpertsAreModules() throws Exception {
        ConversionPlan plan =
                convert(source, "w4a16", "compressed-tensors", Policy.KEEP.withType("W4A16", false), Map.of("runtime", "vllm"));
        assertThat(plan.bytes()).isEqualTo(bytes(folder.resolve("w4a16")));
        assertThat(plan.findings().stream().map(Finding::code)).doesNotContain("vllm-scheme", "vllm-fused", "fallback");
        OracleFolder written = new OracleFolder(folder.resolve("w4a16"));
        assertThat(ConfigSchema.wrong(written.quantization())).isEmpty();
        Set<String> met = new TreeSet<>();
        Set<List<String>> places = new java.util.HashSet<>();
        for (String entry : written.entries.keySet()) {
            assertThat(entry).doesNotContain("experts.gate_up_proj").doesNotContain("experts.down_proj");
            loaded(entry).ifPresent(place -> {
                met.add(place.getFirst());
                assertThat(places.add(place)).as(entry).isTrue();
            });
        }
        assertThat(met).isEqualTo(parameters(List.of("weight_packed", "weight_scale", "weight_shape")));
        assertThat(places).hasSize(LAYERS * EXPERTS * MATRICES.size() * 3);
        Value.Fields group = written.quantization().object("config_groups").orElseThrow().object("group_0").orElseThrow();
        assertThat(group.list("targets").orElseThrow()).containsExactly(Value.of("Linear"));
        try (Checkpoint before = open(source); Checkpoint after = open(folder.resolve("w4a16"))) {
            assertThat(after.findings()).isEmpty();
            assertThat(after.graph().weights().stream().map(Weight::key)).containsExactlyInAnyOrderElementsOf(
                    before.graph().weights().stream().map(Weight::key).toList());
            for (int layer = 0; layer < LAYERS; layer++) {
                for (int expert = 0; expert < EXPERTS; expert++) {
                    for (String matrix : MATRICES) {
                        String module = MODULE.formatted(layer, expert, matrix);
                        String key = "text_decoder." + layer + ".expert_" + matrix + "." + expert;
                        Weight weight = after.graph().weight(key).orElseThrow();
                        float[] numbers = Samples.numbers(after, weight.view());
                        assertThat(numbers).as(module).isEqualTo(written.weight(module).numbers());
                        float[] was = Samples.numbers(before, before.graph().weight(key).orElseThrow().view());
                        double error = 0;
                        double size = 0;
                        for (int i = 0; i < was.length; i++) {
                            error += Math.pow((double) was[i] - numbers[i], 2);
                            size += (double) was[i] * was[i];
                        }
                        assertThat(Math.sqrt(error / size)).as(module).isBetween(0.01, 0.1);
                        assertThat(written.ignored(module)).as(module).isFalse();
                    }
                }
            }
        }
    }

    @Test
    void ofAPlainFolderOfExpertsOneTensorIsMadeAgain() throws Exception {
        convert(source, "apart", "compressed-tensors", Policy.KEEP.withType("W8A16", false), Map.of());
        convert(folder.resolve("apart"), "again", "safetensors", Policy.KEEP.withType("BF16", false), Map.of());
        OracleFolder written = new OracleFolder(folder.resolve("again"));
        OracleFolder first = new OracleFolder(source);
        assertThat(written.entries.keySet()).isEqualTo(first.entries.keySet());
        String name = "model.language_model.layers.1.experts.gate_up_proj";
        assertThat(written.entries.get(name).shape()).isEqualTo(first.entries.get(name).shape());
        try (Checkpoint apart = open(folder.resolve("apart")); Checkpoint again = open(folder.resolve("again"))) {
            for (String key : List.of("text_decoder.1.expert_gate.5", "text_decoder.1.expert_up.5", "text_decoder.3.expert_down.7")) {
                float[] numbers = Samples.numbers(apart, apart.graph().weight(key).orElseThrow().view());
                for (int i = 0; i < numbers.length; i++) {
                    numbers[i] = io.github.weighbridge.encoding.SmallFloats
                            .fromBf16(io.github.weighbridge.encoding.SmallFloats.toBf16(numbers[i]));
                }
                assertThat(Samples.numbers(again, again.graph().weight(key).orElseThrow().view())).isEqualTo(numbers);
            }
        }
    }

    @Test
    void plainExpertsStayTogetherAndAreIgnored() throws Exception {
        ConversionPlan plan = convert(source, "attention", "compressed-tensors", attentionOnly(), Map.of("runtime", "vllm"));
        assertThat(plan.bytes()).isEqualTo(bytes(folder.resolve("attention")));
        OracleFolder written = new OracleFolder(folder.resolve("attention"));
        OracleFolder first = new OracleFolder(source);
        for (int layer = 0; layer < LAYERS; layer++) {
            for (String tensor : List.of("gate_up_proj", "down_proj")) {
                String name = "model.language_model.layers." + layer + ".experts." + tensor;
                assertThat(written.entries.get(name).bytes()).isEqualTo(first.entries.get(name).bytes());
            }
            for (String matrix : MATRICES) {
                // Both the name in the file and the one in vLLM.
                assertThat(written.ignored(MODULE.formatted(layer, 0, matrix))).isTrue();
                assertThat(written.ignored("language_model.model.layers." + layer + ".moe.experts.0." + matrix + "_proj")).isTrue();
            }
        }
        // Experts of 96 columns have no groups of 128, so that their layers stay as they are.
        ConversionPlan wide =
                convert(source, "wide", "compressed-tensors", Policy.KEEP.withType("W4A16/group128", false), Map.of("runtime", "vllm"));
        assertThat(wide.findings()).anySatisfy(finding -> {
            assertThat(finding.code()).isEqualTo("fallback");
            assertThat(finding.tensors()).contains(MODULE.formatted(0, 0, "gate") + ".weight", MODULE.formatted(3, 7, "down") + ".weight");
        });
        assertThat(new OracleFolder(folder.resolve("wide")).entries).containsKey("model.language_model.layers.0.experts.gate_up_proj");
    }

    @Test
    void layersMayDifferAndPatternsHoldForBothNames() throws Exception {
        Policy policy = new Policy("x", "x", Set.of(), List.of(
                new Rule(Match.named(Pattern.compile("layers\\.[01]\\.experts\\.")), "int8/channel", "a rule"),
                new Rule(Match.named(Pattern.compile("experts\\.|self_attn\\..*_proj")), "int4/group32", "a rule")), Optional.empty(),
                false);
        convert(source, "layers", "compressed-tensors", policy, Map.of("runtime", "vllm"));
        OracleFolder written = new OracleFolder(folder.resolve("layers"));
        for (int layer = 0; layer < LAYERS; layer++) {
            for (String before : List.of("model.language_model.layers.%d.experts.3.up_proj",
                    "language_model.model.layers.%d.moe.experts.3.up_proj")) {
                assertThat(written.weights(before.formatted(layer)).whole("num_bits")).contains(layer < 2 ? 8L : 4L);
            }
        }
        Policy mixed = new Policy("x", "x", Set.of(), List.of(
                new Rule(Match.named(Pattern.compile("layers\\.1\\.experts\\.3\\.")), "int8/channel", "a rule"),
                new Rule(Match.named(Pattern.compile("experts\\.")), "int4/group32", "a rule")), Optional.empty(), false);
        assertThatThrownBy(() -> convert(source, "mixed", "compressed-tensors", mixed, Map.of("runtime", "vllm")))
                .isInstanceOf(PolicyException.class).hasMessageContaining("experts");
        assertThatThrownBy(
                () -> convert(source, "two", "compressed-tensors", Policy.KEEP.withType("W2A16", false), Map.of("runtime", "vllm")))
                .isInstanceOf(PolicyException.class).hasMessageContaining("2-bit integers of experts");
    }

    @Test
    void aMissingOrDoubledExpertIsRefused() throws Exception {
        convert(source, "good", "compressed-tensors", Policy.KEEP.withType("W8A16", false), Map.of());
        Path file = folder.resolve("good").resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        String header = new String(bytes, StandardCharsets.ISO_8859_1);
        String module = MODULE.formatted(2, 4, "up");
        for (String wrong : List.of(module.replace("experts.4", "experts.9"), module.replace("experts.4", "experts.5"))) {
            Files.write(file, header.replace('"' + module + ".weight", '"' + wrong + ".weight").getBytes(StandardCharsets.ISO_8859_1));
            assertThatThrownBy(() -> open(folder.resolve("good")).close()).isInstanceOf(CheckpointFormatException.class);
        }
        List<String> lines = new ArrayList<>();
        // All of a layer's down projections under names that say nothing: the layer misses them.
        Files.write(file, header.replaceAll("(layers\\.2\\.experts\\.)(\\d\\.)down", "$1$2dawn").getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> open(folder.resolve("good")).close()).isInstanceOf(CheckpointFormatException.class)
                .satisfies(e -> lines.add(String.valueOf(e.getMessage())));
        assertThat(lines.getFirst()).contains("dawn");
    }
}
