package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.fixtures.llama.QuantizeOptions;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufSet;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.plan.ImportanceMatrix;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// Importance matrices: read strictly, and minded as llama.cpp minds them, bit for bit.
class ImportanceTest {
    @TempDir private static Path folder;

    private static Path dense;
    private static Path experts;

    @BeforeAll
    static void make() throws Exception {
        dense = f32(Gemma4Size.TINY_UNIFIED);
        experts = f32(Gemma4Size.TINY_MOE);
    }

    private static Path f32(Gemma4Size size) throws Exception {
        Path source = folder.resolve(size.name());
        Gemma4Fixture.write(source, Gemma4Options.of(size).withParts(Gemma4Options.Parts.TEXT_ONLY).withThreads(2));
        Path f32 = folder.resolve(size.name() + ".gguf");
        Conversions.convert(source, f32, Policy.KEEP.withType("F32", false));
        return f32;
    }

    /// A file as llama-imatrix writes it: sums and counts, one of them 0, for all matrices of a model but one.
    private static byte[] matrixFile(Map<String, Shape> tensors) throws IOException {
        Random random = new Random(7);
        Map<String, float[]> data = new LinkedHashMap<>();
        GgufHeader.Builder builder = GgufHeader.builder().put("general.type", "imatrix")
                .put("imatrix.datasets", GgufArray.ofStrings(List.of("calibration.txt"))).putU32("imatrix.chunk_count", 3)
                .putU32("imatrix.chunk_size", 512);
        tensors.forEach((name, shape) -> {
            int matrices = shape.rank() < 3 ? 1 : (int) shape.dimension(0);
            float[] sums = new float[(int) (matrices * shape.columns())];
            float[] counts = new float[matrices];
            for (int m = 0; m < matrices; m++) {
                counts[m] = m == 1 ? 0 : 100 + random.nextInt(1000);
            }
            for (int i = 0; i < sums.length; i++) {
                sums[i] = (float) Math.exp(4 * random.nextGaussian()) * (i % 17 == 3 ? 0 : 1);
            }
            builder.tensor(name + ".in_sum2", Shape.of(matrices, shape.columns()), GgmlType.F32);
            builder.tensor(name + ".counts", Shape.of(matrices, 1), GgmlType.F32);
            data.put(name + ".in_sum2", sums);
            data.put(name + ".counts", counts);
        });
        return file(builder.build(), data);
    }

    private static byte[] file(GgufHeader header, Map<String, float[]> data) throws IOException {
        byte[] bytes = Arrays.copyOf(header.toBytes(), (int) header.fileLength());
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (GgufTensorInfo tensor : header.tensors()) {
            buffer.position((int) tensor.position());
            for (float number : data.get(tensor.name())) {
                buffer.putFloat(number);
            }
        }
        return bytes;
    }

    private static ImportanceMatrix read(byte[] file) throws IOException {
        return GgufImportance.read(ByteSource.of("imatrix.gguf", file), "imatrix.gguf", Limits.DEFAULT);
    }

    /// Weights for all matrices of a file but one, which is then encoded without.
    private static ImportanceMatrix matrix(Path gguf) throws IOException {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        try (GgufSet set = GgufSet.open(Source.of(gguf), Limits.DEFAULT)) {
            for (GgufSet.Tensor tensor : set.tensors()) {
                String name = tensor.info().name();
                if (tensor.info().shape().rank() > 1 && !name.equals("blk.1.ffn_up.weight")) {
                    shapes.put(name, tensor.info().shape());
                }
            }
        }
        return read(matrixFile(shapes));
    }

