package io.github.weighbridge.inspector;

import io.github.weighbridge.compressedtensors.encoding.PackedEncodings;
import io.github.weighbridge.encoding.CodeReader;
import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Codes that go from one format into another and back are what they were, bit for bit.
class CrossingsTest {
    @TempDir private static Path folder;
    private static Path trained;
    private static Path mobile;

    @BeforeAll
    static void unpack() throws IOException {
        trained = folder.resolve("trained");
        mobile = folder.resolve("mobile");
        TrainedCheckpoints.unpack(trained, TrainedCheckpoints.QAT_Q4_0);
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
    }

    private static Path convert(Path source, String target, Object... options) {
        Path path = folder.resolve(target);
        List<Object> arguments = new ArrayList<>(List.of("convert", source, path, "--force"));
        arguments.addAll(List.of(options));
        Cli.Result result = Cli.run(arguments.toArray());
        assertThat(result.err()).isEmpty();
        assertThat(result.code()).isZero();
        return path;
    }

    private static Checkpoint open(Path path) throws IOException {
        return Formats.installed().open(Source.of(path), ReadOptions.defaults());
    }

    private static void assertSameTensors(Path one, Path other) throws IOException {
        try (Checkpoint a = open(one); Checkpoint b = open(other)) {
            assertThat(b.graph().stored().stream().map(StoredTensor::name)).containsExactlyElementsOf(
                    a.graph().stored().stream().map(StoredTensor::name).toList());
            for (StoredTensor tensor : a.graph().stored()) {
                StoredTensor same = b.graph().stored(tensor.name()).orElseThrow();
                assertThat(same.encoding()).as(tensor.name()).isEqualTo(tensor.encoding());
                for (int plane = 0; plane < tensor.planes().size(); plane++) {
                    assertThat(Arrays.equals(bytes(a, tensor.planes().get(plane)), bytes(b, same.planes().get(plane)))).as(tensor.name())
                            .isTrue();
                }
            }
        }
    }

    private static byte[] bytes(Checkpoint checkpoint, Span span) throws IOException {
        return checkpoint.files().get(span.file()).source().readBytes(span.offset(), (int) span.length());
    }

