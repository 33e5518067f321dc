package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.EditedFolder;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.fixtures.litert.TfliteSignature;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// Encoders of images in bundles, in the real interpreter, against a plain forward pass over the tensors' names.
class RealVisionTest {
    private static final Map<String, String> SMALL = Map.of("cache-length", "64", "prefill", "32");

    @TempDir private static Path folder;

    @BeforeAll
    static void interpreter() {
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(absence.isEmpty(), absence::orElseThrow);
    }

    /// A whole image, or a part of one that the rest of the patches fill up.
    private record Image(float[][] patches, int[][] at) {
        static Image of(ReferenceVision model, int columns, int rows, long seed) {
            Random random = new Random(seed);
            float[][] patches = new float[model.patches()][model.pixels()];
            int[][] at = new int[model.patches()][];
            for (int i = 0; i < patches.length; i++) {
                boolean real = i < columns * rows;
                at[i] = real ? new int[] {i % columns, i / columns} : new int[] {-1, -1};
                for (int j = 0; real && j < patches[i].length; j++) {
                    patches[i][j] = random.nextFloat();
                }
            }
            return new Image(patches, at);
        }
    }

    /// The greatest difference, as a part of the greatest number that is expected.
    private static double difference(Path bundle, ReferenceVision model, Image image) throws IOException {
        ReferenceVision.Result expected = model.encode(image.patches(), image.at());
        try (TfliteModel encoder = Bundles.open(bundle, Bundles.model(bundle, BundleSection.VISION_ENCODER).orElseThrow());
                TfliteModel adapter = Bundles.open(bundle, Bundles.model(bundle, BundleSection.VISION_ADAPTER).orElseThrow())) {
            TfliteSignature encode = encoder.signature("vision_" + model.tokens());
            assertThat(encode.inputs()).containsExactlyInAnyOrder("images", "positions_xy");
            assertThat(encode.shape("images")).containsExactly(1, model.patches(), model.pixels());
            assertThat(encode.shape("positions_xy")).containsExactly(1, model.patches(), 2);
            run(encode, image, model.patches());
            ByteBuffer mask = encode.output("mask");
            for (int i = 0; i < model.tokens(); i++) {
                assertThat(mask.get() == 1).as("soft token %d", i).isEqualTo(expected.real()[i]);
            }
            ByteBuffer features = encode.output("features");
            TfliteSignature adapt = adapter.signature("vision_adapter_" + model.tokens());
            ByteBuffer tokens = adapt.input("soft_tokens");
            Spread spread = new Spread();
            for (int i = 0; i < model.tokens(); i++) {
                for (double number : expected.features()[i]) {
                    float found = features.getFloat();
                    tokens.putFloat(found);
                    if (expected.real()[i]) {
                        spread.add(found, number);
                    }
                }
            }
            adapt.run();
            ByteBuffer embeddings = adapt.output("mm_embedding");
            Spread adapted = new Spread();
            for (int i = 0; i < model.tokens(); i++) {
                for (double number : model.adapt(expected.features()[i])) {
                    float found = embeddings.getFloat();
                    if (expected.real()[i]) {
                        adapted.add(found, number);
                    }
                }
            }
            assertThat(embeddings.hasRemaining()).isFalse();
            System.out.printf("%s: features within %.1e (rms %.1e), embeddings within %.1e (rms %.1e)%n", bundle.getFileName(),
                    spread.largest(), spread.rootMeanSquare(), adapted.largest(), adapted.rootMeanSquare());
            return Math.max(spread.largest(), adapted.largest());
        }
    }

    private static final class Spread {
        private double largest;
        private double most;
        private double squares;
        private double error;

        void add(double found, double expected) {
            largest = Math.max(largest, Math.abs(found - expected));
            most = Math.max(most, Math.abs(expected));
            squares += expected * expected;
            error += (found - expected) * (found - expected);
        }

        double largest() {
            return Double.isNaN(error) ? Double.NaN : largest / most;
        }

        double rootMeanSquare() {
            return Math.sqrt(error / squares);
        }
    }

    private static Path bundle(Path source, String name, Policy policy) throws Exception {
        Path bundle = folder.resolve(name + ".litertlm");
        Bundles.write(source, bundle, policy, SMALL);
        return bundle;
    }

    @Test
    void computesWhatTheTensorsSay() throws Exception {
        Path source = Bundles.towers(folder, "plain", Gemma4Options.Numbers.F32);
        EditedFolder edited = EditedFolder.read(source);
        // Bounds that bite: as made they are wider than what passes.
        for (int layer = 0; layer < 2; layer++) {
            for (String module : new String[] {"self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj"}) {
                String name = "model.vision_tower.encoder.layers." + layer + "." + module + ".";
                edited.set(name + "input_min", 0, -0.7f).set(name + "input_max", 0, 0.5f);
                edited.set(name + "output_min", 0, -0.1f).set(name + "output_max", 0, 0.15f);
            }
        }
        edited.write();
        ReferenceVision model = new ReferenceVision(source);
        Path bundle = bundle(source, "plain", Policy.KEEP);
        assertThat(difference(bundle, model, Image.of(model, 12, 12, 1))).isLessThan(1e-4);
        assertThat(difference(bundle, model, Image.of(model, 6, 9, 2))).isLessThan(1e-4);
        Path quantised = bundle(source, "int8", Policy.KEEP.withType("int8/channel", false));
        assertThat(difference(quantised, new ReferenceVision(quantised), Image.of(model, 6, 9, 2))).isLessThan(0.03);
        assertThat(difference(quantised, new ReferenceVision(quantised), Image.of(model, 12, 12, 2))).isLessThan(0.03);
        assertThat(difference(quantised, model, Image.of(model, 6, 9, 2))).isBetween(1e-5, 0.3);
        Path half = bundle(source, "f16", Policy.KEEP.withType("F16", false));
        assertThat(difference(half, new ReferenceVision(half), Image.of(model, 9, 6, 4))).isLessThan(1e-4);
    }

