package io.github.weighbridge.litert;

import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.TrainedText;
import io.github.weighbridge.fixtures.litert.TfliteDecoder;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// Bundles of the trained checkpoints in the real interpreter, against the reference numbers.
class RealDecoderTest {
    private static final Map<String, String> OPTIONS = Map.of("cache-length", "512", "prefill", "64,256");

    @TempDir static Path folder;

    private static Value.Fields reference;
    private static List<Integer> passage;

    @BeforeAll
    static void begin() throws IOException {
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(absence.isEmpty(), absence::orElseThrow);
        reference = Json.parseObject(ByteSource.of("reference.json", TrainedCheckpoints.reference().getBytes(StandardCharsets.UTF_8)),
                Limits.DEFAULT);
        passage = whole(reference.object("passage").orElseThrow().list("token_ids").orElseThrow());
    }

    private static List<Integer> whole(List<Value> values) {
        return values.stream().map(value -> (int) ((Value.Whole) value).number()).toList();
    }

    private static Value.Fields reference(String variant) {
        return reference.object("variants").orElseThrow().object(variant).orElseThrow();
    }

    private static float[][] decodeAll(TfliteDecoder decoder) {
        decoder.reset();
        float[][] logits = new float[passage.size()][];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = decoder.decode(passage.get(i), i);
        }
        return logits;
    }

    private static int top(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }

    private static int agreeing(float[][] logits, String variant) {
        List<Integer> tops = whole(reference(variant).list("passage_top1").orElseThrow());
        int same = 0;
        for (int i = 0; i < logits.length; i++) {
            same += tops.get(i) == top(logits[i]) ? 1 : 0;
        }
        return same;
    }

    private static double largestDifference(float[][] logits, String variant) {
        double largest = 0;
        for (Map.Entry<String, Value> at : reference(variant).object("logits_at").orElseThrow().fields().entrySet()) {
            List<Value> first = ((Value.Fields) at.getValue()).list("first32").orElseThrow();
            float[] own = logits[Integer.parseInt(at.getKey())];
            for (int i = 0; i < first.size(); i++) {
                largest = Math.max(largest, Math.abs(own[i] - ((Value.Real) first.get(i)).number()));
            }
        }
        return largest;
    }

    /// Mean loss over windows of the text, as the reference has it.
    private static double loss(TfliteDecoder decoder, List<Integer> tokens, int windows) {
        double sum = 0;
        int count = 0;
        int half = TrainedText.WINDOW / 2;
        for (int window = 0; window < windows; window++) {
            List<Integer> own = new ArrayList<>(tokens.subList(window * TrainedText.WINDOW, (window + 1) * TrainedText.WINDOW));
            own.set(0, TrainedText.BEGIN);
            decoder.reset();
            decoder.prefill(half, own.subList(0, half), 0);
            for (int i = half; i < TrainedText.WINDOW - 1; i++) {
                float[] logits = decoder.decode(own.get(i), i);
                double largest = logits[top(logits)];
                double exponentials = 0;
                for (float logit : logits) {
                    exponentials += Math.exp(logit - largest);
                }
                sum += Math.log(exponentials) + largest - logits[own.get(i + 1)];
                count++;
            }
        }
        return sum / count;
    }

    @Test
    void singlePrecision() throws IOException, PolicyException {
        Path source = SharedData.find("tiny-gemma4/base").orElse(null);
        assumeTrue(source != null, "no shared data");
        Path bundle = folder.resolve("base.litertlm");
        Bundles.write(source, bundle, Policy.KEEP, OPTIONS);
        long begin = System.nanoTime();
        try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
            float[][] logits = decodeAll(decoder);
            System.out.println("decode of 256: " + (System.nanoTime() - begin) / 1_000_000 + " ms");
            System.out.println("base: " + agreeing(logits, "base") + " of 256, largest difference " + largestDifference(logits, "base"));
            assertThat(largestDifference(logits, "base")).isLessThan(1e-3);
            assertThat(agreeing(logits, "base")).isEqualTo(256);
            decoder.reset();
            decoder.prefill(64, passage.subList(0, 64), 0);
            decoder.prefill(64, passage.subList(64, 128), 64);
            for (int i = 128; i < 256; i++) {
                float[] own = decoder.decode(passage.get(i), i);
                for (int j = 0; j < own.length; j++) {
                    assertThat(own[j]).as(i + "," + j).isCloseTo(logits[i][j], within(1e-3f));
                }
            }
            List<Integer> tokens = TrainedText.tokens(source);
            assertThat(tokens).hasSize(11_813).startsWith(passage.toArray(Integer[]::new));
            begin = System.nanoTime();
            System.out.println("loss " + loss(decoder, tokens, 2) + ", " + (System.nanoTime() - begin) / 1_000_000 + " ms");
        }
    }

    @org.junit.jupiter.params.ParameterizedTest
    @org.junit.jupiter.params.provider.ValueSource(booleans = {false, true})
    void mobile(boolean numbers) throws IOException, PolicyException {
        Path source = folder.resolve("mobile");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        Path bundle = folder.resolve("mobile" + numbers + ".litertlm");
        Map<String, String> options = new java.util.HashMap<>(OPTIONS);
        if (numbers) {
            options.put("kv-cache-full", "f16");
            options.put("kv-cache-sliding", "f16");
        }
        Bundles.write(source, bundle, Policy.KEEP, options);
        List<Integer> tokens = TrainedText.tokens(source);
        try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
            float[][] logits = decodeAll(decoder);
            for (int i = 0; i < 256; i++) {
                int want = whole(reference("qat-mobile").list("passage_top1").orElseThrow()).get(i);
                if (want != top(logits[i])) {
                    System.out.println(
                            i + ": " + top(logits[i]) + " " + logits[i][top(logits[i])] + ", reference " + want + " " + logits[i][want]);
                }
            }
            System.out.println("mobile: " + agreeing(logits, "qat-mobile") + " of 256, largest difference "
                    + largestDifference(logits, "qat-mobile"));
            System.out.println("loss " + loss(decoder, tokens, 4));
        }
    }

    @org.junit.jupiter.params.ParameterizedTest
    @org.junit.jupiter.params.provider.ValueSource(strings = {"INT8", "INT4", "INT2", "INT4/GROUP32", "INT4/GROUP64"})
    void types(String type) throws IOException, PolicyException {
        Path source = SharedData.find("tiny-gemma4/base").orElse(null);
        assumeTrue(source != null, "no shared data");
        Path bundle = folder.resolve(type.replace('/', '-') + ".litertlm");
        System.out.println(Bundles.write(source, bundle, Policy.KEEP.withType(type, false), OPTIONS).findings());
        List<Integer> tokens = TrainedText.tokens(source);
        try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
            float[][] logits = decodeAll(decoder);
            System.out.println(type + ": " + agreeing(logits, "base") + " of 256, largest difference " + largestDifference(logits, "base"));
            System.out.println("loss " + loss(decoder, tokens, 4));
        }
    }
}
