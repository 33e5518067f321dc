package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.encoding.SmallFloats;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.ForwardingByteSource;
import io.github.weighbridge.view.BruteForce;
import io.github.weighbridge.view.Elementwise;
import io.github.weighbridge.view.RandomViews;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class ViewReaderTest {
    private final Random random = new Random(17);
    private final List<ByteArrayOutputStream> files = List.of(new ByteArrayOutputStream(), new ByteArrayOutputStream());
    private final Map<StoredTensor, float[]> numbers = new HashMap<>();
    private final Map<StoredTensor, float[]> levels = new HashMap<>();
    private final Map<StoredTensor, float[]> scales = new HashMap<>();

    private Span append(byte[] bytes) {
        int file = random.nextInt(files.size());
        files.get(file).writeBytes(new byte[random.nextInt(5)]);
        Span span = new Span(file, files.get(file).size(), bytes.length);
        files.get(file).writeBytes(bytes);
        return span;
    }

    private ViewReader reader() {
        List<ByteSource> sources = new ArrayList<>();
        files.forEach(file -> sources.add(ByteSource.of("file", file.toByteArray())));
        return new ViewReader(sources);
    }

    private static byte[] bytes(MemorySegment segment) {
        return segment.toArray(ValueLayout.JAVA_BYTE);
    }

    private View dense(Shape shape, DenseEncoding encoding) {
        float[] values = new float[(int) shape.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = SmallFloats.fromBf16(SmallFloats.toBf16((float) random.nextGaussian()));
        }
        MemorySegment plane = MemorySegment.ofArray(new byte[(int) encoding.bytes(shape)]);
        encoding.encoder(EncoderInputs.PLAIN).orElseThrow().encode(shape, Region.all(shape), values, 0, new MemorySegment[] {plane});
        StoredTensor tensor = new StoredTensor("t" + numbers.size(), shape, encoding, List.of(append(bytes(plane))));
        numbers.put(tensor, values);
        return View.of(tensor);
    }

    private View onGrid(Shape shape, GridEncoding encoding) {
        Grid grid = encoding.grid(shape).orElseThrow();
        Grid.Levels.Range range = (Grid.Levels.Range) grid.levels();
        int rows = (int) shape.rows();
        int columns = (int) shape.columns();
        Codes codes = new Codes();
        codes.resize(rows, columns, (int) Math.min(columns, grid.groupColumns(shape)), false);
        for (int i = 0; i < rows * codes.groups(); i++) {
            codes.scales()[i] = grid.granularity() instanceof Granularity.Tensor && i > 0 ? codes.scales()[0] : random.nextInt(1, 100) / 8f;
        }
        float[][] each = new float[3][rows * columns];
        for (int i = 0; i < rows * columns; i++) {
            int level = random.nextInt(range.minimum(), range.maximum() + 1);
            codes.codes()[i] = (byte) level;
            each[0][i] = level;
            each[1][i] = codes.scales()[i / columns * codes.groups() + i % columns / codes.groupColumns()];
            each[2][i] = level * each[1][i];
        }
        MemorySegment[] planes = new MemorySegment[2];
        for (int plane = 0; plane < 2; plane++) {
            planes[plane] = MemorySegment.ofArray(new byte[(int) encoding.planeBytes(plane, shape)]);
        }
        encoding.codeWriter().orElseThrow().write(shape, Region.all(shape), codes, planes);
        StoredTensor tensor = new StoredTensor("t" + numbers.size(), shape, encoding,
                List.of(append(bytes(planes[0])), append(bytes(planes[1]))));
        levels.put(tensor, each[0]);
        scales.put(tensor, each[1]);
        numbers.put(tensor, each[2]);
        return View.of(tensor);
    }

    private static GridEncoding grid(int bits, boolean offset, int rowBits, Granularity granularity) {
        return new GridEncoding("int" + bits,
                new Grid(Grid.Levels.Range.ofBits(bits), granularity, DenseType.F32, false, Grid.Zero.NONE),
                new Packing(bits, offset, rowBits));
    }

    private GridEncoding randomGrid() {
        Granularity granularity = switch (random.nextInt(4)) {
            case 0 -> new Granularity.Tensor();
            case 1 -> new Granularity.Row();
            case 2 -> new Granularity.Group(2);
            default -> new Granularity.Group(4);
        };
        return grid(random.nextInt(1, 9), random.nextBoolean(), List.of(0, 8, 32).get(random.nextInt(3)), granularity);
    }

    private View anyLeaf(Shape shape) {
        return switch (random.nextInt(3)) {
            case 0 -> dense(shape, DenseEncoding.F32);
            case 1 -> dense(shape, DenseEncoding.BF16);
            default -> onGrid(shape, randomGrid());
        };
    }

    @Test
    void anyRegionOfAnyViewIsWhatTheViewMeans() throws IOException {
        for (int i = 0; i < 6000; i++) {
            files.forEach(ByteArrayOutputStream::reset);
            numbers.clear();
            RandomViews views = new RandomViews(random, this::anyLeaf, random.nextBoolean());
            View view = views.view(random.nextInt(5));
            float[] all = BruteForce.numbers(view, numbers::get);
            try (ViewReader reader = reader()) {
                for (int n = 0; n < 4; n++) {
                    Region region = n == 0 ? Region.all(view.shape()) : views.region(view.shape());
                    float[] found = new float[region.elements() + 2];
                    reader.read(view, region, found, 1);
                    assertThat(java.util.Arrays.copyOfRange(found, 1, found.length - 1)).as("%s of %s", region, view)
                            .isEqualTo(BruteForce.cut(all, view.shape(), region));
                    assertThat(found[0] + found[found.length - 1]).as("nothing beside the region").isZero();
                }
            }
        }
    }

    @Test
    void codesAndScalesGoThroughEveryViewThatKeepsThem() throws IOException {
        int kept = 0;
        for (int i = 0; i < 12_000; i++) {
            files.forEach(ByteArrayOutputStream::reset);
            numbers.clear();
            GridEncoding encoding = randomGrid();
            RandomViews views = new RandomViews(random, shape -> onGrid(shape, encoding), random.nextBoolean());
            View view = views.view(random.nextInt(1, 4));
            if (!ViewReader.keepsCodes(view) || view instanceof View.Stored) {
                continue;
            }
            kept++;
            Shape shape = view.shape();
            Grid grid = ViewReader.codeGrid(view).orElseThrow();
            float[] expectedLevels = BruteForce.numbers(view, levels::get);
            float[] expectedScales = BruteForce.numbers(view, scales::get);
            long begin = random.nextLong(shape.rows());
            try (ViewReader reader = reader()) {
                Codes codes = new Codes();
                Region region = Region.rows(shape, begin, random.nextLong(begin, shape.rows()) + 1);
                reader.readCodes(view, region, grid, codes);
                for (int k = 0; k < region.elements(); k++) {
                    int row = (int) (k / shape.columns());
                    int column = (int) (k % shape.columns());
                    int at = (int) (begin * shape.columns()) + k;
                    assertThat((float) codes.codes()[k]).as("%s of %s", region, view).isEqualTo(expectedLevels[at]);
                    assertThat(codes.scales()[row * codes.groups() + column / codes.groupColumns()]).as("%s of %s", region, view)
                            .isEqualTo(expectedScales[at]);
                }
            }
        }
        assertThat(kept).isGreaterThan(1000);
    }

    @Test
    void bytesGoThroughEveryViewThatOnlyRearrangesRows() throws IOException {
        int copied = 0;
        for (int i = 0; i < 16_000; i++) {
            files.forEach(ByteArrayOutputStream::reset);
            numbers.clear();
            GridEncoding grid = randomGrid();
            Encoding encoding = random.nextBoolean() ? grid : random.nextBoolean() ? DenseEncoding.BF16 : DenseEncoding.F32;
            RandomViews views = new RandomViews(random,
                    shape -> encoding instanceof DenseEncoding dense ? dense(shape, dense) : onGrid(shape, grid), random.nextBoolean());
            View view = views.view(random.nextInt(1, 4));
            if (!ViewReader.copiesBytes(view, encoding) || view instanceof View.Stored) {
                continue;
            }
            copied++;
            Shape shape = view.shape();
            long begin = random.nextLong(shape.rows());
            Region region = Region.rows(shape, begin, random.nextLong(begin, shape.rows()) + 1);
            MemorySegment[] planes = new MemorySegment[encoding.planes().size()];
            try (ViewReader reader = reader()) {
                for (int plane = 0; plane < planes.length; plane++) {
                    planes[plane] = MemorySegment.ofArray(new byte[(int) encoding.planeRange(plane, shape, region).length()]);
                    reader.copyBytes(view, region, plane, planes[plane]);
                }
            }
            float[] decoded = new float[region.elements()];
            encoding.decoder().orElseThrow().decode(shape, region, planes, decoded, 0);
            assertThat(decoded).as("%s of %s", region, view)
                    .isEqualTo(BruteForce.cut(BruteForce.numbers(view, numbers::get), shape, region));
        }
        assertThat(copied).isGreaterThan(1000);
    }

    @Test
    void columnsOfBlocksAreCopiedWhereBlocksBegin() throws IOException {
        View table = dense(Shape.of(6, 20), DenseEncoding.BF16);
        View columns = View.slice(table, 1, 5, 12);
        assertThat(ViewReader.copiesBytes(columns, DenseEncoding.BF16)).isTrue();
        try (ViewReader reader = reader()) {
            MemorySegment plane = MemorySegment.ofArray(new byte[6 * 7 * 2]);
            reader.copyBytes(columns, Region.all(columns.shape()), 0, plane);
            float[] decoded = new float[42];
            DenseEncoding.BF16.decodeBlocks(plane, 0, decoded, 0, 42);
            assertThat(decoded).isEqualTo(BruteForce.numbers(columns, numbers::get));
        }
    }

    @Test
    void viewsThatComputeOrMixEncodingsCopyNoBytes() {
        View bf16 = dense(Shape.of(4, 4), DenseEncoding.BF16);
        View f32 = dense(Shape.of(4, 4), DenseEncoding.F32);
        assertThat(ViewReader.copiesBytes(bf16, DenseEncoding.BF16)).isTrue();
        assertThat(ViewReader.copiesBytes(bf16, DenseEncoding.F32)).isFalse();
        assertThat(ViewReader.copiesBytes(View.map(bf16, new Elementwise.Add(1)), DenseEncoding.BF16)).isFalse();
        assertThat(ViewReader.copiesBytes(View.transpose(bf16, List.of(1, 0)), DenseEncoding.BF16)).isFalse();
        assertThat(ViewReader.copiesBytes(View.concat(0, List.of(bf16, f32)), DenseEncoding.BF16)).isFalse();
        assertThat(ViewReader.copiesBytes(View.concat(0, List.of(bf16, bf16)), DenseEncoding.BF16)).isTrue();
        assertThat(ViewReader.copiesBytes(new View.Constant(Shape.of(1), List.of(1f)), DenseEncoding.F32)).isFalse();
    }

    @Test
    void viewsThatCutGroupsOrComputeKeepNoCodes() {
        View grouped = onGrid(Shape.of(4, 8), grid(4, true, 0, new Granularity.Group(4)));
        View byRow = onGrid(Shape.of(4, 8), grid(4, true, 0, new Granularity.Row()));
        assertThat(ViewReader.keepsCodes(View.slice(grouped, 1, 4, 8))).isTrue();
        assertThat(ViewReader.keepsCodes(View.slice(grouped, 1, 2, 8))).isFalse();
        assertThat(ViewReader.keepsCodes(View.slice(grouped, 1, 0, 6))).isFalse();
        assertThat(ViewReader.keepsCodes(View.slice(byRow, 1, 0, 4))).isFalse();
        assertThat(ViewReader.keepsCodes(View.slice(byRow, 0, 1, 3))).isTrue();
        assertThat(ViewReader.keepsCodes(View.swap(byRow, 0, 2, 2, 1))).isTrue();
        assertThat(ViewReader.keepsCodes(View.swap(byRow, 1, 2, 2, 1))).isFalse();
        assertThat(ViewReader.keepsCodes(View.reshape(byRow, Shape.of(2, 2, 8)))).isTrue();
        assertThat(ViewReader.keepsCodes(View.reshape(byRow, Shape.of(2, 16)))).isFalse();
        View other = onGrid(Shape.of(4, 8), grid(2, true, 0, new Granularity.Row()));
        assertThat(ViewReader.keepsCodes(View.concat(0, List.of(byRow, other)))).isFalse();
        assertThat(ViewReader.codeGrid(View.concat(0, List.of(byRow, byRow))).orElseThrow().granularity()).isEqualTo(new Granularity.Row());
        assertThat(ViewReader.codeGrid(View.concat(1, List.of(byRow, byRow))).orElseThrow().granularity())
                .isEqualTo(new Granularity.Group(8));
        View wide = onGrid(Shape.of(4, 12), grid(4, true, 0, new Granularity.Row()));
        assertThat(ViewReader.keepsCodes(View.concat(1, List.of(byRow, wide)))).isFalse();
        assertThat(ViewReader.keepsCodes(View.map(byRow, new Elementwise.Add(1)))).isFalse();
        assertThat(ViewReader.keepsCodes(View.transpose(byRow, List.of(1, 0)))).isFalse();
        assertThat(ViewReader.keepsCodes(dense(Shape.of(2, 2), DenseEncoding.F32))).isFalse();
    }

    @Test
    void codesUsedForAGridWithZerosServeOneWithoutThemNext() throws IOException {
        View view = onGrid(Shape.of(4, 8), grid(4, true, 0, new Granularity.Row()));
        Codes codes = new Codes();
        codes.resize(4, 8, 2, true);
        try (ViewReader reader = reader()) {
            reader.readCodes(view, Region.all(view.shape()), grid(4, true, 0, new Granularity.Row()).grid(view.shape()).orElseThrow(),
                    codes);
        }
        assertThat(codes.codes()[5]).isEqualTo((byte) levels.values().iterator().next()[5]);
    }

    /// Counts the reads of a source.
    private static final class Counting extends ForwardingByteSource {
        private int reads;
        private long bytes;

        Counting(ByteSource of) {
            super(of);
        }

        @Override
        public void read(long offset, MemorySegment target) throws IOException {
            reads++;
            bytes += target.byteSize();
            super.read(offset, target);
        }
    }

    private static StoredTensor bf16(long rows, long columns) {
        Shape shape = Shape.of(rows, columns);
        return new StoredTensor("t", shape, DenseEncoding.BF16, List.of(new Span(0, 0, 2 * shape.elements())));
    }

    private byte[] randomBf16(int count) {
        byte[] bytes = new byte[2 * count];
        random.nextBytes(bytes);
        for (int i = 1; i < bytes.length; i += 2) {
            bytes[i] &= 0x3f;
        }
        return bytes;
    }

    private static float at(byte[] bytes, long index) {
        return Float.intBitsToFloat((bytes[(int) (2 * index)] & 255 | bytes[(int) (2 * index) + 1] << 8) << 16);
    }

    @Test
    void samplesAreReadAlone() throws IOException {
        byte[] bytes = randomBf16(3000 * 1000);
        Counting source = new Counting(ByteSource.of("f", bytes));
        try (ViewReader reader = ViewReader.ofSamples(List.of(source))) {
            float[] found = new float[32];
            for (long row = 0; row < 3000; row += 100) {
                reader.read(View.of(bf16(3000, 1000)), new Region(row, row + 1, 64, 96), found, 0);
                assertThat(found[31]).isEqualTo(at(bytes, row * 1000 + 95));
            }
        }
        assertThat(source.bytes).isEqualTo(30 * 32 * 2);
    }

    @Test
    void piecesOfRowsComeOutOfAWindowThatIsReadOnce() throws IOException {
        byte[] bytes = randomBf16(3000 * 1000);
        Counting source = new Counting(ByteSource.of("f", bytes));
        View columns = View.slice(View.of(bf16(3000, 1000)), 1, 100, 356);
        try (ViewReader reader = new ViewReader(List.of(source))) {
            float[] found = new float[10 * 256];
            for (long row = 0; row < 3000; row += 10) {
                reader.read(columns, Region.rows(columns.shape(), row, row + 10), found, 0);
                for (int i = 0; i < found.length; i++) {
                    assertThat(found[i]).isEqualTo(at(bytes, (row + i / 256) * 1000 + 100 + i % 256));
                }
            }
            assertThat(source.reads).isLessThanOrEqualTo(2);
            assertThat(source.bytes).isLessThanOrEqualTo(bytes.length);
            assertThat(reader.bytesRead()).isEqualTo(source.bytes);
            reader.read(columns, Region.rows(columns.shape(), 3, 4), found, 0);
            assertThat(found[7]).as("going back").isEqualTo(at(bytes, 3107));
        }
    }

    @Test
    void piecesOfRowsTooLongForTheWindowAreReadByThemselves() throws IOException {
        int columns = (4 << 20) / 2 + 10;
        byte[] bytes = randomBf16(2 * columns);
        Counting source = new Counting(ByteSource.of("f", bytes));
        View view = View.slice(View.of(bf16(2, columns)), 1, columns - 20, columns);
        try (ViewReader reader = new ViewReader(List.of(source))) {
            float[] found = new float[40];
            reader.read(view, Region.all(view.shape()), found, 0);
            for (int i = 0; i < 40; i++) {
                assertThat(found[i]).isEqualTo(at(bytes, (long) (i / 20) * columns + columns - 20 + i % 20));
            }
            assertThat(source.bytes).isEqualTo(80);
        }
    }

    @Test
    void aFailedReadLeavesNoWindowBehind() throws IOException {
        byte[] bytes = randomBf16(100 * 10);
        boolean[] broken = {true};
        ByteSource source = new ByteSource() {
            @Override
            public String name() {
                return "f";
            }

            @Override
            public long length() {
                return bytes.length;
            }

            @Override
            public void read(long offset, MemorySegment target) throws IOException {
                if (broken[0]) {
                    throw new IOException("gone");
                }
                target.copyFrom(MemorySegment.ofArray(bytes).asSlice(offset, target.byteSize()));
            }

            @Override
            public void close() {}
        };
        View view = View.slice(View.of(bf16(100, 10)), 1, 2, 4);
        try (ViewReader reader = new ViewReader(List.of(source))) {
            float[] found = new float[200];
            assertThatThrownBy(() -> reader.read(view, Region.all(view.shape()), found, 0)).isInstanceOf(IOException.class)
                    .hasMessage("gone");
            broken[0] = false;
            reader.read(view, Region.all(view.shape()), found, 0);
            assertThat(found[199]).isEqualTo(at(bytes, 993));
        }
    }

    @Test
    void aConvolutionIsTransposedAsNested() throws IOException {
        View conv = dense(Shape.of(8, 5, 3, 7), DenseEncoding.F32);
        View turned = View.transpose(View.map(conv, new Elementwise.Add(2)), List.of(3, 0, 2, 1));
        float[] expected = BruteForce.numbers(turned, numbers::get);
        try (ViewReader reader = reader()) {
            for (long row = 0; row < turned.shape().rows(); row++) {
                float[] found = new float[5];
                reader.read(turned, Region.rows(turned.shape(), row, row + 1), found, 0);
                assertThat(found).isEqualTo(BruteForce.cut(expected, turned.shape(), Region.rows(turned.shape(), row, row + 1)));
            }
        }
    }

    @Test
    void bytesThatAreNotUnderstoodAreNotDecoded() {
        Shape shape = Shape.of(2, 2);
        StoredTensor opaque = new StoredTensor("t", shape, new OpaqueEncoding("IQ9_X", 9, 10), List.of(append(new byte[10])));
        try (ViewReader reader = reader()) {
            assertThatThrownBy(() -> reader.read(View.of(opaque), Region.all(shape), new float[4], 0))
                    .isInstanceOf(IllegalArgumentException.class).hasMessage("IQ9_X cannot be decoded");
            assertThatThrownBy(() -> reader.readCodes(View.of(opaque), Region.all(shape),
                    grid(4, true, 0, new Granularity.Row()).grid(shape).orElseThrow(), new Codes()))
                    .isInstanceOf(IllegalArgumentException.class).hasMessage("IQ9_X has no codes");
        }
    }
}
