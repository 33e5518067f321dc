package io.github.weighbridge.litert;

import io.github.weighbridge.fixtures.DecoderFixture;
import io.github.weighbridge.fixtures.DecoderModel;
import io.github.weighbridge.fixtures.ReferenceDecoder;
import io.github.weighbridge.fixtures.litert.TfliteDecoder;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// Bundles of small Gemma 3 models with made-up weights in the real interpreter, against a plain forward pass over the tensors' names.
class RealGemma3Test {
    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource({"GEMMA3, KEEP, 1e-3", "GEMMA3_VISION, KEEP, 1e-3", "GEMMA3, INT8, 0.6"})
    void computesWhatTheTensorsSay(DecoderModel model, String type, float most) throws IOException, PolicyException {
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(absence.isEmpty(), absence::orElseThrow);
        Path source = folder.resolve("source");
        DecoderFixture.write(source, model, SafetensorsType.F32, 11);
        Path bundle = folder.resolve("out.litertlm");
        Policy policy = type.equals("KEEP") ? Policy.KEEP : Policy.KEEP.withType(type, false);
        ConversionPlan plan = Bundles.write(source, bundle, policy, Map.of("cache-length", "64", "prefill", "32"));
        assertThat(plan.findings().stream().anyMatch(finding -> finding.code().equals("encoders-left-out")))
                .isEqualTo(model == DecoderModel.GEMMA3_VISION);
        Random random = new Random(3);
        int[] tokens = random.ints(48, 4, 500).toArray();
        float[][] expected = ReferenceDecoder.of(source, model, false).logits(tokens);
        List<Integer> list = Arrays.stream(tokens).boxed().toList();
        double largest = 0;
        try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
            for (int i = 0; i < tokens.length; i++) {
                largest = Math.max(largest, difference(decoder.decode(tokens[i], i), expected[i]));
            }
            decoder.reset();
            decoder.prefill(32, list.subList(0, 32), 0);
            largest = Math.max(largest, difference(decoder.decode(tokens[32], 32), expected[32]));
        }
        System.out.printf("%s %s: logits within %.1e%n", model, type, largest);
        assertThat(largest).isCloseTo(0, within((double) most));
    }

    private static double difference(float[] logits, float[] expected) {
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(logits[i] - expected[i]));
        }
        return largest;
    }
}