    @Test
    void standardizesWhereTheModelDoes() throws Exception {
        Path source = Bundles.towers(folder, "standard", Gemma4Options.Numbers.F32);
        Random random = new Random(5);
        EditedFolder.read(source).config("vision_config", config -> config.with("standardize", Value.of(true)))
                .put("model.vision_tower.std_bias", SafetensorsType.F32, Shape.of(64), numbers(random, 64))
                .put("model.vision_tower.std_scale", SafetensorsType.F32, Shape.of(64), numbers(random, 64)).write();
        ReferenceVision model = new ReferenceVision(source);
        assertThat(difference(bundle(source, "standard", Policy.KEEP), model, Image.of(model, 9, 12, 3))).isLessThan(1e-4);
    }

    /// Graphs for small images beside one for large: they share the weights, and give the same for an image that fits both.
    @Test
    void graphsOfSeveralSizesGiveTheSame() throws Exception {
        Path source = Bundles.towers(folder, "sizes", Gemma4Options.Numbers.F32);
        Path one = bundle(source, "one", Policy.KEEP);
        Path several = folder.resolve("several.litertlm");
        Map<String, String> options = new HashMap<>(SMALL);
        options.put("image-tokens", "6,16");
        Bundles.write(source, several, Policy.KEEP, options);
        assertThat(Files.size(several) - Files.size(one)).as("weights are shared").isBetween(0L, 200_000L);
        ReferenceVision model = new ReferenceVision(source);
        assertThat(difference(several, model, Image.of(model, 6, 9, 2))).isLessThan(1e-4);
        Image image = Image.of(model, 6, 9, 2);
        ReferenceVision.Result expected = model.encode(image.patches(), image.at());
        try (TfliteModel encoder = Bundles.open(several, Bundles.model(several, BundleSection.VISION_ENCODER).orElseThrow())) {
            assertThat(encoder.signatures()).containsExactlyInAnyOrder("vision_16", "vision_6");
            TfliteSignature small = encoder.signature("vision_6");
            assertThat(small.shape("images")).containsExactly(1, 54, model.pixels());
            run(small, image, 54);
            ByteBuffer features = small.output("features");
            Spread spread = new Spread();
            for (int i = 0; i < 6; i++) {
                for (double number : expected.features()[i]) {
                    spread.add(features.getFloat(), number);
                }
            }
            assertThat(spread.largest()).isLessThan(1e-4);
        }
    }

    private static void run(TfliteSignature encode, Image image, int count) {
        ByteBuffer images = encode.input("images");
        ByteBuffer positions = encode.input("positions_xy");
        for (int i = 0; i < count; i++) {
            for (float pixel : image.patches()[i]) {
                images.putFloat(pixel);
            }
            positions.putInt(image.at()[i][0]).putInt(image.at()[i][1]);
        }
        encode.run();
    }

    /// As many patches as Google's own graphs take. Scores of all heads together pass what is in memory at once, so that heads are taken in groups.
    @Test
    void takesImagesOfTheRealSize() throws Exception {
        Path source = Bundles.towers(folder, "large", Gemma4Options.Numbers.F32);
        EditedFolder edited = EditedFolder.read(source);
        edited.config("vision_config", config -> config.with("num_hidden_layers", Value.of(1)).with("num_attention_heads", Value.of(4))
                .with("num_key_value_heads", Value.of(4)).with("head_dim", Value.of(16)).with("default_output_length", Value.of(280)))
                .config(config -> config.with("vision_soft_tokens_per_image", Value.of(280)));
        edited.tensors().stream().filter(name -> name.contains("vision_tower.encoder.layers.1.")).toList().forEach(edited::remove);
        for (String norm : List.of("q_norm", "k_norm")) {
            edited.put("model.vision_tower.encoder.layers.0.self_attn." + norm + ".weight", SafetensorsType.F32, Shape.of(16),
                    numbers(new Random(9), 16));
        }
        edited.write();
        ReferenceVision model = new ReferenceVision(source);
        assertThat(model.patches()).isEqualTo(2520);
        assertThat(difference(bundle(source, "large", Policy.KEEP), model, Image.of(model, 60, 42, 6))).isLessThan(1e-4);
    }

    private static byte[] numbers(Random random, int count) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            bytes.putFloat((float) random.nextGaussian());
        }
        return bytes.array();
    }

    @Test
    void carriesCodesAndStaticActivations() throws Exception {
        Path source = Bundles.towers(folder, "mobile", Gemma4Options.Numbers.MOBILE);
        ReferenceVision model = new ReferenceVision(source);
        Path bundle = bundle(source, "mobile", Policy.KEEP);
        Image image = Image.of(model, 12, 12, 1);
        assertThat(difference(bundle, model, image)).isLessThan(0.01);
        assertThat(difference(bundle, model.withoutActivations(), image)).as("scales count").isGreaterThan(0.05);
    }
}
