package io.github.weighbridge.gguf.file;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.malformed.MalformedGguf;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class GgufHeaderTest {
    /// The same file by hand, from the grammar.
    @Test
    void writesTheGrammar() throws IOException {
        GgufHeader header = GgufHeader.builder().put("general.architecture", "llama").put("flag", GgufValue.flag(true))
                .put("tokens", GgufArray.ofStrings(List.of("a", "bc"))).tensor("t", Shape.of(3, 64), GgmlType.Q4_0)
                .tensor("s", Shape.SCALAR, GgmlType.F32).tensor("u", Shape.of(1, 1), GgmlType.F32).build();
        byte[] expected = MalformedGguf.bytes().header(3, 3).architecture().key("flag", 7).raw(1).key("tokens", 9).u32(8).u64(2).string("a")
                .string("bc").tensor("t", new long[] {64, 3}, 2, 0).tensor("s", new long[] {1}, 0, 128)
                .tensor("u", new long[] {1, 1}, 0, 160).pad().toBytes();
        assertThat(header.toBytes()).isEqualTo(expected);
        assertThat(header.dataOffset()).isEqualTo(expected.length);
        assertThat(header.fileLength()).isEqualTo(expected.length + 192);
        assertThat(header.alignment()).isEqualTo(32);
    }

    @Test
    void readsBackAsPlanned() throws IOException {
        GgufHeader header = GgufHeader.builder().putU32("general.alignment", 64).put("a", "x").putF32("b", 0.5f).putFlag("c", false)
                .tensor("t", Shape.of(2, 3, 256), GgmlType.Q6_K).tensor("s", Shape.SCALAR, GgmlType.F32)
                .tensor("empty", Shape.of(0), GgmlType.F32)
                .build();
        byte[] bytes = Arrays.copyOf(header.toBytes(), (int) header.fileLength());
        GgufFile file = GgufFile.read(ByteSource.of("model.gguf", bytes), Limits.DEFAULT);
        assertThat(file.tensors()).isEqualTo(header.tensors());
        assertThat(file.headerLength()).isEqualTo(header.headerLength());
        assertThat(file.dataOffset()).isEqualTo(header.dataOffset());
        assertThat(file.alignment()).isEqualTo(header.alignment()).isEqualTo(64);
        assertThat(header.dataOffset() % 64).isZero();
        assertThat(header.fileLength() - header.dataOffset()).isEqualTo(1280 + 64);
    }

    @Test
    void aHeaderWithoutTensorsIsNotPadded() throws IOException {
        GgufHeader header = GgufHeader.builder().put("a", "x").build();
        assertThat(header.toBytes()).hasSize((int) header.headerLength());
        assertThat(header.fileLength()).isEqualTo(header.headerLength()).isEqualTo(24 + 8 + 1 + 4 + 8 + 1);
    }

    /// Keys move from one file to another, whatever the order of bytes, without being held.
    @Test
    void valuesAreCopiedFromAFileOfTheOtherOrder() throws IOException {
        GgufHeader big = GgufHeader.builder().order(ByteOrder.BIG_ENDIAN).put("text", "x".repeat(10_000))
                .put("tokens", GgufArray.ofStrings(List.of("a", "", "\u00e9".repeat(70_000))))
                .put("n", GgufArray.ofWhole(GgufValueType.I16, -2, 3))
                .put("f", GgufArray.ofFloats(1, Float.intBitsToFloat(0x7F80_0001))).put("l", GgufArray.ofWhole(GgufValueType.I64, 1L << 40))
                .put("b", GgufArray.ofFlags(true)).put("x", GgufValue.u64(7)).build();
        GgufFile from = GgufFile.read(ByteSource.of("big.gguf", big.toBytes()), Limits.DEFAULT);
        GgufHeader.Builder builder = GgufHeader.builder();
        from.keys().values().forEach(key -> builder.put(key.name(), key.value()));
        GgufHeader.Builder direct = GgufHeader.builder();
        big.keys().forEach(direct::put);
        assertThat(builder.build().toBytes()).isEqualTo(direct.build().toBytes());
    }

    @Test
    void keysKeepTheirPlace() {
        GgufHeader header = GgufHeader.builder().put("a", "1").put("b", "2").put("c", "3").put("a", "4").remove("b").build();
        assertThat(header.keys().keySet()).containsExactly("a", "c");
        assertThat(header.keys().get("a")).hasToString("4");
    }

    @Test
    void arraysGrowStringByString() throws IOException {
        GgufArrayWriter writer = new GgufArrayWriter(0);
        for (int i = 0; i < 1000; i++) {
            writer.add("token " + i);
        }
        GgufArray before = writer.toArray();
        writer.addUtf8(new byte[] {'x', 'y', 'z'}, 1, 2);
        assertThat(before.strings()).hasSize(1000).endsWith("token 999");
        assertThat(writer.toArray().strings()).hasSize(1001).endsWith("token 999", "yz");
        assertThat(writer.count()).isEqualTo(1001);
        assertThat(writer.toArray()).hasToString("array of 1001 string");
    }

    @Test
    void payloadsMustFitTheirCount() {
        assertThat(GgufArray.ofPayload(GgufValueType.F64, 1, new byte[8], ByteOrder.LITTLE_ENDIAN).byteLength()).isEqualTo(8);
        assertThatThrownBy(() -> GgufArray.ofPayload(GgufValueType.F64, 2, new byte[15], ByteOrder.LITTLE_ENDIAN))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("15 bytes are not 2 elements of f64");
        assertThatThrownBy(() -> GgufArray.ofPayload(GgufValueType.STRING, 1, new byte[9], ByteOrder.LITTLE_ENDIAN))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("9 bytes are not 1 elements of string");
        assertThatThrownBy(() -> GgufArray.ofPayload(GgufValueType.STRING, 2, new byte[9], ByteOrder.LITTLE_ENDIAN))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> GgufArray.ofPayload(GgufValueType.ARRAY, 0, new byte[0], ByteOrder.LITTLE_ENDIAN))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("no array of 0 array");
    }

    @Test
    void whatNoReaderTakesIsNotWritten() {
        GgufHeader.Builder builder = GgufHeader.builder().tensor("t", Shape.of(32), GgmlType.F32);
        assertThatThrownBy(() -> builder.tensor("t", Shape.of(32), GgmlType.F32)).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("tensor t is there already");
        assertThatThrownBy(() -> builder.tensor("n".repeat(64), Shape.of(32), GgmlType.F32))
                .hasMessageStartingWith("a tensor name of 64 bytes; at most 63 are allowed");
        assertThatThrownBy(() -> builder.tensor("u", Shape.of(1, 1, 1, 1, 1), GgmlType.F32))
                .hasMessage("tensor u has 5 dimensions; at most 4 are allowed");
        assertThatThrownBy(() -> builder.tensor("u", Shape.of(33), GgmlType.Q4_0))
                .hasMessage("a row of 33 is no multiple of 32, the block of Q4_0");
        assertThatThrownBy(() -> builder.put("", "x")).hasMessage("a key of 0 bytes; 1 to 65535 are allowed");
        assertThatThrownBy(() -> builder.put("k".repeat(65_536), "x")).hasMessage("a key of 65536 bytes; 1 to 65535 are allowed");
        assertThatThrownBy(() -> builder.putU32("general.alignment", 24))
                .hasMessage("general.alignment must be u32 and a power of two, not u32 24");
        assertThatThrownBy(() -> builder.put("general.alignment", GgufValue.u64(32))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.put("k", "\ud800")).hasMessage("text with an unpaired surrogate cannot be written as UTF-8");
        assertThatThrownBy(() -> GgufValue.u8(256)).hasMessage("256 is no u8");
        assertThatThrownBy(() -> new GgufValue.Whole(GgufValueType.F32, 1)).hasMessage("f32 is no type of whole numbers");
        GgufHeader.Builder huge =
                GgufHeader.builder().tensor("a", Shape.of(1L << 62), GgmlType.I8).tensor("b", Shape.of(1L << 62), GgmlType.I8);
        assertThatThrownBy(huge::build).isInstanceOf(ArithmeticException.class);
    }
}