    @ParameterizedTest
    @ValueSource(strings = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_S", "Q6_K", "IQ4_NL", "IQ4_XS",
        "TQ2_0"})
    void tensorsEqualThoseOfLlamaQuantize(String type) throws Exception {
        equal(dense, type);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Q4_0", "Q4_K_M", "Q2_K", "Q5_1", "Q6_K"})
    void expertsHaveWeightsOfTheirOwn(String type) throws Exception {
        equal(experts, type);
    }

    private static void equal(Path f32, String type) throws Exception {
        Optional<LlamaCpp> llama = LlamaCpp.find();
        assumeTrue(llama.isPresent(), LlamaCpp::whyAbsent);
        ImportanceMatrix matrix = matrix(f32);
        String name = f32.getFileName() + "-" + type;
        Path ours = folder.resolve("ours-" + name + ".gguf");
        Conversions.convert(f32, ours, Policy.KEEP.withType(type, false),
                TargetRequest.named(ours.getFileName().toString()).withImportance(matrix));
        Path theirs = folder.resolve("theirs-" + name + ".gguf");
        llama.get().quantize(f32, theirs,
                QuantizeOptions.of(GgufFileType.named(type).orElseThrow().id()).withImportance(matrix.entries()));
        Contents expected = Contents.of(theirs);
        Contents found = Contents.of(ours);
        assertThat(found.types()).isEqualTo(expected.types());
        found.data().forEach((tensor, bytes) -> assertThat(bytes).as(tensor).isEqualTo(expected.data().get(tensor)));
        assertThat(found.keys()).containsEntry("quantize.imatrix.file", "imatrix.gguf")
                .containsEntry("quantize.imatrix.dataset", "calibration.txt")
                .containsEntry("quantize.imatrix.entries_count", GgufValue.u32(matrix.entries().size()))
                .containsEntry("quantize.imatrix.chunks_count", GgufValue.u32(3));
        Contents without = Contents.of(plain(f32, type));
        if (!List.of("Q8_0", "TQ2_0").contains(type)) {
            assertThat(without.data().get("blk.0.attn_q.weight")).isNotEqualTo(found.data().get("blk.0.attn_q.weight"));
        }
    }

    private static Path plain(Path f32, String type) throws Exception {
        Path plain = folder.resolve("plain-" + f32.getFileName() + "-" + type + ".gguf");
        Conversions.convert(f32, plain, Policy.KEEP.withType(type, false));
        return plain;
    }

    @Test
    void theSmallestKQuantNeedsOne() throws Exception {
        assertThatThrownBy(() -> plain(dense, "Q2_K_S")).isInstanceOf(PolicyException.class)
                .hasMessageContaining("needs an importance matrix");
        assumeTrue(LlamaCpp.find().isPresent(), LlamaCpp::whyAbsent);
        assertThatThrownBy(() -> equal(dense, "Q2_K_S")).isInstanceOf(PolicyException.class).hasMessageContaining("blk.1.ffn_up.weight")
                .hasMessageContaining("imatrix.gguf has no weights for it");
    }

    @Test
    void anEntryOfOtherShapeIsRefused() throws Exception {
        ImportanceMatrix matrix = new ImportanceMatrix("other.gguf", List.of(), 0, Map.of("blk.0.attn_q.weight", new float[] {1, 2, 3}));
        assertThatThrownBy(() -> Conversions.convert(dense, folder.resolve("other.gguf"), Policy.KEEP.withType("Q4_0", false),
                TargetRequest.named("other.gguf").withImportance(matrix))).isInstanceOf(PolicyException.class)
                .hasMessageContaining("other.gguf: 3 weights for blk.0.attn_q.weight");
    }

    @Test
    void readsWeightsAndTheirOrigin() throws Exception {
        ImportanceMatrix matrix = read(small(_ -> {}, new float[] {2, 4, 6, 8}, new float[] {2, 0}));
        assertThat(matrix.entries()).containsOnlyKeys("t.weight");
        assertThat(matrix.entry("t.weight")).hasValueSatisfying(weights -> assertThat(weights).containsExactly(1, 2, 1, 1));
        assertThat(matrix.datasets()).containsExactly("calibration.txt");
        assertThat(matrix.chunks()).isEqualTo(3);
    }

    private static byte[] small(Consumer<GgufHeader.Builder> change, float[] sums, float[] counts) throws IOException {
        GgufHeader.Builder builder = GgufHeader.builder().put("general.type", "imatrix")
                .put("imatrix.datasets", GgufArray.ofStrings(List.of("calibration.txt"))).putU32("imatrix.chunk_count", 3)
                .putU32("imatrix.chunk_size", 512).tensor("t.weight.in_sum2", Shape.of(sums.length), GgmlType.F32)
                .tensor("t.weight.counts", Shape.of(counts.length), GgmlType.F32);
        change.accept(builder);
        Map<String, float[]> data = new LinkedHashMap<>();
        data.put("t.weight.in_sum2", sums);
        data.put("t.weight.counts", counts);
        data.put("u.weight.in_sum2", new float[2]);
        data.put("u.weight.counts", new float[2]);
        return file(builder.build(), data);
    }

    private static void refused(byte[] file, String words) {
        assertThatThrownBy(() -> read(file)).isInstanceOf(CheckpointFormatException.class).hasMessageStartingWith("imatrix.gguf: ")
                .hasMessageContaining(words);
    }

    @Test
    void refusesWhatIsNoImportanceMatrix() throws Exception {
        float[] sums = {1, 2, 3, 4};
        float[] one = {1};
        refused(new byte[] {1, 0, 0, 0, 9, 9}, "importance matrices in GGUF form");
        for (String key : List.of("imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size")) {
            refused(small(builder -> builder.remove(key), sums, one), "key " + key + ": found none");
        }
        refused(small(builder -> builder.put("imatrix.chunk_count", "3"), sums, one), "key imatrix.chunk_count: value type");
        refused(small(builder -> builder.put("imatrix.datasets", GgufArray.ofInts(1)), sums, one), "element type of key imatrix.datasets");
        refused(small(_ -> {}, sums, new float[] {1, 1, 1}), "multiple of the 3 counts");
        refused(small(_ -> {}, sums, new float[0]), "multiple of the 0 counts");
        refused(small(_ -> {}, new float[] {1, Float.NaN}, one), "element 1: found NaN");
        refused(small(_ -> {}, new float[] {-1, 2}, one), "element 0: found -1.0");
        refused(small(_ -> {}, new float[] {Float.POSITIVE_INFINITY, 2}, one), "a finite weight");
        refused(small(builder -> builder.tensor("u.weight.in_sum2", Shape.of(2), GgmlType.F32), sums, one), "a tensor u.weight.counts");
        refused(small(builder -> builder.tensor("u.weight.counts", Shape.of(2), GgmlType.F32), sums, one), "tensor u.weight.counts: sums");
        refused(file(GgufHeader.builder().put("imatrix.datasets", GgufArray.ofStrings(List.of())).putU32("imatrix.chunk_count", 3)
                .putU32("imatrix.chunk_size", 512).build(), Map.of()), "none of which ends in .in_sum2");
    }
}
