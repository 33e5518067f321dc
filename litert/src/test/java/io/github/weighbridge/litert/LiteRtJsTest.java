package io.github.weighbridge.litert;

import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.litert.TfliteDecoder;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// The models of bundles in LiteRT.js, whose CompiledModel is what LiteRT-LM stands on. Its JavaScript takes no 8-bit tensors in signatures, so that
/// caches hold numbers here; and node has no build with relaxed SIMD that computes 2-bit codes rightly, so that the other one is used.
class LiteRtJsTest {
    private static final Path RUNTIMES = Path.of(System.getProperty("weighbridge.root", "")).resolve("runtimes");

    @TempDir Path folder;

    private record Result(int code, String out, String err) {}

    private static void assumeThere() {
        assumeTrue(Files.isDirectory(RUNTIMES.resolve("node_modules/@litertjs/core")), "no LiteRT.js; run npm ci in runtimes");
        try {
            assumeTrue(new ProcessBuilder("node", "--version").start().waitFor() == 0, "no node");
        } catch (IOException e) {
            assumeTrue(false, "no node: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Result run(Path bundle, List<Integer> tokens) throws IOException, InterruptedException {
        String sections =
                "{\"decoder\":" + range(bundle, BundleSection.PREFILL_DECODE) + ",\"embedder\":" + range(bundle, BundleSection.EMBEDDER)
                        + ",\"perLayer\":" + range(bundle, BundleSection.PER_LAYER_EMBEDDER) + "}";
        Path out = folder.resolve("out.json");
        Path err = folder.resolve("err.txt");
        Process process = new ProcessBuilder("node", RUNTIMES.resolve("litert-decoder.mjs").toString(), bundle.toString(), sections,
                tokens.toString()).redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        return new Result(process.waitFor(), Files.readString(out), Files.readString(err));
    }

    private static String range(Path bundle, String type) throws IOException {
        Optional<BundleSection> section = Bundles.model(bundle, type);
        return section.isEmpty() ? "null" : List.of(section.get().begin(), section.get().end()).toString();
    }

    private static float[] floats(Value value) {
        List<Value> items = ((Value.Items) value).items();
        float[] result = new float[items.size()];
        for (int i = 0; i < result.length; i++) {
            result[i] = items.get(i) instanceof Value.Real(double number) ? (float) number : (float) ((Value.Whole) items.get(i)).number();
        }
        return result;
    }

    private static int top(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    /// Single and half precision, and the codes of the mobile checkpoint with its static activations: decode alone, and behind a prefill.
    @Test
    void computesWhatTheInterpreterComputes() throws IOException, PolicyException, InterruptedException {
        assumeThere();
        assumeTrue(TfliteModel.absence().isEmpty(), "no interpreter to compare with");
        Value.Fields reference = Json.parseObject(
                ByteSource.of("reference.json", TrainedCheckpoints.reference().getBytes(StandardCharsets.UTF_8)), Limits.DEFAULT);
        List<Integer> tokens = reference.object("passage").orElseThrow().list("token_ids").orElseThrow().subList(0, 97).stream()
                .map(id -> (int) ((Value.Whole) id).number()).toList();
        // The first has tables of bfloat16 numbers, the second is all half precision.
        for (String run : List.of(TrainedCheckpoints.QAT_Q4_0 + " keep", TrainedCheckpoints.QAT_Q4_0 + " f16",
                TrainedCheckpoints.QAT_MOBILE + " keep")) {
            String variant = run.substring(0, run.indexOf(' '));
            Path source = folder.resolve(variant);
            if (!Files.exists(source)) {
                TrainedCheckpoints.unpack(source, variant);
            }
            Policy policy = run.endsWith("f16") ? Policy.KEEP.withType("f16", false) : Policy.KEEP;
            Path bundle = folder.resolve(run + ".litertlm");
            Map<String, String> options = new HashMap<>(Map.of("cache-length", "128", "prefill", "96"));
            options.put("kv-cache-full", "f16");
            options.put("kv-cache-sliding", "f16");
            Bundles.write(source, bundle, policy, options);
            Result result = run(bundle, tokens);
            assertThat(result.code()).as(result.err()).isZero();
            Value.Fields numbers =
                    Json.parseObject(ByteSource.of("out.json", result.out().getBytes(StandardCharsets.UTF_8)), Limits.DEFAULT);
            List<Value> logits = numbers.list("logits").orElseThrow();
            int same = 0;
            float largest = 0;
            try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
                for (int i = 0; i < tokens.size(); i++) {
                    float[] own = decoder.decode(tokens.get(i), i);
                    float[] theirs = floats(logits.get(i));
                    same += top(own) == top(theirs) ? 1 : 0;
                    for (int j = 0; j < own.length; j++) {
                        largest = Math.max(largest, Math.abs(own[j] - theirs[j]));
                    }
                }
            }
            float[] alone = floats(logits.getLast());
            float[] behind = floats(numbers.get("prefill").orElseThrow());
            System.out.printf("LiteRT.js, %s: %d of %d best tokens as in the interpreter, logits within %.1e%n", run, same,
                    tokens.size(), largest);
            boolean exact = variant.equals(TrainedCheckpoints.QAT_Q4_0);
            assertThat(same).isGreaterThanOrEqualTo(exact ? tokens.size() : tokens.size() - 6);
            assertThat(largest).isLessThan(exact ? 1e-3f : 0.8f);
            for (int i = 0; i < alone.length; i++) {
                assertThat(behind[i]).isCloseTo(alone[i], within(exact ? 1e-3f : 0.8f));
            }
        }
    }

    /// What stops a bundle with 8-bit caches is the wrapper: the runtime below compiled the model by then.
    @Test
    void itsJavaScriptTakesNoCachesOfCodes() throws IOException, PolicyException, InterruptedException {
        assumeThere();
        Path source = folder.resolve("mobile");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        Path bundle = folder.resolve("mobile.litertlm");
        Bundles.write(source, bundle, Policy.KEEP, Map.of("cache-length", "64", "prefill", "16"));
        Result result = run(bundle, List.of(2));
        assertThat(result.code()).isNotZero();
        assertThat(result.err()).contains("Element type INT8 is not supported");
    }
}
