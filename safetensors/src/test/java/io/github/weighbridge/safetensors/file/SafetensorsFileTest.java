package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static io.github.weighbridge.safetensors.file.TestFile.ONE;
import static io.github.weighbridge.safetensors.file.TestFile.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;
import static org.junit.jupiter.params.provider.Arguments.arguments;

class SafetensorsFileTest {
    private static SafetensorsFile read(byte[] bytes) throws IOException {
        return read(bytes, Limits.DEFAULT);
    }

    private static SafetensorsFile read(byte[] bytes, Limits limits) throws IOException {
        return SafetensorsFile.read(ByteSource.of("x.safetensors", bytes), limits);
    }

    private static SafetensorsFile read(String header, int dataBytes) throws IOException {
        return read(TestFile.of(header, dataBytes));
    }

    @Test
    void readsTensorsMetadataAndPlaces() throws IOException {
        String header = "{\"__metadata__\":{\"z\":\"1\",\"format\":\"pt\",\"\":\"\"}," + entry("second", "U8", "[3]", "[4,7]") + ","
                + entry("first", "F32", "[]", "[0,4]") + "}";
        SafetensorsFile file = read(header, 7);
        long data = 8L + header.length();

        assertThat(file.headerBytes()).isEqualTo(header.length());
        assertThat(file.dataOffset()).isEqualTo(data);
        assertThat(file.dataBytes()).isEqualTo(7);
        assertThat(file.metadata()).containsExactly(entry("z", "1"), entry("format", "pt"), entry("", ""));
        assertThat(file.entries()).containsExactly(
                new SafetensorsEntry("first", SafetensorsType.F32, Shape.SCALAR, 0, 4, data, 8 + header.indexOf("\"first\"")),
                new SafetensorsEntry("second", SafetensorsType.U8, Shape.of(3), 4, 7, data + 4, 8 + header.indexOf("\"second\"")));
        assertThat(file.find("second")).contains(file.entries().get(1));
        assertThat(file.find("third")).isEmpty();
        assertThat(file).hasToString("x.safetensors (2 tensors)");
    }

