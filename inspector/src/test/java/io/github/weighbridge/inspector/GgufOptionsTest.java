package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/// The options that GGUF adds to the command line.
class GgufOptionsTest {
    @TempDir static Path sources;

    @TempDir Path folder;

    private static Path text;
    private static Path towers;

    @BeforeAll
    static void make() throws IOException {
        text = sources.resolve("text");
        Gemma4Fixture.write(text, Gemma4Options.of(Gemma4Size.TINY).withDeadWeights(false));
        towers = sources.resolve("towers");
        Gemma4Fixture.write(towers, Gemma4Options.of(Gemma4Size.TINY_TOWERS));
    }

    private List<String> left() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static Cli.Result good(Object... arguments) {
        Cli.Result result = Cli.run(arguments);
        assertThat(result.err()).isEmpty();
        assertThat(result.code()).isZero();
        return result;
    }

    private static void refused(int code, String begin, Object... arguments) {
        Cli.Result result = Cli.run(arguments);
        assertThat(result.err()).startsWith(begin);
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.code()).isEqualTo(code);
        assertThat(result.out()).isEmpty();
    }

    private static Map<String, String> encodings(Path file) throws IOException {
        Map<String, String> encodings = new TreeMap<>();
        ReportCheck.list(good("inspect", file, "--json", "--tensors").json(), "tensors")
                .forEach(tensor -> encodings.put(tensor.text("name").orElseThrow(), tensor.text("encoding").orElseThrow()));
        return encodings;
    }

    @Test
    void splitsAsPlannedAndMerges() throws IOException {
        Path whole = folder.resolve("whole.gguf");
        good("convert", text, whole, "--type", "BF16");
        Path target = folder.resolve("set.gguf");
        Path report = folder.resolve("report.json");
        Value.Fields plan = good("plan", text, target, "--to", "gguf", "--type", "BF16", "--split-max-size", "1M", "--json").json();
        Cli.Result convert = good("convert", text, target, "--type", "BF16", "--split-max-size", "1M", "--report", report);
        List<String> shards = left().stream().filter(name -> name.startsWith("set-")).toList();
        assertThat(shards).hasSizeGreaterThan(2).first().asString().matches("set-00001-of-000\\d\\d\\.gguf");
        assertThat(target).doesNotExist();
        assertThat(convert.out()).startsWith(folder.resolve(shards.getFirst()) + " and " + (shards.size() - 1) + " more files: ");
        Value.Fields first = good("inspect", folder.resolve(shards.getFirst()), "--json").json();
        ReportCheck.same(plan, first);
        ReportCheck.same(plan, good("inspect", folder.resolve(shards.getLast()), "--json").json());
        ReportCheck.same(plan, new Cli.Result(0, Files.readString(report), "").json());
        // Merging is keeping.
        Path merged = folder.resolve("merged.gguf");
        good("convert", folder.resolve(shards.getLast()), merged);
        assertThat(merged).hasSameBinaryContentAs(whole);
        // And so is splitting a file that exists, into the same bytes.
        good("convert", whole, folder.resolve("again.gguf"), "--split-max-size", "1M");
        for (String shard : shards) {
            assertThat(folder.resolve(shard.replace("set-", "again-"))).hasSameBinaryContentAs(folder.resolve(shard));
        }
        Path lost = folder.resolve(shards.get(1));
        Files.delete(lost);
        refused(3, folder.resolve(shards.getFirst()) + ": ", "inspect", folder.resolve(shards.getFirst()));
    }

    @Test
    void aShardThatExistsIsReplacedOnlyByForce() throws IOException {
        List<String> shards = ReportCheck
                .list(good("plan", text, folder.resolve("set.gguf"), "--to", "gguf", "--type", "Q8_0", "--split-max-size",
                        "4M", "--json").json().object("source").orElseThrow(), "files")
                .stream().map(file -> file.text("name").orElseThrow()).toList();
        Path second = Files.writeString(folder.resolve(shards.get(1)), "precious");
        List<Object> convert = List.of("convert", text, folder.resolve("set.gguf"), "--type", "Q8_0", "--split-max-size", "4M");
        refused(5, folder.resolve("set.gguf") + ": already exists, and is replaced only with --force (" + second + ")\n",
                convert.toArray());
        assertThat(left()).containsExactly(shards.get(1));
        assertThat(second).hasContent("precious");
        List<Object> forced = new ArrayList<>(convert);
        forced.add("--force");
        good(forced.toArray());
        assertThat(left()).isEqualTo(shards);
        good("inspect", second);
    }

    @Test
    void encodersComeBesideTheTextModelOrAlone() throws IOException {
        Path target = folder.resolve("model.gguf");
        Path mmproj = folder.resolve("mmproj-model.gguf");
        Path report = folder.resolve("report.json");
        Cli.Result both = good("convert", towers, target, "--type", "Q8_0", "--mmproj", "mmproj-model.gguf", "--report", report);
        assertThat(both.out()).startsWith(target + " and 1 more file: ");
        assertThat(left()).containsExactly("mmproj-model.gguf", "model.gguf", "report.json");
        Map<String, String> encoders = encodings(mmproj);
        assertThat(encoders).containsEntry("v.blk.0.attn_q.weight", "BF16").containsKeys("a.blk.0.attn_q.weight",
                "mm.input_projection.weight");
        Map<String, String> model = encodings(target);
        assertThat(model).containsEntry("blk.0.attn_q.weight", "Q8_0").doesNotContainKey("v.blk.0.attn_q.weight");
        Value.Fields plan = good("plan", towers, target, "--to", "gguf", "--type", "Q8_0", "--mmproj", mmproj, "--json").json();
        Value.Fields written = new Cli.Result(0, Files.readString(report), "").json();
        ReportCheck.same(plan, written);
        assertThat(ReportCheck.list(written, "tensors")).hasSize(encoders.size() + model.size());
        assertThat(written.toString()).doesNotContain("encoders-left-out");
        Path alone = Files.createDirectory(folder.resolve("alone")).resolve("mmproj-model.gguf");
        good("convert", towers, alone, "--mmproj", alone);
        assertThat(alone.getParent()).isDirectoryContaining(file -> file.equals(alone));
        assertThat(alone).hasSameBinaryContentAs(mmproj);
        refused(4, text + ": --mmproj: ", "convert", text, folder.resolve("no.gguf"), "--mmproj", "none.gguf");
        refused(4, target + ": --mmproj \"none.gguf\": a GGUF source has no encoders", "convert", target, folder.resolve("no.gguf"),
                "--mmproj",
                "none.gguf");
        assertThat(left()).containsExactly("alone", "mmproj-model.gguf", "model.gguf", "report.json");
    }

    @Test
    void theHeadAndTheTablesHaveTypesOfTheirOwn() throws IOException {
        Path tied = folder.resolve("tied.gguf");
        good("convert", text, tied, "--type", "Q4_0", "--token-embedding-type", "Q5_K");
        assertThat(encodings(tied)).containsEntry("token_embd.weight", "Q5_K").containsEntry("per_layer_token_embd.weight", "Q5_K")
                .containsEntry("blk.0.attn_q.weight", "Q4_0");
        Path head = folder.resolve("head.gguf");
        good("convert", text, head, "--type", "Q4_0", "--output-tensor-type", "q8_0");
        assertThat(encodings(head)).containsEntry("token_embd.weight", "Q8_0");
        Path dense = folder.resolve("dense.gguf");
        good("convert", text, dense, "--type", "F16", "--token-embedding-type", "Q8_0");
        assertThat(encodings(dense)).containsEntry("token_embd.weight", "Q8_0").containsEntry("blk.0.attn_q.weight", "F16");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --split-max-size 0              | --split-max-size "0": a number of bytes is needed, with M (10^6) or G (10^9) behind it
            --split-max-size 1K             | --split-max-size "1K": a number of bytes is needed
            --split-max-size -5             | --split-max-size "-5": a number of bytes is needed
            --split-max-size 9999999999999G | --split-max-size "9999999999999G": a number of bytes is needed
            --split-max-size                | Missing required parameter for option '--split-max-size'
            --mmproj elsewhere/m.gguf       | --mmproj "elsewhere/m.gguf" is not beside TARGET
            --mmproj ..                     | --mmproj ".." names no file to make
            --output-tensor-type Q8_0       | --output-tensor-type needs --type
            --token-embedding-type Q8_0     | --token-embedding-type needs --type
            --token-embedding-type Q9       | --token-embedding-type "Q9" is none of F32, F16, Q4_0
            --output-tensor-type IQ1_S      | --output-tensor-type "IQ1_S" is none of F32, F16, Q4_0
            --to safetensors --split-max-size 1M | --split-max-size is an option of gguf, not of safetensors
            """)
    void wrongUsageIsTwo(String options, String line) throws IOException {
        for (String command : List.of("plan", "convert")) {
            List<Object> arguments = new ArrayList<>(List.of(command, text, folder.resolve("no.gguf")));
            arguments.addAll(List.of(options.split(" ")));
            if (command.equals("plan") && !options.contains("--to")) {
                arguments.addAll(List.of("--to", "gguf"));
            }
            if (!options.endsWith("size")) {
                refused(2, "weighbridge " + command + ": " + line, arguments.toArray());
            }
        }
        assertThat(left()).isEmpty();
    }

    @Test
    void aSizeOrAFileIsMissing() throws IOException {
        refused(2, "weighbridge convert: Missing required parameter for option '--split-max-size' (SIZE)", "convert", text,
                folder.resolve("no.gguf"), "--split-max-size");
        refused(2, "weighbridge convert: --imatrix names no file", "convert", text, folder.resolve("no.gguf"), "--imatrix", "");
        refused(2, "weighbridge plan: --split-max-size is an option of gguf, not of toy", "plan", ToyFiles.small(folder.resolve("a.toy")),
                "--to", "toy", "--split-max-size", "1M");
        Path report = folder.resolve("m.gguf");
        refused(2, "weighbridge convert: --report \"" + report + "\" would take the place of a file that is written", "convert", towers,
                folder.resolve("no.gguf"), "--mmproj", "m.gguf", "--report", report);
        assertThat(left()).containsExactly("a.toy");
    }

    /// A matrix for one tensor, with a change.
    private Path matrix(String name, String sums, GgmlType type, float[] weights, float count) throws IOException {
        GgufHeader header = GgufHeader.builder().put("general.type", "imatrix")
                .put("imatrix.datasets", GgufArray.ofStrings(List.of("calibration.txt"))).putU32("imatrix.chunk_count", 3)
                .putU32("imatrix.chunk_size", 512).tensor("blk.0.attn_q.weight" + sums, Shape.of(weights.length), type)
                .tensor("blk.0.attn_q.weight.counts", Shape.of(1), GgmlType.F32).build();
        ByteBuffer bytes = ByteBuffer.wrap(Arrays.copyOf(header.toBytes(), (int) header.fileLength())).order(ByteOrder.LITTLE_ENDIAN);
        GgufTensorInfo first = header.tensors().getFirst();
        bytes.position((int) first.position());
        for (float weight : weights) {
            if (type == GgmlType.F32) {
                bytes.putFloat(weight);
            }
        }
        bytes.putFloat((int) header.tensors().getLast().position(), count);
        return Files.write(folder.resolve(name), bytes.array());
    }

    private static float[] weights(int columns) {
        float[] weights = new float[columns];
        for (int i = 0; i < columns; i++) {
            weights[i] = 1 + i % 13 * i % 7;
        }
        return weights;
    }

    @Test
    void importanceIsMinded() throws IOException {
        int columns = (int) ReportCheck.list(good("inspect", text, "--json", "--tensors").json(), "tensors").stream()
                .filter(tensor -> tensor.text("role").orElseThrow().equals("attention_q")).findFirst().orElseThrow().list("shape")
                .orElseThrow()
                .stream().mapToLong(dimension -> ((Value.Whole) dimension).number()).skip(1).findFirst().orElseThrow();
        Path matrix = matrix("calibration.gguf", ".in_sum2", GgmlType.F32, weights(columns), 2);
        Path with = folder.resolve("with.gguf");
        Path without = folder.resolve("without.gguf");
        good("convert", text, with, "--type", "Q4_K_M", "--imatrix", matrix);
        good("convert", text, without, "--type", "Q4_K_M");
        assertThat(Files.mismatch(with, without)).isPositive();
        assertThat(new String(Files.readAllBytes(with), StandardCharsets.ISO_8859_1)).contains("quantize.imatrix.file",
                "calibration.gguf", "calibration.txt").doesNotContain(folder.toString());
        Path other = matrix("other.gguf", ".in_sum2", GgmlType.F32, weights(3), 2);
        refused(4, text + ": importance matrix other.gguf: 3 weights for blk.0.attn_q.weight", "convert", text, folder.resolve("no.gguf"),
                "--type",
                "Q4_K_M", "--imatrix", other);
        assertThat(folder.resolve("no.gguf")).doesNotExist();
    }

    @Test
    void badImportanceFilesAreNamed() throws IOException {
        Path none = folder.resolve("none.gguf");
        refused(5, none + ": no such file\n", "plan", text, "--to", "gguf", "--type", "Q4_0", "--imatrix", none);
        Map<Path, String> bad = new TreeMap<>();
        bad.put(Files.writeString(folder.resolve("empty"), ""), "magic");
        bad.put(Files.writeString(folder.resolve("legacy.dat"), "\1\0\0\0some old form"), "importance matrices in GGUF form");
        bad.put(Files.writeString(folder.resolve("cut.gguf"), "GGUF"), "at byte 4: version");
        bad.put(matrix("no-sums.gguf", ".in_sum3", GgmlType.F32, weights(8), 2), "tensor blk.0.attn_q.weight.counts: sums");
        bad.put(matrix("half.gguf", ".in_sum2", GgmlType.F16, weights(8), 2), "tensor blk.0.attn_q.weight.in_sum2: type: found F16");
        bad.put(matrix("negative.gguf", ".in_sum2", GgmlType.F32, new float[] {1, -1}, 2), "element 1: found -1.0 by a count of 2.0");
        bad.put(matrix("nan.gguf", ".in_sum2", GgmlType.F32, new float[] {1, Float.NaN}, 2), "element 1: found NaN by a count of 2.0");
        Path model = folder.resolve("model.gguf");
        good("convert", text, model, "--type", "Q8_0");
        bad.put(model, "key imatrix.datasets: found none");
        Path short_ = matrix("short.gguf", ".in_sum2", GgmlType.F32, weights(8), 2);
        bad.put(Files.write(folder.resolve("shorter.gguf"), Arrays.copyOf(Files.readAllBytes(short_), (int) Files.size(short_) - 33)),
                "tensor blk.0.attn_q.weight.in_sum2: data: found 32 bytes");
        bad.forEach((file, words) -> {
            Cli.Result result = Cli.run("convert", text, folder.resolve("no.gguf"), "--type", "Q4_0", "--imatrix", file);
            assertThat(result.err()).startsWith(file + ": ").contains(words);
            assertThat(result.err().lines()).hasSize(1);
            assertThat(result.code()).isEqualTo(3);
            assertThat(folder.resolve("no.gguf")).doesNotExist();
        });
    }

    @Test
    void helpNamesThem() {
        for (String command : List.of("plan", "convert")) {
            assertThat(Cli.run(Screen.ofWidth(80), command, "--help").out()).contains("--split-max-size=SIZE", "--mmproj=FILE",
                    "--imatrix=FILE", "--output-tensor-type=TYPE", "--token-embedding-type=TYPE");
        }
        assertThat(good("formats").out()).contains("options: --split-max-size SIZE, --mmproj FILE, --imatrix FILE");
        assertThat(Cli.run("inspect", "--help").out()).doesNotContain("--mmproj");
    }
}
