package io.github.weighbridge.inspector;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Trained scales of static activations and of caches are carried where the target has a place for them, to the bit, and what cannot be met is refused
/// with the reason.
class StaticActivationsTest {
    @TempDir static Path folder;

    private static Path mobile;
    private static Path dense;
    /// By module, with `in`, `out`, `k` or `v`.
    private static Map<String, Float> trained;

    @BeforeAll
    static void make() throws IOException {
        mobile = folder.resolve("mobile");
        dense = folder.resolve("dense");
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
        TrainedCheckpoints.unpack(dense, TrainedCheckpoints.QAT_Q4_0);
        trained = scales(mobile);
        assertThat(trained.values().stream().filter(scale -> scale != 0).count()).isGreaterThan(100);
    }

    /// The scales of a folder, whatever they are called.
    private static Map<String, Float> scales(Path folder) throws IOException {
        Map<String, Float> scales = new TreeMap<>();
        Map<String, String> words = Map.of("input_activation_scale", "in", "output_activation_scale", "out", "input_scale", "in",
                "output_scale", "out", "k_cache_scale", "k", "v_cache_scale", "v", "k_scale", "k", "v_scale", "v");
        Path file = folder.resolve("model.safetensors");
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int data = 8 + (int) bytes.getLong(0);
        JsonNode header = Look.header(file);
        header.fieldNames().forEachRemaining(name -> {
            int dot = name.lastIndexOf('.');
            String word = dot < 0 ? null : words.get(name.substring(dot + 1));
            if (word != null) {
                assertThat(header.get(name).get("dtype").textValue()).isEqualTo("F32");
                scales.put(name.substring(0, dot) + " " + word,
                        bytes.getFloat(data + header.get(name).get("data_offsets").get(0).intValue()));
            }
        });
        return scales;
    }

    @Test
    void theyAreCarriedToTheBit() throws IOException {
        Path gemma = folder.resolve("gemma");
        assertThat(Cli.run("convert", mobile, gemma, "--to", "safetensors", "--form", "gemma", "--activations", "static").err()).isEmpty();
        assertThat(scales(gemma)).isEqualTo(trained);
        // Modules that are not quantised have no scheme and no scales there, which a finding names; the rest is all there.
        Path compressed = folder.resolve("compressed");
        assertThat(Cli.run("convert", mobile, compressed, "--to", "compressed-tensors", "--activations", "static").err()).isEmpty();
        Map<String, Float> expected = new TreeMap<>(trained);
        expected.keySet().removeIf(name -> name.contains("per_layer_model_projection"));
        assertThat(scales(compressed)).isEqualTo(expected);
        // A graph has those that are calibrated, of layers that it computes; back in a folder they are the same.
        Path bundle = folder.resolve("bundle.litertlm");
        assertThat(Cli.run("convert", mobile, bundle, "--activations", "static", "--cache-length", "256", "--prefill", "16").err())
                .isEmpty();
        Path back = folder.resolve("back");
        assertThat(Cli.run("convert", bundle, back, "--to", "safetensors", "--form", "gemma").err()).isEmpty();
        Map<String, Float> used = new HashMap<>(trained);
        used.entrySet().removeIf(scale -> scale.getValue() == 0
                || scale.getKey().matches(".*layers\\.[4-7]\\.self_attn(\\.[kv]_proj (in|out)| [kv])"));
        assertThat(scales(back)).isEqualTo(new TreeMap<>(used));
        assertThat(used).hasSizeGreaterThan(100);
    }

    /// What has no place for them says that they are lost, and refuses a policy that demands them.
    @ParameterizedTest
    @CsvSource({"gguf", "safetensors"})
    void aTargetWithoutAPlaceRefuses(String format) throws IOException {
        List<String> found = ReportCheck.list(Cli.run("plan", mobile, "--to", format, "--json").json(), "findings").stream()
                .map(finding -> finding.text("code").orElseThrow()).toList();
        assertThat(found).contains("activation-scales-lost");
        refused(mobile, format, "activations: static\n",
                "activations: static: the target has no place for the trained activation scales of the source");
        refused(mobile, format, "kv_cache: { type: int8, scales: trained }\n",
                "kv_cache scales: trained: the target has no place for the trained cache scales of the source");
    }

    @ParameterizedTest
    @CsvSource({"gguf", "safetensors", "compressed-tensors", "litertlm"})
    void aSourceWithoutThemIsRefused(String format) throws IOException {
        String default_ = format.equals("safetensors") ? "bf16" : "int8/channel\nfallbacks: { int8/channel: keep }";
        refused(dense, format, "activations: static\ndefault: " + default_ + "\n",
                "activations: static: the source has no trained activation scale");
        refused(dense, format, "kv_cache: { type: int8, scales: trained }\n",
                "kv_cache scales: trained: the source has no trained cache scale for layer 0 and 3 more");
    }

    /// Trained scales of caches go where they have a place, and a policy that wants other caches does not demand them.
    @ParameterizedTest
    @CsvSource({"compressed-tensors", "litertlm"})
    void trainedCachesAreCarried(String format) throws IOException {
        Path policy = Files.writeString(folder.resolve("trained.yaml"), "kv_cache: { type: int8, scales: trained }\n");
        assertThat(Cli.run("plan", mobile, "--to", format, "--policy", policy).code()).isZero();
        refused(mobile, format, "kv_cache: { type: f16, scales: trained }\n", "the target has no place for the trained cache scales");
    }

    private static void refused(Path source, String format, String text, String reason) throws IOException {
        Path policy = Files.writeString(folder.resolve("policy.yaml"), text);
        Path target = folder.resolve("never." + format);
        Cli.Result result = Cli.run("convert", source, target, "--to", format, "--policy", policy);
        assertThat(result.err()).as(format).contains(reason).hasLineCount(1);
        assertThat(result.code()).isEqualTo(4);
        assertThat(target).doesNotExist();
    }
}
