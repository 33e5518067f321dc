package io.github.weighbridge.encoding;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;

/// Integer codes in one plane and their scales in another: grids with a scale for the tensor, for each row, or for each group of columns, and
/// without zero points.
///
/// Values are `scale x level` in single precision. This is the form of `quant_method: gemma`, of int-quantized compressed-tensors and
/// of LiteRT's per-channel constants.
public final class GridEncoding implements Encoding {
    private static final List<Plane> PLANES = List.of(new Plane("codes", Plane.Kind.DATA), new Plane("scales", Plane.Kind.SCALES));

    private final String name;
    private final Grid grid;
    private final Grid.Levels.Range levels;
    private final Packing packing;
    private final DenseEncoding scaleEncoding;

    /// An encoding of symmetric integer codes.
    ///
    /// @param name see [Encoding#name]
    /// @param grid integer levels without zero points, a scale for the tensor, each row or each group
    /// @param packing where the bits lie; its width must hold the levels
    public GridEncoding(String name, Grid grid, Packing packing) {
        if (!(grid.levels() instanceof Grid.Levels.Range range) || grid.zero() != Grid.Zero.NONE
                || grid.granularity() instanceof Grid.Granularity.Block) {
            throw new IllegalArgumentException("not a plain integer grid: " + grid);
        }
        if (range.maximum() - range.minimum() >= 1 << packing.bits()) {
            throw new IllegalArgumentException(packing.bits() + " bits do not hold " + range);
        }
        this.name = name;
        this.grid = grid;
        this.levels = range;
        this.packing = packing;
        this.scaleEncoding = DenseEncoding.of(grid.scale());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int codeBits() {
        return packing.bits();
    }

    @Override
    public List<Plane> planes() {
        return PLANES;
    }

    /// Where the bits lie.
    public Packing packing() {
        return packing;
    }

    @Override
    public Optional<String> misfit(Shape shape) {
        return Optional.empty();
    }

    /// Scales in a row; for a scale for the whole tensor, 1.
    private long groups(Shape shape) {
        long columns = grid.groupColumns(shape);
        return shape.columns() == 0 ? 0 : (shape.columns() - 1) / columns + 1;
    }

    private boolean perTensor() {
        return grid.granularity() instanceof Grid.Granularity.Tensor;
    }

    @Override
    public long planeBytes(int plane, Shape shape) {
        if (plane == 0) {
            long bits = Math.multiplyExact(shape.rows(), packing.rowStride(shape.columns()));
            return bits / 8 + (bits % 8 == 0 ? 0 : 1);
        }
        long scales = perTensor() ? 1 : Math.multiplyExact(shape.rows(), groups(shape));
        return Math.multiplyExact(scales, grid.scale().bytes());
    }

    @Override
    public ByteRange planeRange(int plane, Shape shape, Region region) {
        if (plane == 0) {
            long stride = packing.rowStride(shape.columns());
            long begin = region.rowBegin() * stride + region.columnBegin() * packing.bits();
            long end;
            if (region.wholeRows(shape)) {
                end = region.rowEnd() * stride;
            } else if (region.columnEnd() == shape.columns()) {
                end = (region.rowBegin() + 1) * stride;
            } else {
                end = region.rowBegin() * stride + region.columnEnd() * packing.bits();
            }
            return new ByteRange(begin / 8, (end + 7) / 8 - begin / 8);
        }
        int width = grid.scale().bytes();
        if (perTensor()) {
            return new ByteRange(0, width);
        }
        long groups = groups(shape);
        if (region.wholeRows(shape)) {
            return new ByteRange(region.rowBegin() * groups * width, region.rowCount() * groups * width);
        }
        long size = grid.groupColumns(shape);
        long first = region.columnBegin() / size;
        long last = region.columnEnd() == region.columnBegin() ? first : (region.columnEnd() - 1) / size + 1;
        return new ByteRange((region.rowBegin() * groups + first) * width, (last - first) * width);
    }

    @Override
    public int columnUnit(Shape shape) {
        int whole = packing.bits() == 8 ? 1 : packing.bits() == 4 ? 2 : packing.bits() == 2 ? 4 : 8;
        return grid.granularity() instanceof Grid.Granularity.Group(int size) ? size / gcd(size, whole) * whole : whole;
    }

    private static int gcd(int a, int b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    @Override
    public long rowUnit(Shape shape) {
        long stride = packing.rowStride(shape.columns());
        return stride % 8 == 0 ? 1 : 8 / gcd((int) (stride % 8), 8);
    }

    @Override
    public Optional<Grid> grid(Shape shape) {
        return Optional.of(grid);
    }

    @Override
    public Optional<Decoder> decoder() {
        return Optional.of(this::decode);
    }

    private void decode(Shape shape, Region region, MemorySegment[] planes, float[] target, int offset) {
        int rows = Math.toIntExact(region.rowCount());
        int columns = Math.toIntExact(region.columnCount());
        long groupColumns = grid.groupColumns(shape);
        float[] scales = scales(planes[1]);
        int groups = perTensor() || rows == 0 ? 0 : scales.length / rows;
        for (int row = 0; row < rows; row++) {
            long bit = firstBit(shape, region, row);
            int at = offset + row * columns;
            for (int column = 0; column < columns; column++) {
                float scale = groups == 0 ? scales[0] : scales[row * groups + (int) (column / groupColumns)];
                target[at + column] = scale * level(planes[0], bit + (long) column * packing.bits());
            }
        }
    }

    /// Bit of a region's row within the segment of its codes.
    private long firstBit(Shape shape, Region region, int row) {
        long stride = packing.rowStride(shape.columns());
        long first = region.rowBegin() * stride + region.columnBegin() * packing.bits();
        return first % 8 + row * stride;
    }

    private float[] scales(MemorySegment plane) {
        int count = Math.toIntExact(plane.byteSize() / grid.scale().bytes());
        float[] scales = new float[count];
        scaleEncoding.decodeBlocks(plane, 0, scales, 0, count);
        return scales;
    }

    private int level(MemorySegment codes, long bit) {
        long index = bit >>> 3;
        int shift = (int) (bit & 7);
        int window = Byte.toUnsignedInt(codes.get(ValueLayout.JAVA_BYTE, index));
        if (shift + packing.bits() > 8) {
            window |= Byte.toUnsignedInt(codes.get(ValueLayout.JAVA_BYTE, index + 1)) << 8;
        }
        int bits = window >>> shift & (1 << packing.bits()) - 1;
        if (packing.offsetBinary()) {
            return bits + levels.minimum();
        }
        int unused = Integer.SIZE - packing.bits();
        return levels.minimum() < 0 ? bits << unused >> unused : bits;
    }

    @Override
    public Optional<CodeReader> codeReader() {
        return Optional.of((shape, region, planes, target) -> {
            int rows = Math.toIntExact(region.rowCount());
            int columns = Math.toIntExact(region.columnCount());
            int groupColumns = Math.toIntExact(Math.min(grid.groupColumns(shape), Math.max(1, region.columnCount())));
            target.resize(rows, columns, groupColumns, false);
            for (int row = 0; row < rows; row++) {
                long bit = firstBit(shape, region, row);
                for (int column = 0; column < columns; column++) {
                    target.codes()[row * columns + column] = (byte) level(planes[0], bit + (long) column * packing.bits());
                }
            }
            float[] scales = scales(planes[1]);
            for (int i = 0; i < rows * target.groups(); i++) {
                target.scales()[i] = perTensor() ? scales[0] : scales[i];
            }
        });
    }

    @Override
    public Optional<CodeWriter> codeWriter() {
        return Optional.of((shape, region, source, planes) -> {
            planes[0].fill((byte) 0);
            int mask = (1 << packing.bits()) - 1;
            for (int row = 0; row < source.rows(); row++) {
                long bit = firstBit(shape, region, row);
                for (int column = 0; column < source.columns(); column++, bit += packing.bits()) {
                    int level = source.codes()[row * source.columns() + column];
                    int bits = (packing.offsetBinary() ? level - levels.minimum() : level) & mask;
                    or(planes[0], bit >>> 3, bits << (bit & 7));
                    if ((bit & 7) + packing.bits() > 8) {
                        or(planes[0], (bit >>> 3) + 1, bits >>> 8 - (bit & 7));
                    }
                }
            }
            int count = perTensor() ? 1 : source.rows() * source.groups();
            scaleEncoding.encoder(EncoderInputs.PLAIN).orElseThrow().encode(Shape.of(count), Region.all(Shape.of(count)), source.scales(),
                    0,
                    new MemorySegment[] {planes[1]});
            float[] rounded = scales(planes[1]);
            for (int i = 0; i < count; i++) {
                if (Float.isInfinite(rounded[i]) && !Float.isInfinite(source.scales()[i])) {
                    throw new ArithmeticException("a scale of " + source.scales()[i] + " passes the largest " + grid.scale());
                }
            }
        });
    }

    private static void or(MemorySegment segment, long offset, int bits) {
        segment.set(ValueLayout.JAVA_BYTE, offset, (byte) (segment.get(ValueLayout.JAVA_BYTE, offset) | bits));
    }

    /// A grid of the same granularity with levels among these moves in; its scales round when their type is wider.
    @Override
    public Carriage carries(Grid other, Shape shape) {
        if (!(other.levels() instanceof Grid.Levels.Range range) || !levels.contains(range) || other.zero() != Grid.Zero.NONE
                || !other.granularity().equals(grid.granularity()) || other.signedScale() && !grid.signedScale()) {
            return Carriage.NO;
        }
        if (other.scale().exactIn(grid.scale())) {
            return Carriage.EXACT;
        }
        return switch (grid.scale()) {
            case F16 -> Carriage.scalesRound(0x1p-11);
            case BF16 -> Carriage.scalesRound(0x1p-8);
            case F64, F32, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> Carriage.NO;
        };
    }

    @Override
    public String toString() {
        return name;
    }
}
