package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.safetensors.file.SafetensorsIndex;
import io.github.weighbridge.safetensors.file.SafetensorsShards;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Checkpoints of true size that take no space: their headers are written, their weights are holes.
final class SparseCheckpoint {
    private SparseCheckpoint() {}

    static Path write(Path folder, Gemma4Options options) throws IOException {
        Files.createDirectories(folder);
        SafetensorsShards shards = Gemma4Fixture.plan(options);
        for (SafetensorsShards.Planned planned : shards.files()) {
            extend(folder.resolve(planned.file()), planned.layout().prefix(), planned.layout().length());
        }
        if (shards.index().isPresent()) {
            Files.write(folder.resolve(SafetensorsIndex.FILE), shards.index().get().bytes());
        }
        Files.write(folder.resolve("config.json"), Json.prettyBytes(Gemma4Fixture.config(options)));
        return folder;
    }

    /// Adds the tokenizer, which GGUF files need.
    static void addTokenizer(Path folder, Gemma4Size size) throws IOException {
        try (OutputStream out = Files.newOutputStream(folder.resolve("tokenizer.json"));
                ByteSource tokenizer = Gemma4Fixture.virtual("", Gemma4Options.of(size)).open("tokenizer.json")) {
            int piece = 1 << 20;
            for (long at = 0; at < tokenizer.length(); at += piece) {
                out.write(tokenizer.readBytes(at, (int) Math.min(piece, tokenizer.length() - at)));
            }
        }
    }

    /// Writes a file that begins with bytes and is otherwise a hole.
    static Path extend(Path file, byte[] begin, long length) throws IOException {
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            channel.write(ByteBuffer.wrap(begin), 0);
            channel.write(ByteBuffer.allocate(1), length - 1);
        }
        return file;
    }
}
