package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.policy.Policy;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/// Files of other byte orders, older versions and architectures that no family describes.
class ForeignFilesTest {
    private static final long COLUMNS = 512;
    private static final long ROWS = 6;

    @TempDir private static Path folder;

    /// Widths of the fields of a block, in order: what a byte order changes.
    private static final Map<GgmlType, int[]> FIELDS = new EnumMap<>(Map.ofEntries(Map.entry(GgmlType.F32, new int[] {4}),
            Map.entry(GgmlType.F16, new int[] {2}), Map.entry(GgmlType.BF16, new int[] {2}), Map.entry(GgmlType.F64, new int[] {8}),
            Map.entry(GgmlType.I8, new int[] {1}), Map.entry(GgmlType.I16, new int[] {2}), Map.entry(GgmlType.I32, new int[] {4}),
            Map.entry(GgmlType.I64, new int[] {8}), Map.entry(GgmlType.Q4_0, then(2, bytes(16))),
            Map.entry(GgmlType.Q4_1, then(2, then(2, bytes(16)))), Map.entry(GgmlType.Q5_0, then(2, then(4, bytes(16)))),
            Map.entry(GgmlType.Q5_1, then(2, then(2, then(4, bytes(16))))), Map.entry(GgmlType.Q8_0, then(2, bytes(32))),
            Map.entry(GgmlType.Q2_K, join(bytes(80), 2, 2)), Map.entry(GgmlType.Q3_K, join(bytes(108), 2)),
            Map.entry(GgmlType.Q4_K, then(2, then(2, bytes(140)))), Map.entry(GgmlType.Q5_K, then(2, then(2, bytes(172)))),
            Map.entry(GgmlType.Q6_K, join(bytes(208), 2)), Map.entry(GgmlType.IQ4_NL, then(2, bytes(16))),
            Map.entry(GgmlType.IQ4_XS, then(2, then(2, bytes(132)))), Map.entry(GgmlType.TQ1_0, join(bytes(52), 2)),
            Map.entry(GgmlType.TQ2_0, join(bytes(64), 2)), Map.entry(GgmlType.MXFP4, bytes(17)), Map.entry(GgmlType.NVFP4, bytes(36)),
            Map.entry(GgmlType.Q1_0, then(2, bytes(16))), Map.entry(GgmlType.Q2_0, then(2, bytes(16)))));

    private static int[] bytes(int count) {
        int[] ones = new int[count];
        Arrays.fill(ones, 1);
        return ones;
    }

    private static int[] then(int first, int[] rest) {
        int[] all = new int[rest.length + 1];
        all[0] = first;
        System.arraycopy(rest, 0, all, 1, rest.length);
        return all;
    }

    private static int[] join(int[] first, int... rest) {
        int[] all = Arrays.copyOf(first, first.length + rest.length);
        System.arraycopy(rest, 0, all, first.length, rest.length);
        return all;
    }

    private static byte[] swapped(byte[] data, int[] fields) {
        byte[] result = new byte[data.length];
        for (int at = 0, field = 0; at < data.length; field = (field + 1) % fields.length) {
            int width = fields[field];
            for (int i = 0; i < width; i++) {
                result[at + i] = data[at + width - 1 - i];
            }
            at += width;
        }
        return result;
    }

    /// A model of an unheard-of architecture.
    private static GgufHeader.Builder mystery() {
        return GgufHeader.builder().put("general.architecture", "mystery").put("general.name", "a mystery").putU32("mystery.block_count", 2)
                .putU32("mystery.attention.head_count", 8).putU32("mystery.attention.head_count_kv", 2).putF32("mystery.rope", 0.5f)
                .put("mystery.counts", GgufArray.ofInts(1, 2, 3)).put("tokenizer.ggml.tokens", GgufArray.ofStrings(List.of("a", "b", "ü")))
                .put("split.count", GgufValue.u16(0));
    }

    private static Map<String, byte[]> data(GgufHeader header) {
        Random random = new Random(11);
        Map<String, byte[]> data = new LinkedHashMap<>();
        for (GgufTensorInfo tensor : header.tensors()) {
            byte[] bytes = new byte[(int) tensor.byteLength()];
            random.nextBytes(bytes);
            // No scale may be infinite or no number: the upper bits of exponents are cleared.
            for (int i = 1; i < bytes.length; i += 2) {
                bytes[i] &= (byte) 0xBF;
            }
            data.put(tensor.name(), bytes);
        }
        return data;
    }

    private static Path file(String name, GgufHeader header, Map<String, byte[]> data, boolean big) throws IOException {
        byte[] bytes = Arrays.copyOf(header.toBytes(), (int) header.fileLength());
        for (GgufTensorInfo tensor : header.tensors()) {
            byte[] content = data.get(tensor.name());
            byte[] stored = big && FIELDS.containsKey(tensor.type()) ? swapped(content, FIELDS.get(tensor.type())) : content;
            System.arraycopy(stored, 0, bytes, (int) tensor.position(), stored.length);
        }
        Path path = folder.resolve(name);
        Files.write(path, bytes);
        return path;
    }

