package io.github.weighbridge.gguf;

import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.fixtures.llama.LogLine;
import io.github.weighbridge.fixtures.llama.QuantizeOptions;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufKey;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.gguf.file.GgufText;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// What counts: the real llama.cpp loads our files, and computes with them what it should.
class RealLlamaTest {
    /// llama.cpp says this of every Gemma 4 file that follows its own converter, which makes the token user defined.
    private static final String EXPECTED_WARNING = "'<|tool_response>' was not control-type";

    private static LlamaCpp llama;
    private static String text;
    private static Value.Fields reference;

    private static double sourceLoss;

    @TempDir private static Path folder;

    @BeforeAll
    static void findLlama() throws IOException {
        Optional<LlamaCpp> found = LlamaCpp.find();
        if (found.isEmpty()) {
            System.out.println("skipped: tests against the real llama.cpp: " + LlamaCpp.whyAbsent());
        }
        assumeTrue(found.isPresent(), LlamaCpp::whyAbsent);
        llama = found.get();
        text = TrainedCheckpoints.evalText();
        reference = Json.parseObject(ByteSource.of("reference.json", TrainedCheckpoints.reference().getBytes(StandardCharsets.UTF_8)),
                Limits.DEFAULT);
    }

    private static Path base() {
        Optional<Path> base = SharedData.find("tiny-gemma4/base");
        if (base.isEmpty()) {
            System.out.println("skipped: the base checkpoint of ../shared/data is not there");
        }
        assumeTrue(base.isPresent(), "../shared/data is not there");
        return base.get();
    }

    private static double perplexity(Path gguf) throws IOException {
        try (LlamaModel model = llama.open(gguf)) {
            assertThat(model.loadProblems().stream().map(LogLine::toString).filter(line -> !line.contains(EXPECTED_WARNING)))
                    .as("what llama.cpp complains of").isEmpty();
            int[] tokens = model.tokenize(text, true, false);
            List<Value> passage = reference.object("passage").orElseThrow().list("token_ids").orElseThrow();
            assertThat(Arrays.copyOf(tokens, passage.size()))
                    .containsExactly(passage.stream().mapToInt(id -> (int) ((Value.Whole) id).number()).toArray());
            return model.evaluate(tokens).perplexity();
        }
    }

    @ParameterizedTest
    @CsvSource({"F32, 46.8834, 0.0001", "Q8_0, 46.8834, 0.002", "Q4_0, 47.4354, 0.002",
        "Q4_0:pure, 47.5245, 0.002", "Q4_K_M, 47.1036, 0.002", "Q6_K, 46.9820, 0.002"})
    void convertsTheBaseCheckpointToTheLossOfTheReference(String type, double expected, double relative) throws Exception {
        Path gguf = folder.resolve("base-" + type.replace(':', '-') + ".gguf");
        boolean pure = type.endsWith(":pure");
        Conversions.convert(base(), gguf, Policy.KEEP.withType(pure ? type.substring(0, type.indexOf(':')) : type, pure));
        double perplexity = perplexity(gguf);
        System.out.printf("base as %s: perplexity %.4f%n", type, perplexity);
        assertThat(perplexity).isCloseTo(expected, within(expected * relative));
    }

