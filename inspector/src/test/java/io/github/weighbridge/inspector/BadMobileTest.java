package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.EditedFolder;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Mobile checkpoints that contradict themselves: exit code 3, one sentence, and nothing written.
class BadMobileTest {
    private static final String LAYER = "model.language_model.layers.0.";
    private static final String Q = LAYER + "self_attn.q_proj";
    private static final String GATE = LAYER + "per_layer_input_gate";
    private static final String TABLE = "model.language_model.embed_tokens";
    private static final String TABLE_SCALE = TABLE + ".embedding_scale";

    @TempDir static Path folder;
    private static Path sound;

    /// A way to spoil a checkpoint.
    ///
    /// @param headers whether headers alone show it, so that `inspect` refuses as well
    private record Case(String name, boolean headers, Spoil spoil, String... expected) {
        @Override
        public String toString() {
            return name;
        }
    }

    @FunctionalInterface
    private interface Spoil {
        void apply(EditedFolder folder);
    }

    private static Spoil rules(String key, Value value) {
        return folder -> folder.config("quantization_config", config -> config.with(key, value));
    }

    private static Spoil rule(String pattern, Value bits) {
        return rules("module_quant_configs", new Value.Fields(Map.of(pattern, new Value.Fields(Map.of("num_bits", bits)))));
    }

    static Stream<Case> cases() {
        return Stream.of(
                new Case("a rule against the stored type", true, rule(".", Value.of(8)), "U8", "I8 with two dimensions",
                        "the rules give the module 8 bits"),
                new Case("bytes under a rule of four bits", true, rule(".", Value.of(4)), "I8", "4 bits"),
                new Case("a rule that gives rows another width", true,
                        rules("module_quant_configs", new Value.Fields(Map.of("per_layer_input_gate|per_layer_projection",
                                new Value.Fields(Map.of("num_bits", Value.of(8))), "embed_tokens_per_layer|lm_head|embed_tokens",
                                new Value.Fields(Map.of("num_bits", Value.of(2)))))),
                        "bytes for", "codes of"),
                new Case("codes of a module that is not converted", true,
                        rules("modules_to_not_convert", Value.ofTexts(List.of("self_attn.q_proj"))), Q + ".weight", "codes",
                        "modules_to_not_convert names"),
                new Case("a table that is not quantised", true, rules("quantize_embeddings", Value.of(false)), "embedding_quantized",
                        "quantize_embeddings is false"),
                new Case("three bits by default", true, rules("num_bits", Value.of(3)), "num_bits", "3", "2, 4 or 8"),
                new Case("a method that is no text", true, rules("quant_method", Value.of(3)), "quant_method", "3", "a text"),
                new Case("no bits", true, rules("num_bits", Value.of(0)), "num_bits", "0"),
                new Case("bits in words", true, rules("num_bits", Value.of("four")), "num_bits", "four"),
                new Case("five bits by a rule", true, rule("q_proj", Value.of(5)), "q_proj", "5", "2, 4 or 8"),
                new Case("a rule without an object", true,
                        rules("module_quant_configs", new Value.Fields(Map.of("q_proj", Value.of(4)))), "q_proj", "num_bits"),
                new Case("a pattern that is none", true, rule("(", Value.of(4)), "(", "regular expression"),
                new Case("a missing scale", true, folder -> folder.remove(Q + ".weight_scale"), Q, "weight_scale", "a scale for every row"),
                new Case("a missing scale of bytes", true, folder -> folder.remove(GATE + ".weight_scale"), GATE, "weight_scale"),
                new Case("a missing scale of a table", true, folder -> folder.remove(TABLE_SCALE), TABLE, "embedding_scale"),
                new Case("a scale without codes", true, folder -> folder.remove(Q + ".weight"), Q),
                new Case("scales for other rows", true, folder -> put(folder, Q + ".weight_scale", SafetensorsType.F32, 8, 1),
                        Q + ".weight_scale", "F32 [8, 1]"),
                new Case("scales in half precision", true,
                        folder -> put(folder, Q + ".weight_scale", SafetensorsType.F16, folder.shape(Q + ".weight").rows(), 1), "F16"),
                new Case("scales that do not divide a row", true,
                        folder -> put(folder, TABLE_SCALE, SafetensorsType.F32, folder.shape(TABLE_SCALE).rows(), 7), TABLE_SCALE,
                        "dividing"),
                new Case("rows packed too narrow", true, folder -> narrow(folder, Q + ".weight", SafetensorsType.U8), Q + ".weight"),
                new Case("bytes packed too narrow", true, folder -> narrow(folder, GATE + ".weight", SafetensorsType.I8), GATE + ".weight"),
                new Case("a row too few", true, LESS, Q),
                new Case("an activation scale of two numbers", true,
                        folder -> folder.put(Q + ".input_activation_scale", SafetensorsType.F32, Shape.of(2), new byte[8]), "F32 [2]",
                        "one F32 number"),
                new Case("an activation scale of nothing", true,
                        folder -> folder.put(LAYER + "self_attn.x_proj.input_activation_scale", SafetensorsType.F32, Shape.SCALAR,
                                new byte[4]),
                        "x_proj"),
                new Case("a scale that is no number", false, folder -> folder.set(Q + ".weight_scale", 5, Float.NaN), "scale 5",
                        Q + ".weight", "NaN", "a finite number of 0 or more"),
                new Case("an infinite scale", false, folder -> folder.set(TABLE_SCALE, 2000, Float.POSITIVE_INFINITY), "scale 2000", TABLE,
                        "Infinity"),
                new Case("a negative scale", false, folder -> folder.set(GATE + ".weight_scale", 0, -0.01f), "scale 0", GATE, "-0.01"),
                new Case("a negative activation scale", false, folder -> folder.set(Q + ".input_activation_scale", 0, -1), Q, "-1.0"),
                new Case("an activation scale that is no number", false,
                        folder -> folder.set(Q + ".output_activation_scale", 0, Float.NaN), Q + ".output_activation_scale", "NaN"),
                new Case("an infinite cache scale", false,
                        folder -> folder.set(LAYER + "self_attn.k_cache_scale", 0, Float.POSITIVE_INFINITY), "k_cache_scale", "Infinity"));
    }

