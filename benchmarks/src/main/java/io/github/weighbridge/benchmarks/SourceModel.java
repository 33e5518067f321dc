package io.github.weighbridge.benchmarks;

import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// A GGUF file to quantise: a model of the llama architecture whose weights are random, with the widths of a small real one. Widths are
/// multiples of 256, so that no type falls back to another.
final class SourceModel {
    private static final int WIDTH = 2048;
    private static final int FEED_FORWARD = 8192;
    private static final int HEADS = 16;
    private static final int KEY_HEADS = 4;
    private static final int VOCABULARY = 32_000;
    /// Numbers that are drawn; files repeat them, which no recipe can notice.
    private static final int DRAWN = 1 << 23;

    private SourceModel() {}

    /// Writes a file of about so many bytes.
    static void write(Path path, long bytes, GgmlType type) throws IOException {
        long layer = type.byteLength(Shape.of(2 * WIDTH + 2 * WIDTH * KEY_HEADS / HEADS + 3 * FEED_FORWARD, WIDTH));
        long table = type.byteLength(Shape.of(VOCABULARY, WIDTH));
        int layers = (int) Math.clamp((bytes - table) / layer, 1, 1000);
        GgufHeader header = header(layers, type);
        float[] drawn = drawn();
        Encoding encoding = GgmlEncodings.of(type);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE); Arena arena = Arena.ofConfined()) {
            channel.write(ByteBuffer.wrap(header.toBytes()), 0);
            MemorySegment memory = arena.allocate((long) DRAWN * Float.BYTES);
            for (GgufTensorInfo tensor : header.tensors()) {
                Encoding own = tensor.type() == type ? encoding : GgmlEncodings.of(tensor.type());
                for (long done = 0; done < tensor.shape().elements();) {
                    Shape piece = Shape.of(Math.min(DRAWN / WIDTH, (tensor.shape().elements() - done + WIDTH - 1) / WIDTH), WIDTH);
                    MemorySegment target = memory.asSlice(0, own.bytes(piece));
                    own.encoder(EncoderInputs.PLAIN).orElseThrow().encode(piece, Region.all(piece), drawn, 0, new MemorySegment[] {target});
                    channel.write(target.asByteBuffer(), tensor.position() + done / WIDTH * own.bytes(Shape.of(1, WIDTH)));
                    done += piece.elements();
                }
            }
        }
    }

    private static float[] drawn() {
        Random random = new Random(3);
        float[] numbers = new float[DRAWN];
        for (int i = 0; i < DRAWN; i++) {
            numbers[i] = (float) (random.nextGaussian() * 0.02);
        }
        return numbers;
    }

    private static GgufHeader header(int layers, GgmlType type) {
        GgufHeader.Builder builder = GgufHeader.builder().put("general.architecture", "llama").put("general.name", "benchmark")
                .putU32("general.file_type", type == GgmlType.BF16 ? 32 : 1).putU32("llama.block_count", layers)
                .putU32("llama.context_length", 4096).putU32("llama.embedding_length", WIDTH)
                .putU32("llama.feed_forward_length", FEED_FORWARD).putU32("llama.attention.head_count", HEADS)
                .putU32("llama.attention.head_count_kv", KEY_HEADS).putF32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
                .putU32("llama.rope.dimension_count", WIDTH / HEADS).putU32("llama.vocab_size", VOCABULARY)
                .put("tokenizer.ggml.model", "gpt2").put("tokenizer.ggml.pre", "llama-bpe")
                .put("tokenizer.ggml.tokens", GgufArray.ofStrings(tokens()))
                .put("tokenizer.ggml.token_type", GgufArray.ofInts(new int[VOCABULARY]))
                .put("tokenizer.ggml.merges", GgufArray.ofStrings(List.of("a b")));
        matrix(builder, "token_embd", VOCABULARY, WIDTH, type);
        builder.tensor("output_norm.weight", Shape.of(WIDTH), GgmlType.F32);
        int keys = WIDTH * KEY_HEADS / HEADS;
        for (int layer = 0; layer < layers; layer++) {
            String block = "blk." + layer + ".";
            builder.tensor(block + "attn_norm.weight", Shape.of(WIDTH), GgmlType.F32);
            matrix(builder, block + "attn_q", WIDTH, WIDTH, type);
            matrix(builder, block + "attn_k", keys, WIDTH, type);
            matrix(builder, block + "attn_v", keys, WIDTH, type);
            matrix(builder, block + "attn_output", WIDTH, WIDTH, type);
            builder.tensor(block + "ffn_norm.weight", Shape.of(WIDTH), GgmlType.F32);
            matrix(builder, block + "ffn_gate", FEED_FORWARD, WIDTH, type);
            matrix(builder, block + "ffn_up", FEED_FORWARD, WIDTH, type);
            matrix(builder, block + "ffn_down", WIDTH, FEED_FORWARD, type);
        }
        return builder.build();
    }

    private static void matrix(GgufHeader.Builder builder, String name, long rows, long columns, GgmlType type) {
        builder.tensor(name + ".weight", Shape.of(rows, columns), type);
    }

    private static List<String> tokens() {
        List<String> tokens = new ArrayList<>(VOCABULARY);
        for (int i = 0; i < VOCABULARY; i++) {
            tokens.add("t" + i);
        }
        return tokens;
    }
}
