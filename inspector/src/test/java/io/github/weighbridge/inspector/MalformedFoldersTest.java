package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.safetensors.file.SafetensorsLayout;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

/// Folders of compressed-tensors with something wrong, and folders that do not do what they say.
@Tag("small-heap")
class MalformedFoldersTest {
    private static final String M = "model.layers.0.mlp.up_proj";
    private static final String ARGS =
            "{\"num_bits\": 4, \"type\": \"int\", \"symmetric\": true, \"strategy\": \"group\", \"group_size\": 32}";

    @TempDir Path folder;

    private record Tensor(SafetensorsType type, Shape shape, byte[] bytes) {}

    /// A folder with one packed module, to be spoiled.
    private static final class Folder {
        final Map<String, Tensor> tensors = new TreeMap<>();
        String weights = ARGS;
        String targets = "[\"Linear\"]";
        String group = "";
        String top = "\"format\": \"pack-quantized\"";
        String ignore = "[\"lm_head\"]";
        String groups = null;
        String index = null;

        Folder() {
            put(".weight_packed", SafetensorsType.I32, 8, 8);
            put(".weight_scale", SafetensorsType.F32, 8, 2);
            numbers(".weight_shape", 8, 64);
        }

        Folder put(String suffix, SafetensorsType type, long... shape) {
            Shape dimensions = Shape.of(shape);
            tensors.put(M + suffix, new Tensor(type, dimensions, new byte[(int) type.bytes(dimensions)]));
            return this;
        }

        Folder numbers(String suffix, long... values) {
            ByteBuffer bytes = ByteBuffer.allocate(values.length * 8).order(ByteOrder.LITTLE_ENDIAN);
            for (long value : values) {
                bytes.putLong(value);
            }
            tensors.put(M + suffix, new Tensor(SafetensorsType.I64, Shape.of(values.length), bytes.array()));
            return this;
        }

        Path writeTo(Path target) throws IOException {
            SafetensorsLayout layout = SafetensorsLayout.of(tensors.entrySet().stream()
                    .map(entry -> new SafetensorsLayout.Tensor(entry.getKey(), entry.getValue().type(), entry.getValue().shape())).toList(),
                    Map.of());
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.writeBytes(layout.prefix());
            layout.entries().forEach(entry -> out.writeBytes(tensors.get(entry.name()).bytes()));
            Files.write(target.resolve("model.safetensors"), out.toByteArray());
            String all = groups != null ? groups : "{\"group_0\": {\"targets\": " + targets + ", \"weights\": " + weights + group + "}}";
            Files.writeString(target.resolve("config.json"), "{\"model_type\": \"tiny\", \"quantization_config\": {\"quant_method\": "
                    + "\"compressed-tensors\", " + top + ", \"ignore\": " + ignore + ", \"config_groups\": " + all + "}}");
            if (index != null) {
                Files.writeString(target.resolve("model.safetensors.index.json"), index);
            }
            return target;
        }
    }

    private static Arguments bad(String what, String says, Consumer<Folder> spoil) {
        return arguments(what, says, spoil);
    }

    private static String args(String change) {
        return ARGS.substring(0, ARGS.length() - 1) + ", " + change + "}";
    }

