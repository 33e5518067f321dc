package io.github.weighbridge.gguf.encoding;

import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.gguf.encoding.internal.Differences;
import io.github.weighbridge.gguf.encoding.internal.Samples;
import io.github.weighbridge.gguf.file.GgmlType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

class GgmlEncodingsTest {
    private static final Shape SHAPE = Shape.of(3, 96);

    private static Grid grid(int bits, Grid.Granularity granularity, DenseType scale) {
        return new Grid(Grid.Levels.Range.ofBits(bits), granularity, scale, true, Grid.Zero.NONE);
    }

    private static MemorySegment[] plane(Encoding encoding, Shape shape) {
        return new MemorySegment[] {Arena.ofAuto().allocate(encoding.bytes(shape))};
    }

    private static void encode(Encoding encoding, Shape shape, float[] values, MemorySegment[] planes) {
        encoding.encoder(EncoderInputs.PLAIN).orElseThrow().encode(shape, Region.all(shape), values, 0, planes);
    }

    @ParameterizedTest
    @EnumSource(GgmlType.class)
    void everyTypeHasAnEncodingOfItsNameAndSize(GgmlType type) {
        Encoding encoding = GgmlEncodings.of(type);
        Shape shape = Shape.of(5, 512);
        assertThat(encoding.name()).isEqualTo(type.name());
        assertThat(encoding.bytes(shape)).isEqualTo(type.byteLength(shape));
        assertThat(GgmlEncodings.of(type)).isSameAs(encoding);
    }

    @Test
    void typesWithoutBlocksShareTheDenseEncodings() {
        assertThat(GgmlEncodings.of(GgmlType.BF16)).isSameAs(DenseEncoding.BF16);
        assertThat(GgmlEncodings.of(GgmlType.I64)).isSameAs(DenseEncoding.of(DenseType.I64));
    }

    @Test
    void typesForActivationsAreNotDecoded() {
        assertThat(GgmlEncodings.of(GgmlType.Q8_1).decoder()).isEmpty();
        assertThat(GgmlEncodings.of(GgmlType.Q8_K).encoder(EncoderInputs.PLAIN)).isEmpty();
    }

    @Test
    void aRowMustBeWholeBlocks() {
        assertThat(GgmlEncodings.of(GgmlType.Q4_0).misfit(Shape.of(2, 33))).contains("rows of 33 are no multiple of 32");
    }

    @Test
    void regionsCutAnywhereBetweenBlocksGiveTheBytesOfTheWhole() {
        Encoding encoding = GgmlEncodings.of(GgmlType.Q4_0);
        Shape shape = Shape.of(2, 32 * 3000);
        float[] values = random(shape);
        MemorySegment[] whole = plane(encoding, shape);
        encode(encoding, shape, values, whole);
        MemorySegment[] parts = plane(encoding, shape);
        for (int row = 0; row < 2; row++) {
            for (int begin = 0; begin < shape.columns(); begin += 32 * 700) {
                Region region = new Region(row, row + 1, begin, Math.min(begin + 32 * 700, shape.columns()));
                long from = encoding.planeRange(0, shape, region).offset();
                MemorySegment[] piece = {parts[0].asSlice(from, encoding.planeRange(0, shape, region).length())};
                encoding.encoder(EncoderInputs.PLAIN).orElseThrow().encode(shape, region, values, row * 96000 + begin, piece);
            }
        }
        assertThat(parts[0].mismatch(whole[0])).isEqualTo(-1);
        float[] decoded = new float[shape.rows() == 0 ? 0 : (int) shape.elements()];
        encoding.decoder().orElseThrow().decode(shape, Region.all(shape), whole, decoded, 0);
        for (int i = 0; i < decoded.length; i++) {
            assertThat(decoded[i]).isCloseTo(values[i], org.assertj.core.data.Offset.offset(0.6f));
        }
    }