    @Test
    void aMobileCheckpointIsTheSameGgufByWayOfCompressedTensors() throws IOException {
        Path direct = convert(mobile, "direct.gguf");
        Path there = convert(mobile, "mobile-ct", "--to", "compressed-tensors");
        assertSameTensors(direct, convert(there, "roundabout.gguf"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"Q4_0", "Q8_0"})
    void blocksOfGgufComeBack(String type) throws IOException {
        Path blocks = convert(trained, type + ".gguf", "--type", type, "--pure");
        Path there = convert(blocks, "ct-" + type, "--to", "compressed-tensors");
        try (Checkpoint checkpoint = open(there)) {
            String encoding = type.equals("Q4_0") ? "int4/group32" : "int8/group32";
            assertThat(checkpoint.graph().stored().stream().filter(tensor -> tensor.encoding().name().equals(encoding)).count())
                    .isEqualTo(66);
            assertThat(Files.readString(there.resolve("config.json"))).contains("\"dtype\": \"bfloat16\"");
        }
        assertSameTensors(blocks, convert(there, type + "-back.gguf"));
    }

    /// Experts of a layer are one tensor in GGUF and modules of their own in compressed-tensors.
    @ParameterizedTest
    @ValueSource(strings = {"Q4_0", "Q8_0"})
    void blocksOfExpertsComeBack(String type) throws IOException {
        Path plain = folder.resolve("moe");
        if (!Files.exists(plain)) {
            Gemma4Fixture.write(plain, Gemma4Options.of(Gemma4Size.TINY_MOE));
        }
        Path blocks = convert(plain, "moe-" + type + ".gguf", "--type", type, "--pure");
        Path there = convert(blocks, "moe-ct-" + type, "--to", "compressed-tensors", "--runtime", "vllm");
        try (Checkpoint checkpoint = open(there)) {
            String encoding = type.equals("Q4_0") ? "int4/group32" : "int8/group32";
            StoredTensor expert = checkpoint.graph().stored("model.language_model.layers.2.experts.7.up_proj.weight").orElseThrow();
            assertThat(expert.encoding().name()).isEqualTo(encoding);
            assertThat(checkpoint.graph().stored().stream().filter(tensor -> tensor.name().contains(".experts.")).map(
                    tensor -> tensor.encoding().name())).hasSize(4 * 8 * 3).containsOnly(encoding);
        }
        assertSameTensors(blocks, convert(there, "moe-" + type + "-back.gguf"));
        if (type.equals("Q4_0")) {
            // As plain numbers, experts lie on their grid still, which is found again.
            Path dense = convert(blocks, "moe-dense", "--to", "safetensors", "--type", "BF16");
            Path exact = convert(dense, "moe-exact", "--to", "compressed-tensors", "--type", "W4A16");
            Path ranges = convert(dense, "moe-minmax", "--to", "compressed-tensors", "--type", "W4A16:minmax");
            assertThat(error(dense, exact)).isPositive().isLessThan(error(dense, ranges) / 500);
        }
    }

    @Test
    void planAndResultAgree() throws IOException {
        for (Path source : List.of(trained, mobile)) {
            for (List<Object> wish : List.<List<Object>>of(List.of("--to", "compressed-tensors"),
                    List.of("--to", "compressed-tensors", "--type", "W4A16", "--max-shard-size", "1MB"),
                    List.of("--to", "safetensors", "--form", "gemma"))) {
                List<Object> plan = new ArrayList<>(List.of("plan", source, "--json"));
                plan.addAll(wish);
                Path target = convert(source, "agreed", wish.toArray());
                Cli.Result planned = Cli.run(plan.toArray());
                Cli.Result result = Cli.run("inspect", target, "--json");
                ReportCheck.plan(planned.json());
                ReportCheck.inspect(result.json(), target);
                ReportCheck.same(planned.json(), result.json());
            }
        }
    }

    /// Squared error of all matrices of the decoder that were trained for 4 bits.
    private static double error(Path source, Path other) throws IOException {
        double sum = 0;
        try (Checkpoint a = open(source); Checkpoint b = open(other)) {
            for (Weight weight : a.graph().weights()) {
                boolean on = weight.view().shape().rank() == 2 && weight.identity().component().word().equals("text_decoder")
                        && !weight.identity().role().word().equals("per_layer_model_projection");
                if (on) {
                    float[] x = numbers(a, weight);
                    float[] y = numbers(b, b.graph().weight(weight.key()).orElseThrow());
                    for (int i = 0; i < x.length; i++) {
                        sum += ((double) x[i] - y[i]) * ((double) x[i] - y[i]);
                    }
                }
            }
        }
        return sum;
    }

    private static float[] numbers(Checkpoint checkpoint, Weight weight) throws IOException {
        float[] numbers = new float[(int) weight.view().shape().elements()];
        try (ViewReader reader = new ViewReader(checkpoint.files().stream().map(CheckpointFile::source).toList())) {
            reader.read(weight.view(), Region.all(weight.view().shape()), numbers, 0);
        }
        return numbers;
    }

    /// Steps in BF16, which vLLM keeps as they are, are coarser than those in half precision, and return the same numbers after rounding.
    @Test
    void aTrainedGridHasTheErrorOfTheExactQ40() throws IOException {
        Path exact = convert(trained, "exact.gguf", "--type", "Q4_0:exact", "--pure");
        Path packed = convert(trained, "w4a16", "--to", "compressed-tensors", "--type", "W4A16");
        Path ordinary = convert(trained, "w4a16-minmax", "--to", "compressed-tensors", "--type", "W4A16:minmax");
        Path searched = convert(trained, "w4a16-plain", "--to", "compressed-tensors", "--type", "W4A16:plain");
        double found = error(trained, packed);
        assertThat(found).isLessThanOrEqualTo(error(trained, exact) * 1.2).isPositive();
        assertThat(error(trained, ordinary)).isGreaterThan(found * 1000);
        // Without negative scales, groups whose largest number is positive are off their grid.
        assertThat(error(trained, searched)).isGreaterThan(found * 100);
    }

    /// The recipe `exact` finds the same steps, on a trained grid and off it, whoever packs them.
    @Test
    void exactIsTheSameInBlocksAndInWords() {
        Encoding blocks = GgmlEncodings.of(GgmlType.Q4_0);
        Encoding words = PackedEncodings.packed(4, new Granularity.Group(32), DenseType.F16);
        Random random = new Random(11);
        Shape shape = Shape.of(64, 128);
        float[] numbers = new float[(int) shape.elements()];
        for (DenseType type : List.of(DenseType.BF16, DenseType.F16, DenseType.F32)) {
            for (int block = 0; block < numbers.length / 32; block++) {
                float step = (float) (random.nextGaussian() * 0.05);
                int peak = 1 + random.nextInt(8);
                for (int i = 0; i < 32; i++) {
                    float number = switch (block % 4) {
                        case 0 -> (float) random.nextGaussian();
                        case 1 -> 0;
                        default -> step * (random.nextInt(2 * peak + 1) - peak);
                    };
                    numbers[block * 32 + i] = switch (type) {
                        case BF16 -> Float.intBitsToFloat(Float.floatToRawIntBits(number) + 0x7fff & 0xffff0000);
                        case F16 -> Float.float16ToFloat(Float.floatToFloat16(number));
                        default -> number;
                    };
                }
            }
            Codes a = codes(blocks, shape, numbers, type);
            Codes b = codes(words, shape, numbers, type);
            int elements = (int) shape.elements();
            assertThat(Arrays.mismatch(Arrays.copyOf(b.scales(), elements / 32), Arrays.copyOf(a.scales(), elements / 32)))
                    .as("%s: group whose step differs", type).isEqualTo(-1);
            assertThat(Arrays.mismatch(Arrays.copyOf(b.codes(), elements), Arrays.copyOf(a.codes(), elements)))
                    .as("%s: code that differs", type).isEqualTo(-1);
        }
    }

    private static Codes codes(Encoding encoding, Shape shape, float[] numbers, DenseType type) {
        MemorySegment[] planes = new MemorySegment[encoding.planes().size()];
        for (int plane = 0; plane < planes.length; plane++) {
            planes[plane] = MemorySegment.ofArray(new byte[(int) encoding.planeBytes(plane, shape)]);
        }
        EncoderInputs inputs = new EncoderInputs("exact", OptionalDouble.empty(), Optional.empty(), Optional.of(type));
        encoding.encoder(inputs).orElseThrow().encode(shape, Region.all(shape), numbers, 0, planes);
        Codes codes = new Codes();
        CodeReader reader = encoding.codeReader().orElseThrow();
        reader.read(shape, Region.all(shape), planes, codes);
        return codes;
    }
}
