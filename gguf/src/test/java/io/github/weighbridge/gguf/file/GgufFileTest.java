package io.github.weighbridge.gguf.file;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.malformed.MalformedGguf;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.ForwardingByteSource;
import io.github.weighbridge.io.Limits;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class GgufFileTest {
    private static final String LONG_TEXT = "{{ bos_token }} gr\u00fc\u00df dich \ud83d\ude42 ".repeat(300);

    private static GgufFile read(byte[] bytes) throws IOException {
        return GgufFile.read(ByteSource.of("model.gguf", bytes), Limits.DEFAULT);
    }

    /// A header with a value of each type, arrays, and three tensors.
    private static GgufHeader header(ByteOrder order) {
        return GgufHeader.builder().order(order).put("general.architecture", "gemma4").put("u8", GgufValue.u8(255))
                .put("i8", new GgufValue.Whole(GgufValueType.I8, -128)).put("u16", GgufValue.u16(65_535))
                .put("i16", new GgufValue.Whole(GgufValueType.I16, -32_768)).put("u32", GgufValue.u32(0xFFFF_FFFFL))
                .put("i32", GgufValue.i32(Integer.MIN_VALUE)).put("f32", GgufValue.f32(1.5f)).put("flag", GgufValue.flag(true))
                .put("u64", GgufValue.u64(-1)).put("i64", GgufValue.i64(Long.MIN_VALUE)).put("f64", GgufValue.f64(Math.PI)).put("empty", "")
                .put("template", LONG_TEXT).put("tokens", GgufArray.ofStrings(List.of("", "a", "\u00e9", "\ud83d\ude42")))
                .put("scores", GgufArray.ofFloats(0f, -1f, Float.NEGATIVE_INFINITY)).put("types", GgufArray.ofInts(1, -2, 3))
                .put("flags", GgufArray.ofFlags(true, false)).put("shorts", GgufArray.ofWhole(GgufValueType.U16, 65_535, 1))
                .put("longs", GgufArray.ofWhole(GgufValueType.U64, -1, 1)).put("none", GgufArray.ofStrings(List.of()))
                .tensor("a.weight", Shape.of(2, 64), GgmlType.Q4_0).tensor("b.weight", Shape.of(3), GgmlType.F32)
                .tensor("c.weight", Shape.of(2, 1, 5), GgmlType.BF16).build();
    }

    private static byte[] file(ByteOrder order) throws IOException {
        GgufHeader header = header(order);
        byte[] bytes = Arrays.copyOf(header.toBytes(), Math.toIntExact(header.fileLength()));
        for (int i = (int) header.dataOffset(); i < bytes.length; i++) {
            bytes[i] = (byte) i;
        }
        return bytes;
    }

    static List<ByteOrder> orders() {
        return List.of(ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN);
    }

    @ParameterizedTest
    @MethodSource("orders")
    void readsEveryTypeInEitherOrder(ByteOrder order) throws IOException {
        byte[] bytes = file(order);
        GgufFile file = read(bytes);
        assertThat(file.byteOrder()).isEqualTo(order);
        assertThat(file.version()).isEqualTo(3);
        assertThat(file.keys().keySet()).containsExactly("general.architecture", "u8", "i8", "u16", "i16", "u32", "i32", "f32", "flag",
                "u64",
                "i64", "f64", "empty", "template", "tokens", "scores", "types", "flags", "shorts", "longs", "none");
        assertThat(file.text("general.architecture")).contains("gemma4");
        assertThat(file.whole("u8")).hasValue(255);
        assertThat(file.whole("i8")).hasValue(-128);
        assertThat(file.whole("u16")).hasValue(65_535);
        assertThat(file.whole("i16")).hasValue(-32_768);
        assertThat(file.whole("u32")).hasValue(0xFFFF_FFFFL);
        assertThat(file.whole("i32")).hasValue(Integer.MIN_VALUE);
        assertThat(file.real("f32")).hasValue(1.5);
        assertThat(file.flag("flag")).contains(true);
        assertThat(file.value("u64")).contains(GgufValue.u64(-1)).get().hasToString("18446744073709551615");
        assertThat(file.whole("i64")).hasValue(Long.MIN_VALUE);
        assertThat(file.real("f64")).hasValue(Math.PI);
        assertThat(file.text("empty")).contains("");
        assertThat(file.text("template")).contains(LONG_TEXT);
        assertThat(file.array("tokens").orElseThrow().strings()).containsExactly("", "a", "\u00e9", "\ud83d\ude42");
        assertThat(file.array("scores").orElseThrow().floats()).containsExactly(0f, -1f, Float.NEGATIVE_INFINITY);
        assertThat(file.array("scores").orElseThrow().doubles()).containsExactly(0, -1, Double.NEGATIVE_INFINITY);
        assertThat(file.array("types").orElseThrow().longs()).containsExactly(1, -2, 3);
        assertThat(file.array("flags").orElseThrow().flags()).containsExactly(true, false);
        assertThat(file.array("shorts").orElseThrow().longs()).containsExactly(65_535, 1);
        assertThat(file.array("longs").orElseThrow().longs()).containsExactly(-1, 1);
        assertThat(file.array("none").orElseThrow().strings()).isEmpty();
        assertThat(file.alignment()).isEqualTo(32);
        assertThat(file.text("absent")).isEmpty();
        assertThat(file.whole("absent")).isEmpty();
    }

    @Test
    void placesTensors() throws IOException {
        byte[] bytes = file(ByteOrder.LITTLE_ENDIAN);
        GgufFile file = read(bytes);
        long data = file.dataOffset();
        assertThat(data % 32).isZero();
        assertThat(data - file.headerLength()).isBetween(0L, 31L);
        assertThat(file.tensors()).extracting(GgufTensorInfo::name).containsExactly("a.weight", "b.weight", "c.weight");
        assertThat(file.tensors()).extracting(GgufTensorInfo::shape).containsExactly(Shape.of(2, 64), Shape.of(3), Shape.of(2, 1, 5));
        assertThat(file.tensors()).extracting(GgufTensorInfo::offset).containsExactly(0L, 96L, 128L);
        assertThat(file.tensors()).extracting(GgufTensorInfo::byteLength).containsExactly(72L, 12L, 20L);
        assertThat(file.tensors()).extracting(GgufTensorInfo::position).containsExactly(data, data + 96, data + 128);
        GgufTensorInfo b = file.tensor("b.weight").orElseThrow();
        assertThat(file.data(b).readBytes(0, 12)).containsExactly(Arrays.copyOfRange(bytes, (int) data + 96, (int) data + 108));
        assertThat(file.tensor("d.weight")).isEmpty();
        // An entry begins with the length of its name.
        assertThat(bytes[(int) b.entryOffset()]).isEqualTo((byte) 8);
    }

    @Test
    void readsVersion2() throws IOException {
        byte[] bytes = file(ByteOrder.LITTLE_ENDIAN);
        bytes[4] = 2;
        GgufFile file = read(bytes);
        assertThat(file.version()).isEqualTo(2);
        assertThat(file.tensors()).hasSize(3);
        assertThat(file).hasToString("model.gguf: GGUF version 2, 21 keys, 3 tensors");
    }

    @Test
    void anyByteButZeroIsTrue() throws IOException {
        byte[] bytes = MalformedGguf.bytes().header(0, 2).key("yes", 7).raw(0x80).key("no", 7).raw(0).toBytes();
        assertThat(read(bytes).flag("yes")).contains(true);
        assertThat(read(bytes).flag("no")).contains(false);
    }

    @Test
    void readsWhatIsOddButLegal() throws IOException {
        GgufFile empty = read(MalformedGguf.bytes().header(0, 0).toBytes());
        assertThat(empty.keys()).isEmpty();
        assertThat(empty.tensors()).isEmpty();
        assertThat(empty.dataOffset()).isEqualTo(24);

        byte[] scalarNamelessAndZeroRows =
                MalformedGguf.bytes().header(3, 0).tensor("", new long[0], 0, 0).tensor("zero", new long[] {32, 0}, 2, 32)
                        .tensor("last", new long[] {3}, 0, 32).pad().zeros(32 + 12).toBytes();
        GgufFile odd = read(scalarNamelessAndZeroRows);
        assertThat(odd.tensors()).extracting(GgufTensorInfo::shape).containsExactly(Shape.SCALAR, Shape.of(0, 32), Shape.of(3));
        assertThat(odd.tensors()).extracting(GgufTensorInfo::byteLength).containsExactly(4L, 0L, 12L);

        byte[] aligned = MalformedGguf.bytes().header(2, 1).key("general.alignment", 4).u32(8).tensor("a", new long[] {1}, 24, 0)
                .tensor("b", new long[] {1}, 24, 8).zeros(-(24 + 33 + 33 + 33) & 7).zeros(9).toBytes();
        assertThat(read(aligned).alignment()).isEqualTo(8);
    }

    @Test
    void wrongTypesAreNamed() throws IOException {
        GgufFile file = read(file(ByteOrder.LITTLE_ENDIAN));
        long template = file.key("template").orElseThrow().valueOffset() - 4;
        assertThatThrownBy(() -> file.whole("template")).isInstanceOf(CheckpointFormatException.class).hasMessage(
                "model.gguf: at byte " + template + ": key template: value type: found string, expected a type of whole numbers");
        assertThatThrownBy(() -> file.whole("u64")).hasMessageEndingWith(
                "key u64: value: found 18446744073709551615, expected a number below 2^63");
        assertThatThrownBy(() -> file.text("u8")).hasMessageEndingWith("key u8: value type: found u8, expected string");
        assertThatThrownBy(() -> file.real("u8")).hasMessageEndingWith("key u8: value type: found u8, expected f32 or f64");
        assertThatThrownBy(() -> file.flag("u8")).hasMessageEndingWith("key u8: value type: found u8, expected bool");
        assertThatThrownBy(() -> file.array("u8")).hasMessageEndingWith("key u8: value type: found u8, expected array");
        GgufArray scores = file.array("scores").orElseThrow();
        assertThatThrownBy(scores::strings).hasMessageEndingWith("key scores: element type: found f32, expected string");
        assertThatThrownBy(scores::longs).hasMessageEndingWith("key scores: element type: found f32, expected a type of whole numbers");
        assertThatThrownBy(scores::flags).hasMessageEndingWith("key scores: element type: found f32, expected bool");
        GgufArray types = file.array("types").orElseThrow();
        assertThatThrownBy(types::floats).hasMessageEndingWith("key types: element type: found i32, expected f32");
        assertThatThrownBy(types::doubles).hasMessageEndingWith("key types: element type: found i32, expected f32 or f64");
    }

    /// Counts what is read, to show that values are passed over.
    private static final class Watched extends ForwardingByteSource {
        private long read;

        Watched(byte[] bytes) {
            super(ByteSource.of("watched.gguf", bytes));
        }

        @Override
        public void read(long offset, MemorySegment target) throws IOException {
            read += target.byteSize();
            super.read(offset, target);
        }
    }

    @Test
    void longValuesAreNotReadUntilAskedFor() throws IOException {
        String text = "x".repeat(3 << 20);
        byte[] bytes =
                GgufHeader.builder().put("long", text).put("numbers", GgufArray.ofFloats(new float[1 << 20])).put("last", "end").build()
                        .toBytes();
        Watched source = new Watched(bytes);
        GgufFile file = GgufFile.read(source, Limits.DEFAULT);
        assertThat(source.read).isLessThan(100_000);
        assertThat(((GgufText) file.value("long").orElseThrow()).isInFile()).isTrue();
        assertThat(file.text("last")).contains("end");
        assertThat(file.text("long")).contains(text);
        assertThat(file.array("numbers").orElseThrow().floats()).hasSize(1 << 20);
        assertThat(source.read).isGreaterThan(7 << 20);
    }

    @Test
    void stringsMayBeLongerThanTheWindow() throws IOException {
        List<String> texts =
                List.of("a", "b".repeat(20_000), "", "c".repeat(1_500_000), "d", "e".repeat(16_384 - 8), "f".repeat(16_384), "g");
        for (ByteOrder order : orders()) {
            byte[] bytes = GgufHeader.builder().order(order).put("texts", GgufArray.ofStrings(texts)).put("after", "end").build().toBytes();
            GgufFile file = read(bytes);
            assertThat(file.text("after")).contains("end");
            assertThat(file.array("texts").orElseThrow().strings()).isEqualTo(texts);
            List<Integer> lengths = new ArrayList<>();
            file.array("texts").orElseThrow().forEachUtf8((_, _, _, length) -> lengths.add(length));
            assertThat(lengths).isEqualTo(texts.stream().map(String::length).toList());
        }
    }

    @Test
    void elementsThatAreNoUtf8AreFoundWhenReadAsText() throws IOException {
        byte[] bytes = MalformedGguf.bytes().header(0, 1).key("tokens", 9).u32(8).u64(2).string("a").u64(2).raw(0xC3, 0x28).toBytes();
        GgufArray tokens = read(bytes).array("tokens").orElseThrow();
        assertThatThrownBy(tokens::strings).isInstanceOf(CheckpointFormatException.class)
                .hasMessage("model.gguf: at byte 54: key tokens: element 1: found bytes that are no UTF-8, expected UTF-8 text");
        ByteArrayOutputStream raw = new ByteArrayOutputStream();
        tokens.forEachUtf8((_, window, begin, length) -> raw.write(window, begin, length));
        assertThat(raw.toByteArray()).containsExactly('a', 0xC3, 0x28);
    }

    @Test
    void replacementCharactersAreNotMistakenForBadBytes() throws IOException {
        byte[] bytes = MalformedGguf.bytes().header(0, 1).key("\ufffd", 8).string("\ufffd?").toBytes();
        assertThat(read(bytes).text("\ufffd")).contains("\ufffd?");
    }

    @Test
    void limitsBoundWhatIsKept() throws IOException {
        Limits tight = new Limits(100_000_000, 400_000, 100_000, 65_535, 100, 20_000, 1 << 20, 64, 16);
        byte[] bytes = file(ByteOrder.LITTLE_ENDIAN);
        GgufFile file = GgufFile.read(ByteSource.of("model.gguf", bytes), tight);
        assertThatThrownBy(() -> file.text("template")).isInstanceOf(CheckpointFormatException.class)
                .hasMessageEndingWith(
                        "key template: value: found a string of " + file.value("template").map(v -> ((GgufText) v).byteLength())
                                .orElseThrow() + " bytes, expected at most 100 (Limits.textBytes)");
        byte[] many = GgufHeader.builder().put("numbers", GgufArray.ofFloats(new float[5001])).put("texts",
                GgufArray.ofStrings(Collections.nCopies(400, ""))).put("text", GgufArray.ofStrings(List.of("x".repeat(101)))).build()
                .toBytes();
        GgufFile arrays = GgufFile.read(ByteSource.of("model.gguf", many), tight);
        assertThatThrownBy(() -> arrays.array("numbers").orElseThrow().floats())
                .hasMessageEndingWith("key numbers: elements: found 20004 bytes in memory, expected at most 20000 (Limits.keptBytes)");
        assertThatThrownBy(() -> arrays.array("texts").orElseThrow().strings())
                .hasMessageEndingWith("key texts: elements: found 22400 bytes in memory, expected at most 20000 (Limits.keptBytes)");
        assertThatThrownBy(() -> arrays.array("text").orElseThrow().strings())
                .hasMessageEndingWith("key text: length of element 0: found 101, expected at most 100 (Limits.textBytes)");
    }

    /// Reads all there is.
    private static void drain(GgufFile file) throws IOException {
        for (GgufKey key : file.keys().values()) {
            switch (key.value()) {
                case GgufText text -> text.text();
                case GgufArray array -> {
                    switch (array.elementType()) {
                        case STRING -> array.strings();
                        case F32 -> array.floats();
                        case F64 -> array.doubles();
                        case BOOL -> array.flags();
                        case U8, I8, U16, I16, U32, I32, U64, I64 -> array.longs();
                        case ARRAY -> throw new AssertionError("array of arrays");
                    }
                }
                case GgufValue.Whole _, GgufValue.F32 _, GgufValue.F64 _, GgufValue.Flag _ -> {
                    // Read already.
                }
            }
        }
        for (GgufTensorInfo tensor : file.tensors()) {
            file.data(tensor).readBytes(0, Math.toIntExact(tensor.byteLength()));
        }
    }

    @ParameterizedTest
    @MethodSource("orders")
    void aFileCutAnywhereIsRefused(ByteOrder order) throws IOException {
        byte[] bytes = file(order);
        GgufTensorInfo last = read(bytes).tensors().getLast();
        int needed = Math.toIntExact(last.position() + last.byteLength());
        assertThat(needed).isLessThan(bytes.length);
        for (int length = 0; length < needed; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThatThrownBy(() -> read(cut)).as("cut at %d", length).isInstanceOf(CheckpointFormatException.class)
                    .hasMessageStartingWith("model.gguf: at byte ");
        }
        for (int length = needed; length <= bytes.length; length++) {
            // Only padding is missing, which ggml's loader does not ask for.
            drain(read(Arrays.copyOf(bytes, length)));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void flippedBytesEndInOneException(long seed) throws IOException {
        Random random = new Random(seed);
        List<byte[]> files = List.of(file(ByteOrder.LITTLE_ENDIAN), file(ByteOrder.BIG_ENDIAN));
        int header = Math.toIntExact(read(files.getFirst()).headerLength());
        int accepted = 0;
        for (int round = 0; round < 20_000; round++) {
            byte[] bytes = files.get(round % 2).clone();
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                int at = random.nextInt(header);
                bytes[at] = switch (random.nextInt(4)) {
                    case 0 -> (byte) random.nextInt(256);
                    case 1 -> (byte) (bytes[at] ^ (1 << random.nextInt(8)));
                    case 2 -> (byte) 0xFF;
                    default -> 0;
                };
            }
            try {
                drain(read(bytes));
                accepted++;
            } catch (CheckpointFormatException e) {
                assertThat(e.getMessage()).startsWith("model.gguf: at byte ");
            }
        }
        assertThat(accepted).isBetween(1, 19_999);
    }

    @Test
    void magicIsSeenAlone() throws IOException {
        assertThat(GgufFile.hasMagic(ByteSource.of("a", new byte[3]))).isFalse();
        assertThat(GgufFile.hasMagic(ByteSource.of("a", new byte[] {'G', 'G', 'U', 'F'}))).isTrue();
        assertThat(GgufFile.hasMagic(ByteSource.of("a", new byte[] {'G', 'G', 'M', 'L'}))).isFalse();
    }
}
