package io.github.weighbridge.gguf;

import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.convert.Planner;
import io.github.weighbridge.fixtures.DecoderFixture;
import io.github.weighbridge.fixtures.DecoderModel;
import io.github.weighbridge.fixtures.ReferenceDecoder;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.fixtures.llama.LogLine;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufKey;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.gguf.file.GgufText;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// The families beside Gemma 4: what is written loads and computes, and comes back as it was.
class FamiliesTest {
    private static final String SENTENCE = "In the morning the heavy truck rolled slowly over the bridge; 1234 kg!";

    @TempDir private static Path folder;

    private static LlamaCpp llama() {
        assumeTrue(LlamaCpp.find().isPresent(), LlamaCpp::whyAbsent);
        return LlamaCpp.find().orElseThrow();
    }

    private static Path fixture(DecoderModel model, SafetensorsType type) throws IOException {
        Path source = folder.resolve(model.modelName() + "-" + type);
        if (!Files.exists(source.resolve("config.json"))) {
            DecoderFixture.write(source, model, type, 7);
        }
        return source;
    }

    @ParameterizedTest
    @CsvSource({"LLAMA3, F32", "LLAMA3, Q8_0", "LLAMA2, F32", "LLAMA2, Q8_0", "QWEN3, F32", "QWEN3, Q8_0", "QWEN3_MOE, F32",
        "QWEN3_MOE, Q8_0",
        "GEMMA3, F32", "GEMMA3, Q8_0", "GEMMA3_VISION, F32"})
    void llamaLoadsTokenisesAndDecodes(DecoderModel model, String type) throws Exception {
        LlamaCpp llama = llama();
        Path gguf = folder.resolve(model + "-" + type + ".gguf");
        Conversions.convert(fixture(model, SafetensorsType.BF16), gguf, Policy.KEEP.withType(type, false));
        try (LlamaModel loaded = llama.open(gguf)) {
            assertThat(loaded.loadProblems().stream().map(LogLine::toString)).as("what llama.cpp complains of").isEmpty();
            int[] tokens = loaded.tokenize(SENTENCE, true, false);
            assertThat(loaded.detokenize(loaded.tokenize(SENTENCE, false, false)).strip()).isEqualTo(SENTENCE);
            for (String word : DecoderFixture.words()) {
                assertThat(loaded.tokenize("x " + word, false, false).length - loaded.tokenize("x", false, false).length).as(word)
                        .isEqualTo(1);
            }
            float[][] logits = loaded.logitsAt(tokens, tokens.length - 1);
            double spread = 0;
            for (float logit : logits[0]) {
                assertThat(logit).isFinite();
                spread = Math.max(spread, Math.abs(logit));
            }
            assertThat(spread).isGreaterThan(0.1);
        }
    }

    @ParameterizedTest
    @EnumSource(DecoderModel.class)
    void logitsAreThoseOfThePlainForwardPass(DecoderModel model) throws Exception {
        LlamaCpp llama = llama();
        Path source = fixture(model, SafetensorsType.F32);
        Path gguf = folder.resolve(model + "-reference.gguf");
        Conversions.convert(source, gguf, Policy.KEEP.withType("F32", false));
        int[] tokens = {1, 300, 17, 420, 333, 299, 5, 411, 380, 305};
        int[] positions = {0, 1, 5, 9};
        float[][] expected = ReferenceDecoder.of(source, model, true).logits(tokens);
        try (LlamaModel loaded = llama.open(gguf)) {
            float[][] logits = loaded.logitsAt(tokens, positions);
            double worst = 0;
            for (int i = 0; i < positions.length; i++) {
                for (int id = 0; id < logits[i].length; id++) {
                    worst = Math.max(worst, Math.abs(logits[i][id] - expected[positions[i]][id]));
                }
            }
            System.out.printf("%s: largest difference of a logit from the reference %.2e%n", model, worst);
            assertThat(worst).isCloseTo(0, within(1e-3));
        }
    }

