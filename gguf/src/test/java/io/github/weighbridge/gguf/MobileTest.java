package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.EditedFolder;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.LlamaModel;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.policy.file.PolicyFiles;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/// Mobile checkpoints in GGUF: codes stay what they are, and the real llama.cpp computes with them what their numbers say.
class MobileTest {
    private static final String PLE = "model.language_model.embed_tokens_per_layer";

    @TempDir private static Path folder;
    private static Path mobile;

    @BeforeAll
    static void unpack() throws IOException {
        mobile = folder.resolve("mobile");
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
    }

    private static EditedFolder edited(String name) throws IOException {
        Path copy = folder.resolve(name);
        TrainedCheckpoints.unpack(copy, TrainedCheckpoints.QAT_MOBILE);
        return EditedFolder.read(copy);
    }

    /// Evaluates where llama.cpp is there.
    private static Optional<Double> perplexity(Path gguf) throws IOException {
        return perplexity(gguf, TrainedCheckpoints.evalText());
    }

    private static Optional<Double> perplexity(Path gguf, String text) throws IOException {
        if (LlamaCpp.find().isEmpty()) {
            System.out.println("skipped: " + gguf.getFileName() + " in the real llama.cpp: " + LlamaCpp.whyAbsent());
            return Optional.empty();
        }
        try (LlamaModel model = LlamaCpp.find().get().open(gguf)) {
            double perplexity = model.evaluate(model.tokenize(text, true, false)).perplexity();
            System.out.printf("%s: perplexity %.4f%n", gguf.getFileName(), perplexity);
            return Optional.of(perplexity);
        }
    }

    /// How a carriage came out: tensors by encoding in the source and in the file.
    private static Map<String, Integer> compare(Path source, ConversionPlan plan, Path gguf) throws IOException {
        Map<String, Integer> ways = new TreeMap<>();
        try (Checkpoint from = Conversions.open(source); Checkpoint to = Conversions.open(gguf);
                ViewReader read = new ViewReader(from.files().stream().map(Checkpoint.CheckpointFile::source).toList());
                ViewReader written = new ViewReader(to.files().stream().map(Checkpoint.CheckpointFile::source).toList())) {
            for (Job job : plan.jobs()) {
                List<StoredTensor> stored = View.stored(job.view());
                if (stored.isEmpty() || stored.getFirst().encoding().dense().isPresent()) {
                    continue;
                }
                Encoding encoding = stored.getFirst().encoding();
                StoredTensor result = to.graph().stored(job.target().name()).orElseThrow();
                ways.merge(encoding.name() + " " + result.encoding().name(), 1, Integer::sum);
                Shape shape = result.shape();
                Region all = Region.all(shape);
                float[] expected = new float[Math.toIntExact(shape.elements())];
                float[] actual = new float[expected.length];
                read.read(job.view(), all, expected, 0);
                written.read(View.of(result), all, actual, 0);
                boolean exact = result.encoding().dense().isPresent();
                for (int i = 0; i < expected.length; i++) {
                    if (exact ? actual[i] != expected[i] : Math.abs(actual[i] - expected[i]) > Math.abs(expected[i]) * 0x1p-11f) {
                        throw new AssertionError(job.target().name() + " element " + i + ": " + actual[i] + " for " + expected[i]);
                    }
                }
                if (!exact) {
                    assertThat(codes(written, result)).as(job.target().name()).isEqualTo(codes(read, job, encoding));
                }
            }
        }
        return ways;
    }

    private static byte[] codes(ViewReader reader, Job job, Encoding encoding) throws IOException {
        Codes codes = new Codes();
        Shape shape = job.view().shape();
        reader.readCodes(job.view(), Region.all(shape), encoding.grid(shape).orElseThrow(), codes);
        return java.util.Arrays.copyOf(codes.codes(), Math.toIntExact(shape.elements()));
    }

