package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.SourceTree;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

import static io.github.weighbridge.safetensors.file.TestFile.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.fail;

class SafetensorsRobustnessTest {
    private static final byte[] SMALL =
            TestFile.of("{\"__metadata__\":{\"format\":\"pt\",\"\u4e00\":\"\\ud83d\\ude00\\n\"}," + entry("b", "F32", "[2,2]", "[8,24]")
                    + "," + entry("layers.0.\u00e9", "I64", "[]", "[0,8]") + "," + entry("c", "F4", "[2,0]", "[24,24]") + "}   ", 24);

    private static void readOrRefuse(byte[] bytes, String what) {
        try {
            SafetensorsFile.read(ByteSource.of("x", bytes), Limits.DEFAULT);
        } catch (CheckpointFormatException e) {
            assertThat(e.getMessage()).as(what).startsWith("x: at byte ").contains(": found ", ", expected ");
            assertThat(e.offset().orElseThrow()).as(what).isBetween(0L, (long) bytes.length);
        } catch (IOException e) {
            fail(what, e);
        }
    }

    @Test
    void theSmallFileIsRight() throws IOException {
        assertThat(SafetensorsFile.read(ByteSource.of("x", SMALL), Limits.DEFAULT).entries()).hasSize(3);
    }

    @Test
    void filesCutAnywhereAreRefused() {
        for (int length = 0; length < SMALL.length; length++) {
            byte[] cut = Arrays.copyOf(SMALL, length);
            assertThatExceptionOfType(CheckpointFormatException.class).as("cut after %d bytes", length)
                    .isThrownBy(() -> SafetensorsFile.read(ByteSource.of("x", cut), Limits.DEFAULT));
        }
    }

    @Test
    void headersCutAnywhereAreRefused() {
        int headerBytes = SMALL.length - 8 - 24;
        for (int length = 0; length < headerBytes - 3; length++) {
            byte[] cut = TestFile.declaring(length, SMALL);
            assertThatExceptionOfType(CheckpointFormatException.class).as("header of %d bytes", length)
                    .isThrownBy(() -> SafetensorsFile.read(ByteSource.of("x", cut), Limits.DEFAULT));
        }
    }

    @Test
    void everyByteInPlaceOfEveryByteGivesOneMessage() {
        for (int at = 0; at < SMALL.length - 24; at++) {
            for (int value = 0; value < 256; value++) {
                byte[] spoiled = SMALL.clone();
                spoiled[at] = (byte) value;
                readOrRefuse(spoiled, "byte " + at + " is " + value);
            }
        }
    }

    @Test
    void manySpoiledBytesGiveOneMessage() {
        String marks = "{}[]\",:\\0123456789-+.eE ntfu\u0000\u00ff";
        for (int seed = 0; seed < 50_000; seed++) {
            Random random = new Random(seed);
            byte[] spoiled = SMALL.clone();
            for (int i = random.nextInt(1, 6); i > 0; i--) {
                spoiled[8 + random.nextInt(SMALL.length - 32)] = random.nextBoolean() ? (byte) random.nextInt()
                        : (byte) marks.charAt(random.nextInt(marks.length()));
            }
            readOrRefuse(spoiled, "seed " + seed);
        }
    }

    @Test
    void spoiledIndexesGiveOneMessage() {
        String text = "{\"metadata\":{\"total_size\":24},\"x\":[1,{\"y\":null}],"
                + "\"weight_map\":{\"b\":\"s\",\"c\":\"s\",\"layers.0.\u00e9\":\"s\"}}";
        byte[] index = text.getBytes(StandardCharsets.UTF_8);
        for (int at = 0; at < index.length; at++) {
            for (int value = 0; value < 256; value++) {
                byte[] spoiled = index.clone();
                spoiled[at] = (byte) value;
                try {
                    SafetensorsFolder.open(SourceTree.of("m", Map.of("s", SMALL, SafetensorsIndex.FILE, spoiled)), Limits.DEFAULT).close();
                } catch (CheckpointFormatException e) {
                    assertThat(e.getMessage()).startsWith("m/").contains(": found ", ", expected ");
                } catch (IOException e) {
                    fail("byte " + at + " is " + value, e);
                }
            }
        }
    }