    @Test
    void readsBytesOfATensor() throws IOException {
        SafetensorsFile file = read("{" + entry("a", "U8", "[2]", "[0,2]") + "," + entry("b", "U8", "[3]", "[2,5]") + "}", 5);
        SafetensorsEntry b = file.find("b").orElseThrow();
        byte[] target = new byte[2];
        file.read(b, 1, MemorySegment.ofArray(target));
        assertThat(target).containsExactly(4, 5);
        assertThatThrownBy(() -> file.read(b, 2, MemorySegment.ofArray(target))).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> file.read(b, -1, MemorySegment.ofArray(target))).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void collectionsCannotBeChanged() throws IOException {
        SafetensorsFile file = read(ONE, 16);
        assertThatThrownBy(() -> file.entries().clear()).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> file.entries().set(0, file.entries().get(0))).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> file.metadata().put("a", "b")).isInstanceOf(UnsupportedOperationException.class);
    }

    static Stream<Arguments> allowed() {
        return Stream.of(arguments("no tensors", "{}", 0), arguments("empty metadata", "{\"__metadata__\":{}}", 0),
                arguments("padding of spaces", "{}      ", 0), arguments("line breaks, as JSON allows", "{\r\n\t}\n", 0),
                arguments("keys of an entry in another order", "{\"a\":{\"data_offsets\":[0,1],\"shape\":[1],\"dtype\":\"U8\"}}", 1),
                arguments("spaces everywhere", "{ \"a\" : { \"dtype\" : \"U8\" , \"shape\" : [ 1 , 1 ] , \"data_offsets\" : [ 0 , 1 ] } }",
                        1),
                arguments("empty tensor first", "{" + entry("e", "F32", "[0]", "[0,0]") + "," + entry("a", "U8", "[1]", "[0,1]") + "}", 1),
                arguments("empty tensor last", "{" + entry("a", "U8", "[1]", "[0,1]") + "," + entry("e", "F32", "[5,0]", "[1,1]") + "}", 1),
                arguments("empty tensor between", "{" + entry("b", "U8", "[1]", "[1,2]") + "," + entry("e", "U8", "[0]", "[1,1]") + ","
                        + entry("a", "U8", "[1]", "[0,1]") + "}", 2),
                arguments("data not aligned", "{" + entry("a", "U8", "[1]", "[0,1]") + "," + entry("b", "F32", "[1]", "[1,5]") + "}", 5),
                arguments("even number of F4", "{" + entry("a", "F4", "[4]", "[0,2]") + "}", 2),
                arguments("dimension of 0 after large ones", "{" + entry("a", "U8", "[4294967296,0]", "[0,0]") + "}", 0),
                arguments("empty name", "{" + entry("", "U8", "[1]", "[0,1]") + "}", 1),
                arguments("16 dimensions", "{" + entry("a", "U8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]") + "}", 1));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("allowed")
    void readsAllThatIsAllowed(String what, String header, int dataBytes) throws IOException {
        SafetensorsFile file = read(header, dataBytes);
        assertThat(file.dataBytes()).as(what).isEqualTo(dataBytes);
        assertThat(file.entries()).allSatisfy(entry -> assertThat(file.find(entry.name())).contains(entry));
    }

    @Test
    void readsNamesOfAllOfUnicode() throws IOException {
        String name = "\u00e9\u4e00\ud83d\ude00\u007f\\\"/\n";
        String written = "\u00e9\u4e00\ud83d\ude00\u007f\\\\\\\"\\/\\n";
        String escaped = "\\u00E9\\u4e00\\uD83D\\ude00\\u007f\\u005c\\u0022\\u002f\\u000a";
        for (String text : new String[] {written, escaped}) {
            SafetensorsFile file =
                    read("{" + entry(text, "U8", "[1]", "[0,1]") + ",\"__metadata__\":{\"" + text + "\":\"" + text + "\"}}", 1);
            assertThat(file.entries().getFirst().name()).isEqualTo(name);
            assertThat(file.metadata()).containsExactly(entry(name, name));
        }
    }

    @Test
    void readsStringsThatCrossTheWindow() throws IOException {
        for (int before = (1 << 16) - 40; before < (1 << 16) + 4; before++) {
            String name = "layers.\u4e00\ud83d\ude00.weight";
            SafetensorsFile file = read("{" + " ".repeat(before) + entry(name, "F64", "[12345678]", "[0,98765424]").replace("12345678", "2")
                    .replace("98765424", "16") + "}", 16);
            assertThat(file.find(name)).isPresent();
        }
    }

    static Stream<Arguments> refused() {
        byte[] one = TestFile.of(ONE, 16);
        byte[] notUtf8 = ("{" + entry("a\u00ff", "U8", "[1]", "[0,1]") + "}").getBytes(StandardCharsets.ISO_8859_1);
        return Stream.of(
                // length
                arguments(new byte[0], "at byte 0: header length: found the end of the file after 0 bytes, expected 8 bytes"),
                arguments(new byte[7], "at byte 0: header length: found the end of the file after 7 bytes, expected 8 bytes"),
                arguments(TestFile.declaring(100_000_001, one),
                        "at byte 0: header length: found 100000001 bytes, expected at most 100000000 bytes"),
                arguments(TestFile.declaring(-1, one),
                        "at byte 0: header length: found 18446744073709551615 bytes, expected at most 100000000 bytes"),
                arguments(TestFile.declaring(Long.MAX_VALUE, one),
                        "at byte 0: header length: found 9223372036854775807 bytes, expected at most 100000000 bytes"),
                arguments(TestFile.declaring(100_000_000, one),
                        "at byte 0: header length: found 100000000 bytes, expected no more than the 73 bytes left in the file"),
                arguments(TestFile.declaring(74, one),
                        "at byte 0: header length: found 74 bytes, expected no more than the 73 bytes left in the file"),
                // first byte and form
                arguments(new byte[8], "at byte 8: header: found no byte, expected '{' first"),
                arguments(TestFile.of(" {}", 0), "at byte 8: header: found white space, expected '{' first"),
                arguments(TestFile.of("\ufeff{}", 0), "at byte 8: header: found byte 0xef, expected '{' first"),
                arguments(TestFile.of("[]", 0), "at byte 8: header: found a list, expected '{' first"),
                arguments(TestFile.of("{}\0", 0), "at byte 10: header: found byte 0x00, expected nothing but spaces after the object"),
                arguments(TestFile.of("{}  {}", 0), "at byte 12: header: found an object, expected nothing but spaces after the object"),
                arguments(TestFile.of("{", 0), "at byte 9: header: found the end of the header, expected a name"),
                arguments(TestFile.of("{\"a\"", 0), "at byte 12: header: found the end of the header, expected ':'"),
                arguments(TestFile.of("{\"a", 0), "at byte 11: header: found the end of the header, expected the rest of a string"),
                arguments(TestFile.of("{1:2}", 0), "at byte 9: header: found a number, expected a name"),
                arguments(TestFile.of("{\"a\":1}", 0), "at byte 13: tensor \"a\": found a number, expected an object"),
                arguments(TestFile.of("{\"__metadata__\":{},}", 0), "at byte 27: header: found '}', expected a name"),
                arguments(TestFile.of("{\"__metadata__\":{}:", 0), "at byte 26: __metadata__: found ':', expected ',' or '}'"),
                // text
                arguments(TestFile.of(notUtf8, 1), "at byte 11: header: found byte 0xff in a string, expected UTF-8 text"),
                arguments(utf8(0xc1, 0xbf), "at byte 10: header: found byte 0xc1 in a string, expected UTF-8 text"),
                arguments(utf8(0xe0, 0x9f, 0xbf),
                        "at byte 10: header: found byte 0xe0 in a string without the bytes that belong to it, expected UTF-8 text"),
                arguments(utf8(0xed, 0xa0, 0x80),
                        "at byte 10: header: found byte 0xed in a string without the bytes that belong to it, expected UTF-8 text"),
                arguments(utf8(0xf0, 0x8f, 0xbf, 0xbf),
                        "at byte 10: header: found byte 0xf0 in a string without the bytes that belong to it, expected UTF-8 text"),
                arguments(utf8(0xf4, 0x90, 0x80, 0x80),
                        "at byte 10: header: found byte 0xf4 in a string without the bytes that belong to it, expected UTF-8 text"),
                arguments(utf8(0xf5, 0x80, 0x80, 0x80), "at byte 10: header: found byte 0xf5 in a string, expected UTF-8 text"),
                arguments(utf8(0xe4, 0xb8),
                        "at byte 10: header: found byte 0xe4 in a string without the bytes that belong to it, expected UTF-8 text"),
                arguments(utf8(0x80), "at byte 10: header: found byte 0x80 in a string, expected UTF-8 text"),
                arguments(utf8(0x1f), "at byte 10: header: found byte 0x1f in a string, expected an escape in its place"),
                arguments(utf8('\\', 'x'), "at byte 10: header: found an unknown escape, expected one of the escapes of JSON"),
                arguments(utf8('\\', 'u', '1', '2', '3', 'g'),
                        "at byte 10: header: found an unknown escape, expected four hexadecimal digits after \\u"),
                arguments(TestFile.of("{\"\\ud800\":{}}", 0),
                        "at byte 10: header: found an escape of half a surrogate pair, expected both halves"),
                arguments(TestFile.of("{\"\\udc00\":{}}", 0),
                        "at byte 10: header: found an escape of half a surrogate pair, expected both halves"),
                arguments(TestFile.of("{\"\\ud800\\u0041\":{}}", 0),
                        "at byte 10: header: found an escape of half a surrogate pair, expected both halves"),
                arguments(TestFile.of("{" + entry("a\\u0000", "U8", "[1]", "[0,1]") + "}", 1),
                        "at byte 9: tensor \"a\\u0000\": found a NUL character in the name, expected a name without"),
                // names
                arguments(TestFile.of("{" + entry("a", "U8", "[1]", "[0,1]") + "," + entry("a", "U8", "[1]", "[1,2]") + "}", 2),
                        "at byte 61: tensor \"a\": found the name a second time, expected each name once"),
                arguments(TestFile.of("{" + entry("a", "U8", "[1]", "[0,1]") + "," + entry("\\u0061", "U8", "[1]", "[0,1]") + "}", 1),
                        "at byte 61: tensor \"a\": found the name a second time, expected each name once"),
                arguments(TestFile.of("{\"a\":{\"shape\":[1],\"shape\":[1],\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1),
                        "at byte 26: tensor \"a\" shape: found the name a second time, expected each name once"),
                arguments(TestFile.of("{\"a\":{\"data_offsets\":[0,1],\"data_offsets\":[0,1]}}", 1),
                        "at byte 35: tensor \"a\" data_offsets: found the name a second time, expected each name once"),
                arguments(TestFile.of("{\"__metadata__\":{},\"__metadata__\":{}}", 0),
                        "at byte 27: __metadata__: found the name a second time, expected each name once"),
                arguments(TestFile.of("{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}", 0),
                        "at byte 32: __metadata__ \"k\": found the name a second time, expected each name once"),
                // entries
                arguments(TestFile.of("{\"a\":{}}", 0), "at byte 9: tensor \"a\": found no dtype, expected dtype, shape and data_offsets"),
                arguments(TestFile.of("{\"a\":{\"dtype\":\"U8\"}}", 0),
                        "at byte 9: tensor \"a\": found no shape, expected dtype, shape and data_offsets"),
                arguments(TestFile.of("{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", 0),
                        "at byte 9: tensor \"a\": found no data_offsets, expected dtype, shape and data_offsets"),
                arguments(TestFile.of("{\"a\":{\"type\":\"U8\"}}", 0),
                        "at byte 14: tensor \"a\": found the key \"type\", expected dtype, shape and data_offsets only"),
                arguments(TestFile.of("{" + entry("a", "F16\\n", "[1]", "[0,2]") + "}", 2),
                        "at byte 22: tensor \"a\" dtype: found \"F16\\u000a\", "
                                + "expected a type of the format, such as BF16 or F8_E4M3"),
                arguments(TestFile.of("{\"a\":{\"dtype\":1}}", 0), "at byte 22: tensor \"a\" dtype: found a number, expected a string"),
                // numbers
                arguments(shape("[-1]"), "at byte 36: tensor \"a\" shape: found -1, expected a whole number"),
                arguments(shape("[-0]"), "at byte 36: tensor \"a\" shape: found -0, expected a whole number"),
                arguments(shape("[1.0]"), "at byte 36: tensor \"a\" shape: found 1.0, expected a whole number"),
                arguments(shape("[1e0]"), "at byte 36: tensor \"a\" shape: found 1e0, expected a whole number"),
                arguments(shape("[01]"), "at byte 36: tensor \"a\" shape: found 01, expected a number as JSON writes it"),
                arguments(shape("[1.]"), "at byte 36: tensor \"a\" shape: found 1., expected a number as JSON writes it"),
                arguments(shape("[9223372036854775808]"),
                        "at byte 36: tensor \"a\" shape: found 9223372036854775808, expected a whole number"),
                arguments(shape("[null]"), "at byte 36: tensor \"a\" shape: found 'n', expected a whole number"),
                arguments(shape("[1,]"), "at byte 38: tensor \"a\" shape: found ']', expected a whole number"),
                arguments(shape("{}"), "at byte 35: tensor \"a\" shape: found an object, expected a list of whole numbers"),
                arguments(shape("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"),
                        "at byte 68: tensor \"a\" shape: found more than 16 dimensions, expected at most 16 (Limits.dimensions)"),
                // overflow and alignment
                arguments(shape("[4294967296,4294967296]"),
                        "at byte 27: tensor \"a\" shape: found [4294967296, 4294967296], expected fewer than 2^63 elements"),
                arguments(shape("[2305843009213693952]"),
                        "at byte 27: tensor \"a\" shape: found [2305843009213693952] of U8, expected fewer than 2^63 bits"),
                arguments(TestFile.of("{" + entry("a", "F4", "[3]", "[0,2]") + "}", 2),
                        "at byte 27: tensor \"a\" shape: found [3] of F4, which is 12 bits, expected a whole number of bytes"),
                // offsets
                arguments(offsets("[1,0]"),
                        "at byte 39: tensor \"a\" data_offsets: found [1, 0], expected an end that is not before the beginning"),
                arguments(offsets("[0,2]"),
                        "at byte 39: tensor \"a\" data_offsets: found [0, 2], which is 2 bytes, expected 1 bytes, which U8 [1] takes"),
                arguments(offsets("[1,2]"),
                        "at byte 39: tensor \"a\" data_offsets: found [1, 2], "
                                + "expected an end within the 1 bytes of data that the file has"),
                arguments(offsets("[9223372036854775806,9223372036854775807]"), "at byte 39: tensor \"a\" data_offsets: "
                        + "found [9223372036854775806, 9223372036854775807], expected an end within the 1 bytes of data that the file has"),
                arguments(offsets("[0]"), "at byte 56: tensor \"a\" data_offsets: found ']', expected a list of two whole numbers"),
                arguments(offsets("[0,1,2]"), "at byte 58: tensor \"a\" data_offsets: found ',', expected a list of two whole numbers"),
                arguments(offsets("[-1,0]"), "at byte 55: tensor \"a\" data_offsets: found -1, expected a whole number"),
                arguments(TestFile.of("{" + entry("a", "U8", "[1]", "[1,2]") + "}", 2),
                        "at byte 9: tensor \"a\" data_offsets: found [1, 2], expected a beginning at 0, where the data begins"),
                arguments(TestFile.of("{" + entry("b", "U8", "[1]", "[2,3]") + "," + entry("a", "U8", "[1]", "[0,1]") + "}", 3),
                        "at byte 9: tensor \"b\" data_offsets: found [2, 3], expected a beginning at 1, where tensor \"a\" ends"),
                arguments(TestFile.of("{" + entry("a", "U8", "[2]", "[0,2]") + "," + entry("b", "U8", "[2]", "[1,3]") + "}", 3),
                        "at byte 61: tensor \"b\" data_offsets: found [1, 3], expected a beginning at 2, where tensor \"a\" ends"),
                arguments(TestFile.of("{" + entry("a", "U8", "[1]", "[0,1]") + "," + entry("b", "U8", "[1]", "[0,1]") + "}", 1),
                        "at byte 61: tensor \"b\" data_offsets: found [0, 1], expected a beginning at 1, where tensor \"a\" ends"),
                arguments(TestFile.of(ONE, 17), "at byte 81: data: found 1 bytes that belong to no tensor, expected the end of the file"),
                arguments(TestFile.of("{}", 3), "at byte 10: data: found 3 bytes that belong to no tensor, expected the end of the file"),
                // metadata
                arguments(TestFile.of("{\"__metadata__\":null}", 0), "at byte 24: __metadata__: found 'n', expected an object"),
                arguments(TestFile.of("{\"__metadata__\":{\"k\":1}}", 0),
                        "at byte 29: __metadata__ \"k\": found a number, expected a string"));
    }

    private static byte[] utf8(int... name) {
        byte[] header = new byte[name.length + 6];
        header[0] = '{';
        header[1] = '"';
        for (int i = 0; i < name.length; i++) {
            header[2 + i] = (byte) name[i];
        }
        System.arraycopy("\":1}".getBytes(StandardCharsets.US_ASCII), 0, header, 2 + name.length, 4);
        return TestFile.of(header, 0);
    }

    private static byte[] shape(String shape) {
        return TestFile.of("{" + entry("a", "U8", shape, "[0,1]") + "}", 1);
    }

    private static byte[] offsets(String offsets) {
        return TestFile.of("{" + entry("a", "U8", "[1]", offsets) + "}", 1);
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("refused")
    void refusesWithOneMessage(byte[] bytes, String message) {
        assertThatExceptionOfType(CheckpointFormatException.class).isThrownBy(() -> read(bytes)).withMessage("x.safetensors: " + message);
    }

    @Test
    void saysWhatKindOfWrongItIs() {
        assertThatExceptionOfType(CheckpointFormatException.class).isThrownBy(() -> read(TestFile.of("{}", 1))).satisfies(e -> {
            assertThat(e.kind()).isEqualTo(CheckpointFormatException.Kind.MALFORMED);
            assertThat(e.file()).isEqualTo("x.safetensors");
            assertThat(e.offset()).hasValue(10);
        });
        assertThatExceptionOfType(CheckpointFormatException.class).isThrownBy(() -> read(shape("[1" + ",1".repeat(16) + "]")))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(CheckpointFormatException.Kind.LIMIT_EXCEEDED));
    }

    static Stream<Arguments> limited() {
        Limits d = Limits.DEFAULT;
        String two = "{" + entry("a", "U8", "[1]", "[0,1]") + "," + entry("b", "U8", "[1]", "[1,2]") + "}";
        String keys = "{\"__metadata__\":{\"k\":\"text\",\"l\":\"\"}}";
        return Stream.of(
                arguments(
                        new Limits(50, d.tensors(), d.keys(), d.nameBytes(), d.textBytes(), d.keptBytes(), d.documentBytes(), d.depth(),
                                d.dimensions()),
                        two, "at byte 0: header length: found 105 bytes, expected at most 50 bytes (Limits.headerBytes)"),
                arguments(
                        new Limits(d.headerBytes(), 1, d.keys(), d.nameBytes(), d.textBytes(), d.keptBytes(), d.documentBytes(), d.depth(),
                                d.dimensions()),
                        two, "at byte 61: header: found more than 1 tensors, expected at most 1 tensors (Limits.tensors)"),
                arguments(
                        new Limits(d.headerBytes(), d.tensors(), 1, d.nameBytes(), d.textBytes(), d.keptBytes(), d.documentBytes(),
                                d.depth(),
                                d.dimensions()),
                        keys, "at byte 36: __metadata__: found more than 1 keys, expected at most 1 keys (Limits.keys)"),
                arguments(new Limits(d.headerBytes(), d.tensors(), d.keys(), 11, d.textBytes(), d.keptBytes(), d.documentBytes(), d.depth(),
                        d.dimensions()), two,
                        "at byte 39: tensor \"a\": found a string of more than 11 bytes, expected at most 11 bytes (Limits.nameBytes)"),
                arguments(new Limits(d.headerBytes(), d.tensors(), d.keys(), d.nameBytes(), 3, d.keptBytes(), d.documentBytes(), d.depth(),
                        d.dimensions()), keys,
                        "at byte 29: __metadata__ \"k\": found a string of more than 3 bytes, expected at most 3 bytes (Limits.textBytes)"),
                arguments(
                        new Limits(d.headerBytes(), d.tensors(), d.keys(), d.nameBytes(), d.textBytes(), 100, d.documentBytes(), d.depth(),
                                d.dimensions()),
                        two, "at byte 61: tensor \"b\": found names and values of more than 100 bytes, "
                                + "expected at most 100 bytes in memory (Limits.keptBytes)"),
                arguments(new Limits(d.headerBytes(), d.tensors(), d.keys(), d.nameBytes(), d.textBytes(), 91, d.documentBytes(), d.depth(),
                        d.dimensions()), keys,
                        "at byte 29: __metadata__ \"k\": found a string of more than 2 bytes, "
                                + "expected at most 2 bytes (what Limits.keptBytes leaves)"));
    }

    @ParameterizedTest(name = "{2}")
    @MethodSource("limited")
    void keepsToTheLimits(Limits limits, String header, String message) {
        int dataBytes = header.contains("metadata") ? 0 : 2;
        assertThatExceptionOfType(CheckpointFormatException.class).isThrownBy(() -> read(TestFile.of(header, dataBytes), limits))
                .withMessage("x.safetensors: " + message)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(CheckpointFormatException.Kind.LIMIT_EXCEEDED));
    }

    @Test
    void entriesCheckThemselves() {
        assertThatThrownBy(() -> new SafetensorsEntry("a", SafetensorsType.U8, Shape.of(4), 4, 0, 4, 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new SafetensorsEntry("a", SafetensorsType.U8, Shape.of(4), 0, 5, 0, 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(new SafetensorsEntry("a", SafetensorsType.U8, Shape.of(4), 0, 4, 90, 9).length()).isEqualTo(4);
    }

    @Test
    void everyTypeIsRead() throws IOException {
        for (SafetensorsType type : SafetensorsType.values()) {
            int bytes = type.bits();
            SafetensorsFile file = read("{" + entry("a", type.name(), "[2,4]", "[0," + bytes + "]") + "}", bytes);
            assertThat(file.entries()).singleElement().satisfies(entry -> assertThat(entry.type()).isEqualTo(type));
        }
        assertThat(Arrays.asList(SafetensorsType.values())).hasSize(22);
    }
}
