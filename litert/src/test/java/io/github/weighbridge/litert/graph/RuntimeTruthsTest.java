package io.github.weighbridge.litert.graph;

import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.litert.TfliteException;
import io.github.weighbridge.fixtures.litert.TfliteModel;
import io.github.weighbridge.fixtures.litert.TfliteSignature;
import io.github.weighbridge.litert.encoding.LitertEncodings;
import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import io.github.weighbridge.litert.tflite.write.Part;
import io.github.weighbridge.litert.tflite.write.Quantization;
import io.github.weighbridge.litert.tflite.write.TfliteBuilder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// What the real runtime computes with constants in each encoding, which decides what the target refuses.
class RuntimeTruthsTest {
    private static final int ROWS = 16;

    @BeforeAll
    static void begin() {
        Optional<String> absence = TfliteModel.absence();
        assumeTrue(absence.isEmpty(), absence::orElseThrow);
    }

    enum Scales { POSITIVE, SIGNED, BFLOAT }

    /// A matrix with all levels of its codes.
    private record Matrix(Encoding encoding, Shape shape, byte[][] planes, float[] values) {
        static Matrix of(Encoding encoding, int columns, Scales kind) {
            Random random = new Random(columns);
            Shape shape = Shape.of(ROWS, columns);
            int together = LitertEncodings.block(encoding).orElse(columns);
            Codes codes = new Codes();
            codes.resize(ROWS, columns, together, false);
            int levels = 1 << encoding.codeBits();
            for (int i = 0; i < ROWS * columns; i++) {
                codes.codes()[i] = (byte) (random.nextInt(levels) - levels / 2);
            }
            for (int i = 0; i < ROWS * codes.groups(); i++) {
                float scale = Float.float16ToFloat(Float.floatToFloat16(0.01f + random.nextFloat() / 8));
                if (kind == Scales.BFLOAT) {
                    scale = Float.intBitsToFloat(Float.floatToRawIntBits(scale) & 0xffff_0000);
                }
                codes.scales()[i] = kind == Scales.SIGNED && random.nextBoolean() ? -scale : scale;
            }
            byte[][] planes = {new byte[(int) encoding.planeBytes(0, shape)], new byte[(int) encoding.planeBytes(1, shape)]};
            MemorySegment[] segments = {MemorySegment.ofArray(planes[0]), MemorySegment.ofArray(planes[1])};
            float[] scales = Arrays.copyOf(codes.scales(), ROWS * codes.groups());
            encoding.codeWriter().orElseThrow().write(shape, Region.all(shape), codes, segments);
            if (LitertEncodings.block(encoding).isPresent()) {
                // Our writer rounds them to what the runtime keeps of them, which is to be shown here.
                ByteBuffer halves = ByteBuffer.wrap(planes[1]).order(ByteOrder.LITTLE_ENDIAN);
                for (float scale : scales) {
                    halves.putShort(Float.floatToFloat16(scale));
                }
            }
            float[] values = new float[ROWS * columns];
            encoding.decoder().orElseThrow().decode(shape, Region.all(shape), segments, values, 0);
            return new Matrix(encoding, shape, planes, values);
        }

        ConstantTensor constant(TfliteBuilder builder, Map<Integer, byte[]> holes) {
            TensorType type = LitertEncodings.type(encoding).orElseThrow();
            int codes = builder.hole();
            int scales = builder.hole();
            holes.put(codes, planes[0]);
            holes.put(scales, planes[1]);
            List<Integer> dimensions = List.of(ROWS, (int) shape.columns());
            Optional<Integer> block = LitertEncodings.block(encoding);
            Quantization quantization = block.isEmpty() ? Quantization.symmetric(ROWS, scales)
                    : Quantization.blockwise(builder.constant("scales", TensorType.FLOAT16,
                            List.of(ROWS, (int) shape.columns() / block.get()), planes[1].length, scales, Optional.empty()), block.get());
            return builder.constant("w", type, dimensions, planes[0].length, codes, Optional.of(quantization));
        }
    }

    /// A constant of 16-bit numbers: subnormal, ordinary and the largest ones.
    private record Halves(boolean brain, int rows, int columns, byte[] bytes, float[] values) {
        static Halves of(boolean brain, int rows, int columns) {
            Random random = new Random(columns);
            ByteBuffer bytes = ByteBuffer.allocate(2 * rows * columns).order(ByteOrder.LITTLE_ENDIAN);
            float[] values = new float[rows * columns];
            for (int i = 0; i < values.length; i++) {
                // All finite bit patterns of half precision; of bfloat16 those of like magnitudes.
                short bits = (short) (brain ? random.nextInt(0x3000, 0x4780) : random.nextInt(0x7c00));
                bits |= (short) (random.nextBoolean() ? 0x8000 : 0);
                bytes.putShort(bits);
                values[i] = brain ? Float.intBitsToFloat(bits << 16) : Float.float16ToFloat(bits);
            }
            return new Halves(brain, rows, columns, bytes.array(), values);
        }