    /// Q2_K counts its levels from 0.
    private static byte[] codes(ViewReader reader, StoredTensor tensor) throws IOException {
        Codes codes = new Codes();
        Grid grid = tensor.encoding().grid(tensor.shape()).orElseThrow();
        reader.readCodes(View.of(tensor), Region.all(tensor.shape()), grid, codes);
        byte[] all = java.util.Arrays.copyOf(codes.codes(), Math.toIntExact(tensor.shape().elements()));
        if (tensor.encoding().name().equals("Q2_K")) {
            for (int i = 0; i < all.length; i++) {
                all[i] -= 2;
            }
        }
        return all;
    }

    private static List<String> codes(ConversionPlan plan) {
        return plan.findings().stream().map(Finding::code).toList();
    }

    @Test
    void everyCodeIsCarriedAndLlamaCppAgrees() throws Exception {
        Path gguf = folder.resolve("mobile.gguf");
        ConversionPlan plan = Conversions.convert(mobile, gguf, Policy.KEEP);
        Map<String, Integer> ways = compare(mobile, plan, gguf);
        System.out.println("mobile to GGUF: " + ways);
        assertThat(ways).containsOnlyKeys("int2/channel Q2_K", "int4/channel Q4_0", "int4/group32 Q4_0", "int8/channel Q8_0")
                .containsEntry("int4/group32 Q4_0", 1).containsEntry("int2/channel Q2_K", 14).containsEntry("int8/channel Q8_0", 16)
                .containsEntry("int4/channel Q4_0", 36);
        assertThat(codes(plan)).contains("activation-scales-lost", "cache-scales-lost", "scales-rounded")
                .doesNotContain("codes-not-carried", "scales-outside-half-precision", "requantised");
        perplexity(gguf).ifPresent(found -> assertThat(found).isCloseTo(47.0365, within(47.0365 * 0.0005)));
    }

    /// Two bits with a scale for 32 columns, as a smaller model of the kind of E4B has them: Q2_K's blocks span eight of these scales.
    @Test
    void slicesNarrowerThanABlockGoIntoTheNextType() throws Exception {
        EditedFolder edited = edited("narrow");
        byte[] four = edited.bytes(PLE + ".embedding_quantized");
        byte[] two = new byte[four.length / 2];
        for (int i = 0; i < four.length * 2; i++) {
            int level = Math.clamp((four[i / 2] >> i % 2 * 4 & 15) - 8, -2, 1);
            two[i / 4] |= (byte) (level + 2 << i % 4 * 2);
        }
        Shape shape = edited.shape(PLE + ".embedding_quantized");
        edited.put(PLE + ".embedding_quantized", SafetensorsType.U8, Shape.of(shape.rows(), shape.columns() / 2), two);
        edited.config("quantization_config", config -> config.with("module_quant_configs", narrowed(config)));
        edited.write();
        Path source = folder.resolve("narrow");
        Path gguf = folder.resolve("narrow.gguf");
        ConversionPlan plan = Conversions.convert(source, gguf, Policy.KEEP);
        assertThat(compare(source, plan, gguf)).containsEntry("int2/group32 Q4_0", 1);
        assertThat(codes(plan)).doesNotContain("codes-not-carried");
        Path f32 = folder.resolve("narrow-f32.gguf");
        Conversions.convert(source, f32, Policy.KEEP.withType("F32", false));
        String part = TrainedCheckpoints.evalText().substring(0, 10_000);
        Optional<Double> decoded = perplexity(f32, part);
        perplexity(gguf, part).ifPresent(found -> assertThat(found).isCloseTo(decoded.orElseThrow(), within(found * 0.001)));
    }

    private static Value.Fields narrowed(Value.Fields config) {
        Value.Fields rules = config.object("module_quant_configs").orElseThrow();
        String name =
                rules.fields().keySet().stream().filter(pattern -> pattern.contains("embed_tokens_per_layer")).findFirst().orElseThrow();
        return rules.with(name, new Value.Fields(Map.of("num_bits", Value.of(2))));
    }

