package io.github.weighbridge.litert;

import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.litert.graph.AudioGraph;
import io.github.weighbridge.litert.graph.AudioSpec;
import io.github.weighbridge.litert.graph.DecoderWeights;
import io.github.weighbridge.litert.graph.EncoderWeights;
import io.github.weighbridge.litert.graph.Graph;
import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import io.github.weighbridge.litert.tflite.write.Part;
import io.github.weighbridge.litert.tflite.write.TfliteBuilder;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// The graphs of the encoder of sound with random weights in the real interpreter, against a plain forward pass.
class AudioGraphTest {
    @BeforeAll
    static void begin() {
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(absence.isEmpty(), absence::orElseThrow);
    }

    /// Weights by name, with shapes as PyTorch has them.
    static Map<String, int[]> shapes(AudioSpec spec, boolean clipped) {
        Map<String, int[]> shapes = new LinkedHashMap<>();
        int h = spec.hidden();
        String sub = AudioGraph.TOWER + "subsample_conv_projection.";
        shapes.put(sub + "layer0.conv.weight", new int[] {spec.bins(), 1, 3, 3});
        shapes.put(sub + "layer0.norm.weight", new int[] {spec.bins()});
        shapes.put(sub + "layer1.conv.weight", new int[] {spec.channels(), spec.bins(), 3, 3});
        shapes.put(sub + "layer1.norm.weight", new int[] {spec.channels()});
        shapes.put(sub + "input_proj_linear.weight", new int[] {h, spec.bins() / 4 * spec.channels()});
        for (int i = 0; i < spec.layers(); i++) {
            String layer = AudioGraph.TOWER + "layers." + i + ".";
            BiConsumer<String, int[]> linear = (name, shape) -> {
                shapes.put(layer + name + ".linear.weight", shape);
                for (String bound : clipped ? List.of("input_min", "input_max", "output_min", "output_max") : List.<String>of()) {
                    shapes.put(layer + name + "." + bound, new int[0]);
                }
            };
            for (String part : List.of("feed_forward1.", "feed_forward2.")) {
                linear.accept(part + "ffw_layer_1", new int[] {4 * h, h});
                linear.accept(part + "ffw_layer_2", new int[] {h, 4 * h});
                shapes.put(layer + part + "pre_layer_norm.weight", new int[] {h});
                shapes.put(layer + part + "post_layer_norm.weight", new int[] {h});
            }
            for (String part : List.of("q_proj", "k_proj", "v_proj", "post")) {
                linear.accept("self_attn." + part, new int[] {h, h});
            }
            shapes.put(layer + "self_attn.relative_k_proj.weight", new int[] {h, h});
            shapes.put(layer + "self_attn.per_dim_scale", new int[] {h / spec.heads()});
            linear.accept("lconv1d.linear_start", new int[] {2 * h, h});
            linear.accept("lconv1d.linear_end", new int[] {h, h});
            shapes.put(layer + "lconv1d.depthwise_conv1d.weight", new int[] {h, 1, spec.kernel()});
            for (String norm : List.of("lconv1d.pre_layer_norm", "lconv1d.conv_norm", "norm_pre_attn", "norm_post_attn", "norm_out")) {
                shapes.put(layer + norm + ".weight", new int[] {h});
            }
        }
        shapes.put(AudioGraph.TOWER + "output_proj.weight", new int[] {spec.width(), h});
        shapes.put(AudioGraph.TOWER + "output_proj.bias", new int[] {spec.width()});
        shapes.put(AudioGraph.PROJECTION, new int[] {spec.textHidden(), spec.width()});
        return shapes;
    }