        private ConstantTensor constant(TfliteBuilder builder) {
            return builder.constant("w", brain ? TensorType.BFLOAT16 : TensorType.FLOAT16, List.of(rows, columns), bytes.length,
                    builder.hole(), Optional.empty());
        }

        /// A model that looks a row up.
        ///
        /// @param outside whether the numbers lie behind the flatbuffer
        byte[] lookup(boolean outside) {
            TfliteBuilder builder = new TfliteBuilder("test");
            Graph graph = new Graph.Model(builder).graph("main");
            graph.output("y", graph.lookup(graph.input("ids", TensorType.INT32, List.of(1)), constant(builder)));
            return RuntimeTruthsTest.bytes(builder, Map.of(0, bytes), outside);
        }

        /// A model that multiplies.
        byte[] product(boolean outside) {
            TfliteBuilder builder = new TfliteBuilder("test");
            Graph graph = new Graph.Model(builder).graph("main");
            graph.output("y", graph.fullyConnected(graph.input("x", TensorType.FLOAT32, List.of(1, columns)), constant(builder)));
            return RuntimeTruthsTest.bytes(builder, Map.of(0, bytes), outside);
        }
    }

    @ParameterizedTest
    @CsvSource({"false, 32, false", "false, 33, true", "true, 32, true", "true, 33, false"})
    void rowsOf16BitsAreExact(boolean brain, int columns, boolean outside) {
        Halves halves = Halves.of(brain, 50, columns);
        try (TfliteModel model = TfliteModel.of(halves.lookup(outside), true)) {
            TfliteSignature main = model.signature("main");
            for (int row = 0; row < halves.rows(); row++) {
                main.input("ids").putInt(0, row);
                main.run();
                for (int column = 0; column < columns; column++) {
                    assertThat(main.output("y").getFloat(4 * column)).isEqualTo(halves.values()[row * columns + column]);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"32, false", "32, true", "33, false", "33, true"})
    void productsOfHalvesAreExact(int columns, boolean outside) {
        Halves halves = Halves.of(false, 50, columns);
        try (TfliteModel model = TfliteModel.of(halves.product(outside), true)) {
            TfliteSignature main = model.signature("main");
            for (int column = 0; column < columns; column++) {
                for (int i = 0; i < columns; i++) {
                    main.input("x").putFloat(4 * i, i == column ? 1 : 0);
                }
                main.run();
                for (int row = 0; row < halves.rows(); row++) {
                    assertThat(main.output("y").getFloat(4 * row)).isEqualTo(halves.values()[row * columns + column]);
                }
            }
        }
    }

    private static long resident() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream().filter(line -> line.startsWith("VmRSS"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).sum() << 10;
    }

    /// What a model takes in memory besides itself.
    private static long taken(String what, byte[] file) throws IOException {
        long before = resident();
        try (TfliteModel model = TfliteModel.of(file, true)) {
            TfliteSignature main = model.signature("main");
            ByteBuffer input = main.input(main.inputs().getFirst());
            while (input.hasRemaining()) {
                input.put((byte) 0);
            }
            main.run();
            long taken = resident() - before - file.length;
            System.out.printf("%s: %,d bytes of model, %,d besides%n", what, file.length, taken);
            return taken;
        }
    }

    /// A table of 16-bit numbers costs no memory besides the model itself, a product one copy in single precision, as many bytes as the delegate
    /// takes where the constant has single precision.
    @Test
    void memory() throws IOException {
        Halves halves = Halves.of(false, 1 << 13, 1 << 11);
        long bytes = halves.bytes().length;
        TfliteBuilder builder = new TfliteBuilder("test");
        Graph graph = new Graph.Model(builder).graph("main");
        graph.output("y", graph.fullyConnected(graph.input("x", TensorType.FLOAT32, List.of(1, halves.columns())),
                builder.constant("w", TensorType.FLOAT32, List.of(halves.rows(), halves.columns()), new byte[2 * halves.bytes().length])));
        long single = taken("product in single precision", bytes(builder, Map.of()));
        assertThat(taken("table of halves", halves.lookup(false))).isLessThan(bytes / 2);
        assertThat(taken("product of halves", halves.product(false))).isBetween(bytes, single + bytes / 2);
    }

    private static byte[] bytes(TfliteBuilder builder, Map<Integer, byte[]> holes) {
        return bytes(builder, holes, false);
    }

    private static byte[] bytes(TfliteBuilder builder, Map<Integer, byte[]> holes, boolean outside) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Part part : builder.build(outside)) {
            out.writeBytes(switch (part) {
                case Part.Bytes(byte[] rendered) -> rendered;
                case Part.Hole(int id, long _) -> holes.get(id);
                case Part.Zeros(long length) -> new byte[(int) length];
            });
        }
        return out.toByteArray();
    }

