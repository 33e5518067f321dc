package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Match;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.Rule;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// What is written, read by [OracleFolder] and held against [ConfigSchema].
class SchemesTest {
    @TempDir private static Path folder;
    private static Path trained;
    private static Path mobile;
    private static Map<String, float[]> trainedNumbers;

    @BeforeAll
    static void unpack() throws IOException {
        trained = folder.resolve("trained");
        mobile = folder.resolve("mobile");
        TrainedCheckpoints.unpack(trained, TrainedCheckpoints.QAT_Q4_0);
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
        trainedNumbers = numbers(trained);
    }

    private static ConversionPlan convert(Path source, String target, Policy policy, Map<String, String> options)
            throws IOException, PolicyException {
        try (Checkpoint checkpoint = Formats.installed().open(Source.of(source), ReadOptions.defaults())) {
            TargetRequest request = TargetRequest.named(target);
            for (Map.Entry<String, String> option : options.entrySet()) {
                request = request.withOption(option.getKey(), option.getValue());
            }
            ConversionPlan plan = Planner.plan(checkpoint, new CompressedTensorsFormat(), policy, request);
            Engine.run(plan, checkpoint, folder.resolve(target), EngineOptions.defaults());
            return plan;
        }
    }

    private static Policy type(String type) {
        return Policy.KEEP.withType(type, false);
    }