    private static final Spoil LESS = folder -> {
        Shape shape = folder.shape(Q + ".weight");
        folder.put(Q + ".weight", SafetensorsType.U8, Shape.of(shape.rows() - 1, shape.columns()),
                new byte[Math.toIntExact((shape.rows() - 1) * shape.columns())]);
    };

    private static void put(EditedFolder folder, String name, SafetensorsType type, long rows, long columns) {
        Shape shape = Shape.of(rows, columns);
        folder.put(name, type, shape, new byte[Math.toIntExact(type.bytes(shape))]);
    }

    private static void narrow(EditedFolder folder, String name, SafetensorsType type) {
        Shape shape = folder.shape(name);
        put(folder, name, type, shape.rows(), shape.columns() - 16);
    }

    @BeforeAll
    static void unpack() throws IOException {
        sound = folder.resolve("sound");
        TrainedCheckpoints.unpack(sound, TrainedCheckpoints.QAT_MOBILE);
    }

    private static Path copy(String name) throws IOException {
        Path copy = Files.createDirectory(folder.resolve(name.replace(' ', '-')));
        try (Stream<Path> files = Files.list(sound)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        return copy;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isRefused(Case one) throws IOException {
        Path source = copy(one.name);
        EditedFolder edited = EditedFolder.read(source);
        one.spoil.apply(edited);
        edited.write();
        Path target = folder.resolve(source.getFileName() + ".out");
        for (String format : List.of("gguf", "safetensors")) {
            refused(one, source, Cli.run("plan", source, "--to", format));
        }
        refused(one, source, Cli.run("convert", source, target, "--to", "gguf"));
        assertThat(target).doesNotExist();
        Cli.Result inspect = Cli.run("inspect", source);
        if (one.headers) {
            refused(one, source, inspect);
        } else {
            assertThat(inspect.code()).as("inspect reads no scales").isZero();
        }
    }

    private static void refused(Case one, Path source, Cli.Result result) {
        assertThat(result.code()).as(result.err()).isEqualTo(3);
        assertThat(result.out()).isEmpty();
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.err()).startsWith(source.toString()).contains(one.expected);
    }

    /// What the others are spoilt from is sound.
    @Test
    void theSoundOneIsNotRefused() throws IOException {
        Path source = copy("unspoilt");
        EditedFolder.read(source).write();
        assertThat(Cli.run("plan", source, "--to", "gguf").code()).isZero();
    }
}