    /// Numbers that make attention choose, bounds that are met, and scales of both signs.
    private static float[] numbers(Random random, String name, int[] shape) {
        int count = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        float[] numbers = new float[count];
        double deviation = shape.length < 2 ? 0.3 : 1.5 / Math.sqrt(shape[shape.length - 1] * (shape.length == 4 ? 9 : 1));
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) (random.nextGaussian() * deviation + (name.endsWith("norm.weight") ? 1 : 0));
        }
        if (name.endsWith("_min") || name.endsWith("_max")) {
            numbers[0] = (name.endsWith("_min") ? -1 : 1) * (2 + random.nextFloat());
        } else if (name.endsWith("per_dim_scale")) {
            numbers[0] = 30;
            numbers[1] = -30;
        }
        return numbers;
    }

    /// Constants of numbers, with those of convolutions in the order of the runtime.
    static final class Constants implements EncoderWeights {
        private final TfliteBuilder builder;
        private final Map<String, float[]> weights;
        private final Map<String, int[]> shapes;
        private final Map<String, ConstantTensor> made = new HashMap<>();

        Constants(TfliteBuilder builder, Map<String, float[]> weights, Map<String, int[]> shapes) {
            this.builder = builder;
            this.weights = weights;
            this.shapes = shapes;
        }

        @Override
        public ConstantTensor weight(String name) {
            return made.computeIfAbsent(name, this::make);
        }

        private ConstantTensor make(String name) {
            float[] given = weights.get(name);
            int[] shape = shapes.get(name);
            float[] numbers = given.clone();
            int[] dimensions = shape;
            if (shape.length == 4) {
                dimensions = new int[] {shape[0], 3, 3, shape[1]};
                for (int i = 0; i < given.length; i++) {
                    int out = i / (shape[1] * 9);
                    int in = i / 9 % shape[1];
                    numbers[(out * 9 + i % 9) * shape[1] + in] = given[i];
                }
            } else if (shape.length == 3) {
                dimensions = new int[] {1, shape[2], 1, shape[0]};
                for (int i = 0; i < given.length; i++) {
                    numbers[i % shape[2] * shape[0] + i / shape[2]] = given[i];
                }
            }
            ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
            for (float number : numbers) {
                bytes.putFloat(number);
            }
            return builder.constant(name, TensorType.FLOAT32, Arrays.stream(dimensions).boxed().toList(), bytes.array());
        }

        @Override
        public Optional<ConstantTensor> optional(String name) {
            return weights.containsKey(name) ? Optional.of(weight(name)) : Optional.empty();
        }

        @Override
        public Optional<DecoderWeights.Static> activation(String name, boolean input) {
            return Optional.empty();
        }
    }

    static byte[] bytes(TfliteBuilder builder) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        builder.build(false).forEach(part -> out.writeBytes(((Part.Bytes) part).bytes()));
        return out.toByteArray();
    }

    @ParameterizedTest
    @CsvSource({
        // hidden, layers, heads, channels, bins, kernel, chunk, past, future, cap, bound, clipped, real frames
        "32, 2, 2, 4, 8, 5, 12, 12, 0, 50, 1e10, true, 816", "32, 2, 2, 4, 8, 5, 12, 12, 0, 50, 1e10, true, 501",
        "24, 1, 3, 3, 12, 4, 6, 8, 2, 1.5, 1.2, false, 816", "24, 1, 3, 3, 12, 3, 6, 8, 2, 50, 1e10, false, 77",
        "16, 1, 2, 2, 4, 2, 300, 4, 0, 5, 2, true, 1100"})
    void computesWhatTransformersDoes(int hidden, int layers, int heads, int channels, int bins, int kernel, int chunk, int past,
            int future,
            float cap, float bound, boolean clipped, int frames) {
        AudioSpec spec =
                new AudioSpec(hidden, layers, heads, channels, bins, kernel, chunk, past, future, cap, -1e9f, 0.4f, 1e-6f, bound, 40,
                        48);
        Random random = new Random(hidden + frames);
        Map<String, int[]> shapes = shapes(spec, clipped);
        Map<String, float[]> weights = new HashMap<>();
        shapes.forEach((name, shape) -> weights.put(name, numbers(random, name, shape)));
        float[] sound = new float[spec.frames() * bins];
        for (int i = 0; i < sound.length; i++) {
            sound[i] = (float) random.nextGaussian();
        }
        boolean[] real = new boolean[spec.frames()];
        Arrays.fill(real, 0, frames, true);
        Map<String, double[]> exact = new HashMap<>();
        weights.forEach((name, numbers) -> {
            double[] doubles = new double[numbers.length];
            Arrays.setAll(doubles, i -> numbers[i]);
            exact.put(name, doubles);
        });
        ReferenceAudio.Result expected = new ReferenceAudio(spec, exact, Set.of()).run(sound, real);
        TfliteBuilder encoder = new TfliteBuilder("test");
        AudioGraph.encoder(spec, new Constants(encoder, weights, shapes), new Graph.Model(encoder));
        TfliteBuilder adapter = new TfliteBuilder("test");
        AudioGraph.adapter(spec, new Constants(adapter, weights, shapes), new Graph.Model(adapter));
        try (TfliteModel first = TfliteModel.of(bytes(encoder), true); TfliteModel second = TfliteModel.of(bytes(adapter), true)) {
            AudioRun run = AudioRun.of(first.signature("audio_encoder"), second.signature("audio_adapter"), sound, real);
            assertThat(run.real()).isEqualTo(expected.real());
            double features = AudioRun.difference(run.features(), expected.features(), expected.real());
            double embeddings = AudioRun.difference(run.embeddings(), expected.embeddings(), expected.real());
            System.out.printf("audio %dx%d, chunks of %d: features within %.1e, embeddings within %.1e of the largest%n", hidden, layers,
                    chunk,
                    features, embeddings);
            assertThat(features).isLessThan(1e-4);
            assertThat(embeddings).isLessThan(1e-4);
        }
    }
}