    static Stream<Arguments> folders() {
        return Stream.of(
                bad("a pattern that is none", "expected a regular expression", f -> f.targets = "[\"re:(\"]"),
                bad("a pattern without end", "a pattern that takes too many steps",
                        f -> f.targets = "[\"re:(.*_)*.*.*.*.*.*.*.*.*.*.*.*.*!$\"]"),
                bad("a pattern nested too deeply", "regular expression",
                        f -> f.targets = "[\"re:" + "(".repeat(4000) + ")".repeat(4000) + "{\"]"),
                bad("ignore that is no list", "expected a list of texts", f -> f.ignore = "\"lm_head\""),
                bad("targets that are no texts", "expected a list of texts", f -> f.targets = "[1]"),
                bad("no targets", "expected a list of modules", f -> f.groups = "{\"group_0\": {\"weights\": " + ARGS + "}}"),
                bad("a format that is not known", "found \"zip\"", f -> f.top = "\"format\": \"zip\""),
                bad("mixed-precision for a group", "the format of the group's own modules",
                        f -> f.group = ", \"format\": \"mixed-precision\""),
                bad("an unknown key in a group", "config_groups.group_0.colour", f -> f.group = ", \"colour\": 1"),
                bad("an unknown key in arguments", "weights.width", f -> f.weights = args("\"width\": 4")),
                bad("a preset that is not known", "the name of a preset", f -> f.groups = "{\"W4A4A4\": [\"Linear\"]}"),
                bad("sparsity", "supported: no sparsity", f -> f.top += ", \"sparsity_config\": {\"format\": \"sparse-bitmask\"}"),
                bad("transforms", "supported: none", f -> f.top += ", \"transform_config\": {\"a\": 1}"),
                bad("a group size without groups", "none with strategy channel",
                        f -> f.weights = "{\"strategy\": \"channel\", \"group_size\": 32}"),
                bad("groups without a size", "a whole number above 0", f -> f.weights = "{\"strategy\": \"group\"}"),
                bad("blocks without a size", "rows and columns of a block", f -> f.weights = "{\"strategy\": \"block\"}"),
                bad("tokens that are static", "a value that goes with strategy token", f -> f.weights = "{\"strategy\": \"token\"}"),
                bad("a width that is none", "a whole number from 1 to 16", f -> f.weights = "{\"num_bits\": 99}"),
                bad("order of activations", "none for activations",
                        f -> f.group = ", \"input_activations\": {\"actorder\": \"group\", \"dynamic\": true}"),
                bad("rows that are too short", "8 words for 64 codes of 4 bits", f -> f.put(".weight_packed", SafetensorsType.I32, 8, 7)),
                bad("rows of another width", "16 words for 64 codes of 8 bits",
                        f -> f.weights = "{\"num_bits\": 8, \"strategy\": \"group\", \"group_size\": 32}"),
                bad("scales of another shape", "[8, 2] with groups of 32", f -> f.put(".weight_scale", SafetensorsType.F32, 8, 4)),
                bad("scales of another type", "expected F32, F16 or BF16", f -> f.put(".weight_scale", SafetensorsType.I32, 8, 2)),
                bad("no shape", "the shape beside packed codes", f -> f.tensors.remove(M + ".weight_shape")),
                bad("a shape of another type", "expected I64 [2]", f -> f.put(".weight_shape", SafetensorsType.I32, 2)),
                bad("a shape with other rows", "the 8 rows of the packed codes", f -> f.numbers(".weight_shape", 9, 64)),
                bad("a shape below zero", "columns that fit them", f -> f.numbers(".weight_shape", 8, -64)),
                bad("a shape beyond all bounds", "columns that fit them", f -> f.numbers(".weight_shape", 8, Long.MAX_VALUE)),
                bad("codes that are no matrix", "expected two dimensions", f -> f.put(".weight_packed", SafetensorsType.I32, 8, 2, 4)),
                bad("codes of another type", "I32 with packed integers", f -> f.put(".weight_packed", SafetensorsType.F32, 8, 8)),
                bad("packed and plain", "one of them", f -> f.put(".weight", SafetensorsType.F32, 8, 64)),
                bad("scales of nothing", "codes beside scales", f -> f.tensors.remove(M + ".weight_packed")),
                bad("no zero points", "zero points, as its group is not symmetric", f -> f.weights = args("\"symmetric\": false")
                        .replace("\"symmetric\": true, ", "")),
                bad("zero points of another shape", "expected I32 [1, 2]", f -> f.put(".weight_zero_point", SafetensorsType.I32, 8, 2)),
                bad("a group that is not there", "group 7 for column 0", f -> {
                    f.put(".weight_g_idx", SafetensorsType.I32, 64);
                    f.tensors.get(M + ".weight_g_idx").bytes()[0] = 7;
                }),
                bad("an order of other columns", "expected I32 [64]", f -> f.put(".weight_g_idx", SafetensorsType.I32, 32)),
                bad("an activation of nothing", "the weights that it belongs to", f -> f.tensors.put("model.x.input_scale",
                        new Tensor(SafetensorsType.F32, Shape.of(1), new byte[4]))),
                bad("an activation that is no number", "a floating point number", f -> f.put(".input_scale", SafetensorsType.I32, 1)),
                bad("a shard that is missing", "which is not there",
                        f -> f.index = "{\"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\"}}"),
                bad("an index with more tensors", "which has no such tensor",
                        f -> f.index = "{\"weight_map\": {\"" + M + ".weight_packed\": \"model.safetensors\", \"" + M
                                + ".weight_scale\": \"model.safetensors\", \"" + M + ".weight_shape\": \"model.safetensors\", "
                                + "\"ghost\": \"model.safetensors\"}}"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("folders")
    void endsInOneSentence(String what, String says, Consumer<Folder> spoil) throws IOException {
        Folder made = new Folder();
        spoil.accept(made);
        made.writeTo(folder);
        for (List<Object> command : List.<List<Object>>of(List.of("inspect", folder),
                List.of("convert", folder, folder.resolve("out"), "--to", "compressed-tensors"))) {
            Cli.Result result = Cli.run(command.toArray());
            assertThat(result.code()).isEqualTo(3);
            assertThat(result.out()).isEmpty();
            assertThat(result.err().lines()).singleElement().asString().startsWith(folder.toString()).contains(says);
        }
        assertThat(folder.resolve("out")).doesNotExist();
    }

    private String findings(Folder made) throws IOException {
        Cli.Result result = Cli.run("inspect", made.writeTo(folder), "--json");
        assertThat(result.err()).isEmpty();
        return result.json().list("findings").orElseThrow().stream()
                .map(finding -> ((io.github.weighbridge.io.Value.Fields) finding).text("code").orElseThrow()).sorted().toList().toString();
    }

    @Test
    void intentIsComparedWithWhatIsThere() throws IOException {
        assertThat(findings(new Folder())).isEqualTo("[unknown-architecture]");
        Folder ignored = new Folder();
        ignored.ignore = "[\"re:.*up_proj\"]";
        assertThat(findings(ignored)).contains("ignored-but-quantised");
        Folder idle = new Folder();
        idle.targets = "[\"Linear\", \"re:.*nothing\"]";
        assertThat(findings(idle)).contains("target-matches-nothing");
        Folder unmatched = new Folder();
        unmatched.targets = "[\"re:.*down_proj\"]";
        assertThat(findings(unmatched)).contains("quantised-without-group", "target-matches-nothing");
        Folder two = new Folder();
        two.groups = "{\"a\": {\"targets\": [\"re:.*up_proj\"], \"weights\": " + ARGS + "}, \"b\": {\"targets\": [\"re:.*proj\"], "
                + "\"weights\": " + args("\"observer\": null, \"scale_dtype\": \"torch.float32\"") + "}}";
        assertThat(findings(two)).contains("matched-by-two-groups");
        Folder scaleless = new Folder();
        scaleless.tensors.remove(M + ".weight_scale");
        assertThat(findings(scaleless)).contains("missing-scales");
        Folder needless = new Folder();
        needless.put(".weight_zero_point", SafetensorsType.I32, 1, 2);
        assertThat(findings(needless)).contains("zero-points-of-symmetric");
        Folder inactive = new Folder();
        inactive.group = ", \"input_activations\": {\"num_bits\": 8, \"strategy\": \"tensor\"}";
        assertThat(findings(inactive)).contains("missing-activation-scales");
        Folder plain = new Folder();
        plain.tensors.put("model.layers.1.mlp.up_proj.weight", new Tensor(SafetensorsType.F32, Shape.of(2, 2), new byte[16]));
        assertThat(findings(plain)).contains("targeted-but-plain");
    }

    @Test
    void theOldNameOfTheBlockIsKnown() throws IOException {
        new Folder().writeTo(folder);
        Path config = folder.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("quantization_config", "compression_config")
                .replace("\"quant_method\": \"compressed-tensors\", ", ""));
        Cli.Result result = Cli.run("inspect", folder, "--json");
        assertThat(result.json().object("source").orElseThrow().text("format")).contains("compressed-tensors");
    }

    @Test
    void codesWithoutScalesAreRefusedWhereTheyWouldHaveToBeRead() throws IOException {
        Folder scaleless = new Folder();
        scaleless.tensors.remove(M + ".weight_scale");
        scaleless.writeTo(folder);
        Cli.Result result = Cli.run("convert", folder, folder.resolve("out"), "--to", "safetensors", "--type", "F32");
        assertThat(result.code()).isEqualTo(4);
        assertThat(result.err()).contains(M + ".weight");
        assertThat(folder.resolve("out")).doesNotExist();
    }
}
