package io.github.weighbridge.gguf;

import io.github.weighbridge.fixtures.DecoderFixture;
import io.github.weighbridge.fixtures.DecoderModel;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaException;
import io.github.weighbridge.fixtures.llama.QuantizeOptions;
import io.github.weighbridge.gguf.encoding.internal.Samples;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// Whole files against those that the real llama.cpp makes of the same input in the same test: types, fallbacks, bytes and keys. The trained
/// checkpoint is in [RealLlamaTest]; here are numbers at which recipes go wrong, experts, and heads of their own.
class WholeFilesTest {
    /// Where the files begin.
    private enum Input {
        /// A dense model each of whose matrices has another of [Samples], in F32.
        ADVERSE,
        /// Gemma 4 with 8 experts and widths that are no multiples of 256, in F32.
        GEMMA4_EXPERTS,
        /// Qwen3 with experts, with an output head of its own, in BF16.
        QWEN3_EXPERTS,
        /// Llama 2, with an output head of its own, in F16.
        LLAMA
    }

    @TempDir private static Path folder;

    private static LlamaCpp llama;
    private static final Map<Input, Path> INPUTS = new EnumMap<>(Input.class);

    @BeforeAll
    static void make() throws Exception {
        if (LlamaCpp.find().isEmpty()) {
            System.out.println("skipped: whole files against the real llama.cpp: " + LlamaCpp.whyAbsent());
        }
        assumeTrue(LlamaCpp.find().isPresent(), LlamaCpp::whyAbsent);
        llama = LlamaCpp.find().orElseThrow();
        INPUTS.put(Input.GEMMA4_EXPERTS, gemma4(Gemma4Size.TINY_MOE));
        Path adverse = gemma4(Gemma4Size.TINY_UNIFIED);
        spoil(adverse);
        INPUTS.put(Input.ADVERSE, adverse);
        INPUTS.put(Input.QWEN3_EXPERTS, decoder(DecoderModel.QWEN3_MOE, SafetensorsType.BF16, "BF16"));
        INPUTS.put(Input.LLAMA, decoder(DecoderModel.LLAMA2, SafetensorsType.F16, "F16"));
    }

    private static Path gemma4(Gemma4Size size) throws Exception {
        Path source = folder.resolve(size.name());
        Gemma4Fixture.write(source, Gemma4Options.of(size).withParts(Gemma4Options.Parts.TEXT_ONLY).withThreads(2));
        Path gguf = folder.resolve(size + ".gguf");
        Conversions.convert(source, gguf, Policy.KEEP.withType("F32", false));
        return gguf;
    }

    private static Path decoder(DecoderModel model, SafetensorsType type, String as) throws Exception {
        Path source = folder.resolve(model.name());
        DecoderFixture.write(source, model, type, 5);
        Path gguf = folder.resolve(model + ".gguf");
        Conversions.convert(source, gguf, Policy.KEEP.withType(as, false));
        return gguf;
    }

    /// Gives every matrix of a file other numbers, one kind after the other.
    private static void spoil(Path gguf) throws IOException {
        byte[] bytes = Files.readAllBytes(gguf);
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int spoilt = 0;
        try (ByteSource source = ByteSource.of("spoilt", bytes)) {
            List<GgufTensorInfo> tensors = GgufFile.read(source, Limits.DEFAULT).tensors().stream()
                    .filter(tensor -> tensor.shape().rank() > 1 && tensor.type() == GgmlType.F32).toList();
            List<float[]> samples = List.copyOf(Samples.all((int) tensors.stream().mapToLong(tensor -> tensor.shape().elements()).max()
                    .orElseThrow()).values());
            for (GgufTensorInfo tensor : tensors) {
                float[] numbers = samples.get(spoilt++ % samples.size());
                buffer.position((int) tensor.position());
                buffer.asFloatBuffer().put(numbers, 0, (int) tensor.shape().elements());
            }
            assertThat(tensors).hasSizeGreaterThan(samples.size());
        }
        Files.write(gguf, bytes);
    }

