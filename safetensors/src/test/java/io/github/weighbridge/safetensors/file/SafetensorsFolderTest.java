package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.ForwardingByteSource;
import io.github.weighbridge.io.ForwardingSourceTree;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.SourceTree;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static io.github.weighbridge.safetensors.file.TestFile.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

class SafetensorsFolderTest {
    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";
    private static final String RIGHT =
            "{\"metadata\":{\"total_size\":5},\"weight_map\":{\"a\":\"" + FIRST + "\",\"b\":\"" + SECOND + "\"}}";
    private static final byte[] A = TestFile.of("{" + entry("a", "F32", "[1]", "[0,4]") + "}", 4);
    private static final byte[] B = TestFile.of("{" + entry("b", "U8", "[]", "[0,1]") + "}", 1);

    private static Map<String, byte[]> sharded(String index) {
        Map<String, byte[]> files = new TreeMap<>(Map.of(FIRST, A, SECOND, B));
        files.put(SafetensorsIndex.FILE, index.getBytes(StandardCharsets.UTF_8));
        return files;
    }

    /// Counts what is open.
    private static final class CountingTree extends ForwardingSourceTree {
        int open;
        int opened;

        CountingTree(Map<String, byte[]> files) {
            super(SourceTree.of("m", files));
        }

        @Override
        public ByteSource open(String file) throws IOException {
            ByteSource source = super.open(file);
            open++;
            opened++;
            return new ForwardingByteSource(source) {
                private boolean closed;

                @Override
                public void read(long offset, MemorySegment target) throws IOException {
                    assertThat(closed).isFalse();
                    super.read(offset, target);
                }

                @Override
                public void close() {
                    assertThat(closed).isFalse();
                    closed = true;
                    open--;
                }
            };
        }
    }

    @Test
    void opensShardsByTheirIndex() throws IOException {
        CountingTree tree = new CountingTree(sharded(RIGHT));
        try (SafetensorsFolder folder = SafetensorsFolder.open(tree, Limits.DEFAULT)) {
            assertThat(folder.name()).isEqualTo("m");
            assertThat(folder.shards()).extracting(SafetensorsFolder.Shard::file).containsExactly(FIRST, SECOND);
            assertThat(folder.tensors()).extracting(SafetensorsFolder.Located::name).containsExactly("a", "b");
            assertThat(folder.find("b")).hasValueSatisfying(tensor -> {
                assertThat(tensor.shard()).isEqualTo(1);
                assertThat(tensor.entry().length()).isEqualTo(1);
            });
            assertThat(folder.find("c")).isEmpty();
            assertThat(folder.warnings()).isEmpty();
            assertThat(tree.open).isEqualTo(2);
        }
        assertThat(tree.open).isZero();
        assertThat(tree.opened).isEqualTo(3);
    }

    @Test
    void readsAnIndexByItself() throws IOException {
        SafetensorsIndex index = SafetensorsIndex.read(SourceTree.of("m", sharded(RIGHT)), SafetensorsIndex.FILE, Limits.DEFAULT);
        assertThat(index.files()).containsExactly(FIRST, SECOND);
        assertThat(index.size()).isEqualTo(2);
        assertThat(index.fileOf("a")).contains(FIRST);
        assertThat(index.fileOf("c")).isEmpty();
        assertThat(index.totalSize()).hasValue(5);
    }