    /// To a folder and back: the same tensors and keys.
    @ParameterizedTest
    @EnumSource(DecoderModel.class)
    void aFolderMadeOfGgufGivesTheSameFileAgain(DecoderModel model) throws Exception {
        for (SafetensorsType type : List.of(SafetensorsType.F32, SafetensorsType.BF16)) {
            Path first = folder.resolve(model + "-" + type + "-there.gguf");
            Conversions.convert(fixture(model, type), first, Policy.KEEP);
            roundTrip(first, folder.resolve(model + "-" + type + "-back.gguf"));
        }
    }

    @Test
    void theTrainedGemma4ComesBackFromAFolder() throws Exception {
        Path source = folder.resolve("trained");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_Q4_0);
        Path first = folder.resolve("trained.gguf");
        Conversions.convert(source, first, Policy.KEEP);
        roundTrip(first, folder.resolve("trained-back.gguf"));
        Path mobile = folder.resolve("mobile");
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
        Path untied = folder.resolve("mobile.gguf");
        Conversions.convert(mobile, untied, Policy.KEEP.withType("F32", false));
        roundTrip(untied, folder.resolve("mobile-back.gguf"));
    }

    private static void roundTrip(Path first, Path second) throws Exception {
        Path between = folder.resolve(second.getFileName() + ".folder");
        try (Checkpoint checkpoint = Conversions.open(first)) {
            ConversionPlan plan = Planner.plan(checkpoint, Formats.installed().byName("safetensors").orElseThrow(), Policy.KEEP,
                    TargetRequest.named(between.getFileName().toString()));
            assertThat(plan.findings().stream().map(Object::toString)).isEmpty();
            Engine.run(plan, checkpoint, between, EngineOptions.defaults());
        }
        Conversions.convert(between, second, Policy.KEEP);
        try (ByteSource a = ByteSource.of(first); ByteSource b = ByteSource.of(second)) {
            GgufFile one = GgufFile.read(a, Limits.DEFAULT);
            GgufFile two = GgufFile.read(b, Limits.DEFAULT);
            Map<String, Object> keys = keys(one);
            assertThat(keys(two)).isEqualTo(keys);
            assertThat(keys).hasSizeGreaterThan(20);
            assertThat(two.tensors().stream().map(GgufTensorInfo::name))
                    .containsExactlyElementsOf(one.tensors().stream().map(GgufTensorInfo::name).toList());
            for (GgufTensorInfo tensor : one.tensors()) {
                GgufTensorInfo other = two.tensor(tensor.name()).orElseThrow();
                assertThat(other.type()).as(tensor.name()).isEqualTo(tensor.type());
                assertThat(two.data(other).readBytes(0, (int) other.byteLength())).as(tensor.name())
                        .isEqualTo(one.data(tensor).readBytes(0, (int) tensor.byteLength()));
            }
        }
    }

    private static Map<String, Object> keys(GgufFile file) throws IOException {
        Map<String, Object> values = new LinkedHashMap<>();
        for (GgufKey key : file.keys().values()) {
            if (!Set.of("general.name").contains(key.name())) {
                values.put(key.name(), content(key.value()));
            }
        }
        return values;
    }

    private static Object content(GgufValue value) throws IOException {
        if (value instanceof GgufText text) {
            return text.text();
        }
        if (value instanceof GgufArray array) {
            ByteSource payload = array.payload();
            return List.of(array.elementType(), array.count(), Arrays.hashCode(payload.readBytes(0, Math.toIntExact(payload.length()))));
        }
        return value;
    }

    /// The merges of a tokenizer.json that was made of a SentencePiece model give its tokens.
    @ParameterizedTest
    @EnumSource(value = DecoderModel.class, names = {"LLAMA2", "GEMMA3"})
    void aTokenizerJsonGivesTheTokensOfItsSentencePieceModel(DecoderModel model) throws Exception {
        LlamaCpp llama = llama();
        Path source = fixture(model, SafetensorsType.F32);
        Path asModel = folder.resolve(model + "-model.gguf");
        Conversions.convert(source, asModel, Policy.KEEP);
        Path copy = folder.resolve(model + "-json");
        Files.createDirectories(copy);
        for (String file : List.of("model.safetensors", "config.json", "tokenizer_config.json")) {
            Files.copy(source.resolve(file), copy.resolve(file));
        }
        Files.write(copy.resolve("tokenizer.json"), DecoderFixture.tokenizerJson(model));
        Path asJson = folder.resolve(model + "-json.gguf");
        Conversions.convert(copy, asJson, Policy.KEEP);
        try (LlamaModel one = llama.open(asModel); LlamaModel two = llama.open(asJson)) {
            assertThat(two.loadProblems().stream().map(LogLine::toString)).isEmpty();
            for (String text : List.of(SENTENCE, "theand ofofthe weightbridges\n\n\n  \u00e9\u4e2d",
                    "<start_of_turn>the night<end_of_turn>")) {
                assertThat(two.tokenize(text, true, true)).as(text).isEqualTo(one.tokenize(text, true, true));
            }
        }
    }

    @Test
    void aSplittingThatIsNotKnownIsRefused() throws Exception {
        Path source = fixture(DecoderModel.QWEN3, SafetensorsType.F32);
        Path copy = folder.resolve("unknown-splitting");
        Files.createDirectories(copy);
        for (String file : List.of("model.safetensors", "config.json", "tokenizer_config.json")) {
            Files.copy(source.resolve(file), copy.resolve(file));
        }
        Files.writeString(copy.resolve("tokenizer.json"),
                Files.readString(source.resolve("tokenizer.json")).replace("\\\\p{N}|", "\\\\p{N}{1,2}|"));
        assertThatThrownBy(() -> Conversions.convert(copy, folder.resolve("unknown.gguf"), Policy.KEEP)).isInstanceOf(PolicyException.class)
                .hasMessageContaining("{1,2}");
        Files.delete(copy.resolve("tokenizer.json"));
        assertThatThrownBy(() -> Conversions.convert(copy, folder.resolve("unknown.gguf"), Policy.KEEP)).isInstanceOf(PolicyException.class)
                .hasMessageContaining("needs a tokenizer");
    }

    @Test
    void theVisionTowerIsLeftOutWithAFinding() throws Exception {
        ConversionPlan plan = Conversions.convert(fixture(DecoderModel.GEMMA3_VISION, SafetensorsType.BF16),
                folder.resolve("left-out.gguf"), Policy.KEEP);
        assertThat(plan.findings()).anySatisfy(finding -> assertThat(finding.code()).isEqualTo("encoders-left-out"));
        try (Checkpoint checkpoint = Conversions.open(folder.resolve("left-out.gguf"))) {
            assertThat(checkpoint.architecture().layers().stream().map(layer -> layer.window())).containsExactly(4L, 4L, 4L, 4L, 4L, 0L,
                    4L);
        }
    }

    /// What a file says of its tokens may be wrong: whatever is asked of its documents ends in an exception that names it.
    @Test
    void documentsOfABadVocabularyAreRefused() throws Exception {
        Path good = folder.resolve("vocabulary.gguf");
        Conversions.convert(fixture(DecoderModel.LLAMA3, SafetensorsType.F32), good, Policy.KEEP);
        byte[] bytes = Files.readAllBytes(good);
        bytes[indexOf(bytes, "<|end_of_text|>".getBytes(StandardCharsets.UTF_8)) + 3] = (byte) 0xff;
        Path bad = folder.resolve("bad-vocabulary.gguf");
        Files.write(bad, bytes);
        try (Checkpoint checkpoint = Conversions.open(bad)) {
            ByteSource document = checkpoint.documents().get("tokenizer.json").orElseThrow();
            assertThatThrownBy(document::length).isInstanceOf(UncheckedIOException.class).cause()
                    .isInstanceOf(CheckpointFormatException.class)
                    .hasMessageContaining("UTF-8");
        }
    }

    private static int indexOf(byte[] bytes, byte[] part) {
        for (int i = 0; i <= bytes.length - part.length; i++) {
            if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
                return i;
            }
        }
        throw new AssertionError("not there");
    }
}
