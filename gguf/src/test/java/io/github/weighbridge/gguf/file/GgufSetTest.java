package io.github.weighbridge.gguf.file;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.ForwardingByteSource;
import io.github.weighbridge.io.ForwardingSourceTree;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.SourceTree;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class GgufSetTest {
    private static byte[] shard(int number, int count, int tensors, String... names) throws IOException {
        GgufHeader.Builder builder = GgufHeader.builder();
        if (number == 0) {
            builder.put("general.architecture", "gemma4");
        }
        builder.put("split.no", GgufValue.u16(number)).put("split.count", GgufValue.u16(count)).put("split.tensors.count",
                GgufValue.i32(tensors));
        for (String name : names) {
            builder.tensor(name, Shape.of(8), GgmlType.F32);
        }
        GgufHeader header = builder.build();
        byte[] bytes = Arrays.copyOf(header.toBytes(), (int) header.fileLength());
        Arrays.fill(bytes, (int) header.dataOffset(), bytes.length, (byte) number);
        return bytes;
    }

    private static Map<String, byte[]> threeShards() throws IOException {
        Map<String, byte[]> files = new HashMap<>();
        files.put("m-00001-of-00003.gguf", shard(0, 3, 3));
        files.put("m-00002-of-00003.gguf", shard(1, 3, 3, "a", "b"));
        files.put("m-00003-of-00003.gguf", shard(2, 3, 3, "c"));
        return files;
    }

    /// Files in memory that count how many are open.
    private static final class Counting extends ForwardingSourceTree {
        private int open;

        Counting(Map<String, byte[]> files) {
            super(SourceTree.of("folder", files));
        }

        @Override
        public ByteSource open(String file) throws IOException {
            ByteSource bytes = super.open(file);
            open++;
            return new ForwardingByteSource(bytes) {

                @Override
                public void close() {
                    open--;
                }
            };
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void anyShardOpensTheSet(int number) throws IOException {
        Counting tree = new Counting(threeShards());
        String named = "m-0000" + number + "-of-00003.gguf";
        try (GgufSet set = GgufSet.open(new Source("folder/" + named, tree, Optional.of(named)), Limits.DEFAULT)) {
            assertThat(tree.open).isEqualTo(3);
            assertThat(set.isSplit()).isTrue();
            assertThat(set.names()).containsExactly("m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf");
            assertThat(set.first().text("general.architecture")).contains("gemma4");
            assertThat(set.tensors()).extracting(t -> t.file() + t.info().name()).containsExactly("1a", "1b", "2c");
            assertThat(set.data(set.tensor("c").orElseThrow()).readBytes(0, 4)).containsOnly(2);
            assertThat(set.tensor("d")).isEmpty();
            assertThat(set.byteLength()).isEqualTo(threeShards().values().stream().mapToLong(b -> b.length).sum());
            set.verifyUnchanged();
        }
        assertThat(tree.open).isZero();
    }

    @Test
    void aSingleFileIsASetOfOne() throws IOException {
        byte[] merged = shard(0, 0, 1, "a");
        Counting tree = new Counting(Map.of("m.gguf", merged));
        try (GgufSet set = GgufSet.open(new Source("m.gguf", tree, Optional.of("m.gguf")), Limits.DEFAULT)) {
            assertThat(set.isSplit()).isFalse();
            assertThat(set.tensors()).hasSize(1);
        }
        assertThat(tree.open).isZero();
    }

    @Test
    void failuresCloseWhatWasOpened() throws IOException {
        Map<String, byte[]> files = threeShards();
        files.put("m-00003-of-00003.gguf", new byte[0]);
        Counting tree = new Counting(files);
        assertThatThrownBy(() -> GgufSet.open(new Source("m", tree, Optional.of("m-00002-of-00003.gguf")), Limits.DEFAULT))
                .isInstanceOf(CheckpointFormatException.class)
                .hasMessage("folder/m-00003-of-00003.gguf: at byte 0: header: found an empty file, expected at least 24 bytes");
        assertThat(tree.open).isZero();
        files.remove("m-00003-of-00003.gguf");
        Counting without = new Counting(files);
        assertThatThrownBy(() -> GgufSet.open(new Source("m", without, Optional.of("m-00002-of-00003.gguf")), Limits.DEFAULT)).hasMessage(
                "folder/m-00003-of-00003.gguf: shard 3 of 3: found no such file, expected all shards beside m-00002-of-00003.gguf");
        assertThat(without.open).isZero();
        assertThatThrownBy(() -> GgufSet.open(new Source("folder", tree, Optional.empty()), Limits.DEFAULT))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void limitsHoldForAllShardsTogether() throws IOException {
        Limits two = new Limits(100_000_000, 2, 100, 65_535, 1 << 20, 1 << 20, 1 << 20, 64, 16);
        SourceTree tree = SourceTree.of("", threeShards());
        assertThatThrownBy(() -> GgufSet.open(new Source("m", tree, Optional.of("m-00001-of-00003.gguf")), two))
                .hasMessage("m-00003-of-00003.gguf: at byte 8: tensor count: found 3, expected at most 2 (Limits.tensors)");
    }

    @Test
    void splitNamesAreReadAndWritten() {
        GgufSplit split = GgufSplit.parse("gemma-4-E2B-it-Q4_0-00002-of-00010.gguf").orElseThrow();
        assertThat(split).isEqualTo(new GgufSplit("gemma-4-E2B-it-Q4_0", 2, 10)).hasToString("gemma-4-E2B-it-Q4_0-00002-of-00010.gguf");
        assertThat(split.sibling(10).fileName()).isEqualTo("gemma-4-E2B-it-Q4_0-00010-of-00010.gguf");
        assertThat(GgufSplit.parse("a-00001-of-00002-00001-of-00001.gguf")).contains(new GgufSplit("a-00001-of-00002", 1, 1));
        for (String name : List.of("a.gguf", "a-1-of-2.gguf", "-00001-of-00002.gguf", "a-00000-of-00002.gguf", "a-00003-of-00002.gguf",
                "a-00001-of-99999.gguf", "a-00001-of-00002.GGUF", "a-00001-of-00002.gguf.part",
                "a-\u0660\u0660\u0660\u0660\u0661-of-00002.gguf")) {
            assertThat(GgufSplit.parse(name)).as(name).isEmpty();
        }
        assertThat(GgufSplit.prefixOf("model.gguf")).isEqualTo("model");
        assertThat(GgufSplit.prefixOf("model")).isEqualTo("model");
        assertThat(GgufSplit.prefixOf(".gguf")).isEqualTo(".gguf");
        assertThatThrownBy(() -> split.sibling(11)).isInstanceOf(IllegalArgumentException.class);
        assertThat(new GgufSplit("a", 1, 65_535).fileName()).isEqualTo("a-00001-of-65535.gguf");
    }
}
