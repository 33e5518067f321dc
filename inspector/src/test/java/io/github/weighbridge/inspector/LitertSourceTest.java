package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleSection;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

/// Bundles of ours are full sources, and any file of LiteRT's is weighed to the byte.
class LitertSourceTest {
    @TempDir static Path folder;

    private static Path mobile;
    private static Path bundle;

    @BeforeAll
    static void convert() throws IOException {
        mobile = folder.resolve("mobile");
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
        bundle = folder.resolve("m.litertlm");
        succeed("convert", mobile, bundle, "--cache-length", "128", "--prefill", "16");
    }

    private static Cli.Result succeed(Object... arguments) {
        Cli.Result result = Cli.run(arguments);
        assertThat(result.code()).as(result.err()).isZero();
        return result;
    }

    private static Value.Fields report(Object... arguments) throws IOException {
        return succeed(arguments).json();
    }

    @Test
    void aBundleIsWhatThePlanSaid() throws IOException {
        Value.Fields report = report("inspect", bundle, "--json", "--tensors");
        ReportCheck.inspect(report, bundle);
        Value.Fields plan = report("plan", mobile, "--to", "litertlm", "--cache-length", "128", "--prefill", "16", "--json");
        ReportCheck.same(plan, report);
        Value.Fields overhead = report.object("overhead").orElseThrow();
        assertThat(overhead).isEqualTo(plan.object("overhead").orElseThrow());
        for (String part : List.of("header_bytes", "metadata_bytes", "tokenizer_bytes", "graph_bytes", "padding_bytes")) {
            assertThat(overhead.whole(part).orElseThrow()).as(part).isPositive();
        }
        assertThat(report.object("source").orElseThrow().text("format_version")).contains("1.5.0");
        assertThat(report.object("architecture").orElseThrow().text("family")).contains("gemma4");
    }

    /// The projection of embeddings onto the layers' inputs is single precision in a bundle, and its numbers are bfloat16 all the same.
    @Test
    void aBundleGivesTheGgufThatItsSourceGives() throws IOException {
        Path direct = folder.resolve("direct.gguf");
        Path through = folder.resolve("through.gguf");
        succeed("convert", mobile, direct);
        succeed("convert", bundle, through, "--tensor", "per_layer_model_proj\\.weight=BF16");
        Map<String, GgufTensorInfo> expected = tensors(direct);
        Map<String, GgufTensorInfo> found = tensors(through);
        assertThat(found.keySet()).isEqualTo(expected.keySet());
        try (ByteSource one = ByteSource.of(direct); ByteSource other = ByteSource.of(through)) {
            for (GgufTensorInfo tensor : expected.values()) {
                GgufTensorInfo same = found.get(tensor.name());
                assertThat(same.type()).as(tensor.name()).isEqualTo(tensor.type());
                assertThat(same.shape()).as(tensor.name()).isEqualTo(tensor.shape());
                assertThat(other.readBytes(same.position(), (int) same.byteLength())).as(tensor.name())
                        .isEqualTo(one.readBytes(tensor.position(), (int) tensor.byteLength()));
            }
            GgufFile a = GgufFile.read(one, Limits.DEFAULT);
            GgufFile b = GgufFile.read(other, Limits.DEFAULT);
            assertThat(b.keys().keySet()).isEqualTo(a.keys().keySet());
            assertThat(b.text("tokenizer.chat_template")).isEqualTo(a.text("tokenizer.chat_template"));
        }
    }

    private static Map<String, GgufTensorInfo> tensors(Path file) throws IOException {
        try (ByteSource source = ByteSource.of(file)) {
            return GgufFile.read(source, Limits.DEFAULT).tensors().stream()
                    .collect(Collectors.toMap(GgufTensorInfo::name, tensor -> tensor, (a, _) -> a, TreeMap::new));
        }
    }

    /// Every number, scale of an activation and scale of a cache, beside those of layers that share another's cache.
    @Test
    void nothingThatRuntimesUseIsLostOnTheWay() throws IOException {
        Cli.Result verified = succeed("verify", bundle, "--against", mobile);
        assertThat(verified.out()).contains("130 ");
        Value.Fields report = report("inspect", bundle, "--json", "--tensors");
        Value.Fields original = report("inspect", mobile, "--json", "--tensors");
        assertThat(count(report, "kv_scale")).isEqualTo(8);
        assertThat(count(original, "kv_scale")).isEqualTo(16);
        // None beside dead weights, none that are 0.
        assertThat(count(report, "activation_scale")).isPositive().isLessThanOrEqualTo(count(original, "activation_scale"));
        assertThat(names(original, "activation_scale")).containsAll(names(report, "activation_scale"));
    }