    /// A file whose header is made of numbered pieces of one length, none of it held in memory.
    private record Generated(String begin, IntFunction<String> piece, int pieces, String end, int each) implements ByteSource {
        Generated(String begin, IntFunction<String> piece, int pieces, String end) {
            this(begin, piece, pieces, end, piece.apply(0).length());
        }

        private long headerBytes() {
            return begin.length() + (long) each * pieces + end.length();
        }

        @Override
        public String name() {
            return "x";
        }

        @Override
        public long length() {
            return 8 + headerBytes();
        }

        @Override
        public void read(long offset, MemorySegment target) {
            long done = 0;
            while (done < target.byteSize()) {
                long at = offset + done - 8;
                long inPieces = at - begin.length();
                byte[] part;
                int from;
                if (at < 0) {
                    part = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(headerBytes()).array();
                    from = (int) (at + 8);
                } else if (inPieces < 0) {
                    part = begin.getBytes(StandardCharsets.US_ASCII);
                    from = (int) at;
                } else if (inPieces < (long) each * pieces) {
                    part = piece.apply((int) (inPieces / each)).getBytes(StandardCharsets.US_ASCII);
                    from = (int) (inPieces % each);
                } else {
                    part = end.getBytes(StandardCharsets.US_ASCII);
                    from = (int) (inPieces - (long) each * pieces);
                }
                int count = (int) Math.min(part.length - from, target.byteSize() - done);
                MemorySegment.copy(part, from, target, ValueLayout.JAVA_BYTE, done, count);
                done += count;
            }
        }

        @Override
        public void close() {}
    }

    private static String digits(int number) {
        String text = Integer.toString(number);
        return "0".repeat(7 - text.length()) + text;
    }

    private static void assertLimited(ByteSource source, String setting) {
        assertThatExceptionOfType(CheckpointFormatException.class).isThrownBy(() -> SafetensorsFile.read(source, Limits.DEFAULT))
                .withMessageContaining(setting)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(CheckpointFormatException.Kind.LIMIT_EXCEEDED));
    }

    @Test
    @Tag("small-heap")
    void hugeHeadersAreLimited() {
        assertLimited(new Generated("{", i -> entry(digits(i), "U8", "[0]", "[0,0]") + ",", 1_500_000, "}"), "Limits.tensors");
        assertLimited(new Generated("{", i -> entry("n".repeat(60_000) + digits(i), "U8", "[0]", "[0,0]") + ",", 1_600, "}"),
                "Limits.keptBytes");
        assertLimited(new Generated("{\"__metadata__\":{", i -> "\"" + digits(i) + "\":\"\",", 5_000_000, "}}"), "Limits.keys");
        assertLimited(new Generated("{\"__metadata__\":{\"k\":\"", i -> "v".repeat(1000), 99_000, "\"}}"), "Limits.textBytes");
        assertLimited(new Generated("{\"__metadata__\":{\"k\":\"", i -> "\\u4e00".repeat(100), 60_000, "\"}}"), "Limits.textBytes");
        String text = "v".repeat(65_000);
        assertLimited(new Generated("{\"__metadata__\":{", i -> "\"" + digits(i) + "\":\"" + text + "\",", 1_500, "}}"),
                "Limits.keptBytes");
    }

    /// Text takes most memory when it is written by escapes and needs two bytes for a character.
    @Test
    @Tag("small-heap")
    void theLargestTextsFit() throws IOException {
        Generated source = new Generated("{\"__metadata__\":{\"a\":\"", i -> "\\u4e00".repeat(1_000), 5_500, "\",\"b\":\"x\"}}");
        assertThat(SafetensorsFile.read(source, Limits.DEFAULT).metadata().get("a")).hasSize(5_500_000);
    }

    /// As many tensors as the limits allow, with names of 62 characters.
    @Test
    @Tag("small-heap")
    void theLargestHeaderFits() throws IOException {
        String layer = "model.language_model.layers.experts.gate_up_proj.weight.";
        Generated source = new Generated("{",
                i -> entry(layer + digits(i), "U8", "[" + (10 + i % 90) + ",0]", "[0,0]") + (i < 399_999 ? "," : " "), 400_000, "}");
        SafetensorsFile file = SafetensorsFile.read(source, Limits.DEFAULT);
        assertThat(file.entries()).hasSize(400_000);
        assertThat(file.find(layer + digits(399_999))).hasValueSatisfying(entry -> assertThat(entry.shape().dimension(0)).isEqualTo(49));
    }
}
