package io.github.weighbridge.encoding;

import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.Grid.Levels;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class GridEncodingTest {
    private static final Granularity ROW = new Granularity.Row();
    private static final Granularity TENSOR = new Granularity.Tensor();

    private static GridEncoding encoding(int bits, boolean offsetBinary, int rowBits, Granularity granularity, DenseType scale) {
        return new GridEncoding("int" + bits, new Grid(Levels.Range.ofBits(bits), granularity, scale, true, Grid.Zero.NONE),
                new Packing(bits, offsetBinary, rowBits));
    }

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    /// Writes levels with scales of 1 and gives the plane of codes.
    private static byte[] pack(GridEncoding encoding, Shape shape, int... levels) {
        Codes codes = new Codes();
        codes.resize((int) shape.rows(), (int) shape.columns(), (int) Math.max(1, shape.columns()), false);
        for (int i = 0; i < levels.length; i++) {
            codes.codes()[i] = (byte) levels[i];
        }
        java.util.Arrays.fill(codes.scales(), 1);
        MemorySegment[] planes = emptyPlanes(encoding, shape);
        planes[0].fill((byte) -1);
        encoding.codeWriter().orElseThrow().write(shape, Region.all(shape), codes, planes);
        return planes[0].toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    }

    private static MemorySegment[] emptyPlanes(Encoding encoding, Shape shape) {
        MemorySegment[] planes = new MemorySegment[encoding.planes().size()];
        for (int plane = 0; plane < planes.length; plane++) {
            planes[plane] = MemorySegment.ofArray(new byte[(int) encoding.planeBytes(plane, shape)]);
        }
        return planes;
    }

    @Test
    void gemmaKeepsInt4AsTwoOffsetCodesAByteTheFirstInTheLowNibble() {
        GridEncoding int4 = encoding(4, true, 0, ROW, DenseType.F32);
        assertThat(pack(int4, Shape.of(2, 4), -8, 7, 0, -1, 1, 2, 3, 4)).isEqualTo(bytes(0xf0, 0x78, 0xa9, 0xcb));
    }

    @Test
    void gemmaKeepsInt2AsFourOffsetCodesAByteTheFirstInTheLowestBits() {
        GridEncoding int2 = encoding(2, true, 0, ROW, DenseType.F32);
        assertThat(pack(int2, Shape.of(1, 8), -2, -1, 0, 1, 1, 0, -1, -2)).isEqualTo(bytes(0b11100100, 0b00011011));
    }

    @Test
    void gemmaKeepsInt8AsItIs() {
        GridEncoding int8 = encoding(8, false, 0, ROW, DenseType.F32);
        assertThat(pack(int8, Shape.of(1, 4), -128, -1, 0, 127)).isEqualTo(bytes(0x80, 0xff, 0, 0x7f));
    }

    @Test
    void twosComplementRowsFollowOneAnotherWithoutPadding() {
        GridEncoding int4 = encoding(4, false, 0, ROW, DenseType.F32);
        Shape shape = Shape.of(3, 3);
        assertThat(pack(int4, shape, -8, 7, 0, -1, 1, 2, 3, 4, 5)).isEqualTo(bytes(0x78, 0xf0, 0x21, 0x43, 0x05));
        assertThat(int4.planeBytes(0, shape)).isEqualTo(5);
        assertThat(int4.rowUnit(shape)).isEqualTo(2);
        assertThat(int4.rowUnit(Shape.of(3, 4))).isEqualTo(1);
        assertThat(encoding(2, false, 0, ROW, DenseType.F32).rowUnit(Shape.of(9, 3))).isEqualTo(4);
        assertThat(encoding(3, false, 0, ROW, DenseType.F32).rowUnit(Shape.of(9, 3))).isEqualTo(8);
        assertThat(encoding(3, false, 8, ROW, DenseType.F32).rowUnit(Shape.of(9, 3))).isEqualTo(1);
    }

    private static void assertWords(int bits, int[] levels, long... words) {
        GridEncoding encoding = encoding(bits, true, 32, ROW, DenseType.F32);
        ByteBuffer expected = ByteBuffer.allocate(words.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (long word : words) {
            expected.putInt((int) word);
        }
        assertThat(pack(encoding, Shape.of(1, levels.length), levels)).as("%s bits", bits).isEqualTo(expected.array());
        float[] decoded = new float[levels.length];
        Shape shape = Shape.of(1, levels.length);
        encoding.decoder().orElseThrow().decode(shape, Region.all(shape),
                new MemorySegment[] {MemorySegment.ofArray(expected.array()), MemorySegment.ofArray(bytes(0, 0, 0x80, 0x3f))}, decoded, 0);
        for (int i = 0; i < levels.length; i++) {
            assertThat(decoded[i]).isEqualTo(levels[i]);
        }
    }

    @Test
    void rowsPaddedTo32BitsAreTheWordsOfCompressedTensors() {
        assertWords(4, new int[] {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1}, 0x76543210, 0x00000098);
        assertWords(2, new int[] {-2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1}, 0xe4e4e4e4L, 0x000000e4);
        assertWords(3, new int[] {-4, -3, -2, -1, 0, 1, 2, 3, -4, -3, -2, -1}, 0x88fac688L, 0x00000006);
        assertWords(8, new int[] {-128, -1, 0, 127, 5}, 0xff807f00L, 0x00000085);
        assertWords(4, new int[] {-8, -7, 0, 7, 1, 2, 3, 4, 5}, 0xcba9f810L, 0x0000000d);
    }

    @Test
    void paddedRowsShareNoWord() {
        GridEncoding int4 = encoding(4, true, 32, ROW, DenseType.F32);
        assertThat(pack(int4, Shape.of(2, 3), -8, -7, -6, 7, 7, 7)).isEqualTo(bytes(0x10, 0x02, 0, 0, 0xff, 0x0f, 0, 0));
        GridEncoding int3 = encoding(3, true, 8, ROW, DenseType.F32);
        assertThat(pack(int3, Shape.of(2, 3), -4, -3, -2, 3, 3, 3)).isEqualTo(bytes(0b10001000, 0, 0b11111111, 1));
    }

    record Case(GridEncoding encoding, Shape shape) {
        @Override
        public String toString() {
            return encoding.packing() + " " + encoding.grid(shape).orElseThrow().granularity() + " " + shape;
        }
    }

    static List<Packing> packings() {
        List<Packing> packings = new ArrayList<>();
        for (int bits = 1; bits <= 8; bits++) {
            for (boolean offset : new boolean[] {true, false}) {
                for (int rowBits : new int[] {0, 8, 32}) {
                    packings.add(new Packing(bits, offset, rowBits));
                }
            }
        }
        return packings;
    }

    private static List<Case> cases(Packing packing) {
        List<Case> cases = new ArrayList<>();
        for (Granularity granularity : List.of(TENSOR, ROW, new Granularity.Group(8), new Granularity.Group(5))) {
            DenseType scale = (packing.bits() + packing.rowBits()) % 2 == 0 ? DenseType.F32 : DenseType.BF16;
            GridEncoding encoding = encoding(packing.bits(), packing.offsetBinary(), packing.rowBits(), granularity, scale);
            for (Shape shape : List.of(Shape.of(1, 1), Shape.of(5, 40), Shape.of(9, 37), Shape.of(3, 3, 11))) {
                cases.add(new Case(encoding, shape));
            }
        }
        return cases;
    }

    /// Random levels and scales, in whole and as numbers.
    private static final class Sample {
        private final Codes codes;
        private final float[] values;
        private final MemorySegment[] planes;

        private Sample(Codes codes, float[] values, MemorySegment[] planes) {
            this.codes = codes;
            this.values = values;
            this.planes = planes;
        }

        static Sample of(Case example, long seed) {
            Random random = new Random(seed);
            GridEncoding encoding = example.encoding;
            Shape shape = example.shape;
            Grid grid = encoding.grid(shape).orElseThrow();
            Levels.Range range = (Levels.Range) grid.levels();
            int rows = (int) shape.rows();
            int columns = (int) shape.columns();
            Codes codes = new Codes();
            codes.resize(rows, columns, (int) Math.min(columns, grid.groupColumns(shape)), false);
            for (int i = 0; i < rows * codes.groups(); i++) {
                boolean one = grid.granularity() instanceof Granularity.Tensor && i > 0;
                codes.scales()[i] = one ? codes.scales()[0] : SmallFloats.fromBf16(SmallFloats.toBf16((float) random.nextGaussian()));
            }
            float[] values = new float[rows * columns];
            for (int i = 0; i < values.length; i++) {
                int level = random.nextInt(range.minimum(), range.maximum() + 1);
                codes.codes()[i] = (byte) level;
                values[i] = level * codes.scales()[i / columns * codes.groups() + i % columns / codes.groupColumns()];
            }
            MemorySegment[] planes = emptyPlanes(encoding, shape);
            encoding.codeWriter().orElseThrow().write(shape, Region.all(shape), codes, planes);
            return new Sample(codes, values, planes);
        }
    }

    @ParameterizedTest
    @MethodSource("packings")
    void codesComeBackAndDecodingMultipliesThemByTheirScale(Packing packing) {
        cases(packing).forEach(GridEncodingTest::checkCodesComeBackAndDecodingMultipliesThemByTheirScale);
    }

    private static void checkCodesComeBackAndDecodingMultipliesThemByTheirScale(Case example) {
        Sample sample = Sample.of(example, 1);
        Shape shape = example.shape;
        float[] decoded = new float[(int) shape.elements() + 2];
        example.encoding.decoder().orElseThrow().decode(shape, Region.all(shape), sample.planes, decoded, 1);
        assertThat(java.util.Arrays.copyOfRange(decoded, 1, decoded.length - 1)).as(example.toString()).isEqualTo(sample.values);
        assertThat(decoded[0]).isZero();
        assertThat(decoded[decoded.length - 1]).isZero();
        Codes back = new Codes();
        example.encoding.codeReader().orElseThrow().read(shape, Region.all(shape), sample.planes, back);
        assertThat(back.groups()).isEqualTo(sample.codes.groups());
        assertThat(back.codes()).startsWith(java.util.Arrays.copyOf(sample.codes.codes(), (int) shape.elements()));
        assertThat(back.scales()).startsWith(java.util.Arrays.copyOf(sample.codes.scales(), (int) shape.rows() * back.groups()));
    }

    @ParameterizedTest
    @MethodSource("packings")
    void decodingByPiecesIsDecodingWhole(Packing packing) {
        cases(packing).forEach(GridEncodingTest::checkDecodingByPiecesIsDecodingWhole);
    }

    private static void checkDecodingByPiecesIsDecodingWhole(Case example) {
        Sample sample = Sample.of(example, 2);
        GridEncoding encoding = example.encoding;
        Shape shape = example.shape;
        List<Region> pieces = new ArrayList<>();
        long rowUnit = encoding.rowUnit(shape);
        for (long row = 0; row < shape.rows(); row += rowUnit) {
            pieces.add(Region.rows(shape, row, Math.min(shape.rows(), row + rowUnit)));
        }
        long unit = encoding.columnUnit(shape);
        for (long row = 0; row < shape.rows(); row++) {
            for (long column = 0; column < shape.columns(); column += unit) {
                pieces.add(new Region(row, row + 1, column, Math.min(shape.columns(), column + unit)));
            }
            if (shape.columns() > unit) {
                pieces.add(new Region(row, row + 1, unit, shape.columns()));
            }
        }
        for (Region piece : pieces) {
            MemorySegment[] parts = new MemorySegment[2];
            for (int plane = 0; plane < 2; plane++) {
                ByteRange range = encoding.planeRange(plane, shape, piece);
                assertThat(range.end()).isLessThanOrEqualTo(encoding.planeBytes(plane, shape));
                parts[plane] = sample.planes[plane].asSlice(range.offset(), range.length());
            }
            float[] decoded = new float[piece.elements()];
            encoding.decoder().orElseThrow().decode(shape, piece, parts, decoded, 0);
            Codes codes = new Codes();
            encoding.codeReader().orElseThrow().read(shape, piece, parts, codes);
            for (int i = 0; i < decoded.length; i++) {
                int at = (int) ((piece.rowBegin() + i / piece.columnCount()) * shape.columns() + piece.columnBegin()
                        + i % piece.columnCount());
                assertThat(decoded[i]).as("%s, %s at %s", example, piece, at).isEqualTo(sample.values[at]);
                assertThat(codes.codes()[i]).isEqualTo(sample.codes.codes()[at]);
                int scale = (int) (i / piece.columnCount() * codes.groups() + i % piece.columnCount() / codes.groupColumns());
                assertThat(codes.scales()[scale]).isEqualTo(
                        sample.codes.scales()[(int) (at / shape.columns()) * sample.codes.groups()
                                + (int) (at % shape.columns()) / sample.codes.groupColumns()]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("packings")
    void rowsWrittenByPiecesAreTheBytesWrittenWhole(Packing packing) {
        cases(packing).forEach(GridEncodingTest::checkRowsWrittenByPiecesAreTheBytesWrittenWhole);
    }

    private static void checkRowsWrittenByPiecesAreTheBytesWrittenWhole(Case example) {
        Sample sample = Sample.of(example, 3);
        GridEncoding encoding = example.encoding;
        Shape shape = example.shape;
        MemorySegment[] written = emptyPlanes(encoding, shape);
        long unit = encoding.rowUnit(shape);
        for (long row = 0; row < shape.rows(); row += unit) {
            Region piece = Region.rows(shape, row, Math.min(shape.rows(), row + unit));
            int rows = (int) piece.rowCount();
            int columns = (int) shape.columns();
            Codes codes = new Codes();
            codes.resize(rows, columns, sample.codes.groupColumns(), false);
            System.arraycopy(sample.codes.codes(), (int) row * columns, codes.codes(), 0, rows * columns);
            System.arraycopy(sample.codes.scales(), (int) row * codes.groups(), codes.scales(), 0, rows * codes.groups());
            MemorySegment[] parts = new MemorySegment[2];
            for (int plane = 0; plane < 2; plane++) {
                ByteRange range = encoding.planeRange(plane, shape, piece);
                parts[plane] = written[plane].asSlice(range.offset(), range.length());
            }
            encoding.codeWriter().orElseThrow().write(shape, piece, codes, parts);
        }
        for (int plane = 0; plane < 2; plane++) {
            assertThat(written[plane].mismatch(sample.planes[plane])).as("%s, plane %s", example, plane).isEqualTo(-1);
        }
    }

    @Test
    void lengthsOfPlanesFollowFromTheShape() {
        Shape shape = Shape.of(7, 100);
        assertThat(encoding(4, true, 0, ROW, DenseType.F32).planeBytes(0, shape)).isEqualTo(350);
        assertThat(encoding(4, true, 32, ROW, DenseType.F32).planeBytes(0, shape)).isEqualTo(7 * 52);
        assertThat(encoding(3, true, 32, ROW, DenseType.F32).planeBytes(0, shape)).isEqualTo(7 * 40);
        assertThat(encoding(2, true, 8, ROW, DenseType.F32).planeBytes(0, Shape.of(7, 101))).isEqualTo(7 * 26);
        assertThat(encoding(3, false, 0, ROW, DenseType.F32).planeBytes(0, shape)).isEqualTo(263);
        assertThat(encoding(4, true, 0, ROW, DenseType.F32).planeBytes(1, shape)).isEqualTo(28);
        assertThat(encoding(4, true, 0, TENSOR, DenseType.F32).planeBytes(1, shape)).isEqualTo(4);
        assertThat(encoding(4, true, 0, new Granularity.Group(32), DenseType.BF16).planeBytes(1, shape)).isEqualTo(7 * 4 * 2);
        assertThat(encoding(4, true, 0, new Granularity.Group(32), DenseType.BF16).bytes(shape)).isEqualTo(350 + 56);
        assertThat(encoding(4, true, 0, ROW, DenseType.F32).bytes(Shape.of(0, 5))).isZero();
        assertThat(encoding(4, true, 0, ROW, DenseType.F32).planeBytes(0, Shape.of(5, 0))).isZero();
    }

    @Test
    void lengthsThatPassTheLargestNumberAreRefused() {
        GridEncoding int8 = encoding(8, false, 0, ROW, DenseType.F32);
        assertThatThrownBy(() -> int8.planeBytes(0, Shape.of(1L << 60))).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> int8.planeBytes(1, Shape.of(1L << 62, 1))).isInstanceOf(ArithmeticException.class);
    }

    @Test
    void theBytesOfARegionLieWhereItsCodesAndScalesAre() {
        GridEncoding group = encoding(4, true, 0, new Granularity.Group(32), DenseType.BF16);
        Shape shape = Shape.of(4, 128);
        assertThat(group.planeRange(0, shape, Region.rows(shape, 1, 3))).isEqualTo(new ByteRange(64, 128));
        assertThat(group.planeRange(1, shape, Region.rows(shape, 1, 3))).isEqualTo(new ByteRange(8, 16));
        assertThat(group.planeRange(0, shape, new Region(2, 3, 32, 96))).isEqualTo(new ByteRange(144, 32));
        assertThat(group.planeRange(1, shape, new Region(2, 3, 32, 96))).isEqualTo(new ByteRange(18, 4));
        assertThat(encoding(4, true, 0, TENSOR, DenseType.F32).planeRange(1, shape, Region.rows(shape, 3, 4)))
                .isEqualTo(new ByteRange(0, 4));
        GridEncoding padded = encoding(4, true, 32, ROW, DenseType.F32);
        Shape odd = Shape.of(4, 9);
        assertThat(padded.planeRange(0, odd, Region.rows(odd, 1, 2))).isEqualTo(new ByteRange(8, 8));
        assertThat(padded.planeRange(0, odd, new Region(1, 2, 0, 2))).isEqualTo(new ByteRange(8, 1));
        assertThat(padded.planeRange(0, odd, new Region(1, 2, 8, 9))).isEqualTo(new ByteRange(12, 4));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
    void columnsAreCutWhereBytesAndGroupsBegin(int bits) {
        for (Granularity granularity : List.of(TENSOR, ROW, new Granularity.Group(32), new Granularity.Group(5))) {
            GridEncoding encoding = encoding(bits, true, 0, granularity, DenseType.F32);
            int unit = encoding.columnUnit(Shape.of(4, 160));
            assertThat(unit * bits % 8).isZero();
            if (granularity instanceof Granularity.Group(int size)) {
                assertThat(unit % size).isZero();
            }
        }
        assertThat(encoding(8, false, 0, ROW, DenseType.F32).columnUnit(Shape.of(4, 160))).isEqualTo(1);
        assertThat(encoding(4, false, 0, new Granularity.Group(32), DenseType.F32).columnUnit(Shape.of(4, 160))).isEqualTo(32);
    }

    @Test
    void unsignedLevelsKeepTheirSize() {
        GridEncoding encoding = new GridEncoding("u8", new Grid(new Levels.Range(0, 255), TENSOR, DenseType.F32, false, Grid.Zero.NONE),
                new Packing(8, false, 0));
        assertThat(pack(encoding, Shape.of(1, 3), 0, 127, 255)).isEqualTo(bytes(0, 127, 255));
        Shape shape = Shape.of(1, 3);
        float[] decoded = new float[3];
        encoding.decoder().orElseThrow().decode(shape, Region.all(shape),
                new MemorySegment[] {MemorySegment.ofArray(bytes(0, 127, 255)), MemorySegment.ofArray(bytes(0, 0, 0, 0x40))}, decoded, 0);
        assertThat(decoded).containsExactly(0, 254, 510);
    }

    @Test
    void gridsThatAreNotPlainOrDoNotFitTheirWidthAreRefused() {
        Packing four = new Packing(4, true, 0);
        Levels int4 = Levels.Range.ofBits(4);
        for (Grid grid : List.of(new Grid(Levels.Table.E4M3, ROW, DenseType.F32, true, Grid.Zero.NONE),
                new Grid(int4, ROW, DenseType.F32, true, Grid.Zero.INTEGER), new Grid(int4, ROW, DenseType.F32, true, Grid.Zero.MINIMUM),
                new Grid(int4, ROW, DenseType.F32, true, Grid.Zero.NONE, true))) {
            assertThatThrownBy(() -> new GridEncoding("x", grid, four)).as("%s", grid).isInstanceOf(IllegalArgumentException.class);
        }
        Grid wide = new Grid(new Levels.Range(-8, 8), ROW, DenseType.F32, true, Grid.Zero.NONE);
        assertThatThrownBy(() -> new GridEncoding("x", wide, four)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("4 bits do not hold");
        assertThatThrownBy(() -> new Packing(0, true, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Packing(9, true, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Packing(4, true, 16)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Granularity.Group(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Levels.Range(1, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Levels.Range(-129, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Levels.Range(0, 256)).isInstanceOf(IllegalArgumentException.class);
    }

    private static Grid grid(int bits, Granularity granularity, DenseType scale, boolean signed) {
        return new Grid(Levels.Range.ofBits(bits), granularity, scale, signed, Grid.Zero.NONE);
    }

    @Test
    void aNarrowGridOfTheSameGranularityIsCarriedExactly() {
        Shape shape = Shape.of(4, 64);
        GridEncoding int4 = encoding(4, true, 0, ROW, DenseType.F32);
        assertThat(int4.carries(grid(4, ROW, DenseType.F32, true), shape)).isEqualTo(Carriage.EXACT);
        assertThat(int4.carries(grid(2, ROW, DenseType.BF16, false), shape)).isEqualTo(Carriage.EXACT);
        assertThat(Carriage.EXACT.relativeBound()).isZero();
    }

    @Test
    void whatDoesNotFitIsNotCarried() {
        Shape shape = Shape.of(4, 64);
        GridEncoding int4 = encoding(4, true, 0, ROW, DenseType.F32);
        assertThat(int4.carries(grid(5, ROW, DenseType.F32, true), shape)).as("more levels").isEqualTo(Carriage.NO);
        assertThat(int4.carries(grid(4, new Granularity.Group(32), DenseType.F32, true), shape)).as("finer").isEqualTo(Carriage.NO);
        assertThat(int4.carries(new Grid(Levels.Range.ofBits(4), ROW, DenseType.F32, true, Grid.Zero.INTEGER), shape)).as("zero points")
                .isEqualTo(Carriage.NO);
        assertThat(int4.carries(new Grid(new Levels.Table("E2M1", List.of(1f)), ROW, DenseType.F32, true, Grid.Zero.NONE), shape))
                .as("table").isEqualTo(Carriage.NO);
        GridEncoding unsigned = new GridEncoding("x", grid(4, ROW, DenseType.F32, false), new Packing(4, true, 0));
        assertThat(unsigned.carries(grid(4, ROW, DenseType.F32, true), shape)).as("negative scales").isEqualTo(Carriage.NO);
    }

    @Test
    void narrowerScalesRoundWithinTheirBound() {
        Shape shape = Shape.of(4, 64);
        Carriage bf16 = encoding(4, true, 0, ROW, DenseType.BF16).carries(grid(4, ROW, DenseType.F32, true), shape);
        Carriage f16 = encoding(4, true, 0, ROW, DenseType.F16).carries(grid(4, ROW, DenseType.F32, true), shape);
        assertThat(bf16.kind()).isEqualTo(Carriage.Kind.SCALES_ROUND);
        assertThat(f16.kind()).isEqualTo(Carriage.Kind.SCALES_ROUND);
        Random random = new Random(4);
        for (int i = 0; i < 10_000; i++) {
            float scale = (1 + random.nextFloat()) * (float) Math.pow(2, random.nextInt(-14, 15));
            assertThat(Math.abs(SmallFloats.fromBf16(SmallFloats.toBf16(scale)) / (double) scale - 1))
                    .isLessThanOrEqualTo(bf16.relativeBound());
            assertThat(Math.abs(Float.float16ToFloat(Float.floatToFloat16(scale)) / (double) scale - 1))
                    .isLessThanOrEqualTo(f16.relativeBound());
        }
    }

    @Test
    void codesAreSizedForTheRegionAndForgetTheOneBefore() {
        Codes codes = new Codes();
        codes.resize(3, 10, 4, true);
        assertThat(codes.rows()).isEqualTo(3);
        assertThat(codes.columns()).isEqualTo(10);
        assertThat(codes.groupColumns()).isEqualTo(4);
        assertThat(codes.groups()).isEqualTo(3);
        assertThat(codes.codes()).hasSizeGreaterThanOrEqualTo(30);
        assertThat(codes.scales()).hasSizeGreaterThanOrEqualTo(9);
        assertThat(codes.zeros()).hasSizeGreaterThanOrEqualTo(9);
        codes.resize(1, 10, 10, false);
        assertThat(codes.groups()).isEqualTo(1);
        assertThat(codes.zeros()).as("a grid without zeros").isEmpty();
        codes.resize(2, 0, 1, true);
        assertThat(codes.groups()).isZero();
        assertThatThrownBy(() -> codes.resize(1 << 16, 1 << 16, 1, false)).isInstanceOf(ArithmeticException.class);
    }
}