    private static List<String> names(Value.Fields report, String role) {
        return report.list("tensors").orElseThrow().stream().map(tensor -> (Value.Fields) tensor)
                .filter(tensor -> tensor.text("role").filter(role::equals).isPresent()).map(tensor -> tensor.text("name").orElseThrow())
                .toList();
    }

    private static long count(Value.Fields report, String role) {
        return names(report, role).size();
    }

    @Test
    void aBundleBecomesAFolderOfPlainNumbersWithItsDocuments() throws IOException {
        Path plain = folder.resolve("plain");
        succeed("convert", bundle, plain, "--to", "safetensors");
        succeed("verify", plain, "--against", mobile);
        for (String document : List.of("tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja")) {
            assertThat(plain.resolve(document)).as(document).hasSameBinaryContentAs(mobile.resolve(document));
        }
    }

    /// Codes, scales and static activations go on into the forms that have places for them.
    @Test
    void aBundleBecomesFoldersOfCodes() throws IOException {
        Path compressed = folder.resolve("compressed");
        succeed("convert", bundle, compressed, "--to", "compressed-tensors");
        succeed("verify", compressed, "--against", mobile);
        Path gemma = folder.resolve("gemma");
        succeed("convert", bundle, gemma, "--to", "safetensors", "--form", "gemma");
        succeed("verify", gemma, "--against", mobile);
        for (Path codes : List.of(compressed, gemma)) {
            List<Value> components = report("inspect", codes, "--json").list("components").orElseThrow();
            assertThat(components.toString()).as(codes.toString()).contains("int2/channel").contains("int4/channel")
                    .contains("int8/channel");
        }
    }

    /// Sums come last, and stand before what they sum: the JDK's reader checks them.
    @Test
    void anArchiveIsReadByOthersAndAsFullASource() throws IOException {
        Path source = folder.resolve("with-sentencepiece");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        Files.write(source.resolve("tokenizer.model"), new byte[] {10, 3, 10, 1, 97});
        Path task = folder.resolve("m.task");
        succeed("convert", source, task, "--cache-length", "128", "--prefill", "16");
        Value.Fields report = report("inspect", task, "--json", "--tensors");
        ReportCheck.inspect(report, task);
        Value.Fields plan = report("plan", source, "--to", "task", "--cache-length", "128", "--prefill", "16", "--json");
        ReportCheck.same(plan, report);
        assertThat(report.object("overhead")).isEqualTo(plan.object("overhead"));
        try (ZipFile zip = new ZipFile(task.toFile())) {
            for (ZipEntry entry : Collections.list(zip.entries())) {
                assertThat(entry.getMethod()).isEqualTo(ZipEntry.STORED);
                try (InputStream in = zip.getInputStream(entry)) {
                    CRC32 crc = new CRC32();
                    crc.update(in.readAllBytes());
                    assertThat(crc.getValue()).as(entry.getName()).isEqualTo(entry.getCrc());
                }
            }
            assertThat(zip.getEntry("TF_LITE_PREFILL_DECODE")).isNotNull();
        }
        Path plain = folder.resolve("plain-of-task");
        succeed("convert", task, plain, "--to", "safetensors");
        succeed("verify", plain, "--against", mobile);
        assertThat(plain.resolve("tokenizer.model")).hasSameBinaryContentAs(source.resolve("tokenizer.model"));
    }

    @Test
    void aBundleOfNothingElseIsTheSameBytes() {
        Path copy = folder.resolve("copy.litertlm");
        succeed("convert", bundle, copy);
        assertThat(copy).hasSameBinaryContentAs(bundle);
    }

    /// Another encoding means other graphs, from the weights of the bundle as from its source.
    @Test
    void aBundleInAnotherTypeIsMadeAnew() {
        Path one = folder.resolve("int8-of-bundle.litertlm");
        Path other = folder.resolve("int8-of-source.litertlm");
        for (Map.Entry<Path, Path> way : List.of(Map.entry(bundle, one), Map.entry(mobile, other))) {
            succeed("convert", way.getKey(), way.getValue(), "--type", "INT8", "--pure", "--cache-length", "128", "--prefill", "16");
        }
        assertThat(Cli.run("diff", one, other).code()).isZero();
    }

    static Stream<String> real() {
        return Stream.of("test_hf_tokenizer.litertlm", "conv_fc_mnist.litertlm", "conv_fc_mnist_srq_a8w8.tflite",
                "toy_model_with_kv_cache_multi_signature.tflite", "sdpa_composite.tflite", "blockwise_i4rangedvalues_fc.tflite",
                "qwen_fc_blockwise_quantized.tflite");
    }

