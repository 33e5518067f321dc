package io.github.weighbridge.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class JsonTest {
    private static Value parse(byte[] bytes) throws IOException {
        return Json.parse(ByteSource.of("d.json", bytes), Limits.DEFAULT);
    }

    private static Value parse(String text) throws IOException {
        return parse(text.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] bytes(Object... parts) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Object part : parts) {
            switch (part) {
                case String text -> out.write(text.getBytes(StandardCharsets.UTF_8));
                case Integer b -> out.write(b);
                default -> throw new IllegalArgumentException(part.toString());
            }
        }
        return out.toByteArray();
    }

    @Test
    void everyKindOfValueIsRead() throws IOException {
        assertThat(parse("""
                {"t": "a\\u00e9\\n", "w": -3, "r": 1.5, "e": 1e3, "f": false, "n": null, "l": [1, [], {}], "o": {"x": true}}"""))
                .isEqualTo(Value.Fields.EMPTY.with("t", Value.of("aé\n")).with("w", Value.of(-3)).with("r", Value.of(1.5))
                        .with("e", Value.of(1000.0)).with("f", Value.of(false)).with("n", new Value.Nothing())
                        .with("l", new Value.Items(List.of(Value.of(1), new Value.Items(List.of()), Value.Fields.EMPTY)))
                        .with("o", Value.Fields.EMPTY.with("x", Value.of(true))));
    }

    @Test
    void theOrderOfNamesIsKept() throws IOException {
        Value.Fields fields = (Value.Fields) parse("{\"b\":1,\"a\":{\"z\":1,\"y\":2},\"c\":3}");
        assertThat(fields.fields().keySet()).containsExactly("b", "a", "c");
        assertThat(fields.object("a").orElseThrow().fields().keySet()).containsExactly("z", "y");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "{", "[", "[1", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "{\"a\":1",
        "nul", "tru", "True", "None", "01", "+1", ".5", "1.", "1e", "-", "0x10", "NaN", "Infinity", "-Infinity", "\"a", "\"\\x\"",
        "\"\\u12\"", "\"a\nb\"", "\"\t\"", "// c\n1", "/* c */1", "[1 2]", "{\"a\" 1}", "]", "}", "[1}", "{\"a\":1]", "\u00a01", "1\0"})
    void whatIsNoJsonIsRefused(String text) {
        assertThatThrownBy(() -> parse(text)).isInstanceOf(CheckpointFormatException.class).hasMessageStartingWith("d.json: at byte ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1 2", "{} {}", "{}x", "[] ,", "null null", "{}}", "{}]", "{}\0"})
    void textAfterTheDocumentIsRefused(String text) {
        assertThatThrownBy(() -> parse(text)).isInstanceOf(CheckpointFormatException.class).hasMessageStartingWith("d.json: at byte ");
    }

    @Test
    void blanksAroundTheDocumentAreNoText() throws IOException {
        assertThat(parse(" \r\n\t1 \r\n\t")).isEqualTo(Value.of(1));
    }

    @Test
    void aNameGivenTwiceIsRefusedWhereItStandsTheSecondTime() {
        assertThatThrownBy(() -> parse("{\"a\":1,\"b\":{},\"a\":2}")).isInstanceOf(CheckpointFormatException.class)
                .hasMessage("d.json: at byte 14: JSON name \"a\": found a second time, expected each name once");
        assertThatThrownBy(() -> parse("[{\"x\":{\"a\":1,\"\\u0061\":2}}]")).isInstanceOf(CheckpointFormatException.class)
                .hasMessageContaining("JSON name \"a\": found a second time");
    }

    @Test
    void oneNameInDifferentObjectsIsNoRepetition() throws IOException {
        assertThat(parse("{\"a\":{\"a\":{\"a\":1},\"b\":2},\"b\":[{\"a\":1},{\"a\":1}]}")).isEqualTo(Value.Fields.EMPTY
                .with("a", Value.Fields.EMPTY.with("a", Value.Fields.EMPTY.with("a", Value.of(1))).with("b", Value.of(2)))
                .with("b", new Value.Items(
                        List.of(Value.Fields.EMPTY.with("a", Value.of(1)), Value.Fields.EMPTY.with("a", Value.of(1))))));
    }

    @Test
    void nestingIsBounded() throws IOException {
        assertThat(parse("[".repeat(64) + "]".repeat(64))).isInstanceOf(Value.Items.class);
        for (int depth : new int[] {65, 100_000}) {
            assertThatThrownBy(() -> parse("[".repeat(depth))).isInstanceOf(CheckpointFormatException.class)
                    .satisfies(e -> assertThat(((CheckpointFormatException) e).kind())
                            .isEqualTo(CheckpointFormatException.Kind.LIMIT_EXCEEDED));
            assertThatThrownBy(() -> parse("{\"a\":".repeat(depth))).isInstanceOf(CheckpointFormatException.class);
        }
    }

    @Test
    void namesTextsAndDocumentsAreBounded() throws IOException {
        Limits tight = new Limits(100, 10, 10, 20, 30, 200, 1000, 8, 4);
        assertThat(Json.parse(ByteSource.of("d", bytes("{\"" + "n".repeat(20) + "\":\"" + "t".repeat(30) + "\"}")), tight))
                .isInstanceOf(Value.Fields.class);
        for (byte[] bad : List.of(bytes("{\"" + "n".repeat(5000) + "\":1}"), bytes("\"" + "t".repeat(150) + "\""),
                bytes("1" + " ".repeat(200)))) {
            Limits limits = bad.length > 1000 ? new Limits(100, 10, 10, 20, 30, 10_000, 1000, 8, 4) : tight;
            assertThatThrownBy(() -> Json.parse(ByteSource.of("d", bad), limits)).isInstanceOf(CheckpointFormatException.class)
                    .satisfies(e -> assertThat(((CheckpointFormatException) e).kind())
                            .isEqualTo(CheckpointFormatException.Kind.LIMIT_EXCEEDED));
        }
    }

    @Test
    void textThatIsNoUtf8IsRefused() throws IOException {
        List<byte[]> bad = List.of(bytes("\"", 0xff, "\""), bytes("\"", 0xc3, "\""), bytes("\"", 0x80, "\""), bytes("\"", 0xc0, 0x80, "\""),
                bytes("\"", 0xe0, 0x80, 0x80, "\""), bytes("\"", 0xed, 0xa0, 0x80, "\""), bytes("\"", 0xf4, 0x90, 0x80, 0x80, "\""),
                bytes("{\"", 0xc1, 0xbf, "\":1}"), bytes("{\"abcdefgh", 0xed, 0xb0, 0x80, "\":1}"), bytes("[1]", 0xff),
                bytes("\"", 0xf8, 0x88, 0x80, 0x80, 0x80, "\""), bytes("\"abc", 0xf0, 0x9f));
        for (byte[] document : bad) {
            assertThatThrownBy(() -> parse(document)).as(java.util.HexFormat.of().formatHex(document))
                    .isInstanceOf(CheckpointFormatException.class).hasMessageStartingWith("d.json: at byte ");
        }
        assertThat(parse(bytes("\"", 0xf0, 0x9f, 0x98, 0x80, "\""))).isEqualTo(Value.of("😀"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"UTF-16LE", "UTF-16BE", "UTF-16", "UTF-32LE", "UTF-32BE"})
    void otherEncodingsOfUnicodeAreRefused(String charset) {
        assertThatThrownBy(() -> parse("{\"a\": 1}".getBytes(Charset.forName(charset)))).isInstanceOf(CheckpointFormatException.class);
    }

    @Test
    void aByteOrderMarkIsRefused() throws IOException {
        byte[] marked = bytes(0xef, 0xbb, 0xbf, "{}");
        assertThatThrownBy(() -> parse(marked)).isInstanceOf(CheckpointFormatException.class);
    }

    @Test
    void anEscapedHalfOfASurrogatePairIsRefused() {
        for (String half : List.of("\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83dx\"", "{\"\\udc00\":1}", "\"\\ud83d\\ud83d\\ude00\"")) {
            assertThatThrownBy(() -> parse(half)).as(half).isInstanceOf(CheckpointFormatException.class);
        }
    }

    @Test
    void anEscapedSurrogatePairIsOneCharacter() throws IOException {
        assertThat(parse("\"\\ud83d\\ude00\"")).isEqualTo(Value.of("😀"));
    }

    @ParameterizedTest
    @CsvSource({"0,0", "-0,0", "9223372036854775807,9223372036854775807", "-9223372036854775808,-9223372036854775808"})
    void wholeNumbersThatFit64BitsStayWhole(String text, long expected) throws IOException {
        assertThat(parse(text)).isEqualTo(Value.of(expected));
    }

    @ParameterizedTest
    @CsvSource({"9223372036854775808,9223372036854775808.0", "-9223372036854775809,-9223372036854775809.0", "1.0,1.0", "1e2,100.0",
        "1E-400,0.0", "1.7976931348623157e308,1.7976931348623157e308"})
    void otherNumbersAreReal(String text, double expected) throws IOException {
        assertThat(parse(text)).isEqualTo(Value.of(expected));
    }

    @ParameterizedTest
    @ValueSource(strings = {"1e309", "-1e309", "1e999999", "[1e400]"})
    void numbersBeyondDoublePrecisionAreRefused(String text) {
        assertThatThrownBy(() -> parse(text)).isInstanceOf(CheckpointFormatException.class);
    }

    @Test
    void aNumberOfAbsurdLengthIsRefused() {
        assertThatThrownBy(() -> parse("1".repeat(10_000))).isInstanceOf(CheckpointFormatException.class);
        assertThatThrownBy(() -> parse("0." + "1".repeat(10_000))).isInstanceOf(CheckpointFormatException.class);
    }

    @Test
    void anObjectMayBeDemanded() throws IOException {
        assertThat(Json.parseObject(ByteSource.of("d", bytes("{}")), Limits.DEFAULT)).isEqualTo(Value.Fields.EMPTY);
        assertThatThrownBy(() -> Json.parseObject(ByteSource.of("d", bytes("[]")), Limits.DEFAULT))
                .isInstanceOf(CheckpointFormatException.class)
                .hasMessage("d: at byte 0: JSON document: found no object, expected an object");
    }

    @Test
    void compactOutputHasNoBlanks() {
        assertThat(Json.bytes(Value.Fields.EMPTY.with("a", new Value.Items(List.of(Value.of(1), Value.of("é\n")))).with("b",
                Value.Fields.EMPTY))).asString(StandardCharsets.UTF_8).isEqualTo("{\"a\":[1,\"é\\n\"],\"b\":{}}");
    }

    @Test
    void prettyOutputIsIndentedByTwoAndEndsWithANewline() {
        assertThat(Json.prettyBytes(Value.Fields.EMPTY.with("a", new Value.Items(List.of(Value.of(1), Value.of(true))))
                .with("b", Value.Fields.EMPTY).with("c", new Value.Items(List.of())).with("d", new Value.Nothing())))
                .asString(StandardCharsets.UTF_8).isEqualTo("""
                        {
                          "a": [
                            1,
                            true
                          ],
                          "b": {},
                          "c": [],
                          "d": null
                        }
                        """);
    }

    @Test
    void whatIsWrittenIsReadBackAsItWas() throws IOException {
        Random random = new Random(11);
        for (int i = 0; i < 500; i++) {
            Value value = randomValue(random, 5);
            assertThat(parse(Json.bytes(value))).isEqualTo(value);
            assertThat(parse(Json.prettyBytes(value))).isEqualTo(value);
        }
    }

    private static Value randomValue(Random random, int depth) {
        return switch (random.nextInt(depth == 0 ? 5 : 7)) {
            case 0 -> Value.of(randomText(random));
            case 1 -> Value.of(random.nextLong() >> random.nextInt(64));
            case 2 -> Value.of(random.nextBoolean() ? random.nextGaussian() : Double.MIN_VALUE * random.nextInt(1000));
            case 3 -> Value.of(random.nextBoolean());
            case 4 -> new Value.Nothing();
            case 5 -> {
                List<Value> items = new ArrayList<>();
                for (int i = random.nextInt(5); i > 0; i--) {
                    items.add(randomValue(random, depth - 1));
                }
                yield new Value.Items(items);
            }
            default -> {
                Map<String, Value> fields = new LinkedHashMap<>();
                for (int i = random.nextInt(5); i > 0; i--) {
                    fields.put(randomText(random), randomValue(random, depth - 1));
                }
                yield new Value.Fields(fields);
            }
        };
    }

    private static String randomText(Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(10); i > 0; i--) {
            int point = random.nextInt(4) == 0 ? random.nextInt(0x110000) : random.nextInt(0x100);
            text.appendCodePoint(point >= 0xd800 && point <= 0xdfff ? 'x' : point);
        }
        return text.toString();
    }

    @Test
    void aVisitorIsToldThePlaceOfEverythingInTheSource() throws IOException {
        List<String> seen = new ArrayList<>();
        byte[] document = bytes("xx{\"é\": [1, \"t\", -2.5, true, null, [ ] , { }  ] }yy");
        JsonVisitor visitor = new JsonVisitor() {
            @Override
            public void beginObject(long position) {
                seen.add(position + "{");
            }

            @Override
            public void name(String name, long position) {
                seen.add(position + name);
            }

            @Override
            public void beginArray(long position) {
                seen.add(position + "[");
            }

            @Override
            public void whole(long number, long position) {
                seen.add(position + "w" + number);
            }

            @Override
            public void text(String text, long position) {
                seen.add(position + "s" + text);
            }

            @Override
            public void real(double number, long position) {
                seen.add(position + "r" + number);
            }

            @Override
            public void flag(boolean set, long position) {
                seen.add(position + "f" + set);
            }

            @Override
            public void nothing(long position) {
                seen.add(position + "n");
            }

            @Override
            public void endArray(long position) {
                seen.add(position + "]");
            }

            @Override
            public void endObject(long position) {
                seen.add(position + "}");
            }
        };
        Json.visit(ByteSource.of("d", document), 2, document.length - 4, Limits.DEFAULT, visitor);
        assertThat(seen).containsExactly("2{", "3é", "9[", "10w1", "13st", "18r-2.5", "24ftrue", "30n", "36[", "38]", "42{", "44}", "47]",
                "49}");
    }

    @Test
    void placesAreRightInDocumentsOfManyPieces() throws IOException {
        StringBuilder text = new StringBuilder("[0");
        List<Long> expected = new ArrayList<>(List.of(1L));
        for (int i = 1; i < 50_000; i++) {
            text.append(i % 3 == 0 ? ", " : ",");
            expected.add((long) text.length());
            text.append(i);
        }
        List<Long> seen = new ArrayList<>();
        byte[] document = bytes(text + "]");
        Json.visit(ByteSource.of("d", document), 0, document.length, Limits.DEFAULT, new JsonVisitor() {
            @Override
            public void whole(long number, long position) {
                assertThat(number).isEqualTo(seen.size());
                seen.add(position);
            }

            @Override
            public void endArray(long position) {
                assertThat(position).isEqualTo(document.length - 1);
            }
        });
        assertThat(seen).isEqualTo(expected);
    }

    @Test
    void charactersAndNamesMayLieAcrossPieces() throws IOException {
        for (int shift = 0; shift < 8; shift++) {
            String filler = "x".repeat((1 << 16) - 10 + shift);
            Value value =
                    new Value.Items(List.of(Value.of(filler), Value.of("😀é\u20ac"), Value.Fields.EMPTY.with("größe", Value.of(-12345.5))));
            assertThat(parse(Json.bytes(value))).isEqualTo(value);
        }
    }

    @Test
    void messagesOfAVisitedRangeCountFromTheBeginningOfTheSource() throws IOException {
        byte[] document = bytes("x".repeat(100) + "[1,?]");
        assertThatThrownBy(() -> Json.visit(ByteSource.of("d", document), 100, 5, Limits.DEFAULT, new JsonVisitor() {}))
                .isInstanceOf(CheckpointFormatException.class).hasMessageMatching("(?s)d: at byte 10[345]: .*");
    }

    @Test
    void whatTheSourceThrowsIsPassedOn() {
        ByteSource broken = new ByteSource() {
            @Override
            public String name() {
                return "broken";
            }

            @Override
            public long length() {
                return 10;
            }

            @Override
            public void read(long offset, java.lang.foreign.MemorySegment target) throws IOException {
                throw new IOException("the disk is gone");
            }

            @Override
            public void close() {}
        };
        assertThatThrownBy(() -> Json.parse(broken, Limits.DEFAULT)).isExactlyInstanceOf(IOException.class).hasMessage("the disk is gone");
    }

    @Test
    void randomDamageEndsInOneKindOfExceptionOrInAValue() throws IOException {
        byte[] good = bytes("{\"model_type\": \"gemma4\", \"layers\": [1, 2.5e3, true, null, {\"é\": \"\\u00e9\"}], \"x\": -7}");
        Random random = new Random(5);
        for (int i = 0; i < 20_000; i++) {
            byte[] bad = good.clone();
            for (int n = random.nextInt(3); n >= 0; n--) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
            }
            try {
                Value value = parse(bad);
                assertThat(parse(Json.bytes(value))).isEqualTo(value);
            } catch (CheckpointFormatException e) {
                assertThat(e.getMessage()).startsWith("d.json: ").matches("\\P{Cntrl}*");
            }
        }
    }
}