    /// Compares without a word about millions of numbers. Zeros of either sign are equal.
    private static void assertSame(String what, float[] actual, float[] expected) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        int differing = 0;
        for (int i = 0; i < actual.length; i++) {
            differing += actual[i] == expected[i] ? 0 : 1;
        }
        assertThat(differing).as(what + ": numbers that differ").isZero();
    }

    private static Map<String, float[]> numbers(Path source) throws IOException {
        Map<String, float[]> numbers = new TreeMap<>();
        try (Checkpoint checkpoint = Formats.installed().open(Source.of(source), ReadOptions.defaults())) {
            for (StoredTensor stored : checkpoint.graph().stored()) {
                if (stored.shape().rank() == 2 && stored.encoding().decoder().isPresent()) {
                    numbers.put(stored.name(), Samples.numbers(checkpoint, io.github.weighbridge.view.View.of(stored)));
                }
            }
        }
        return numbers;
    }

    /// Every module must be targeted or ignored, and every target and entry of `ignore` must be about something.
    private static void assertDescribed(OracleFolder written) {
        assertThat(ConfigSchema.wrong(written.quantization())).isEmpty();
        List<String> quantised = written.modules();
        for (String name : written.entries.keySet()) {
            if (name.endsWith(".weight") && written.entries.get(name).shape().size() == 2) {
                String module = name.substring(0, name.length() - ".weight".length());
                boolean plain = !quantised.contains(module);
                if (!module.contains("embed") || !plain) {
                    assertThat(written.ignored(module)).as("%s ignored", module).isEqualTo(plain);
                }
            }
        }
        quantised.forEach(module -> assertThat(written.ignored(module)).as(module).isFalse());
    }

    private static void assertEveryByteIsKnown(Path target) throws IOException {
        try (Checkpoint checkpoint = Formats.installed().open(Source.of(target), ReadOptions.defaults())) {
            long headers = 0;
            for (Checkpoint.CheckpointFile file : checkpoint.files()) {
                headers += 8 + ByteBuffer.wrap(file.source().readBytes(0, 8)).order(ByteOrder.LITTLE_ENDIAN).getLong();
            }
            assertThat(checkpoint.graph().stored().stream().mapToLong(StoredTensor::bytes).sum() + headers).isEqualTo(checkpoint.bytes());
            assertThat(checkpoint.findings().stream().map(Finding::code)).isSubsetOf("dead-weights");
        }
    }

    private static final List<String> SCHEMES = List.of("W4A16:minmax", "W4A16/group128:minmax", "W4A16/channel:minmax",
            "W4A16/group32/asym", "W8A16", "W2A16:minmax", "W8A8", "FP8", "FP8/block", "W5A16/channel/asym");
    /// Whose scales are searched for.
    private static final List<String> SEARCHED =
            List.of("W4A16", "W4A16/group128", "W4A16/channel", "W3A16/channel", "W2A16", "W2A16/group64");

    static List<String> schemes() {
        return SCHEMES;
    }

    @ParameterizedTest
    @MethodSource("schemes")
    void everyNumberIsWithinHalfAStep(String type) throws Exception {
        String name = "t-" + type.replace('/', '-').replace(':', '-');
        ConversionPlan plan = convert(trained, name, type(type), Map.of());
        OracleFolder written = new OracleFolder(folder.resolve(name));
        assertDescribed(written);
        assertEveryByteIsKnown(folder.resolve(name));
        // per_layer_projection has rows of 32, which larger groups do not divide.
        assertThat(written.modules()).hasSize(type.startsWith("W4A16/group128") ? 57 : 65);
        assertWithinHalfAStep(written, name, trainedNumbers);
        assertThat(plan.bytes()).isEqualTo(bytes(folder.resolve(name)));
    }

    /// The same of a checkpoint that was trained without a grid.
    @Test
    void everyNumberOfAnOrdinaryCheckpointIsWithinHalfAStep() throws Exception {
        Path base = SharedData.find("tiny-gemma4/base").orElse(folder.resolve("absent"));
        if (!Files.exists(base)) {
            System.out.println("skipped: tiny-gemma4/base is not beside the project");
            assumeTrue(false, "tiny-gemma4/base is not there");
        }
        Map<String, float[]> sources = numbers(base);
        for (String type : SCHEMES) {
            String name = "b-" + type.replace('/', '-').replace(':', '-');
            convert(base, name, type(type), Map.of());
            OracleFolder written = new OracleFolder(folder.resolve(name));
            assertThat(written.modules()).as(type).hasSizeGreaterThanOrEqualTo(57);
            assertWithinHalfAStep(written, name, sources);
        }
    }

    /// With N steps from `lo` to `hi`, the scale `(hi - lo) / N` is stored as `s`, relatively off by `e` at most. The zero point is
    /// `round(first - lo / s)`, off by `d` of at most a half. So the first code stands for `lo - d s`, and the last for
    /// `lo - d s + N s`, which is below `hi` by `d s + (hi - lo) - N s`: by half a step, and by what the stored scale falls short, at most
    /// `N s e / (1 - e)`. Codes between these are nearest ones. Symmetric codes have their range from 0 to the largest magnitude, of N / 2 steps,
    /// before its last half step is cut off, and no zero point.
    private static void assertWithinHalfAStep(OracleFolder written, String name, Map<String, float[]> sources) throws IOException {
        Map<String, float[]> ours = numbers(folder.resolve(name));
        double most = 0;
        for (String module : written.modules()) {
            OracleFolder.Weight weight = written.weight(module);
            float[] source = sources.get(module + ".weight");
            // The reader and the oracle agree on every bit.
            assertSame(module, ours.get(module + ".weight"), weight.numbers());
            for (int i = 0; i < source.length; i++) {
                double error = Math.abs((double) source[i] - weight.numbers()[i]);
                // The arithmetic of single precision moves a place by 2^-16 of a step.
                double beyond = error - weight.steps()[i] * (0.5 + 0x1p-14) - weight.excess()[i];
                if (beyond > 0) {
                    throw new AssertionError(
                            "%s, number %d of %s: %s became %s".formatted(name, i, module, source[i], weight.numbers()[i]));
                }
                most = Math.max(most, error / weight.steps()[i]);
            }
        }
        System.out.printf("%s: largest error %.4f steps%n", name, most);
        assertThat(most).isGreaterThan(0.4);
    }

    static List<String> searched() {
        return SEARCHED;
    }

    @ParameterizedTest
    @MethodSource("searched")
    void aSearchedScaleIsNeverWorseThanOneFromTheRange(String type) throws Exception {
        assertSearched(trained, "t", type, trainedNumbers);
        Optional<Path> base = SharedData.find("tiny-gemma4/base");
        if (base.isPresent()) {
            assertSearched(base.get(), "b", type, numbers(base.get()));
        } else {
            System.out.println("tiny-gemma4/base is not beside the project: not looked at");
        }
    }

    /// Numbers within the range of the codes are within half a step. Others have the first or the last code. What that saves is more than what it
    /// costs: the squared error of all that share a scale is at most that with a scale from their range.
    private static void assertSearched(Path source, String prefix, String type, Map<String, float[]> sources) throws Exception {
        String name = prefix + "-searched-" + type.replace('/', '-');
        convert(source, name, type(type + ":plain"), Map.of());
        convert(source, name + "-minmax", type(type + ":minmax"), Map.of());
        OracleFolder written = new OracleFolder(folder.resolve(name));
        OracleFolder ranges = new OracleFolder(folder.resolve(name + "-minmax"));
        assertDescribed(written);
        assertThat(written.modules()).isEqualTo(ranges.modules()).hasSizeGreaterThanOrEqualTo(50);
        double lowered = 0;
        double sum = 0;
        double size = 0;
        for (String module : written.modules()) {
            OracleFolder.Weight weight = written.weight(module);
            float[] plain = ranges.weight(module).numbers();
            float[] numbers = sources.get(module + ".weight");
            for (int begin = 0; begin < numbers.length; begin += weight.group()) {
                double here = 0;
                double there = 0;
                for (int i = begin; i < begin + weight.group(); i++) {
                    double error = (double) numbers[i] - weight.numbers()[i];
                    double level = weight.numbers()[i] / weight.steps()[i];
                    boolean cutOff = error > 0 ? level >= weight.highest() : level <= weight.lowest();
                    if (!cutOff && Math.abs(error) > weight.steps()[i] * (0.5 + 0x1p-14)) {
                        throw new AssertionError(
                                "%s, number %d of %s: %s became %s".formatted(name, i, module, numbers[i], weight.numbers()[i]));
                    }
                    here += error * error;
                    there += Math.pow((double) numbers[i] - plain[i], 2);
                    size += (double) numbers[i] * numbers[i];
                }
                if (here > there) {
                    throw new AssertionError("%s, from number %d of %s: %s, from the range %s".formatted(name, begin, module, here, there));
                }
                lowered += there;
                sum += here;
            }
        }
        System.out.printf("%s: error %.3f %%, from the range %.3f %%%n", name, 100 * Math.sqrt(sum / size),
                100 * Math.sqrt(lowered / size));
        assertThat(sum).isLessThan(0.9 * lowered);
    }

    private static long bytes(Path target) throws IOException {
        try (var files = Files.list(target)) {
            return files.mapToLong(file -> file.toFile().length()).sum();
        }
    }

    @Test
    void aTrainedGridIsFoundAgain() throws Exception {
        convert(trained, "w4a16", type("W4A16"), Map.of());
        OracleFolder written = new OracleFolder(folder.resolve("w4a16"));
        assertDescribed(written);
        Map<String, float[]> sources = trainedNumbers;
        for (String module : written.modules()) {
            if (module.endsWith("per_layer_model_projection")) {
                continue;
            }
            float[] source = sources.get(module + ".weight");
            float[] rounded = written.weight(module).numbers();
            for (int i = 0; i < source.length; i++) {
                int bits = Float.floatToRawIntBits(rounded[i]);
                rounded[i] = Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000);
            }
            assertSame(module, rounded, source);
        }
    }

    @Test
    void aMobileCheckpointKeepsCodesAndScales() throws Exception {
        ConversionPlan plan = convert(mobile, "mobile-ct", Policy.KEEP, Map.of());
        OracleFolder written = new OracleFolder(folder.resolve("mobile-ct"));
        assertDescribed(written);
        assertEveryByteIsKnown(folder.resolve("mobile-ct"));
        assertThat(written.quantization().text("format")).contains("mixed-precision");
        assertThat(written.quantization().object("kv_cache_scheme")).isPresent();
        Map<String, float[]> sources = numbers(mobile);
        assertThat(written.modules()).hasSize(75);
        for (String module : written.modules()) {
            float[] source = sources.getOrDefault(module + ".weight", sources.get(module + ".embedding_quantized"));
            assertSame(module, written.weight(module).numbers(), source);
        }
        assertThat(written.entries.keySet().stream().filter(name -> name.endsWith(".input_scale"))).hasSize(73);
        assertThat(written.entries.get("model.language_model.layers.3.self_attn.k_scale").shape()).containsExactly(1L);
        assertThat(plan.findings().stream().map(Finding::code)).contains("kv-scales-int8", "activation-scales-idle", "scale-type");
    }

    @Test
    void codesComeBackInGemmasOwnForm() throws Exception {
        convert(mobile, "there", Policy.KEEP, Map.of());
        Path back = folder.resolve("back");
        try (Checkpoint checkpoint = Formats.installed().open(Source.of(folder.resolve("there")), ReadOptions.defaults())) {
            ConversionPlan plan = Planner.plan(checkpoint, Formats.installed().byName("safetensors").orElseThrow(), Policy.KEEP,
                    TargetRequest.named("back").withOption("form", "gemma"));
            Engine.run(plan, checkpoint, back, EngineOptions.defaults());
        }
        OracleFolder was = new OracleFolder(mobile);
        OracleFolder is = new OracleFolder(back);
        was.entries.forEach((name, entry) -> {
            // The two scales of a module that is not quantised, which transformers does not load, have no place in compressed-tensors.
            if (!name.startsWith("model.language_model.per_layer_model_projection.") || name.endsWith(".weight")) {
                assertThat(is.entries).containsKey(name);
                assertThat(is.entries.get(name).type()).as(name).isEqualTo(entry.type());
                assertThat(is.entries.get(name).shape()).as(name).isEqualTo(entry.shape());
                assertThat(is.entries.get(name).bytes()).as(name).isEqualTo(entry.bytes());
            }
        });
        assertThat(is.entries).hasSize(was.entries.size() - 2);
        try (Checkpoint checkpoint = Formats.installed().open(Source.of(back), ReadOptions.defaults())) {
            assertThat(checkpoint.format()).isEqualTo("safetensors");
            assertThat(checkpoint.graph().weights().stream().filter(weight -> weight.inputScale().isPresent())).hasSize(73);
        }
    }

    @Test
    void staticActivationsNeedTrainedScales() throws Exception {
        convert(mobile, "static", type("W8A8/static"), Map.of());
        OracleFolder written = new OracleFolder(folder.resolve("static"));
        assertThat(ConfigSchema.wrong(written.quantization())).isEmpty();
        assertThat(written.entries.keySet().stream().filter(name -> name.endsWith("_proj.input_scale"))).isNotEmpty();
        assertThatThrownBy(() -> convert(trained, "no", type("W8A8/static"), Map.of())).isInstanceOf(PolicyException.class)
                .hasMessageContaining("has no trained scale");
        assertThat(folder.resolve("no")).doesNotExist();
    }

    @Test
    void whatVllmDoesNotLoadIsNotedOrRefused() throws Exception {
        Policy mixed = type("W4A16").withFirst(
                List.of(new Rule(Match.named(Pattern.compile("layers\\.0\\.self_attn\\.q_proj")), "W8A16", "a rule")));
        ConversionPlan plan = convert(trained, "mixed", mixed, Map.of());
        assertThat(plan.findings()).anySatisfy(finding -> {
            assertThat(finding.code()).isEqualTo("vllm-fused");
            assertThat(finding.tensors()).containsExactly("model.language_model.layers.0.self_attn.q_proj.weight",
                    "model.language_model.layers.0.self_attn.k_proj.weight", "model.language_model.layers.0.self_attn.v_proj.weight");
        });
        assertThatThrownBy(() -> convert(trained, "refused", mixed, Map.of("runtime", "vllm"))).isInstanceOf(PolicyException.class)
                .hasMessageContaining("layers.0.self_attn.q_proj.weight");
        assertThatThrownBy(() -> convert(trained, "refused", type("W5A16/asym"), Map.of("runtime", "vllm")))
                .isInstanceOf(PolicyException.class).hasMessageContaining("5-bit integers with zero points");
        assertThat(folder.resolve("refused")).doesNotExist();
        ConversionPlan fine = convert(mobile, "fine", Policy.KEEP, Map.of("runtime", "vllm"));
        assertThat(fine.findings().stream().map(Finding::code)).contains("kv-scales-lost").doesNotContain("vllm-scheme", "vllm-fused");
        assertThat(new OracleFolder(folder.resolve("fine")).quantization().object("kv_cache_scheme")).isEmpty();
    }

    @Test
    void shardsAreAsLongAsIsAllowed() throws Exception {
        convert(trained, "sharded", type("W4A16"), Map.of("max-shard-size", "2MB"));
        convert(trained, "whole", type("W4A16"), Map.of());
        OracleFolder sharded = new OracleFolder(folder.resolve("sharded"));
        OracleFolder whole = new OracleFolder(folder.resolve("whole"));
        assertThat(folder.resolve("sharded").resolve("model.safetensors.index.json")).exists();
        assertThat(sharded.entries.keySet()).isEqualTo(whole.entries.keySet());
        whole.entries.forEach((name, entry) -> assertThat(sharded.entries.get(name).bytes()).as(name).isEqualTo(entry.bytes()));
        assertThat(sharded.config).isEqualTo(whole.config);
    }

    @Test
    void aFolderThatIsKeptKeepsItsBytes() throws Exception {
        for (String sample : Samples.digests().keySet()) {
            Path source = Files.createDirectories(folder.resolve("in-" + sample));
            for (Map.Entry<String, byte[]> file : Samples.files(sample).entrySet()) {
                Files.write(source.resolve(file.getKey()), file.getValue());
            }
            convert(source, "out-" + sample, Policy.KEEP, Map.of());
            OracleFolder was = new OracleFolder(source);
            OracleFolder is = new OracleFolder(folder.resolve("out-" + sample));
            assertThat(ConfigSchema.wrong(is.quantization())).as(sample).isEmpty();
            assertThat(is.entries.keySet()).as(sample).isEqualTo(was.entries.keySet());
            was.entries.forEach((name, entry) -> {
                assertThat(is.entries.get(name).type()).isEqualTo(entry.type());
                assertThat(is.entries.get(name).shape()).isEqualTo(entry.shape());
                assertThat(is.entries.get(name).bytes()).as("%s %s", sample, name).isEqualTo(entry.bytes());
            });
            for (String module : was.modules()) {
                assertThat(is.weights(module)).as("%s %s", sample, module).isEqualTo(was.weights(module));
            }
        }
    }

    @Test
    void plainWeightsOfAnUnknownModelAreGivenBack() throws Exception {
        for (String sample : List.of("w4a16-g32-asym", "fp8-block", "mixed-int4-int8-f32", "gemma4-mobile-like-f32")) {
            Path source = Files.createDirectories(folder.resolve("plain-in-" + sample));
            for (Map.Entry<String, byte[]> file : Samples.files(sample).entrySet()) {
                Files.write(source.resolve(file.getKey()), file.getValue());
            }
            Path target = folder.resolve("plain-" + sample);
            try (Checkpoint checkpoint = Formats.installed().open(Source.of(source), ReadOptions.defaults())) {
                ConversionPlan plan = Planner.plan(checkpoint, Formats.installed().byName("safetensors").orElseThrow(), Policy.KEEP,
                        TargetRequest.named("plain"));
                Engine.run(plan, checkpoint, target, EngineOptions.defaults());
            }
            OracleFolder written = new OracleFolder(target);
            assertThat(written.config.get("quantization_config")).isEmpty();
            assertThat(written.modules()).isEmpty();
            try (Checkpoint before = Formats.installed().open(Source.of(source), ReadOptions.defaults());
                    Checkpoint after = Formats.installed().open(Source.of(target), ReadOptions.defaults())) {
                assertThat(after.format()).isEqualTo("safetensors");
                assertThat(after.graph().weights()).hasSameSizeAs(before.graph().weights());
                for (Weight weight : before.graph().weights()) {
                    assertSame(weight.key(), Samples.numbers(after, after.graph().weight(weight.key()).orElseThrow().view()),
                            Samples.numbers(before, weight.view()));
                }
            }
        }
    }

    @Test
    void aFolderOfThisFormatBecomesPlainInTheTypeThatIsAskedFor() throws Exception {
        convert(trained, "packed", type("W4A16"), Map.of());
        Path target = folder.resolve("bf16");
        try (Checkpoint checkpoint = Formats.installed().open(Source.of(folder.resolve("packed")), ReadOptions.defaults())) {
            ConversionPlan plan = Planner.plan(checkpoint, Formats.installed().byName("safetensors").orElseThrow(), type("BF16"),
                    TargetRequest.named("bf16"));
            Engine.run(plan, checkpoint, target, EngineOptions.defaults());
        }
        OracleFolder is = new OracleFolder(target);
        assertThat(is.config.text("dtype")).isEqualTo(Optional.of("bfloat16"));
        assertThat(is.config.get("quantization_config")).isEmpty();
        assertThat(is.entries.values()).allSatisfy(entry -> assertThat(entry.type()).isEqualTo("BF16"));
        Map<String, float[]> was = trainedNumbers;
        numbers(target).forEach((name, numbers) -> {
            if (!name.contains("per_layer_model_projection.")) {
                assertSame(name, numbers, was.get(name));
            }
        });
    }

    @Test
    void policiesSayWhatBecomesOfActivations() throws Exception {
        Policy policy = new Policy("x", "x", java.util.Set.of(), List.of(
                new Rule(Match.named(Pattern.compile("_proj\\.weight")), "int8/channel", "a rule")), Optional.empty(), false);
        convert(trained, "dynamic", policy, Map.of("activations", "dynamic", "runtime", "vllm"));
        OracleFolder written = new OracleFolder(folder.resolve("dynamic"));
        assertDescribed(written);
        Value.Fields group = written.quantization().object("config_groups").orElseThrow().object("group_0").orElseThrow();
        assertThat(group.text("format")).contains("int-quantized");
        assertThat(group.object("input_activations").orElseThrow().text("strategy")).contains("token");
    }

    @Test
    void wordsAreTypesOfTensorsToo() throws Exception {
        Policy policy = new Policy("x", "x", java.util.Set.of(), List.of(
                new Rule(Match.named(Pattern.compile("mlp\\.down_proj")), "int8/group128", "a rule"),
                new Rule(Match.named(Pattern.compile("embed_tokens\\.weight")), "W4A16", "a rule")), Optional.empty(), false);
        convert(trained, "words", policy, Map.of());
        OracleFolder written = new OracleFolder(folder.resolve("words"));
        assertDescribed(written);
        Value.Fields groups = written.quantization().object("config_groups").orElseThrow();
        assertThat(groups.fields()).hasSize(2);
        assertThat(written.modules()).hasSize(9);
        assertThatThrownBy(() -> convert(trained, "no", type("W9A16"), Map.of())).isInstanceOf(PolicyException.class)
                .hasMessageContaining("compressed-tensors has W4A16");
        assertThatThrownBy(() -> convert(trained, "no", type("W8A16:exact"), Map.of())).isInstanceOf(PolicyException.class)
                .hasMessageContaining("no recipe \"exact\"");
    }
}
