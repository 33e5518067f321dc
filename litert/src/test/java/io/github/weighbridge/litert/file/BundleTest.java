package io.github.weighbridge.litert.file;

import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

class BundleTest {
    private static final List<BundleItem> SYSTEM =
            List.of(BundleItem.of("Authors", "Weighbridge"), BundleItem.of("uuid", "00000000-0000-4000-8000-000000000000"));
    private static final List<BundleItem> ALL_TYPES = List.of(new BundleItem("a", ItemType.UINT8, Value.of(255)),
            new BundleItem("b", ItemType.INT8, Value.of(-128)), new BundleItem("c", ItemType.UINT16, Value.of(65535)),
            new BundleItem("d", ItemType.INT16, Value.of(-32768)), new BundleItem("e", ItemType.UINT32, Value.of(0xffff_ffffL)),
            new BundleItem("f", ItemType.INT32, Value.of(Integer.MIN_VALUE)), new BundleItem("g", ItemType.FLOAT32, Value.of(-1.5)),
            new BundleItem("h", ItemType.BOOL, Value.of(true)), new BundleItem("i", ItemType.STRING, Value.of("text \u2713")),
            new BundleItem("j", ItemType.UINT64, Value.of(-1)), new BundleItem("k", ItemType.INT64, Value.of(Long.MIN_VALUE)),
            new BundleItem("l", ItemType.DOUBLE, Value.of(Math.PI)), new BundleItem("", ItemType.INT32, Value.of(0)));

    private static byte[] file(BundleLayout layout) {
        byte[] bytes = Arrays.copyOf(layout.prefix(), Math.toIntExact(layout.length()));
        int fill = 1;
        for (BundleSection section : layout.header().sections()) {
            Arrays.fill(bytes, (int) section.begin(), (int) section.end(), (byte) fill++);
        }
        return bytes;
    }

    @Test
    void aBundleIsReadAsItWasLaidOut() throws IOException {
        List<BundleLayout.Planned> sections = List.of(new BundleLayout.Planned(SectionKind.LLM_METADATA, List.of(), 100),
                new BundleLayout.Planned(SectionKind.TFLITE_MODEL, List.of(BundleItem.of("Model_Type", "TF_LITE_EMBEDDER")), 16384),
                new BundleLayout.Planned(new SectionKind(200), ALL_TYPES, 1));
        for (boolean padded : new boolean[] {false, true}) {
            BundleLayout layout = BundleLayout.of(5, SYSTEM, sections, padded);
            byte[] bytes = file(layout);
            assertThat(bytes).hasSize(padded ? 65536 : 49153);
            BundleHeader header = BundleHeader.read(ByteSource.of("f", bytes), Limits.DEFAULT);
            assertThat(header).isEqualTo(layout.header());
            assertThat(header.version()).isEqualTo("1.5.0");
            assertThat(header.sections()).extracting(BundleSection::begin).containsExactly(16384L, 32768L, 49152L);
            assertThat(header.sections().get(1).modelType()).isEqualTo("tf_lite_embedder");
            assertThat(header.sections().get(2).items()).isEqualTo(ALL_TYPES);
            assertThat(header.sections().get(2).kind().word()).isEqualTo("kind 200");
        }
        assertThat(BundleLayout.of(5, SYSTEM, sections, false).prefix()).isEqualTo(BundleLayout.of(5, SYSTEM, sections, false).prefix());
    }

    /// What an independent reader of the schema, flatbuffers' own accessors, finds in our header.
    @Test
    void theHeaderFollowsTheSchema() {
        BundleLayout layout = BundleLayout.of(0, SYSTEM,
                List.of(new BundleLayout.Planned(SectionKind.SENTENCEPIECE, List.of(BundleItem.of("model_type", "x")), 7)), false);
        ByteBuffer buffer = ByteBuffer.wrap(layout.prefix()).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(buffer.getLong(24)).isEqualTo(buffer.limit());
        Generic root = Generic.root(buffer.slice(32, buffer.limit() - 32).order(ByteOrder.LITTLE_ENDIAN));
        Generic entry = root.table(0).vector(0).get(1);
        assertThat(entry.string(0)).isEqualTo("uuid");
        assertThat(entry.u8(1)).isEqualTo(9);
        assertThat(entry.table(2).string(0)).isEqualTo("00000000-0000-4000-8000-000000000000");
        Generic section = root.table(1).vector(0).get(0);
        assertThat(section.i64(1)).isEqualTo(16384);
        assertThat(section.i64(2)).isEqualTo(16391);
        assertThat(section.u8(3)).isEqualTo(4);
        assertThat(section.vector(0).get(0).table(2).string(0)).isEqualTo("x");
    }

    @Test
    void whatLoadersRefuseIsNotLaidOut() {
        assertThatIllegalArgumentException().isThrownBy(() -> new BundleLayout.Planned(SectionKind.GENERIC, List.of(), 0));
        assertThatIllegalArgumentException().isThrownBy(
                () -> BundleLayout.of(0, List.of(BundleItem.of("long", "x".repeat(16384))), List.of(), false))
                .withMessageContaining("16384");
        assertThatIllegalArgumentException().isThrownBy(() -> new BundleItem("k", ItemType.UINT8, Value.of(256)));
        assertThatIllegalArgumentException().isThrownBy(() -> new BundleItem("k", ItemType.BOOL, Value.of("true")));
        assertThatIllegalArgumentException().isThrownBy(() -> new BundleItem("k", ItemType.FLOAT32, Value.of(0.1)));
    }