    /// Scales that half precision cannot hold: one so small that it would change, one too large for twice itself, one that is small but held.
    @Test
    void scalesOutsideHalfPrecisionGoByTheRule() throws Exception {
        EditedFolder edited = edited("scales");
        String layer = "model.language_model.layers.";
        edited.set(layer + "0.self_attn.q_proj.weight_scale", 3, 1.1e-6f);
        edited.set(layer + "1.self_attn.q_proj.weight_scale", 3, 0x1p-20f);
        edited.set(layer + "4.mlp.up_proj.weight_scale", 0, 40_000);
        edited.set(layer + "5.mlp.up_proj.weight_scale", 0, 70_000);
        byte[] scales = edited.bytes(layer + "2.per_layer_input_gate.weight_scale");
        for (int i = 0; i < scales.length / 4; i++) {
            edited.set(layer + "2.per_layer_input_gate.weight_scale", i, i == 0 ? 0x1p-26f : 0x1p-9f);
        }
        edited.write();
        Path source = folder.resolve("scales");
        Path gguf = folder.resolve("scales.gguf");
        ConversionPlan plan = Conversions.convert(source, gguf, Policy.KEEP);
        assertThat(compare(source, plan, gguf)).containsEntry("int4/channel F32", 1).containsEntry("int2/channel F32", 1)
                .containsEntry("int2/channel Q4_0", 1).containsEntry("int8/channel BF16", 1).containsEntry("int4/channel Q4_0", 35);
        Finding outside = plan.findings().stream().filter(finding -> finding.code().equals("scales-outside-half-precision")).findFirst()
                .orElseThrow();
        assertThat(outside.tensors()).containsExactlyInAnyOrder("blk.0.attn_q.weight", "blk.5.ffn_up.weight", "blk.2.inp_gate.weight");
        assertThat(outside.severity()).isEqualTo(Finding.Severity.WARNING);
    }

    /// A named type takes the codes as they are wherever it holds them; `plain` asks for the ordinary recipe.
    @Test
    void namedTypesTakeCodesThatTheyHold() throws Exception {
        Path gguf = folder.resolve("typed.gguf");
        ConversionPlan plan = Conversions.convert(mobile, gguf, Policy.KEEP.withType("Q8_0", true));
        assertThat(compare(mobile, plan, gguf)).containsOnlyKeys("int2/channel Q8_0", "int4/channel Q8_0", "int4/group32 Q8_0",
                "int8/channel Q8_0");
        assertThat(codes(plan)).contains("scales-rounded").doesNotContain("requantised");
        Policy preset = PolicyFiles.preset("qat-q4_0").orElseThrow();
        assertThat(Conversions.convert(mobile, folder.resolve("preset.gguf"), preset).jobs())
                .filteredOn(job -> job.target().name().contains("ffn_up"))
                .allSatisfy(job -> assertThat(job).returns(Job.Mode.CARRY, Job::mode).returns("Q4_0", up -> up.target().encoding().name()));
        assertThat(Conversions.convert(mobile, folder.resolve("plain.gguf"), Policy.KEEP.withType("Q8_0:plain", true)).jobs())
                .extracting(Job::mode)
                .doesNotContain(Job.Mode.CARRY);
    }

    @Test
    void withoutPerLayerEmbeddingsItRuns() throws Exception {
        Path gguf = folder.resolve("stripped.gguf");
        ConversionPlan plan = Conversions.convert(mobile, gguf, Policy.KEEP.withStrip(Set.of("ple")));
        assertThat(plan.tensors()).extracting(StoredTensor::name).noneMatch(name -> name.contains("per_layer") || name.contains("inp_gate")
                || name.matches("blk\\.\\d+\\.(proj|post_norm)\\.weight"));
        Finding finding =
                plan.findings().stream().filter(one -> one.code().equals("per-layer-embeddings-left-out")).findFirst().orElseThrow();
        // The table, its projection and norm, and three for each of eight layers; two scales of activations for each of 17 projections and gates.
        assertThat(finding.tensors()).hasSize(3 + 3 * 8 + 2 * (1 + 2 * 8));
        try (ByteSource bytes = ByteSource.of(gguf)) {
            assertThat(GgufFile.read(bytes, Limits.DEFAULT).whole("gemma4.embedding_length_per_layer_input")).hasValue(0);
        }
        perplexity(gguf).ifPresent(found -> assertThat(found).isGreaterThan(47.1));
    }
}
