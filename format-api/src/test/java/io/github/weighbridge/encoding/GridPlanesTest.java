package io.github.weighbridge.encoding;

import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.Grid.Levels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/// Grids with more planes than codes and scales.
class GridPlanesTest {
    private static GridEncoding integers(int bits, Granularity granularity, DenseType scale, GridPlanes.Zeros zeros, boolean whole) {
        return new GridEncoding("x", new Grid(Levels.Range.ofBits(bits), granularity, scale, true,
                zeros == GridPlanes.Zeros.NONE ? Grid.Zero.NONE : Grid.Zero.INTEGER), new Packing(bits, true, 32, whole),
                new GridPlanes(false, zeros, false, true));
    }

    private static MemorySegment[] planes(Encoding encoding, Shape shape, Region region) {
        MemorySegment[] planes = new MemorySegment[encoding.planes().size()];
        for (int plane = 0; plane < planes.length; plane++) {
            planes[plane] = MemorySegment.ofArray(new byte[(int) encoding.planeRange(plane, shape, region).length()]);
        }
        return planes;
    }

    private static int[] words(MemorySegment plane) {
        ByteBuffer bytes = plane.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        int[] words = new int[bytes.remaining() / 4];
        bytes.asIntBuffer().get(words);
        return words;
    }

    @Test
    void zeroPointsArePackedAlongTheRows() {
        GridEncoding encoding = integers(4, new Granularity.Row(), DenseType.F32, GridPlanes.Zeros.PACKED, false);
        Shape shape = Shape.of(9, 1);
        Codes codes = new Codes();
        codes.resize(9, 1, 1, true);
        float[] zeros = {-8, -7, 0, 7, 1, 2, 3, 4, 5};
        System.arraycopy(zeros, 0, codes.zeros(), 0, 9);
        java.util.Arrays.fill(codes.scales(), 1);
        MemorySegment[] planes = planes(encoding, shape, Region.all(shape));
        encoding.codeWriter().orElseThrow().write(shape, Region.all(shape), codes, planes);
        assertThat(words(planes[2])).containsExactly(0xcba9f810, 0x0000000d);
        assertThat(planes[3].toArray(ValueLayout.JAVA_BYTE)).isEqualTo(new byte[] {9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0});
        assertThat(encoding.rowUnit(shape)).isEqualTo(8);
    }

    @Test
    void olderVersionsLeftBitsOfAWordUnused() {
        GridEncoding old = integers(3, new Granularity.Row(), DenseType.F32, GridPlanes.Zeros.NONE, true);
        Shape shape = Shape.of(1, 12);
        Codes codes = new Codes();
        codes.resize(1, 12, 12, false);
        for (int i = 0; i < 12; i++) {
            codes.codes()[i] = (byte) (i % 8 - 4);
        }
        codes.scales()[0] = 1;
        MemorySegment[] planes = planes(old, shape, Region.all(shape));
        old.codeWriter().orElseThrow().write(shape, Region.all(shape), codes, planes);
        // Ten of three bits in a word: 0 1 2 3 4 5 6 7 0 1, then 2 3.
        assertThat(words(planes[0])).containsExactly(0x08fac688, 0x0000001a);
        assertThat(old.columnUnit(shape)).isEqualTo(10);
        assertThat(new Packing(4, true, 32, true)).isEqualTo(new Packing(4, true, 32));
    }