    @Test
    void realBundlesAreReadSectionBySection() throws IOException {
        Optional<Path> data = SharedData.find("litert");
        assumeThat(data).as("real bundles, ../shared/data/litert").isPresent();
        try (ByteSource source = ByteSource.of(data.orElseThrow().resolve("test_hf_tokenizer.litertlm"))) {
            BundleHeader header = BundleHeader.read(source, Limits.DEFAULT);
            assertThat(header.version()).isEqualTo("1.0.0");
            assertThat(header.sections()).hasSize(1);
            BundleSection section = header.sections().getFirst();
            assertThat(section.kind()).isEqualTo(SectionKind.HUGGING_FACE_TOKENIZER);
            assertThat(section.begin()).isEqualTo(16384);
            assertThat(source.length() - section.end()).isEqualTo(13_304);
            byte[] tokenizer = CompressedTokenizer.read(source, section, Limits.DEFAULT);
            assertThat(tokenizer).hasSize(2_104_556);
            assertThat(new String(tokenizer, 0, 20, StandardCharsets.UTF_8)).startsWith("{");
            byte[] again = CompressedTokenizer.write(tokenizer);
            assertThat(CompressedTokenizer.read(ByteSource.of("again", again),
                    new BundleSection(SectionKind.HUGGING_FACE_TOKENIZER, List.of(), 0, again.length), Limits.DEFAULT))
                    .isEqualTo(tokenizer);
        }
        try (ByteSource source = ByteSource.of(data.orElseThrow().resolve("conv_fc_mnist.litertlm"))) {
            BundleHeader header = BundleHeader.read(source, Limits.DEFAULT);
            assertThat(header.sections()).hasSize(1);
            BundleSection section = header.sections().getFirst();
            assertThat(section.kind()).isEqualTo(SectionKind.TFLITE_MODEL);
            assertThat(section.modelType()).isEqualTo("tf_lite_embedder");
            assertThat(section.end()).isEqualTo(source.length());
            assertThat(new String(source.readBytes(section.begin() + 4, 4), StandardCharsets.US_ASCII)).isEqualTo("TFL3");
        }
    }

    /// Sections of the same lengths laid out again lie where the real file has them, and the header says the same.
    @Test
    void realBundlesLaidOutAgainSayTheSame() throws IOException {
        Optional<Path> data = SharedData.find("litert");
        assumeThat(data).as("real bundles, ../shared/data/litert").isPresent();
        for (String name : List.of("test_hf_tokenizer.litertlm", "conv_fc_mnist.litertlm")) {
            try (ByteSource source = ByteSource.of(data.orElseThrow().resolve(name))) {
                BundleHeader header = BundleHeader.read(source, Limits.DEFAULT);
                BundleLayout layout = BundleLayout.of(header.minor(), header.system(), header.sections().stream()
                        .map(section -> new BundleLayout.Planned(section.kind(), section.items(), section.length())).toList(), false);
                assertThat(layout.header().system()).as(name).isEqualTo(header.system());
                assertThat(layout.header().sections()).as(name).isEqualTo(header.sections());
                assertThat(layout.header().version()).as(name).isEqualTo(header.version());
            }
        }
    }

    @Test
    void aTokenizerOfAnotherLengthIsRefused() {
        byte[] bytes = CompressedTokenizer.write("{\"a\": 1}".getBytes(StandardCharsets.UTF_8));
        bytes[0]++;
        assertThatThrownBy(() -> tokenizer(bytes)).isInstanceOf(CheckpointFormatException.class)
                .hasMessage("f: at byte 0: tokenizer: found 8 bytes, expected 9, as the section states");
        bytes[0] = 4;
        assertThatThrownBy(() -> tokenizer(bytes)).isInstanceOf(CheckpointFormatException.class)
                .hasMessage("f: at byte 0: tokenizer: found more than the 4 bytes stated, expected a stream of that length");
        bytes[7] = (byte) 0x80;
        assertThatThrownBy(() -> tokenizer(bytes)).isInstanceOf(CheckpointFormatException.class)
                .hasMessageContaining("9223372036854775812");
    }

    private static byte[] tokenizer(byte[] bytes) throws IOException {
        return CompressedTokenizer.read(ByteSource.of("f", bytes),
                new BundleSection(SectionKind.HUGGING_FACE_TOKENIZER, List.of(), 0, bytes.length), Limits.DEFAULT);
    }

    /// Reads any flatbuffer through the accessors of flatbuffers-java.
    private static final class Generic extends com.google.flatbuffers.Table {
        static Generic root(ByteBuffer buffer) {
            Generic table = new Generic();
            table.__reset(buffer.getInt(0), buffer);
            return table;
        }

        private static Generic at(int position, ByteBuffer buffer) {
            Generic table = new Generic();
            table.__reset(position, buffer);
            return table;
        }

        Generic table(int field) {
            return at(__indirect(bb_pos + __offset(4 + 2 * field)), bb);
        }

        List<Generic> vector(int field) {
            int offset = __offset(4 + 2 * field);
            int begin = __vector(offset);
            return java.util.stream.IntStream.range(0, __vector_len(offset)).mapToObj(i -> at(__indirect(begin + 4 * i), bb)).toList();
        }

        String string(int field) {
            return __string(bb_pos + __offset(4 + 2 * field));
        }

        int u8(int field) {
            return Byte.toUnsignedInt(bb.get(bb_pos + __offset(4 + 2 * field)));
        }

        long i64(int field) {
            return bb.getLong(bb_pos + __offset(4 + 2 * field));
        }
    }
}