    /// Largest relative error of a product with each unit vector.
    private static double productError(String word, int columns, Scales kind) {
        Matrix matrix = Matrix.of(LitertEncodings.of(word).orElseThrow(), columns, kind);
        TfliteBuilder builder = new TfliteBuilder("test");
        Map<Integer, byte[]> holes = new HashMap<>();
        Graph graph = new Graph.Model(builder).graph("main");
        Tensor x = graph.input("x", TensorType.FLOAT32, List.of(1, columns));
        graph.output("y", graph.fullyConnected(x, matrix.constant(builder, holes)));
        double worst = 0;
        try (TfliteModel model = TfliteModel.of(bytes(builder, holes), true)) {
            TfliteSignature main = model.signature("main");
            for (int column = 0; column < columns; column++) {
                for (int i = 0; i < columns; i++) {
                    // A number that the runtime's own rounding to 8 bits leaves alone.
                    main.input("x").putFloat(4 * i, i == column ? 127 : 0);
                }
                main.run();
                for (int row = 0; row < ROWS; row++) {
                    float expected = 127 * matrix.values()[row * columns + column];
                    worst = Math.max(worst, Math.abs(main.output("y").getFloat(4 * row) - expected) / Math.max(0.01, Math.abs(expected)));
                }
            }
        }
        return worst;
    }

    private static double lookupError(String word, int columns, Scales kind) {
        Matrix matrix = Matrix.of(LitertEncodings.of(word).orElseThrow(), columns, kind);
        TfliteBuilder builder = new TfliteBuilder("test");
        Map<Integer, byte[]> holes = new HashMap<>();
        Graph graph = new Graph.Model(builder).graph("main");
        Tensor ids = graph.input("ids", TensorType.INT32, List.of(1));
        graph.output("y", graph.lookup(ids, matrix.constant(builder, holes)));
        double worst = 0;
        try (TfliteModel model = TfliteModel.of(bytes(builder, holes), true)) {
            TfliteSignature main = model.signature("main");
            for (int row = 0; row < ROWS; row++) {
                main.input("ids").putInt(0, row);
                main.run();
                for (int column = 0; column < columns; column++) {
                    float expected = matrix.values()[row * columns + column];
                    worst = Math.max(worst,
                            Math.abs(main.output("y").getFloat(4 * column) - expected) / Math.max(0.001, Math.abs(expected)));
                }
            }
        }
        return worst;
    }

    private static String outcome(DoubleSupplier measure) {
        try {
            double error = measure.getAsDouble();
            return error < 1e-5 ? "exact" : error < 0.01 ? "rounded" : "wrong";
        } catch (TfliteException e) {
            return "refused";
        }
    }

    @ParameterizedTest
    @CsvSource({
        // codes, columns, scales, product, lookup
        "int8, 33, POSITIVE, exact, exact", "int8, 256, SIGNED, refused, exact",
        "int4, 32, POSITIVE, exact, exact", "int4, 33, POSITIVE, exact, wrong", "int4, 256, SIGNED, refused, exact",
        "int2, 34, POSITIVE, exact, wrong", "int2, 36, POSITIVE, exact, exact", "int2, 256, SIGNED, refused, exact",
        "int4/group32, 256, POSITIVE, rounded, exact", "int4/group32, 256, BFLOAT, exact, exact",
        "int4/group32, 256, SIGNED, refused, exact", "int4/group64, 256, BFLOAT, exact, exact",
        "int4/group128, 256, BFLOAT, exact, exact", "int4/group256, 512, BFLOAT, exact, exact",
        "int4/group256, 512, POSITIVE, rounded, exact"})
    void productsAndLookups(String word, int columns, Scales scales, String product, String lookup) {
        assertThat(outcome(() -> productError(word, columns, scales))).as("product").isEqualTo(product);
        assertThat(outcome(() -> lookupError(word, columns, scales))).as("lookup").isEqualTo(lookup);
    }
}
