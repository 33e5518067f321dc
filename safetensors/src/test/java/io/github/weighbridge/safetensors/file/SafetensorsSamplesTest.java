package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.SourceTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/// Files that the reference writer wrote.
class SafetensorsSamplesTest {
    private static void assertReplans(Path path) throws IOException {
        try (ByteSource source = ByteSource.of(path)) {
            SafetensorsFile file = SafetensorsFile.read(source, Limits.DEFAULT);
            List<SafetensorsLayout.Tensor> tensors = file.entries().stream()
                    .map(entry -> new SafetensorsLayout.Tensor(entry.name(), entry.type(), entry.shape())).toList().reversed();
            SafetensorsLayout layout = SafetensorsLayout.exactly(tensors, file.metadata());
            byte[] header = source.readBytes(0, Math.toIntExact(file.dataOffset()));
            assertThat(new String(layout.prefix(), StandardCharsets.UTF_8)).as(path.toString())
                    .isEqualTo(new String(header, StandardCharsets.UTF_8));
            assertThat(layout.prefix()).isEqualTo(header);
            assertThat(layout.length()).isEqualTo(source.length());
            assertThat(layout.entries()).isEqualTo(file.entries());
        }
    }

    private static void assertReplansAll(Path folder, int count) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            List<Path> found = files.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList();
            assertThat(found).hasSize(count);
            for (Path file : found) {
                assertReplans(file);
            }
        }
    }

    @Test
    void replansFilesOfTheReferenceByteForByte() throws IOException {
        assertReplansAll(SharedData.find("safetensors"), 2);
    }

    @Test
    void replansCompressedTensorsByteForByte() throws IOException {
        assertReplansAll(SharedData.find("ct-samples"), 50);
    }

    /// `qat-mobile` is not among them: its writer ordered by size and name, and took no heed of the rank of U8 and I8.
    @Test
    void replansModelsByteForByte() throws IOException {
        assertReplans(SharedData.find("tiny-gemma4/base/model.safetensors"));
        assertReplans(SharedData.find("tiny-gemma4/qat-q4_0-unquantized/model.safetensors"));
        assertReplansAll(SharedData.find("tiny-gemma4/base-sharded"), 4);
    }

    @Test
    void readsAModelInFourShards() throws IOException {
        try (SafetensorsFolder folder =
                SafetensorsFolder.open(SourceTree.of(SharedData.find("tiny-gemma4/base-sharded")), Limits.DEFAULT)) {
            assertThat(folder.shards()).hasSize(4);
            assertThat(folder.warnings()).isEmpty();
            assertThat(folder.tensors().stream().mapToLong(tensor -> tensor.entry().length()).sum()).isEqualTo(16_326_904);
            assertThat(folder.find("model.language_model.embed_tokens.weight")).hasValueSatisfying(tensor -> {
                assertThat(tensor.shard()).isZero();
                assertThat(tensor.entry().shape().toList()).containsExactly(2560L, 256L);
                assertThat(tensor.entry().type()).isEqualTo(SafetensorsType.BF16);
            });
        }
    }

    @Test
    void readsFilesOfOtherWriters() throws IOException {
        try (SafetensorsFolder folder = SafetensorsFolder.open(SourceTree.of(SharedData.find("tiny-gemma4/qat-mobile")), Limits.DEFAULT)) {
            assertThat(folder.tensors()).hasSize(377);
        }
    }
}