    /// The tensors of both files are the same in type and bytes, and so are the keys, in their order.
    private static void same(Input input, String type, boolean pure, UnaryOperator<TargetRequest> request,
            UnaryOperator<QuantizeOptions> options) throws Exception {
        Path source = INPUTS.get(input);
        Path ours = folder.resolve("ours.gguf");
        Path theirs = folder.resolve("theirs.gguf");
        Files.deleteIfExists(ours);
        // Some of the numbers lie on a grid, which would be kept.
        Conversions.convert(source, ours, Policy.KEEP.withType(type + ":plain", pure), request.apply(TargetRequest.named("ours.gguf")));
        int id = GgufFileType.named(type).orElseThrow().id();
        llama.quantize(source, theirs, options.apply(QuantizeOptions.of(id).withPure(pure).withThreads(2)));
        Contents expected = Contents.of(theirs);
        Contents found = Contents.of(ours);
        assertThat(found.types()).isEqualTo(expected.types());
        found.data().forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(expected.data().get(name)));
        assertThat(found.keys()).isEqualTo(expected.keys());
        assertThat(List.copyOf(found.keys().keySet())).isEqualTo(List.copyOf(expected.keys().keySet()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "TQ1_0", "TQ2_0", "IQ4_NL",
                "IQ4_XS", "MXFP4_MOE", "Q2_0"})
    void equalThoseOfLlamaQuantize(String type) throws Exception {
        for (Input input : Input.values()) {
            same(input, type, false, request -> request, options -> options);
        }
    }

    /// Overrides hold for tables and heads, tied ones in their own way, also where the type is pure or plain numbers.
    @ParameterizedTest
    @CsvSource({"Q4_K_M, false, Q8_0, Q5_1", "Q4_K_M, true, Q8_0, Q5_1", "Q4_0, false, Q4_1, ", "Q4_0, false, , Q5_0",
        "F16, false, Q8_0, Q4_0",
        "MXFP4_MOE, false, IQ4_NL, Q4_1"})
    void overridesEqualThoseOfLlamaQuantize(String type, boolean pure, String head, String embedding) throws Exception {
        for (Input input : List.of(Input.ADVERSE, Input.QWEN3_EXPERTS, Input.LLAMA)) {
            UnaryOperator<TargetRequest> request = UnaryOperator.identity();
            UnaryOperator<QuantizeOptions> options = UnaryOperator.identity();
            if (head != null) {
                request = plain -> plain.withOption("output-tensor-type", head);
                options = plain -> plain.withOutputTensorType(GgmlType.valueOf(head).id());
            }
            if (embedding != null) {
                UnaryOperator<TargetRequest> before = request;
                UnaryOperator<QuantizeOptions> otherwise = options;
                request = plain -> before.apply(plain).withOption("token-embedding-type", embedding);
                options = plain -> otherwise.apply(plain).withTokenEmbeddingType(GgmlType.valueOf(embedding).id());
            }
            same(input, type, pure, request, options);
        }
    }

    /// What one of them cannot hold, neither holds.
    @Test
    void numbersThatNoScaleReachesAreRefusedByBoth() throws Exception {
        Path source = folder.resolve("too-large.gguf");
        byte[] bytes = Files.readAllBytes(INPUTS.get(Input.ADVERSE));
        try (ByteSource file = ByteSource.of("large", bytes)) {
            GgufTensorInfo tensor = GgufFile.read(file, Limits.DEFAULT).tensor("blk.0.attn_q.weight").orElseThrow();
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat((int) tensor.position(), 1e9f);
        }
        Files.write(source, bytes);
        Path target = folder.resolve("never.gguf");
        assertThatThrownBy(() -> Conversions.convert(source, target, Policy.KEEP.withType("Q4_0", false)))
                .isInstanceOf(PolicyException.class).hasMessageContaining("blk.0.attn_q.weight cannot be Q4_0");
        assertThatThrownBy(() -> llama.quantize(source, target, QuantizeOptions.of(GgufFileType.Q4_0.id())))
                .isInstanceOf(LlamaException.class);
    }
}
