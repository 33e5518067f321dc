package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.SourceTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

class SafetensorsLayoutTest {
    private static SafetensorsLayout.Tensor tensor(String name, SafetensorsType type, long... shape) {
        return new SafetensorsLayout.Tensor(name, type, Shape.of(shape));
    }

    private static String header(SafetensorsLayout layout) {
        byte[] prefix = layout.prefix();
        return new String(prefix, 8, prefix.length - 8, StandardCharsets.UTF_8);
    }

    private static SafetensorsFile reread(SafetensorsLayout layout) throws IOException {
        return SafetensorsFile.read(ByteSource.of("x", Arrays.copyOf(layout.prefix(), Math.toIntExact(layout.length()))), Limits.DEFAULT);
    }

    @Test
    void ordersByTypeThenByBytesOfTheName() throws IOException {
        SafetensorsLayout layout =
                SafetensorsLayout.of(List.of(tensor("b", SafetensorsType.U8, 3), tensor("\ud83d\ude00", SafetensorsType.BF16, 1),
                        tensor("\uffee", SafetensorsType.BF16, 1), tensor("z", SafetensorsType.I64), tensor("a10", SafetensorsType.U8),
                        tensor("a2", SafetensorsType.U8, 0)), Map.of());
        assertThat(header(layout).stripTrailing()).isEqualTo("{\"__metadata__\":{\"format\":\"pt\"}"
                + ",\"z\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}"
                + ",\"\uffee\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[8,10]}"
                + ",\"\ud83d\ude00\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[10,12]}"
                + ",\"a10\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[12,13]}"
                + ",\"a2\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[13,13]}"
                + ",\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[13,16]}}");
        assertThat(layout.prefix().length % 8).isZero();
        assertThat(layout.dataOffset()).isEqualTo(layout.prefix().length);
        assertThat(layout.dataBytes()).isEqualTo(16);
        assertThat(layout.length()).isEqualTo(layout.dataOffset() + 16);
        assertThat(layout.metadata()).containsExactly(entry("format", "pt"));
        SafetensorsFile file = reread(layout);
        assertThat(file.entries()).isEqualTo(layout.entries());
        assertThat(file.metadata()).isEqualTo(layout.metadata());
    }

