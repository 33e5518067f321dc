package io.github.weighbridge.gguf.encoding.internal;

import io.github.weighbridge.fixtures.llama.GgmlBase;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.gguf.file.GgmlType;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// Both forms of each kernel against each other and against llama.cpp's own.
class BlockKernelsTest {
    /// Elements of a sample: some rows for every type, and an odd number of blocks.
    private static final int COUNT = 256 * 97;

    private static final ScalarBlockKernels PLAIN = new ScalarBlockKernels();
    private static final VectorBlockKernels VECTORISED = new VectorBlockKernels();

    static List<GgmlType> decodable() {
        return Stream.of(GgmlType.values()).filter(type -> PLAIN.of(type) != null).toList();
    }

    static List<GgmlType> encodable() {
        return decodable().stream().filter(type -> kernel(PLAIN, type).encodes()).toList();
    }

    private static BlockKernel kernel(BlockKernels kernels, GgmlType type) {
        return Objects.requireNonNull(kernels.of(type));
    }

    private static byte[] encode(BlockKernels kernels, GgmlType type, float[] values) {
        int blocks = values.length / type.blockElements();
        byte[] bytes = new byte[3 + blocks * type.blockBytes()];
        float[] moved = new float[values.length + 5];
        System.arraycopy(values, 0, moved, 5, values.length);
        kernel(kernels, type).encode(moved, 5, bytes, 3, blocks);
        return java.util.Arrays.copyOfRange(bytes, 3, bytes.length);
    }

    private static float[] decode(BlockKernels kernels, GgmlType type, byte[] bytes) {
        int blocks = bytes.length / type.blockBytes();
        byte[] moved = new byte[bytes.length + 3];
        System.arraycopy(bytes, 0, moved, 3, bytes.length);
        float[] values = new float[blocks * type.blockElements() + 5];
        kernel(kernels, type).decode(moved, 3, values, 5, blocks);
        return java.util.Arrays.copyOfRange(values, 5, values.length);
    }

    private static GgmlBase ggml() {
        assumeTrue(GgmlBase.find().isPresent(), LlamaCpp::whyAbsent);
        return GgmlBase.find().orElseThrow();
    }

    /// Any bytes at all, scales kept finite so that no result depends on the payload of a NaN.
    private static byte[] anyBytes(GgmlType type) {
        byte[] bytes = new byte[COUNT / type.blockElements() * type.blockBytes()];
        new Random(21).nextBytes(bytes);
        for (int block = 0; block < bytes.length; block += type.blockBytes()) {
            for (int field : halves(type)) {
                bytes[block + field + 1] &= (byte) 0xbf;
            }
        }
        return bytes;
    }

    /// Upper bytes, from the start of a block, that are masked to keep half-precision fields finite.
    private static int[] halves(GgmlType type) {
        return switch (type) {
            case Q2_K -> new int[] {80, 82};
            case Q3_K -> new int[] {108};
            case Q6_K -> new int[] {208};
            case TQ1_0 -> new int[] {52};
            case TQ2_0 -> new int[] {64};
            case Q4_1, Q5_1, Q4_K, Q5_K -> new int[] {0, 2};
            case MXFP4, NVFP4 -> new int[] {};
            // The upper nibble of its last byte is the upper nibble of the factor.
            case IQ1_M -> new int[] {54};
            default -> new int[] {0};
        };
    }

    @ParameterizedTest
    @MethodSource("encodable")
    void plainFormEncodesAsLlamaCpp(GgmlType type) {
        GgmlBase ggml = ggml();
        Samples.all(COUNT).forEach((name, values) -> assertThat(Differences.inBlocks(type, encode(PLAIN, type, values),
                ggml.quantizeChunk(type.id(), values, 1, values.length))).as(name).isEmpty());
    }

    @ParameterizedTest
    @MethodSource("encodable")
    void vectorisedFormEncodesAsThePlainOne(GgmlType type) {
        Samples.all(COUNT).forEach((name, values) -> assertThat(
                Differences.inBlocks(type, encode(VECTORISED, type, values), encode(PLAIN, type, values))).as(name).isEmpty());
    }

    @ParameterizedTest
    @MethodSource("decodable")
    void plainFormDecodesAsLlamaCpp(GgmlType type) {
        byte[] bytes = anyBytes(type);
        assertThat(Differences.inBits(decode(PLAIN, type, bytes), ggml().dequantize(type.id(), bytes, COUNT))).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("decodable")
    void vectorisedFormDecodesAsThePlainOne(GgmlType type) {
        byte[] bytes = anyBytes(type);
        assertThat(Differences.inBits(decode(VECTORISED, type, bytes), decode(PLAIN, type, bytes))).isEmpty();
    }

    @Test
    void findsTheFirstNumberThatIsNotFinite() {
        for (BlockKernels kernels : List.of(PLAIN, VECTORISED)) {
            float[] values = new float[100];
            assertThat(kernels.firstNotFinite(values, 0, 100)).isEqualTo(-1);
            values[99] = Float.NEGATIVE_INFINITY;
            assertThat(kernels.firstNotFinite(values, 1, 99)).isEqualTo(99);
            assertThat(kernels.firstNotFinite(values, 1, 98)).isEqualTo(-1);
            values[7] = Float.NaN;
            assertThat(kernels.firstNotFinite(values, 3, 97)).isEqualTo(7);
        }
    }
}