    private static GgufHeader.Builder withAllTypes(GgufHeader.Builder builder) {
        FIELDS.keySet().forEach(type -> builder.tensor("blk.0." + type.name().toLowerCase(java.util.Locale.ROOT) + ".weight",
                Shape.of(ROWS, COLUMNS), type));
        return builder;
    }

    @Test
    void bigEndianFilesReadAndConvertAsIfLittleEndian() throws Exception {
        GgufHeader little = withAllTypes(mystery()).build();
        GgufHeader big = withAllTypes(mystery()).order(ByteOrder.BIG_ENDIAN).build();
        Map<String, byte[]> data = data(little);
        Path one = file("little.gguf", little, data, false);
        Path other = file("big.gguf", big, data, true);
        Path fromLittle = folder.resolve("from-little.gguf");
        Path fromBig = folder.resolve("from-big.gguf");
        Conversions.convert(one, fromLittle, Policy.KEEP);
        ConversionPlan plan = Conversions.convert(other, fromBig, Policy.KEEP);
        assertThat(plan.findings()).anyMatch(finding -> finding.code().equals("big-endian"));
        assertThat(fromBig).hasSameBinaryContentAs(fromLittle);
        Contents.of(fromBig).data().forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(data.get(name)));
        Conversions.convert(one, folder.resolve("little-f32.gguf"), Policy.KEEP.withType("F32", true));
        Conversions.convert(other, folder.resolve("big-f32.gguf"), Policy.KEEP.withType("F32", true));
        assertThat(folder.resolve("big-f32.gguf")).hasSameBinaryContentAs(folder.resolve("little-f32.gguf"));
        readsAnyRange(one, other, little, big);
    }

    /// Reads may begin and end anywhere, also within a field.
    private static void readsAnyRange(Path one, Path other, GgufHeader little, GgufHeader big) throws IOException {
        Random random = new Random(5);
        try (Checkpoint a = Conversions.open(one); Checkpoint b = Conversions.open(other)) {
            for (int i = 0; i < 20_000; i++) {
                long length = little.fileLength() - little.dataOffset();
                int count = 1 + random.nextInt(random.nextBoolean() ? 40 : 40_000);
                long from = random.nextLong(Math.max(1, length - count));
                byte[] expected = new byte[(int) Math.min(count, length - from)];
                byte[] found = new byte[expected.length];
                a.files().getFirst().source().read(little.dataOffset() + from, MemorySegment.ofArray(expected));
                b.files().getFirst().source().read(big.dataOffset() + from, MemorySegment.ofArray(found));
                if (!Arrays.equals(expected, found)) {
                    assertThat(found).as(from + " up to " + (from + count)).isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void latticesOfTheOtherOrderAreWeighedAndNotConverted() throws Exception {
        GgufHeader big = mystery().order(ByteOrder.BIG_ENDIAN).tensor("blk.0.x.weight", Shape.of(ROWS, COLUMNS), GgmlType.IQ2_XS).build();
        Path path = file("lattice.gguf", big, data(big), true);
        try (Checkpoint checkpoint = Conversions.open(path)) {
            assertThat(checkpoint.graph().stored()).singleElement().satisfies(tensor -> {
                assertThat(tensor.encoding().name()).isEqualTo("IQ2_XS");
                assertThat(tensor.encoding().decoder()).isEmpty();
            });
        }
        assertThatThrownBy(() -> Conversions.convert(path, folder.resolve("no.gguf"), Policy.KEEP)).isInstanceOf(PolicyException.class)
                .hasMessageContaining("blk.0.x.weight");
    }

    @Test
    void versionTwoConverts() throws Exception {
        GgufHeader header = withAllTypes(mystery()).build();
        Map<String, byte[]> data = data(header);
        Path three = file("three.gguf", header, data, false);
        byte[] bytes = Files.readAllBytes(three);
        bytes[4] = 2;
        Path two = folder.resolve("two.gguf");
        Files.write(two, bytes);
        Path kept = folder.resolve("kept.gguf");
        Conversions.convert(two, kept, Policy.KEEP);
        Path same = folder.resolve("same.gguf");
        Conversions.convert(three, same, Policy.KEEP);
        assertThat(kept).hasSameBinaryContentAs(same);
        try (Checkpoint checkpoint = Conversions.open(two)) {
            assertThat(checkpoint.formatVersion()).hasValue("2");
        }
    }

    @Test
    void anUnknownArchitectureIsCarriedAndMixed() throws Exception {
        GgufHeader.Builder builder = mystery().put("general.alignment", GgufValue.u32(128)).putU32("general.file_type", 1)
                .tensor("token_embd.weight", Shape.of(3, COLUMNS), GgmlType.F16).tensor("output.weight", Shape.of(3, COLUMNS), GgmlType.F16)
                .tensor("output_norm.weight", Shape.of(COLUMNS), GgmlType.F32);
        for (int layer = 0; layer < 2; layer++) {
            for (String name : List.of("attn_q", "attn_v", "attn_output", "ffn_down", "ssm_conv1d", "ffn_gate_inp", "odd")) {
                builder.tensor("blk." + layer + "." + name + ".weight", Shape.of(4, name.equals("odd") ? 96 : COLUMNS), GgmlType.F16);
            }
        }
        GgufHeader header = builder.build();
        Map<String, byte[]> data = data(header);
        Path source = file("mystery.gguf", header, data, false);
        Path kept = folder.resolve("mystery-kept.gguf");
        ConversionPlan plan = Conversions.convert(source, kept, Policy.KEEP);
        assertThat(plan.findings()).anyMatch(finding -> finding.code().equals("alignment-changed"));
        Contents found = Contents.of(kept);
        List<String> expectedKeys = new ArrayList<>(header.keys().keySet());
        expectedKeys.removeAll(List.of("split.count", "general.alignment"));
        assertThat(List.copyOf(found.keys().keySet())).isEqualTo(expectedKeys);
        found.data().forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(data.get(name)));

        Path mixed = folder.resolve("mystery-q2k.gguf");
        Conversions.convert(source, mixed, Policy.KEEP.withType("Q2_K", false));
        Map<String, String> types = Contents.of(mixed).types();
        assertThat(types.get("token_embd.weight")).startsWith("Q2_K ");
        assertThat(types.get("output.weight")).startsWith("Q6_K ");
        assertThat(types.get("output_norm.weight")).startsWith("F32 ");
        assertThat(types.get("blk.1.attn_v.weight")).as("eight heads over two").startsWith("Q4_K ");
        assertThat(types.get("blk.0.attn_output.weight")).startsWith("Q3_K ");
        assertThat(types.get("blk.0.ffn_down.weight")).startsWith("Q3_K ");
        assertThat(types.get("blk.0.odd.weight")).startsWith("Q4_0 ");
        assertThat(types.get("blk.0.ssm_conv1d.weight")).startsWith("F16 ");
        assertThat(types.get("blk.0.ffn_gate_inp.weight")).startsWith("F16 ");
        assertThat(Contents.of(mixed).keys()).containsEntry("general.file_type", GgufValue.u32(10))
                .containsEntry("general.quantization_version", GgufValue.u32(2));
        assertThatThrownBy(() -> Conversions.convert(source, folder.resolve("x.gguf"), Policy.KEEP.withStrip(java.util.Set.of("vision"))))
                .isInstanceOf(PolicyException.class).hasMessageContaining("--strip vision: a mystery (unknown) has no such part");
        assertThatThrownBy(() -> Conversions.convert(source, folder.resolve("x.gguf"), Policy.KEEP,
                TargetRequest.named("x.gguf").withOption("mmproj", "y.gguf"))).isInstanceOf(PolicyException.class)
                .hasMessageContaining("--mmproj \"y.gguf\"");
    }

    /// Numbers in names and keys that pass what an int holds end in a refusal or a result, never in a failure of arithmetic.
    @Test
    void absurdNumbersAreNoTrap() throws Exception {
        GgufHeader header = GgufHeader.builder().put("general.architecture", "m").put("m.block_count", GgufValue.u64(-1))
                .put("m.expert_count", GgufValue.u32(0xFFFF_FFFFL)).put("m.attention.head_count", GgufArray.ofInts())
                .put("m.attention.head_count_kv", GgufValue.i32(-5))
                .tensor("blk.99999999999999.attn_v.weight", Shape.of(2, 256), GgmlType.F32)
                .tensor("blk.-1.ffn_down.weight", Shape.of(2, 256), GgmlType.F32).tensor("weight", Shape.SCALAR, GgmlType.F32).build();
        Map<String, byte[]> files = new LinkedHashMap<>();
        byte[] bytes = Arrays.copyOf(header.toBytes(), (int) header.fileLength());
        files.put("absurd.gguf", bytes);
        Source source = new Source("absurd.gguf", SourceTree.of("", files), Optional.of("absurd.gguf"));
        try (Checkpoint checkpoint = Formats.installed().open(source, ReadOptions.defaults())) {
            for (String type : GgufFileType.names()) {
                if (!type.equals("Q2_K_S")) {
                    assertThat(io.github.weighbridge.convert.Planner.plan(checkpoint, Conversions.gguf(), Policy.KEEP.withType(type, false),
                            TargetRequest.named("x.gguf")).jobs()).as(type).hasSize(3);
                }
            }
        }
    }
}