    record Case(GridEncoding encoding, Shape shape) {}

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (int bits = 1; bits <= 8; bits++) {
            for (boolean whole : new boolean[] {false, true}) {
                for (GridPlanes.Zeros zeros : GridPlanes.Zeros.values()) {
                    cases.add(new Case(integers(bits, new Granularity.Row(), DenseType.F32, zeros, whole), Shape.of(37, 53)));
                    cases.add(new Case(integers(bits, new Granularity.Group(20), DenseType.BF16, zeros, whole), Shape.of(35, 60)));
                }
            }
        }
        Grid floats = new Grid(Levels.Table.E4M3, new Granularity.Block(16, 12), DenseType.F32, true, Grid.Zero.NONE);
        cases.add(new Case(new GridEncoding("fp8", floats, new Packing(8, false, 8)), Shape.of(37, 41)));
        Grid tensor = new Grid(Levels.Table.E4M3, new Granularity.Tensor(), DenseType.F16, true, Grid.Zero.NONE);
        cases.add(new Case(new GridEncoding("fp8", tensor, new Packing(8, false, 8)), Shape.of(5, 9)));
        return cases;
    }

    /// Whatever way a tensor is cut, the same bytes are written and the same numbers are read.
    @ParameterizedTest
    @MethodSource("cases")
    void piecesMakeTheWhole(Case one) {
        Shape shape = one.shape();
        GridEncoding encoding = one.encoding();
        Random random = new Random(shape.elements() + encoding.codeBits());
        float[] numbers = new float[(int) shape.elements()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextGaussian() + 0.3f;
        }
        float maximum = 0;
        for (float number : numbers) {
            maximum = Math.max(maximum, Math.abs(number));
        }
        double least = assertPieces(encoding, shape, numbers, maximum, "plain");
        double range = assertPieces(encoding, shape, numbers, maximum, "minmax");
        assertThat(least).isLessThanOrEqualTo(range * 1.000001);
    }

    /// Returns the squared error.
    private static double assertPieces(GridEncoding encoding, Shape shape, float[] numbers, float maximum, String method) {
        Encoder encoder = encoding.encoder(new EncoderInputs(method, java.util.OptionalDouble.of(maximum), java.util.Optional.empty()))
                .orElseThrow();
        MemorySegment[] whole = planes(encoding, shape, Region.all(shape));
        encoder.encode(shape, Region.all(shape), numbers, 0, whole);
        MemorySegment[] pieces = planes(encoding, shape, Region.all(shape));
        long unit = encoding.rowUnit(shape);
        int columns = (int) shape.columns();
        for (long row = 0; row < shape.rows(); row += unit) {
            Region part = Region.rows(shape, row, Math.min(shape.rows(), row + unit));
            MemorySegment[] memory = planes(encoding, shape, part);
            encoder.encode(shape, part, numbers, (int) row * columns, memory);
            for (int plane = 0; plane < memory.length; plane++) {
                MemorySegment.copy(memory[plane], 0, pieces[plane], encoding.planeRange(plane, shape, part).offset(),
                        memory[plane].byteSize());
            }
        }
        for (int plane = 0; plane < whole.length; plane++) {
            assertThat(pieces[plane].toArray(ValueLayout.JAVA_BYTE)).isEqualTo(whole[plane].toArray(ValueLayout.JAVA_BYTE));
            assertThat(whole[plane].byteSize()).isEqualTo(encoding.planeBytes(plane, shape));
        }
        float[] decoded = new float[numbers.length];
        Decoder decoder = encoding.decoder().orElseThrow();
        decoder.decode(shape, Region.all(shape), whole, decoded, 0);
        double worst = 0;
        double sum = 0;
        for (int i = 0; i < numbers.length; i++) {
            double error = Math.abs(numbers[i] - decoded[i]);
            worst = Math.max(worst, error);
            sum += error * error;
        }
        // Scales that are searched for may cut numbers off.
        assertThat(worst).isLessThan(method.equals("plain") && encoding.codeBits() <= 4 ? 1.1 * maximum : encoding.codeBits() == 8 ? 0.2
                : 2 * maximum / (1 << encoding.codeBits()) * 1.1);
        for (long row = 0; row < shape.rows(); row += 3) {
            Region part = Region.rows(shape, row, Math.min(shape.rows(), row + 3));
            assertPart(encoding, shape, part, whole, decoded);
        }
        int step = encoding.columnUnit(shape);
        for (long row = 1; row < shape.rows(); row += 7) {
            for (int column = 0; column < columns; column += step) {
                assertPart(encoding, shape, new Region(row, row + 1, column, Math.min(columns, column + step)), whole, decoded);
            }
        }
        return sum;
    }

    private static void assertPart(GridEncoding encoding, Shape shape, Region part, MemorySegment[] whole, float[] decoded) {
        MemorySegment[] memory = new MemorySegment[whole.length];
        for (int plane = 0; plane < memory.length; plane++) {
            ByteRange range = encoding.planeRange(plane, shape, part);
            memory[plane] = whole[plane].asSlice(range.offset(), range.length());
        }
        float[] numbers = new float[part.elements()];
        encoding.decoder().orElseThrow().decode(shape, part, memory, numbers, 0);
        Codes codes = new Codes();
        encoding.codeReader().orElseThrow().read(shape, part, memory, codes);
        int columns = (int) part.columnCount();
        for (int i = 0; i < numbers.length; i++) {
            int at = (int) ((part.rowBegin() + i / columns) * shape.columns() + part.columnBegin() + i % columns);
            assertThat(numbers[i]).as("%s %d", part, i).isEqualTo(decoded[at]);
            int unit = i / columns * codes.groups() + i % columns / codes.groupColumns();
            float level = encoding.grid().levels() instanceof Levels.Table table ? table.values().get(codes.codes()[i] & 0xff)
                    : codes.codes()[i];
            float zero = codes.zeros().length > 0 ? codes.zeros()[unit] : 0;
            assertThat((level - zero) * codes.scales()[unit]).isEqualTo(decoded[at]);
        }
    }

    @Test
    void columnsInAnotherOrderHaveTheScalesOfTheirGroups() {
        Grid grid = new Grid(Levels.Range.ofBits(4), new Granularity.Group(4), DenseType.F32, true, Grid.Zero.NONE);
        GridEncoding encoding =
                new GridEncoding("x", grid, new Packing(4, true, 32), new GridPlanes(false, GridPlanes.Zeros.NONE, true, true));
        Shape shape = Shape.of(1, 8);
        MemorySegment[] planes = planes(encoding, shape, Region.all(shape));
        planes[0].set(ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0, 0xfedcba98);
        planes[1].set(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0, 1);
        planes[1].set(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 4, 10);
        for (int i = 0; i < 8; i++) {
            planes[2].set(ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 4L * i, i % 2);
        }
        float[] numbers = new float[8];
        encoding.decoder().orElseThrow().decode(shape, Region.all(shape), planes, numbers, 0);
        assertThat(numbers).containsExactly(0, 10, 2, 30, 4, 50, 6, 70);
        assertThat(encoding.codeReader()).isEmpty();
        assertThat(encoding.codeWriter()).isEmpty();
    }

    @Test
    void anOuterScaleDividesAllOthers() {
        Grid grid = new Grid(Levels.Table.E2M1, new Granularity.Group(16), DenseType.F8_E4M3, true, Grid.Zero.NONE, true);
        GridEncoding encoding = new GridEncoding("nvfp4", grid, new Packing(4, false, 8),
                new GridPlanes(true, GridPlanes.Zeros.NONE, false, false));
        Shape shape = Shape.of(1, 16);
        MemorySegment[] planes = planes(encoding, shape, Region.all(shape));
        planes[0].fill((byte) 0xf7);
        planes[1].set(ValueLayout.JAVA_BYTE, 0, (byte) 0x38);
        planes[2].set(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0, 3);
        float[] numbers = new float[16];
        encoding.decoder().orElseThrow().decode(shape, Region.all(shape), planes, numbers, 0);
        assertThat(numbers[0]).isEqualTo(6 * (1 / 3f));
        assertThat(numbers[1]).isEqualTo(-6 * (1 / 3f));
        assertThat(encoding.codeWriter()).isEmpty();
        assertThat(encoding.encoder(EncoderInputs.PLAIN)).isEmpty();
    }

    @Test
    void roundingToE4m3IsToTheNearestAndEven() {
        for (int bits = 0; bits < 0x7f; bits++) {
            float value = SmallFloats.e4m3((byte) bits);
            assertThat(SmallFloats.toE4m3(value)).isEqualTo((byte) bits);
            assertThat(SmallFloats.toE4m3(-value)).isEqualTo((byte) (bits | 0x80));
            if (bits < 0x7e) {
                float next = SmallFloats.e4m3((byte) (bits + 1));
                float middle = (value + next) / 2;
                assertThat(SmallFloats.toE4m3(middle)).as("%s", middle).isEqualTo((byte) (bits % 2 == 0 ? bits : bits + 1));
                assertThat(SmallFloats.toE4m3(Math.nextUp(middle))).isEqualTo((byte) (bits + 1));
                assertThat(SmallFloats.toE4m3(Math.nextDown(middle))).isEqualTo((byte) bits);
            }
        }
        assertThat(SmallFloats.toE4m3(1e9f)).isEqualTo((byte) 0x7e);
        assertThat(SmallFloats.e4m3(SmallFloats.toE4m3(Float.NaN))).isNaN();
    }

    @Test
    void aUnitOfZerosHasTheEpsilonOfItsType() {
        Shape shape = Shape.of(1, 32);
        float[] numbers = new float[32];
        for (DenseType type : List.of(DenseType.F32, DenseType.F16, DenseType.BF16)) {
            GridEncoding encoding = integers(4, new Granularity.Group(32), type, GridPlanes.Zeros.NONE, false);
            MemorySegment[] planes = planes(encoding, shape, Region.all(shape));
            encoding.encoder(EncoderInputs.PLAIN).orElseThrow().encode(shape, Region.all(shape), numbers, 0, planes);
            float[] scale = new float[1];
            DenseEncoding.of(type).decodeBlocks(planes[1], 0, scale, 0, 1);
            assertThat(scale[0]).isEqualTo(type == DenseType.F32 ? 0x1p-23f : type == DenseType.F16 ? 0x1p-10f : 0x1p-7f);
            assertThat(words(planes[0])).containsOnly(0x88888888);
        }
        numbers[3] = Float.NaN;
        GridEncoding encoding = integers(4, new Granularity.Group(32), DenseType.F16, GridPlanes.Zeros.NONE, false);
        MemorySegment[] planes = planes(encoding, shape, Region.all(shape));
        for (String method : List.of("plain", "exact")) {
            assertThatThrownBy(
                    () -> encoding.encoder(EncoderInputs.method(method)).orElseThrow().encode(shape, Region.all(shape), numbers, 0,
                            planes))
                    .isInstanceOf(ArithmeticException.class).hasMessageContaining("NaN");
        }
    }

    @Test
    void coarserGridsMoveIn() {
        Shape shape = Shape.of(4, 96);
        GridEncoding group = integers(4, new Granularity.Group(32), DenseType.F32, GridPlanes.Zeros.NONE, false);
        assertThat(group.carries(integers(4, new Granularity.Row(), DenseType.F16, GridPlanes.Zeros.NONE, false).grid(), shape))
                .isEqualTo(Carriage.EXACT);
        assertThat(group.carries(integers(4, new Granularity.Group(96), DenseType.F16, GridPlanes.Zeros.NONE, false).grid(), shape))
                .isEqualTo(Carriage.EXACT);
        assertThat(group.carries(integers(4, new Granularity.Group(48), DenseType.F16, GridPlanes.Zeros.NONE, false).grid(), shape))
                .isEqualTo(Carriage.NO);
        assertThat(group.carries(integers(4, new Granularity.Row(), DenseType.F16, GridPlanes.Zeros.BYTES, false).grid(), shape))
                .isEqualTo(Carriage.NO);
        Codes codes = new Codes();
        codes.resize(4, 96, 96, false);
        for (int i = 0; i < 4; i++) {
            codes.scales()[i] = i + 1;
        }
        MemorySegment[] planes = planes(group, shape, Region.all(shape));
        group.codeWriter().orElseThrow().write(shape, Region.all(shape), codes, planes);
        float[] scales = new float[12];
        DenseEncoding.F32.decodeBlocks(planes[1], 0, scales, 0, 12);
        assertThat(scales).containsExactly(1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4);
    }
}