    static List<GgmlType> weighing() {
        return List.of(GgmlType.Q4_0, GgmlType.Q4_1, GgmlType.Q5_0, GgmlType.Q5_1, GgmlType.Q8_0, GgmlType.Q2_K, GgmlType.Q3_K,
                GgmlType.Q4_K,
                GgmlType.Q5_K, GgmlType.Q6_K, GgmlType.IQ4_NL, GgmlType.IQ4_XS, GgmlType.MXFP4, GgmlType.TQ2_0, GgmlType.Q2_0);
    }

    private static float[] importance(int columns) {
        Random random = new Random(9);
        float[] importance = new float[columns];
        for (int i = 0; i < columns; i++) {
            importance[i] = i % 37 == 0 ? 0 : (float) Math.exp(random.nextGaussian() * 3);
        }
        return importance;
    }

    @ParameterizedTest
    @MethodSource("weighing")
    void withImportanceTheBytesAreThoseOfLlamaCpp(GgmlType type) {
        assumeTrue(LlamaCpp.find().isPresent(), LlamaCpp::whyAbsent);
        WeightedReference reference = new WeightedReference(LlamaCpp.find().orElseThrow());
        Encoding encoding = GgmlEncodings.of(type);
        Shape shape = Shape.of(4, 512 * 11);
        float[] importance = importance((int) shape.columns());
        EncoderInputs inputs = EncoderInputs.PLAIN.withImportance(importance);
        MemorySegment[] planes = plane(encoding, shape);
        Samples.all((int) shape.elements()).forEach((name, values) -> {
            encoding.encoder(inputs).orElseThrow().encode(shape, Region.all(shape), values, 0, planes);
            assertThat(Differences.inBlocks(type, planes[0].toArray(ValueLayout.JAVA_BYTE), reference.encode(type, values, importance)))
                    .as(name)
                    .isEmpty();
        });
    }

    @Test
    void importanceMustBeOneWeightAColumn() {
        Encoding encoding = GgmlEncodings.of(GgmlType.Q4_0);
        EncoderInputs inputs = EncoderInputs.PLAIN.withImportance(new float[95]);
        assertThatThrownBy(
                () -> encoding.encoder(inputs).orElseThrow().encode(SHAPE, Region.all(SHAPE), new float[288], 0, plane(encoding, SHAPE)))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("95 weights of importance for rows of 96");
    }

    @Test
    void aRecipeThatLooksAtTheRowRefusesPartsOfIt() {
        Encoding encoding = GgmlEncodings.of(GgmlType.Q4_0);
        EncoderInputs inputs = EncoderInputs.PLAIN.withImportance(new float[96]);
        Region part = new Region(0, 1, 0, 64);
        assertThatThrownBy(
                () -> encoding.encoder(inputs).orElseThrow().encode(SHAPE, part, new float[64], 0, plane(encoding, Shape.of(64))))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("Q4_0 with importance is encoded in whole rows");
    }

