package io.github.weighbridge.gguf.file;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Limits;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Headers with a vocabulary of Gemma's size: 262 144 tokens and 514 906 merges.
@Tag("small-heap")
class VocabularyTest {
    private static final int TOKENS = 262_144;
    private static final int MERGES = 514_906;

    private static void write(Path path, ByteOrder order) throws IOException {
        GgufArrayWriter tokens = new GgufArrayWriter(8 << 20);
        for (int i = 0; i < TOKENS; i++) {
            tokens.add("\u2581tok" + i);
        }
        GgufArrayWriter merges = new GgufArrayWriter(16 << 20);
        for (int i = 0; i < MERGES; i++) {
            merges.add("me " + i);
        }
        GgufHeader header =
                GgufHeader.builder().order(order).put("general.architecture", "gemma4").put("tokenizer.ggml.tokens", tokens.toArray())
                        .put("tokenizer.ggml.scores", GgufArray.ofFloats(new float[TOKENS])).put("tokenizer.ggml.token_type",
                                GgufArray.ofInts(new int[TOKENS]))
                        .put("tokenizer.ggml.merges", merges.toArray()).put("tokenizer.chat_template", "{{ x }}".repeat(3000))
                        .tensor("t", Shape.of(32), GgmlType.F32).build();
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(path))) {
            header.writeTo(out);
            out.write(new byte[128]);
        }
    }

    private static long allocated() {
        return ((com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void isPassedWithoutMakingStrings(boolean bigEndian, @TempDir Path folder) throws IOException {
        Path path = folder.resolve("model.gguf");
        write(path, bigEndian ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        try (ByteSource source = ByteSource.of(path)) {
            GgufFile.read(source, Limits.DEFAULT);
            long before = allocated();
            GgufFile file = GgufFile.read(source, Limits.DEFAULT);
            // The windows of 16 KiB to 1 MiB, begun anew after each array that was passed over, and little else.
            assertThat(allocated() - before).isLessThan(3 << 20);
            GgufArray tokens = file.array("tokenizer.ggml.tokens").orElseThrow();
            assertThat(tokens.count()).isEqualTo(TOKENS);
            assertThat(tokens.strings()).hasSize(TOKENS).startsWith("\u2581tok0").endsWith("\u2581tok262143");
            int[] last = new int[1];
            file.array("tokenizer.ggml.merges").orElseThrow().forEachString((index, text) -> {
                assertThat(text.length()).isGreaterThan(3);
                last[0] = index;
            });
            assertThat(last[0]).isEqualTo(MERGES - 1);
            assertThat(file.text("tokenizer.chat_template")).contains("{{ x }}".repeat(3000));
            assertThat(file.tensors()).hasSize(1);
        }
    }

    @Test
    void arraysMoveFromFileToFileWithoutBeingHeld(@TempDir Path folder) throws IOException {
        Path path = folder.resolve("model.gguf");
        write(path, ByteOrder.LITTLE_ENDIAN);
        try (ByteSource source = ByteSource.of(path)) {
            GgufFile file = GgufFile.read(source, Limits.DEFAULT);
            GgufHeader.Builder builder = GgufHeader.builder();
            file.keys().values().forEach(key -> builder.put(key.name(), key.value()));
            GgufHeader header = builder.tensor("t", Shape.of(32), GgmlType.F32).build();
            Path copy = folder.resolve("copy.gguf");
            long before = allocated();
            try (OutputStream out = Files.newOutputStream(copy)) {
                header.writeTo(out);
                out.write(new byte[128]);
            }
            assertThat(allocated() - before).isLessThan(1 << 20);
            assertThat(Files.mismatch(path, copy)).isEqualTo(-1);
        }
    }
}