    static Stream<Arguments> warned() {
        String weights = RIGHT.substring(RIGHT.indexOf("\"weight_map\""));
        String path = "m/model.safetensors.index.json: ";
        return Stream.of(arguments(RIGHT.replace("5", "7"), path + "metadata.total_size is 7, the tensors take 5 bytes"),
                arguments(RIGHT.replace(":5", ":5.0"), path + "metadata.total_size is 5.0, no whole number of bytes"),
                arguments(RIGHT.replace(":5", ":\"5\""), path + "metadata.total_size is no number, no whole number of bytes"),
                arguments(RIGHT.replace(":5", ":-5"), path + "metadata.total_size is -5, no whole number of bytes"),
                arguments(RIGHT.replace(":5", ":1e999999999"), path + "metadata.total_size is 1e999999999, no whole number of bytes"),
                arguments(RIGHT.replace(":5", ":99999999999999999999"),
                        path + "metadata.total_size is 99999999999999999999, no whole number of bytes"),
                arguments("{" + weights, ""),
                arguments("{\"metadata\":{},\"other\":[{\"x\":[true,false,null,-1.5e3,\"\\u00e9\"]},{}]," + weights, ""),
                arguments(RIGHT.replace(":5", ":5,\"total_parameters\":2"), ""));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("warned")
    void warnsOfSizesThatAreNotTrue(String index, String warning) throws IOException {
        try (SafetensorsFolder folder = SafetensorsFolder.open(SourceTree.of("m", sharded(index)), Limits.DEFAULT)) {
            assertThat(folder.warnings()).isEqualTo(warning.isEmpty() ? List.of() : List.of(warning));
        }
    }

    @Test
    void warnsOfFilesThatAreNotRead() throws IOException {
        Map<String, byte[]> files = sharded(RIGHT);
        files.put("consolidated.safetensors", A);
        files.put("tokenizer.json", new byte[0]);
        try (SafetensorsFolder folder = SafetensorsFolder.open(SourceTree.of("m", files), Limits.DEFAULT)) {
            assertThat(folder.warnings()).containsExactly("m/consolidated.safetensors: not read, a file which the index does not name");
        }
        Map<String, byte[]> single = Map.of("model.safetensors", A, "adapter.safetensors", B);
        try (SafetensorsFolder folder = SafetensorsFolder.open(SourceTree.of("m", single), Limits.DEFAULT)) {
            assertThat(folder.shards()).extracting(SafetensorsFolder.Shard::file).containsExactly("model.safetensors");
            assertThat(folder.warnings())
                    .containsExactly("m/adapter.safetensors: not read, a file which does not belong to model.safetensors");
        }
    }

    @Test
    void opensFoldersWithoutAnIndex() throws IOException {
        try (SafetensorsFolder only = SafetensorsFolder.open(SourceTree.of("m", Map.of("lora.safetensors", A)), Limits.DEFAULT)) {
            assertThat(only.tensors()).hasSize(1);
        }
        try (SafetensorsFolder numbered = SafetensorsFolder.open(SourceTree.of("m", Map.of(FIRST, A, SECOND, B)), Limits.DEFAULT)) {
            assertThat(numbered.tensors()).hasSize(2);
            assertThat(numbered.warnings()).isEmpty();
        }
        try (SafetensorsFolder one = SafetensorsFolder.open(SourceTree.of("m", sharded("{}")), SECOND, Limits.DEFAULT)) {
            assertThat(one.tensors()).extracting(SafetensorsFolder.Located::name).containsExactly("b");
        }
    }

    private static byte[] index(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Arguments indexed(String index, String message) {
        return arguments(sharded(index), "m/model.safetensors.index.json: " + message);
    }

    private static Arguments placed(String file, String shown) {
        return indexed("{\"weight_map\":{\"a\":\"" + file + "\"}}",
                "at byte 19: weight_map \"a\": found \"" + shown + "\", expected the plain name of a file in the same folder");
    }

    static Stream<Arguments> refused() {
        byte[] both = TestFile.of("{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "U8", "[]", "[4,5]") + "}", 5);
        Map<String, byte[]> missing = sharded(RIGHT);
        missing.remove(SECOND);
        return Stream.of(indexed("", "at byte 0: index: found the end of the file, expected a JSON object"),
                indexed("[]", "at byte 0: index: found a list, expected a JSON object"),
                indexed("{}", "weight_map: found no such key, expected an object from tensor names to file names"),
                indexed("{\"weight_map\":{}}", "weight_map: found no tensor, expected an object from tensor names to file names"),
                indexed("{\"weight_map\":[]}", "at byte 14: weight_map: found a list, expected an object"),
                indexed("{\"metadata\":[]}", "at byte 12: metadata: found a list, expected an object"),
                indexed("{\"metadata\":{},\"metadata\":{}}", "at byte 15: metadata: found the name a second time, expected each name once"),
                indexed("{\"metadata\":{\"total_size\":1,\"total_size\":1}}",
                        "at byte 28: metadata \"total_size\": found the name a second time, expected each name once"),
                indexed("{\"x\":nul}", "at byte 5: index: found an unknown word, expected true, false or null"),
                indexed("{\"x\":" + "[".repeat(65),
                        "at byte 69: index: found nesting deeper than 64, expected at most 64 levels (Limits.depth)"),
                indexed(RIGHT + " x", "at byte 125: index: found 'x', expected nothing but spaces after the object".replace("125",
                        String.valueOf(RIGHT.length() + 1))),
                indexed("{\"weight_map\":{\"a\":1}}", "at byte 19: weight_map \"a\": found a number, expected a file name"),
                indexed("{\"weight_map\":{\"a\":\"" + FIRST + "\",\"a\":\"" + FIRST + "\"}}",
                        "at byte 54: weight_map \"a\": found the name a second time, expected each name once"),
                placed("../../x", "../../x"), placed("/x", "/x"), placed("..\\\\x", "..\\x"), placed("C:x", "C:x"), placed("", ""),
                placed("..", ".."),
                placed("x\\u0000", "x\\u0000"),
                arguments(missing, "m/model.safetensors.index.json: at byte 86: weight_map \"b\": found \"" + SECOND
                        + "\", which is not there, expected a file in the same folder"),
                arguments(sharded(RIGHT.replace("\"b\"", "\"c\"")), "m/" + SECOND
                        + ": at byte 9: tensor \"b\": found a tensor that the index does not list, "
                        + "expected the tensors that the index places here"),
                arguments(sharded(RIGHT.replace(FIRST, "x").replace(SECOND, FIRST).replace("\"x\"", "\"" + SECOND + "\"")),
                        "m/" + FIRST + ": at byte 9: tensor \"a\": found a tensor that the index places in " + SECOND
                                + ", expected the tensors that the index places here"),
                indexed(RIGHT.replace("}}", ",\"c\":\"" + SECOND + "\"}}"),
                        "at byte 121: weight_map \"c\": found " + SECOND + ", which has no such tensor, expected the file that holds it"),
                arguments(Map.of(FIRST, A, SECOND, both), "m/" + SECOND + ": at byte 9: tensor \"a\": found a tensor that is in " + FIRST
                        + " too, expected each name in one file"),
                arguments(Map.of(FIRST, A), "m: folder: found 1 of 2 numbered files, without " + SECOND + ", expected all of them"),
                arguments(Map.of("a-00001-of-99999.safetensors", A), "m: folder: found 1 of 99999 numbered files, "
                        + "without a-00002-of-99999.safetensors, expected all of them"),
                arguments(Map.of("a.safetensors", A, "b.safetensors", B), "m: folder: found 2 .safetensors files that are no numbered set, "
                        + "a.safetensors and b.safetensors among them, and no model.safetensors.index.json, "
                        + "expected model.safetensors, an index, or one file opened by its name"),
                arguments(Map.of("config.json", index("{}")), "m: folder: found no .safetensors file, "
                        + "expected model.safetensors, or an index with its files"));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("refused")
    void refusesWithOneMessageAndLeavesNothingOpen(Map<String, byte[]> files, String message) {
        CountingTree tree = new CountingTree(files);
        assertThatExceptionOfType(CheckpointFormatException.class).isThrownBy(() -> SafetensorsFolder.open(tree, Limits.DEFAULT))
                .withMessage(message);
        assertThat(tree.open).isZero();
    }

    @Test
    void limitsCountAllShardsTogether() {
        Limits d = Limits.DEFAULT;
        Limits one = new Limits(d.headerBytes(), 1, d.keys(), d.nameBytes(), d.textBytes(), d.keptBytes(), d.documentBytes(), d.depth(),
                d.dimensions());
        CountingTree tree = new CountingTree(Map.of(FIRST, A, SECOND, B));
        assertThatExceptionOfType(CheckpointFormatException.class).isThrownBy(() -> SafetensorsFolder.open(tree, one))
                .withMessage("m/" + SECOND + ": at byte 9: header: found more than 1 tensors, expected at most 1 tensors (Limits.tensors)");
        assertThat(tree.open).isZero();
        Limits small = new Limits(d.headerBytes(), d.tensors(), d.keys(), d.nameBytes(), d.textBytes(), d.keptBytes(), 10, d.depth(),
                d.dimensions());
        assertThatExceptionOfType(CheckpointFormatException.class)
                .isThrownBy(() -> SafetensorsFolder.open(new CountingTree(sharded(RIGHT)), small))
                .withMessage("m/model.safetensors.index.json: at byte 0: index: found " + RIGHT.length()
                        + " bytes, expected at most 10 bytes (Limits.documentBytes)");
    }

    @Test
    void closingReportsTheFirstFailureAndClosesTheRest() throws IOException {
        List<String> closed = new ArrayList<>();
        SourceTree tree = new ForwardingSourceTree(SourceTree.of("m", Map.of(FIRST, A, SECOND, B))) {

            @Override
            public ByteSource open(String file) throws IOException {
                ByteSource source = super.open(file);
                return new ForwardingByteSource(source) {

                    @Override
                    public void close() throws IOException {
                        closed.add(file);
                        throw new IOException("cannot close " + file);
                    }
                };
            }
        };
        SafetensorsFolder folder = SafetensorsFolder.open(tree, Limits.DEFAULT);
        assertThatThrownBy(folder::close).isInstanceOf(IOException.class).hasMessage("cannot close " + FIRST)
                .satisfies(e -> assertThat(e.getSuppressed()).singleElement().extracting(Throwable::getMessage)
                        .isEqualTo("cannot close " + SECOND));
        assertThat(closed).containsExactly(FIRST, SECOND);
    }
}