    private static float[] random(Shape shape) {
        Random random = new Random(7);
        float[] values = new float[(int) shape.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    @Test
    void aScaleThatPassesHalfPrecisionIsRefused() {
        Encoding encoding = GgmlEncodings.of(GgmlType.Q4_0);
        float[] values = new float[288];
        values[96 + 70] = 65504 * 8.5f;
        assertThatThrownBy(() -> encode(encoding, SHAPE, values, plane(encoding, SHAPE))).isInstanceOf(ArithmeticException.class)
                .hasMessage(
                        "Q4_0 cannot hold columns 64 to 95 of row 1 of those given: its scale would pass 65504, the largest finite number of half precision");
    }

    @Test
    void aNumberThatIsNotFiniteIsRefused() {
        Encoding encoding = GgmlEncodings.of(GgmlType.Q8_0);
        float[] values = new float[288];
        values[33] = Float.NaN;
        assertThatThrownBy(() -> encode(encoding, SHAPE, values, plane(encoding, SHAPE))).isInstanceOf(ArithmeticException.class)
                .hasMessage("Q8_0 cannot hold columns 32 to 63 of row 0 of those given: there is a value of NaN");
    }

    @ParameterizedTest
    @EnumSource(value = GgmlType.class, names = {"Q4_0", "Q8_0"})
    void codesAndScalesMoveUnchanged(GgmlType type) {
        Encoding encoding = GgmlEncodings.of(type);
        Grid.Levels.Range levels = (Grid.Levels.Range) encoding.grid(SHAPE).orElseThrow().levels();
        Random random = new Random(8);
        Codes codes = new Codes();
        codes.resize(3, 96, 96, false);
        for (int i = 0; i < 288; i++) {
            codes.codes()[i] = (byte) random.nextInt(levels.minimum(), levels.maximum() + 1);
        }
        for (int row = 0; row < 3; row++) {
            codes.scales()[row] = (row - 1.5f) / 8;
        }
        MemorySegment[] planes = plane(encoding, SHAPE);
        encoding.codeWriter().orElseThrow().write(SHAPE, Region.all(SHAPE), codes, planes);

        Codes back = new Codes();
        encoding.codeReader().orElseThrow().read(SHAPE, Region.all(SHAPE), planes, back);
        assertThat(back.groupColumns()).isEqualTo(32);
        float[] decoded = new float[288];
        encoding.decoder().orElseThrow().decode(SHAPE, Region.all(SHAPE), planes, decoded, 0);
        for (int i = 0; i < 288; i++) {
            assertThat(back.codes()[i]).isEqualTo(codes.codes()[i]);
            assertThat(back.scales()[i / 32]).isEqualTo(codes.scales()[i / 96]);
            assertThat(decoded[i]).isEqualTo(codes.codes()[i] * codes.scales()[i / 96]);
        }
    }

    @Test
    void aScaleWithoutPlaceInHalfPrecisionIsRefusedByTheWriter() {
        Encoding encoding = GgmlEncodings.of(GgmlType.Q8_0);
        Codes codes = new Codes();
        codes.resize(3, 96, 96, false);
        codes.scales()[2] = 1e6f;
        assertThatThrownBy(() -> encoding.codeWriter().orElseThrow().write(SHAPE, Region.all(SHAPE), codes, plane(encoding, SHAPE)))
                .isInstanceOf(ArithmeticException.class).hasMessageContaining("columns 0 to 31 of row 2");
    }

    @Test
    void gridsThatFitAreCarried() {
        Encoding encoding = GgmlEncodings.of(GgmlType.Q4_0);
        Grid.Granularity row = new Grid.Granularity.Row();
        assertThat(encoding.carries(grid(4, row, DenseType.F32), SHAPE)).isEqualTo(Carriage.scalesRound(0x1p-11));
        assertThat(encoding.carries(grid(2, row, DenseType.F16), SHAPE)).isEqualTo(Carriage.EXACT);
        assertThat(encoding.carries(grid(4, new Grid.Granularity.Tensor(), DenseType.F16), SHAPE)).isEqualTo(Carriage.EXACT);
        assertThat(encoding.carries(grid(4, new Grid.Granularity.Group(64), DenseType.F16), SHAPE)).isEqualTo(Carriage.EXACT);
        assertThat(encoding.carries(grid(4, new Grid.Granularity.Group(48), DenseType.F16), SHAPE)).isEqualTo(Carriage.NO);
        assertThat(encoding.carries(grid(8, row, DenseType.F16), SHAPE)).isEqualTo(Carriage.NO);
        assertThat(encoding.carries(grid(4, row, DenseType.F16), Shape.of(3, 100))).isEqualTo(Carriage.NO);
        Grid shifted = new Grid(Grid.Levels.Range.ofBits(4), row, DenseType.F16, false, Grid.Zero.INTEGER);
        assertThat(encoding.carries(shifted, SHAPE)).isEqualTo(Carriage.NO);
        assertThat(GgmlEncodings.of(GgmlType.Q8_0).carries(grid(8, row, DenseType.F16), SHAPE)).isEqualTo(Carriage.EXACT);
    }
}