    @Test
    void convertsTheTrainedCheckpointThatACloneCarries() throws Exception {
        Path source = folder.resolve("qat");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_Q4_0);
        Path gguf = folder.resolve("qat-F32.gguf");
        Conversions.convert(source, gguf, Policy.KEEP.withType("F32", false));
        assertThat(perplexity(gguf)).isCloseTo(45.6723, within(45.6723 * 0.0001));
    }

    @Test
    void decodesTheMobileCheckpointToTheLossWithoutActivationScales() throws Exception {
        Path source = folder.resolve("mobile");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        Path gguf = folder.resolve("mobile-F32.gguf");
        Conversions.convert(source, gguf, Policy.KEEP.withType("F32", false));
        assertThat(perplexity(gguf)).isCloseTo(47.0215, within(47.0215 * 0.0001));
    }

    @Test
    void aShardedFolderWithoutItsEncodersGivesTheSameFile() throws Exception {
        Path sharded = SharedData.find("tiny-gemma4/base-sharded").orElse(base());
        Path one = folder.resolve("single.gguf");
        Path other = folder.resolve("sharded.gguf");
        Conversions.convert(base(), one, Policy.KEEP.withType("BF16", false));
        Conversions.convert(sharded, other, Policy.KEEP.withType("BF16", false).withStrip(Set.of("vision", "audio")));
        try (ByteSource a = ByteSource.of(one); ByteSource b = ByteSource.of(other)) {
            GgufFile first = GgufFile.read(a, Limits.DEFAULT);
            GgufFile second = GgufFile.read(b, Limits.DEFAULT);
            Map<String, Object> left = keys(second);
            assertThat(left.remove("weighbridge.stripped"))
                    .isEqualTo(SharedData.find("tiny-gemma4/base-sharded").isPresent() ? "audio,vision" : null);
            assertThat(left).isEqualTo(keys(first));
            assertThat(second.tensors().stream().map(GgufTensorInfo::name))
                    .containsExactlyElementsOf(first.tensors().stream().map(GgufTensorInfo::name).toList());
            for (GgufTensorInfo tensor : first.tensors()) {
                assertThat(bytes(second, second.tensor(tensor.name()).orElseThrow())).as(tensor.name()).isEqualTo(bytes(first, tensor));
            }
        }
    }

    @Test
    void encodersAreLeftOutWithAFinding() throws Exception {
        Path sharded = SharedData.find("tiny-gemma4/base-sharded").orElse(base());
        ConversionPlan plan = Conversions.convert(sharded, folder.resolve("left-out.gguf"), Policy.KEEP);
        assertThat(plan.findings()).anySatisfy(finding -> {
            assertThat(finding.code()).isEqualTo("encoders-left-out");
            assertThat(finding.message()).startsWith("155 tensors");
        });
    }

    /// Whole files: the same types, fallbacks included, and the same bytes. Types that start with `+` are written with `--pure`.
    @ParameterizedTest
    @ValueSource(strings = {"+Q8_0", "+Q4_0", "Q4_0", "Q8_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K_M", "Q4_K_S", "Q5_K_M", "Q5_K_S", "Q3_K_S",
        "Q3_K_M", "Q3_K_L",
        "Q2_K", "Q6_K", "TQ1_0", "TQ2_0", "IQ4_NL", "MXFP4_MOE", "Q2_0"})
    void tensorsEqualThoseOfLlamaQuantize(String word) throws Exception {
        boolean pure = word.startsWith("+");
        String type = pure ? word.substring(1) : word;
        Path f32 = trainedAsF32();
        Path ours = folder.resolve("ours-" + word + ".gguf");
        // The checkpoint lies on a grid, which would be kept.
        Conversions.convert(f32, ours, Policy.KEEP.withType(type + ":plain", pure));
        Path theirs = folder.resolve("theirs-" + word + ".gguf");
        llama.quantize(f32, theirs, QuantizeOptions.of(GgufFileType.named(type).orElseThrow().id()).withPure(pure).withThreads(2));
        try (ByteSource a = ByteSource.of(ours); ByteSource b = ByteSource.of(theirs)) {
            GgufFile first = GgufFile.read(a, Limits.DEFAULT);
            GgufFile second = GgufFile.read(b, Limits.DEFAULT);
            assertThat(first.tensors()).hasSameSizeAs(second.tensors());
            int quantised = 0;
            for (GgufTensorInfo tensor : second.tensors()) {
                GgufTensorInfo own = first.tensor(tensor.name()).orElseThrow();
                assertThat(own.type()).as(tensor.name()).isEqualTo(tensor.type());
                assertThat(bytes(first, own)).as(tensor.name()).isEqualTo(bytes(second, tensor));
                quantised += tensor.type() == GgmlType.F32 ? 0 : 1;
            }
            assertThat(quantised).as("matrices that are not F32").isEqualTo(66);
            assertThat(first.whole("general.file_type")).isEqualTo(second.whole("general.file_type"));
        }
    }

    /// What each type costs, over a tenth of the text. Fewer bits may cost more; more than this would be a mistake of ours.
    @ParameterizedTest
    @CsvSource({"F32, 0", "BF16, 0.003", "F16, 0.003", "Q8_0, 0.003", "Q6_K, 0.01", "Q5_K_M, 0.02", "Q5_1, 0.02", "Q5_0, 0.02",
        "Q4_K_M, 0.03",
        "Q4_1, 0.03", "Q4_0, 0.03", "IQ4_NL, 0.03", "IQ4_XS, 0.03", "Q3_K_M, 0.05", "Q2_K, 0.1", "MXFP4_MOE, 0.003"})
    void theLossOfEachTypeStaysNearThatOfTheSource(String type, double most) throws Exception {
        Path f32 = trainedAsF32();
        if (sourceLoss == 0) {
            sourceLoss = loss(f32);
        }
        double reference = sourceLoss;
        Path gguf = folder.resolve("loss-" + type + ".gguf");
        Conversions.convert(f32, gguf, Policy.KEEP.withType(type, false));
        double loss = loss(gguf);
        System.out.printf("loss as %s: %.4f nats a token, the source's %.4f (%+.4f), %d bytes%n", type, loss, reference, loss - reference,
                Files.size(gguf));
        assertThat(loss - reference).isBetween(-0.01, most + 1e-6);
    }

    private static double loss(Path gguf) throws IOException {
        try (LlamaModel model = llama.open(gguf)) {
            int[] tokens = model.tokenize(text, true, false);
            return Math.log(model.evaluate(Arrays.copyOf(tokens, 3 * 512)).perplexity());
        }
    }

    private static Path trainedAsF32() throws Exception {
        Path f32 = folder.resolve("trained-f32.gguf");
        if (!Files.exists(f32)) {
            Optional<Path> base = SharedData.find("tiny-gemma4/base");
            Path source = base.orElse(folder.resolve("trained"));
            if (base.isEmpty()) {
                TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_Q4_0);
            }
            Conversions.convert(source, f32, Policy.KEEP.withType("F32", false));
        }
        return f32;
    }

    private static byte[] bytes(GgufFile file, GgufTensorInfo tensor) throws IOException {
        return file.data(tensor).readBytes(0, Math.toIntExact(tensor.byteLength()));
    }

    /// All keys but those of the model card, with their values.
    private static Map<String, Object> keys(GgufFile file) throws IOException {
        Map<String, Object> values = new LinkedHashMap<>();
        for (GgufKey key : file.keys().values()) {
            if (!key.name().startsWith("general.")) {
                values.put(key.name(), content(key.value()));
            }
        }
        return values;
    }

    private static Object content(GgufValue value) throws IOException {
        if (value instanceof GgufText longText) {
            return longText.text();
        }
        if (value instanceof GgufArray array) {
            ByteSource payload = array.payload();
            return List.of(array.elementType(), array.count(), Arrays.hashCode(payload.readBytes(0, Math.toIntExact(payload.length()))));
        }
        return value;
    }
}
