package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.fixtures.TrainedText;
import io.github.weighbridge.fixtures.litert.TfliteDecoder;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
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
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;
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

    /// How many of the reference's best next tokens are ours, or are less than `step` below ours.
    private static int agreeing(float[][] logits, String variant, double step) {
        List<Integer> tops = whole(reference(variant).list("passage_top1").orElseThrow());
        int same = 0;
        for (int i = 0; i < logits.length; i++) {
            int own = top(logits[i]);
            same += tops.get(i) == own || logits[i][own] - logits[i][tops.get(i)] < step ? 1 : 0;
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

    /// The reference's loss over the first windows.
    private static double loss(String variant, int windows) {
        return reference(variant).list("nll_by_window").orElseThrow().subList(0, windows).stream()
                .mapToDouble(value -> ((Value.Real) value).number()).average().orElseThrow();
    }

    private static Path shared(String checkpoint) {
        Optional<Path> path = SharedData.find("tiny-gemma4/" + checkpoint);
        assumeTrue(path.isPresent(), "no shared data: " + checkpoint);
        return path.get();
    }

    private static void assertClose(float[] logits, float[] expected, int position) {
        for (int i = 0; i < logits.length; i++) {
            assertThat(logits[i]).as("logit %d at %d", i, position).isCloseTo(expected[i], within(1e-3f));
        }
    }

    @Test
    void singlePrecision() throws IOException, PolicyException {
        Path source = shared("base");
        Path bundle = folder.resolve("base.litertlm");
        Bundles.write(source, bundle, Policy.KEEP, OPTIONS);
        try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
            assertDecodes(decoder, "base");
            List<Integer> tokens = TrainedText.tokens(source);
            assertThat(tokens).hasSize(11_813).startsWith(passage.toArray(Integer[]::new));
            double loss = decoder.loss(tokens, 4);
            System.out.printf("F32: loss %.6f over 4 windows, reference %.6f%n", loss, loss("base", 4));
            assertThat(loss).isCloseTo(loss("base", 4), within(1e-4));
        }
    }

    /// Half precision, which is widened when the model is loaded: half the bytes of products, and the numbers of single precision but for what
    /// rounding takes from those below 2^-14.
    @Test
    void halfPrecision() throws IOException, PolicyException {
        Path source = folder.resolve("half");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_Q4_0);
        String variant = TrainedCheckpoints.QAT_Q4_0;
        Path bundle = folder.resolve("half.litertlm");
        ConversionPlan plan = Bundles.write(source, bundle, Policy.KEEP.withType("f16", false), OPTIONS);
        assertThat(plan.jobs()).filteredOn(job -> job.target().shape().rank() == 2)
                .allMatch(job -> job.target().encoding() == DenseEncoding.F16).hasSizeGreaterThan(60);
        Path single = folder.resolve("single.litertlm");
        Bundles.write(source, single, Policy.KEEP.withType("f32", false), OPTIONS);
        try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
            float[][] logits = decodeAll(decoder);
            double loss = decoder.loss(TrainedText.tokens(source), 4);
            System.out.printf("%s in F16: %,d bytes, F32 %,d; %d of 256 best tokens, logits within %.1e; loss %.6f, reference %.6f%n",
                    variant,
                    Files.size(bundle), Files.size(single), agreeing(logits, variant, 0), largestDifference(logits, variant), loss,
                    loss(variant, 4));
            assertThat(agreeing(logits, variant, 0)).isEqualTo(256);
            assertThat(largestDifference(logits, variant)).isLessThan(1e-3);
            assertThat(loss).isCloseTo(loss(variant, 4), within(1e-5));
            assertThat(Files.size(bundle)).isLessThan(Files.size(single) * 51 / 100);
        }
    }

    /// A checkpoint that travels with the project, so that a clone proves this much.
    @Test
    void singlePrecisionOfWeightsOnAGrid() throws IOException, PolicyException {
        Path source = folder.resolve("q4_0");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_Q4_0);
        Path bundle = folder.resolve("q4_0.litertlm");
        Bundles.write(source, bundle, Policy.KEEP, OPTIONS);
        try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
            assertDecodes(decoder, TrainedCheckpoints.QAT_Q4_0);
        }
    }

    /// The passage is four times as long as the window of sliding layers.
    private static void assertDecodes(TfliteDecoder decoder, String variant) {
        float[][] logits = decodeAll(decoder);
        System.out.printf("%s in F32: %d of 256 best tokens, logits within %.1e%n", variant, agreeing(logits, variant, 0),
                largestDifference(logits, variant));
        assertThat(largestDifference(logits, variant)).isLessThan(1e-3);
        assertThat(agreeing(logits, variant, 0)).isEqualTo(256);
        decoder.reset();
        decoder.prefill(64, passage.subList(0, 64), 0);
        // A chunk that is filled in part: what it writes behind its tokens is written over.
        decoder.prefill(64, passage.subList(64, 104), 64);
        for (int i = 104; i < 180; i++) {
            assertClose(decoder.decode(passage.get(i), i), logits[i], i);
        }
        decoder.reset();
        decoder.prefill(256, passage.subList(0, 255), 0);
        assertClose(decoder.decode(passage.get(255), 255), logits[255], 255);
    }

    /// Codes as trained, activations in 8 bits; caches in 8 bits with their trained scales, and as numbers, which is what the reference computes with.
    ///
    /// Logits are rounded to steps of 0.136, so that best tokens tie, and a number on the edge of two codes falls to one side or the other with the
    /// order of a sum: two plain computations of the same model, in single and in double precision, agree with the reference in 244 and 246 of the
    /// 256 tokens and in 250 and 252 where ties count. So ties count here.
    @ParameterizedTest
    @CsvSource({"int8, 248, 253", "f16, 250, 253"})
    void mobile(String caches, int equal, int near) throws IOException, PolicyException {
        Path source = folder.resolve("mobile-" + caches);
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        Path bundle = folder.resolve("mobile-" + caches + ".litertlm");
        Map<String, String> options = new HashMap<>(OPTIONS);
        options.put("kv-cache-full", caches);
        options.put("kv-cache-sliding", caches);
        ConversionPlan plan = Bundles.write(source, bundle, Policy.KEEP, options);
        assertThat(plan.jobs()).filteredOn(job -> job.target().encoding().dense().isEmpty()).hasSize(2 + 8 + 8 * 7 - 4 * 2 + 8 * 2)
                .allMatch(job -> job.mode() == Job.Mode.CARRY);
        try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
            String variant = TrainedCheckpoints.QAT_MOBILE;
            float[][] logits = decodeAll(decoder);
            double loss = decoder.loss(TrainedText.tokens(source), 23);
            System.out.printf("mobile, caches %s: %d of 256 best tokens, %d with ties, %d within a step; loss %.6f, reference %.6f%n",
                    caches, agreeing(logits, variant, 0), agreeing(logits, variant, 1e-6), agreeing(logits, variant, 0.14), loss,
                    loss(variant, 23));
            assertThat(agreeing(logits, variant, 1e-6)).isGreaterThanOrEqualTo(equal);
            assertThat(agreeing(logits, variant, 0.14)).isGreaterThanOrEqualTo(near);
            assertThat(loss).isCloseTo(loss(variant, 23), withinPercentage(0.5));
        }
    }

    /// Without its per-layer embeddings the mobile model is another, and a far worse one; llama.cpp has a loss of 4.7424 with the same codes.
    @Test
    void withoutPerLayerEmbeddings() throws IOException, PolicyException {
        Path source = folder.resolve("stripped");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        Path bundle = folder.resolve("stripped.litertlm");
        Bundles.write(source, bundle, Policy.KEEP.withStrip(Set.of("ple")), OPTIONS);
        assertThat(Bundles.model(bundle, BundleSection.PER_LAYER_EMBEDDER)).isEmpty();
        try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
            double loss = decoder.loss(TrainedText.tokens(source), 23);
            System.out.printf("mobile without per-layer embeddings: loss %.6f%n", loss);
            assertThat(loss).isCloseTo(4.7424, withinPercentage(1));
        }
    }

    /// The loss that a type costs, in four windows.
    @ParameterizedTest
    @CsvSource({"base, INT8, 0.005, 250", "base, INT4, 0.05, 200", "base, INT4/GROUP32, 0.05, 200", "base, INT2, 1.3, 100",
        "qat-q4_0-unquantized, INT8, 0.005, 245", "qat-q4_0-unquantized, INT4/GROUP32, 0.05, 200"})
    void types(String variant, String type, double most, int agreeing) throws IOException, PolicyException {
        Path source = folder.resolve(variant);
        if (TrainedCheckpoints.variants().contains(variant)) {
            TrainedCheckpoints.unpack(source, variant);
        } else {
            source = shared(variant);
        }
        Path bundle = folder.resolve(variant + "-" + type.replace('/', '-') + ".litertlm");
        Bundles.write(source, bundle, Policy.KEEP.withType(type, false), OPTIONS);
        try (TfliteDecoder decoder = Bundles.decoder(bundle)) {
            float[][] logits = decodeAll(decoder);
            double loss = decoder.loss(TrainedText.tokens(source), 4);
            System.out.printf("%s, %s: %d of 256 best tokens; loss %.6f over 4 windows, %.6f in F32%n", variant, type,
                    agreeing(logits, variant, 0), loss, loss(variant, 4));
            assertThat(agreeing(logits, variant, 0)).isGreaterThanOrEqualTo(agreeing);
            assertThat(loss).isCloseTo(loss(variant, 4), within(most));
        }
    }

    /// An archive holds the same models as a bundle, each at a multiple of its constants' alignment.
    @Test
    void archivesHoldTheSameModels() throws IOException, PolicyException {
        Path source = folder.resolve("for-task");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        // One piece of a SentencePiece model: as much as a container looks at.
        Files.write(source.resolve("tokenizer.model"), new byte[] {0x0a, 3, 0x0a, 1, 'a'});
        Map<String, String> options = Map.of("cache-length", "64", "prefill", "16");
        Path bundle = folder.resolve("same.litertlm");
        Path task = folder.resolve("same.task");
        Bundles.write(source, bundle, Policy.KEEP, options);
        Bundles.write(source, task, Policy.KEEP, options);
        try (TfliteDecoder decoder = Bundles.decoder(bundle); TfliteDecoder other = Bundles.taskDecoder(task)) {
            for (int i = 0; i < 32; i++) {
                assertThat(other.decode(passage.get(i), i)).isEqualTo(decoder.decode(passage.get(i), i));
            }
        }
    }
}