    @ParameterizedTest
    @MethodSource("real")
    void realFilesAreWeighedToTheByte(String name) throws IOException {
        Path file = real(name);
        Value.Fields report = report("inspect", file, "--json", "--tensors");
        ReportCheck.inspect(report, file);
        Value.Fields totals = report.object("totals").orElseThrow();
        assertThat(totals.whole("tensor_bytes").orElseThrow() + totals.whole("overhead_bytes").orElseThrow()).isEqualTo(Files.size(file));
        assertThat(totals.whole("overhead_bytes").orElseThrow()).isPositive();
        assertThat(succeed("inspect", file).out()).contains("format " + name.substring(name.lastIndexOf('.') + 1));
    }

    private static Path real(String name) {
        Optional<Path> file = SharedData.find("litert/" + name);
        assumeThat(file).as("real file ../shared/data/litert/" + name).isPresent();
        return file.orElseThrow();
    }

    /// Two signatures of 146 tensors each share 45 buffers.
    @Test
    void sharedBuffersCountOnce() throws IOException {
        Value.Fields report = report("inspect", real("toy_model_with_kv_cache_multi_signature.tflite"), "--json", "--tensors");
        List<Value.Fields> tensors = report.list("tensors").orElseThrow().stream().map(tensor -> (Value.Fields) tensor).toList();
        assertThat(tensors).extracting(tensor -> tensor.whole("offset").orElseThrow()).doesNotHaveDuplicates();
        assertThat(
                tensors.stream().filter(tensor -> tensor.list("shape").orElseThrow().size() == 2).mapToLong(tensor -> tensor.whole("bytes")
                        .orElseThrow()).sum())
                .isEqualTo(131_072 + 65_536 + 65_536 + 16_384 + 204_800 + 400);
    }

    @Test
    void scalesOfRealCodesAreFound() throws IOException {
        Value.Fields blockwise = report("inspect", real("qwen_fc_blockwise_quantized.tflite"), "--json", "--tensors");
        assertThat(blockwise.list("tensors").orElseThrow()).singleElement().satisfies(tensor -> {
            Value.Fields fields = (Value.Fields) tensor;
            assertThat(fields.text("encoding")).contains("int4/group32");
            assertThat(fields.whole("bytes")).contains(524_288L + 65_536);
        });
        Value.Fields channel = report("inspect", real("conv_fc_mnist_srq_a8w8.tflite"), "--json", "--tensors");
        Value.Fields matrix = channel.list("tensors").orElseThrow().stream().map(tensor -> (Value.Fields) tensor)
                .filter(tensor -> tensor.text("name").filter("arith.constant1"::equals).isPresent()).findFirst().orElseThrow();
        assertThat(matrix.text("encoding")).contains("int8/channel");
        assertThat(matrix.whole("bytes")).contains(50_176L + 32 * 4);
        // What leaves the first product enters the second.
        assertThat(names(channel, "activation_scale")).hasSize(3);
    }

    @ParameterizedTest
    @MethodSource("bundles")
    void realBundlesWrittenAgainHaveTheSameSectionsAndMetadata(String name) throws IOException {
        Path file = real(name);
        Path copy = folder.resolve("copy-of-" + name);
        succeed("convert", file, copy);
        try (ByteSource one = ByteSource.of(file); ByteSource other = ByteSource.of(copy)) {
            BundleHeader expected = BundleHeader.read(one, Limits.DEFAULT);
            BundleHeader found = BundleHeader.read(other, Limits.DEFAULT);
            assertThat(found.version()).isEqualTo(expected.version());
            assertThat(found.system()).isEqualTo(expected.system());
            assertThat(found.sections()).isEqualTo(expected.sections());
            assertThat(other.length()).isEqualTo(one.length());
            for (BundleSection section : expected.sections()) {
                assertThat(other.readBytes(section.begin(), (int) section.length())).isEqualTo(
                        one.readBytes(section.begin(), (int) section.length()));
            }
        }
        assertThat(Cli.run("convert", file, folder.resolve("x.litertlm"), "--type", "INT8").code()).isEqualTo(4);
        assertThat(folder.resolve("x.litertlm")).doesNotExist();
    }

    static Stream<String> bundles() {
        return real().filter(name -> name.endsWith(".litertlm"));
    }

    /// Encodings move into the dense form of what they mean, with no family.
    @Test
    void aRealModelBecomesPlainNumbers() throws IOException {
        Path plain = folder.resolve("qwen");
        Path file = real("qwen_fc_blockwise_quantized.tflite");
        succeed("convert", file, plain, "--to", "safetensors");
        succeed("verify", plain, "--against", file);
    }
}