    @Test
    void comparesAsUtf8Does() {
        Random random = new Random(7);
        int[] points = {0x41, 0x7f, 0xe9, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
        for (int i = 0; i < 10_000; i++) {
            String left = text(random, points);
            String right = text(random, points);
            int expected = Arrays.compareUnsigned(left.getBytes(StandardCharsets.UTF_8), right.getBytes(StandardCharsets.UTF_8));
            assertThat(Integer.signum(SafetensorsLayout.compareAsUtf8(left, right))).as("%s and %s", left, right)
                    .isEqualTo(Integer.signum(expected));
        }
    }

    private static String text(Random random, int[] points) {
        return random.ints(random.nextInt(4), 0, points.length).map(i -> points[i])
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
    }

    @Test
    void escapesAsSerdeJsonDoes() throws IOException {
        String odd = "\"\\/\b\f\n\r\t\u0001\u001f\u007f\u00e9\u2028";
        SafetensorsLayout layout = SafetensorsLayout.exactly(List.of(tensor(odd, SafetensorsType.U8)), Map.of(odd, odd));
        assertThat(header(layout)).startsWith("{\"__metadata__\":{\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u007f\u00e9\u2028\":");
        assertThat(reread(layout).find(odd)).isPresent();
        assertThat(reread(layout).metadata()).containsExactly(entry(odd, odd));
    }

    @Test
    void formatIsAddedOnlyWhereItIsMissing() {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("z", "1");
        metadata.put("format", "np");
        assertThat(SafetensorsLayout.of(List.of(), metadata).metadata()).containsExactly(entry("z", "1"), entry("format", "np"));
        assertThat(SafetensorsLayout.of(List.of(), Map.of("z", "1")).metadata()).containsExactly(entry("format", "pt"), entry("z", "1"));
        assertThat(header(SafetensorsLayout.exactly(List.of(), Map.of()))).isEqualTo("{}      ");
        assertThat(header(SafetensorsLayout.of(List.of(), Map.of()))).isEqualTo("{\"__metadata__\":{\"format\":\"pt\"}}");
    }

    @Test
    void refusesWhatCannotBeWritten() {
        assertThatThrownBy(() -> SafetensorsLayout.of(List.of(tensor("a", SafetensorsType.U8), tensor("a", SafetensorsType.F32)), Map.of()))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("two tensors named \"a\"");
        assertThatThrownBy(() -> tensor("__metadata__", SafetensorsType.U8)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tensor("a\0", SafetensorsType.U8)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tensor("\ud800", SafetensorsType.U8)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tensor("a", SafetensorsType.F4, 3)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> SafetensorsLayout.of(List.of(), Map.of("\udc00", ""))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> SafetensorsLayout.of(List.of(), Map.of("k", "v".repeat(100_000_001))))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("a header of more than 100000000 bytes");
        long half = 1L << 59;
        assertThatThrownBy(() -> SafetensorsLayout.of(IntStream.range(0, 17)
                .mapToObj(i -> tensor("t" + i, SafetensorsType.U8, half)).toList(), Map.of())).isInstanceOf(ArithmeticException.class);
    }

    @Test
    void splitsInTheOrderGiven() throws IOException {
        List<SafetensorsLayout.Tensor> tensors = List.of(tensor("c", SafetensorsType.U8, 4), tensor("b\u00e9", SafetensorsType.F32, 1),
                tensor("large", SafetensorsType.U8, 100), tensor("a", SafetensorsType.U8, 3), tensor("d", SafetensorsType.U8, 5));
        SafetensorsShards shards = SafetensorsShards.plan(tensors, Map.of("k", "v"), 8, OptionalLong.of(113));
        assertThat(shards.files()).extracting(SafetensorsShards.Planned::file).containsExactly("model-00001-of-00003.safetensors",
                "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors");
        assertThat(shards.files()).extracting(planned -> planned.layout().entries().stream().map(SafetensorsEntry::name).toList())
                .containsExactly(List.of("b\u00e9", "c"), List.of("large"), List.of("a", "d"));
        assertThat(shards.tensorBytes()).isEqualTo(116);
        SafetensorsShards.Index index = shards.index().orElseThrow();
        assertThat(new String(index.bytes(), StandardCharsets.UTF_8)).isEqualTo("""
                {
                  "metadata": {
                    "total_parameters": 113,
                    "total_size": 116
                  },
                  "weight_map": {
                    "a": "model-00003-of-00003.safetensors",
                    "b\\u00e9": "model-00001-of-00003.safetensors",
                    "c": "model-00001-of-00003.safetensors",
                    "d": "model-00003-of-00003.safetensors",
                    "large": "model-00002-of-00003.safetensors"
                  }
                }
                """);
        assertThat(index.length()).isEqualTo(index.bytes().length);

        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put(SafetensorsIndex.FILE, index.bytes());
        for (SafetensorsShards.Planned planned : shards.files()) {
            files.put(planned.file(), Arrays.copyOf(planned.layout().prefix(), Math.toIntExact(planned.layout().length())));
        }
        try (SafetensorsFolder folder = SafetensorsFolder.open(SourceTree.of("m", files), Limits.DEFAULT)) {
            assertThat(folder.warnings()).isEmpty();
            assertThat(folder.tensors()).hasSize(5);
        }
    }

    @Test
    void oneFileHasNoIndex() {
        SafetensorsShards one = SafetensorsShards.plan(List.of(tensor("a", SafetensorsType.U8, 8)), Map.of(), 8, OptionalLong.empty());
        assertThat(one.files()).singleElement().extracting(SafetensorsShards.Planned::file).isEqualTo("model.safetensors");
        assertThat(one.index()).isEmpty();
        assertThat(SafetensorsShards.plan(List.of(), Map.of(), 8, OptionalLong.empty()).files()).hasSize(1);
        assertThatThrownBy(() -> SafetensorsShards.plan(List.of(), Map.of(), 0, OptionalLong.empty()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(
                () -> SafetensorsShards.plan(List.of(tensor("a", SafetensorsType.U8, 8), tensor("a", SafetensorsType.U8, 8)), Map.of(), 8,
                        OptionalLong.empty()))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("two tensors named \"a\"");
    }
}
