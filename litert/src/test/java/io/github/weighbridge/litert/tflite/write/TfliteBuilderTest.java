package io.github.weighbridge.litert.tflite.write;

import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.fixtures.litert.TfliteSignature;
import io.github.weighbridge.litert.tflite.BuiltinOperator;
import io.github.weighbridge.litert.tflite.TensorType;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// The real interpreter reads what the builder writes, and computes with it.
class TfliteBuilderTest {
    private static byte[] floats(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return bytes.array();
    }

    /// All bytes of a model, holes filled.
    static byte[] fill(List<Part> parts, Map<Integer, byte[]> holes) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Part part : parts) {
            byte[] bytes = switch (part) {
                case Part.Bytes(byte[] rendered) -> rendered;
                case Part.Hole(int id, long length) -> {
                    assertThat(holes.get(id)).as("hole " + id).hasSize((int) length);
                    yield holes.get(id);
                }
                case Part.Zeros(long length) -> new byte[(int) length];
            };
            out.writeBytes(bytes);
        }
        return out.toByteArray();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aProductWithCodesOfFourBits(boolean outside) {
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(absence.isEmpty(), () -> absence.orElseThrow());
        TfliteBuilder builder = new TfliteBuilder("test");
        int codes = builder.hole();
        int scales = builder.hole();
        ConstantTensor weight = builder.constant("w", TensorType.INT4, List.of(4, 32), 64, codes,
                Optional.of(Quantization.symmetric(4, scales)));
        Subgraph graph = builder.graph("main");
        int x = graph.tensor("x", TensorType.FLOAT32, List.of(1, 32), Optional.empty());
        int y = graph.tensor("y", TensorType.FLOAT32, List.of(1, 4), Optional.empty());
        graph.operator(BuiltinOperator.FULLY_CONNECTED, 12, List.of(x, graph.constant(weight), -1), List.of(y), Options.none());
        graph.input("x", x);
        graph.output("y", y);
        byte[] packed = new byte[64];
        for (int i = 0; i < 64; i++) {
            // Row r holds r - 8, r - 7, ... in turn, the first in the low bits: -8 is among them.
            int row = i / 16;
            packed[i] = (byte) (row - 8 + 2 * (i % 4) & 15 | (row - 8 + 2 * (i % 4) + 1 & 15) << 4);
        }
        byte[] model = fill(builder.build(outside), Map.of(codes, packed, scales, floats(0.5f, 1, 2, 4)));
        try (TfliteModel real = TfliteModel.of(model, true)) {
            TfliteSignature main = real.signature("main");
            assertThat(main.shape("x")).containsExactly(1, 32);
            for (int column = 0; column < 32; column++) {
                for (int i = 0; i < 32; i++) {
                    main.input("x").putFloat(4 * i, i == column ? 127 : 0);
                }
                main.run();
                for (int row = 0; row < 4; row++) {
                    assertThat(main.output("y").getFloat(4 * row)).as(row + "," + column)
                            .isEqualTo(127f * (row - 8 + column % 8) * (float) (0.5 * (1 << row)));
                }
            }
        }
    }
}
