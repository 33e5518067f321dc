package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.ByteRange;
import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.Decoder;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.encoding.Plane;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.view.Elementwise;
import io.github.weighbridge.view.Run;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Evaluates views: reads the bytes that a region needs and turns them into numbers, codes or a copy of bytes.
///
/// A reader belongs to one thread and owns native working memory, which [#close] frees. Its size follows the regions asked for: callers
/// bound it by asking for regions of bounded size.
public final class ViewReader implements AutoCloseable {
    /// Rows read ahead when a view takes pieces of rows, in bytes.
    private static final long WINDOW_BYTES = 4L << 20;

    /// Columns from which on a piece of a row is worth a reading of its own.
    private static final long LONG_BLOCK = 64;
    /// Columns that are kept in memory to pick from.
    private static final long LONGEST_SPAN = 1L << 22;

    private final List<ByteSource> files;
    private final Memory[] planeMemory = {new Memory(), new Memory(), new Memory(), new Memory(), new Memory()};
    private final Memory window = new Memory();
    private @org.jspecify.annotations.Nullable StoredTensor windowTensor;
    private long windowRowBegin;
    private long windowRowEnd;
    private float[] scratch = new float[0];
    private long bytesRead;

    private final boolean ahead;

    /// A reader of the given files, by index.
    public ViewReader(List<ByteSource> files) {
        this(files, true);
    }

    private ViewReader(List<ByteSource> files, boolean ahead) {
        this.files = List.copyOf(files);
        this.ahead = ahead;
    }

    /// A reader for pieces that lie far apart: it reads nothing ahead.
    public static ViewReader ofSamples(List<ByteSource> files) {
        return new ViewReader(files, false);
    }

    /// Bytes read from files so far.
    public long bytesRead() {
        return bytesRead;
    }

    /// Evaluates a region into numbers, row-major.
    ///
    /// @param target receives `region.elements()` numbers from index `offset` on
    /// @throws IOException when bytes cannot be read
    /// @throws IllegalArgumentException when an encoding cannot be decoded: plans check that before
    public void read(View view, Region region, float[] target, int offset) throws IOException {
        switch (view) {
            case View.Stored(StoredTensor tensor) -> decode(tensor, region, target, offset);
            case View.Mapped(View of, Elementwise function) -> {
                read(of, region, target, offset);
                function.apply(target, offset, offset + region.elements());
            }
            case View.Constant(Shape shape, List<Float> values) -> {
                int begin = Math.toIntExact(region.rowBegin() * shape.columns() + region.columnBegin());
                for (int i = 0; i < region.elements(); i++) {
                    target[offset + i] = values.get(begin + i);
                }
            }
            case View.Transpose(View of, List<Integer> order) -> transpose(of, order, view.shape(), region, target, offset);
            case View.Swap swap when shortSwap(swap) -> swapColumns(swap, region, target, offset);
            case View.Concat(int axis, List<View> parts) when axis == view.shape().rank() - 1 && region.rowCount() > 1 -> {
                int columns = Math.toIntExact(region.columnCount());
                int rows = Math.toIntExact(region.rowCount());
                int at = offset;
                for (View part : parts) {
                    // Each part in one go: row by row, every run would be a read of its own.
                    int width = Math.toIntExact(part.shape().columns());
                    float[] block = new float[Math.multiplyExact(rows, width)];
                    read(part, Region.rows(part.shape(), region.rowBegin(), region.rowEnd()), block, 0);
                    for (int row = 0; row < rows; row++) {
                        System.arraycopy(block, row * width, target, at + row * columns, width);
                    }
                    at += width;
                }
            }
            case View.Slice _, View.Concat _, View.Swap _, View.Reshape _ -> {
                int at = offset;
                for (Run run : Run.of(view, region)) {
                    read(run.view(), run.region(), target, at);
                    at += run.region().elements();
                }
            }
        }
    }

    /// Evaluates a region into codes and scales, for views that keep codes: see [#keepsCodes].
    ///
    /// @param grid the grid of the view: see [#codeGrid]
    public void readCodes(View view, Region region, Grid grid, Codes target) throws IOException {
        long groupColumns = Math.min(grid.groupColumns(view.shape()), Math.max(1, region.columnCount()));
        target.resize(Math.toIntExact(region.rowCount()), Math.toIntExact(region.columnCount()), Math.toIntExact(groupColumns),
                grid.zero() != Grid.Zero.NONE);
        Codes piece = new Codes();
        int[] at = {0, 0};
        readCodes(view, region, piece, target, at);
    }

    private void readCodes(View view, Region region, Codes piece, Codes target, int[] at) throws IOException {
        if (view instanceof View.Stored(StoredTensor tensor)) {
            Encoding encoding = tensor.encoding();
            encoding.codeReader().orElseThrow(() -> new IllegalArgumentException(encoding.name() + " has no codes"))
                    .read(tensor.shape(), region, planes(tensor, region), piece);
            int codes = piece.rows() * piece.columns();
            int scales = piece.rows() * piece.groups();
            System.arraycopy(piece.codes(), 0, target.codes(), at[0], codes);
            System.arraycopy(piece.scales(), 0, target.scales(), at[1], scales);
            if (target.zeros().length > 0) {
                System.arraycopy(piece.zeros(), 0, target.zeros(), at[1], scales);
            }
            at[0] += codes;
            at[1] += scales;
            return;
        }
        if (view instanceof View.Concat(int axis, List<View> parts) && axis == view.shape().rank() - 1 && region.rowCount() > 1) {
            readParts(parts, region, target, at);
            return;
        }
        for (Run run : Run.of(view, region)) {
            readCodes(run.view(), run.region(), piece, target, at);
        }
    }

    /// Whole rows of parts that lie side by side: each part in one go.
    private void readParts(List<View> parts, Region region, Codes target, int[] at) throws IOException {
        int rows = Math.toIntExact(region.rowCount());
        int columns = Math.toIntExact(region.columnCount());
        List<Codes> blocks = new ArrayList<>(parts.size());
        for (View part : parts) {
            Codes block = new Codes();
            readCodes(part, Region.rows(part.shape(), region.rowBegin(), region.rowEnd()), codeGrid(part).orElseThrow(), block);
            blocks.add(block);
        }
        int groups = blocks.stream().mapToInt(Codes::groups).sum();
        int column = at[0];
        int group = at[1];
        for (Codes block : blocks) {
            for (int row = 0; row < rows; row++) {
                System.arraycopy(block.codes(), row * block.columns(), target.codes(), column + row * columns, block.columns());
                int to = group + row * groups;
                System.arraycopy(block.scales(), row * block.groups(), target.scales(), to, block.groups());
                if (target.zeros().length > 0) {
                    System.arraycopy(block.zeros(), row * block.groups(), target.zeros(), to, block.groups());
                }
            }
            column += block.columns();
            group += block.groups();
        }
        at[0] += rows * columns;
        at[1] += rows * groups;
    }

    /// Whether a view only rearranges whole groups of one grid, so that codes and scales can move through it.
    public static boolean keepsCodes(View view) {
        return switch (view) {
            case View.Stored(StoredTensor tensor) -> tensor.encoding().codeReader().isPresent();
            case View.Slice(View of, int axis, long begin, long end) -> keepsCodes(of)
                    && (axis < of.shape().rank() - 1 || onGroups(of, begin) && (onGroups(of, end) || end == of.shape().columns()));
            case View.Concat _ -> codeGrid(view).isPresent();
            case View.Swap(View of, int axis, long _, long _, long _) -> axis < of.shape().rank() - 1 && keepsCodes(of);
            case View.Reshape(View of, Shape shape) -> shape.columns() == of.shape().columns() && keepsCodes(of);
            case View.Mapped _, View.Transpose _, View.Constant _ -> false;
        };
    }

    /// The grid on which the codes of a view lie: that of its stored tensors; where parts lie side by side that have a scale for each row, one
    /// with a scale for each part of a row. Empty when the view keeps no codes or its tensors lie on different grids.
    public static Optional<Grid> codeGrid(View view) {
        return switch (view) {
            case View.Stored(StoredTensor tensor) ->
                    tensor.encoding().codeReader().isPresent() ? tensor.encoding().grid(tensor.shape()) : Optional.empty();
            case View.Slice(View of, int _, long _, long _) -> keepsCodes(view) ? codeGrid(of) : Optional.empty();
            case View.Concat(int axis, List<View> parts) -> {
                if (axis == view.shape().rank() - 1) {
                    yield sideBySide(parts);
                }
                Optional<Grid> first = codeGrid(parts.getFirst());
                yield parts.stream().allMatch(part -> codeGrid(part).equals(first)) ? first : Optional.empty();
            }
            case View.Swap(View of, int _, long _, long _, long _) -> keepsCodes(view) ? codeGrid(of) : Optional.empty();
            case View.Reshape(View of, Shape _) -> keepsCodes(view) ? codeGrid(of) : Optional.empty();
            case View.Mapped _, View.Transpose _, View.Constant _ -> Optional.empty();
        };
    }

    /// The grid of parts whose columns follow one another, when their scales belong to runs of one length.
    private static Optional<Grid> sideBySide(List<View> parts) {
        Optional<Grid> common = Optional.empty();
        for (View part : parts) {
            Optional<Grid> grid = codeGrid(part);
            if (grid.isEmpty() || !(grid.get().granularity() instanceof Grid.Granularity.Row
                    || grid.get().granularity() instanceof Grid.Granularity.Group) || grid.get().outer()) {
                return Optional.empty();
            }
            long size = grid.get().groupColumns(part.shape());
            if (size == 0 || size > Integer.MAX_VALUE || part.shape().columns() % size != 0) {
                return Optional.empty();
            }
            Grid own = new Grid(grid.get().levels(), new Grid.Granularity.Group((int) size), grid.get().scale(), grid.get().signedScale(),
                    grid.get().zero());
            if (common.isPresent() && !common.get().equals(own)) {
                return Optional.empty();
            }
            common = Optional.of(own);
        }
        return common;
    }

    private static boolean onGroups(View of, long column) {
        return of instanceof View.Stored(StoredTensor tensor)
                && tensor.encoding().grid(tensor.shape()).filter(grid -> column % grid.groupColumns(tensor.shape()) == 0).isPresent();
    }

    /// The bytes of a region of a view that only rearranges regions of tensors in one encoding, copied one run behind the other.
    ///
    /// @param plane the plane to copy
    /// @param target memory of exactly the region's bytes
    public void copyBytes(View view, Region region, int plane, MemorySegment target) throws IOException {
        long end = copyBytes(view, region, plane, target, 0);
        if (end != target.byteSize()) {
            throw new IllegalStateException("copied " + end + " of " + target.byteSize() + " bytes");
        }
    }

    private long copyBytes(View view, Region region, int plane, MemorySegment target, long at) throws IOException {
        if (view instanceof View.Stored(StoredTensor tensor)) {
            ByteRange range = tensor.encoding().planeRange(plane, tensor.shape(), region);
            Span span = tensor.planes().get(plane);
            files.get(span.file()).read(span.offset() + range.offset(), target.asSlice(at, range.length()));
            bytesRead += range.length();
            return at + range.length();
        }
        long next = at;
        for (Run run : Run.of(view, region)) {
            next = copyBytes(run.view(), run.region(), plane, target, next);
        }
        return next;
    }

    /// Whether a view is a whole tensor, or only rearranges rows of tensors in one encoding, so that bytes can be copied.
    ///
    /// @param encoding the encoding that every tensor must have
    public static boolean copiesBytes(View view, Encoding encoding) {
        if (view instanceof View.Stored(StoredTensor tensor)) {
            return tensor.encoding().equals(encoding);
        }
        boolean saysShape = encoding.planes().stream().anyMatch(plane -> plane.kind() == Plane.Kind.SHAPE);
        return !(encoding instanceof OpaqueEncoding) && !saysShape && copiesRows(view, encoding);
    }

    private static boolean copiesRows(View view, Encoding encoding) {
        // A scale that all rows share can follow one run of rows, not several.
        boolean oneScale = encoding.grid(view.shape())
                .filter(grid -> grid.granularity() instanceof Grid.Granularity.Tensor || grid.outer()).isPresent();
        return switch (view) {
            case View.Stored(StoredTensor tensor) -> tensor.encoding().equals(encoding) && encoding.rowUnit(tensor.shape()) == 1;
            case View.Slice(View of, int axis, long begin, long end) -> copiesRows(of, encoding)
                    && (axis < of.shape().rank() - 1 ? !(oneScale && axis > 0)
                            : encoding.planes().size() == 1 && begin % encoding.columnUnit(of.shape()) == 0
                                    && end % encoding.columnUnit(of.shape()) == 0);
            case View.Concat(int axis, List<View> parts) -> !oneScale && axis < view.shape().rank() - 1
                    && parts.stream().allMatch(part -> copiesRows(part, encoding));
            case View.Swap(View of, int axis, long _, long _, long _) ->
                    !oneScale && axis < of.shape().rank() - 1 && copiesRows(of, encoding);
            case View.Reshape(View of, Shape shape) -> copiesRows(of, encoding)
                    && (shape.columns() == of.shape().columns() || encoding.dense().isPresent());
            case View.Mapped _, View.Transpose _, View.Constant _ -> false;
        };
    }

    private void decode(StoredTensor tensor, Region region, float[] target, int offset) throws IOException {
        Encoding encoding = tensor.encoding();
        Decoder decoder = encoding.decoder().orElseThrow(() -> new IllegalArgumentException(encoding.name() + " cannot be decoded"));
        Shape shape = tensor.shape();
        int unit = encoding.columnUnit(shape);
        if (region.columnBegin() % unit == 0 && (region.columnEnd() % unit == 0 || region.columnEnd() == shape.columns())) {
            decoder.decode(shape, region, planes(tensor, region), target, offset);
            return;
        }
        // A cut through a unit: decode the whole units and take the part.
        Region wide = new Region(region.rowBegin(), region.rowEnd(), region.columnBegin() / unit * unit,
                Math.min(shape.columns(), (region.columnEnd() + unit - 1) / unit * unit));
        float[] numbers = scratch(wide.elements());
        decoder.decode(shape, wide, planes(tensor, wide), numbers, 0);
        System.arraycopy(numbers, (int) (region.columnBegin() - wide.columnBegin()), target, offset, region.elements());
    }

    private float[] scratch(int elements) {
        if (scratch.length < elements) {
            scratch = new float[elements];
        }
        return scratch;
    }

    /// The bytes of a region, a segment for each plane. Pieces of rows come out of a window of whole rows that is read ahead.
    private MemorySegment[] planes(StoredTensor tensor, Region region) throws IOException {
        Encoding encoding = tensor.encoding();
        MemorySegment[] segments = new MemorySegment[encoding.planes().size()];
        boolean piece = !region.wholeRows(tensor.shape());
        for (int plane = 0; plane < segments.length; plane++) {
            ByteRange range = encoding.planeRange(plane, tensor.shape(), region);
            MemorySegment bytes = plane == 0 && piece && ahead ? windowed(tensor, region, range) : null;
            if (bytes == null) {
                bytes = planeMemory[plane].take(range.length());
                read(tensor.planes().get(plane), range, bytes);
            }
            segments[plane] = bytes;
        }
        return segments;
    }

    private @org.jspecify.annotations.Nullable MemorySegment windowed(StoredTensor tensor, Region region, ByteRange range)
            throws IOException {
        Encoding encoding = tensor.encoding();
        Shape shape = tensor.shape();
        long unit = encoding.rowUnit(shape);
        long row = region.rowBegin();
        if (!tensor.equals(windowTensor) || row < windowRowBegin || row >= windowRowEnd) {
            long begin = row / unit * unit;
            long rowBytes = encoding.planeRange(0, shape, Region.rows(shape, begin, Math.min(shape.rows(), begin + unit))).length();
            if (rowBytes > WINDOW_BYTES) {
                return null;
            }
            long end = Math.min(shape.rows(), begin + WINDOW_BYTES / Math.max(1, rowBytes) * unit);
            ByteRange whole = encoding.planeRange(0, shape, Region.rows(shape, begin, end));
            windowTensor = null;
            read(tensor.planes().getFirst(), whole, window.take(whole.length()));
            windowTensor = tensor;
            windowRowBegin = begin;
            windowRowEnd = end;
        }
        ByteRange whole = encoding.planeRange(0, shape, Region.rows(shape, windowRowBegin, windowRowEnd));
        return window.take(whole.length()).asSlice(range.offset() - whole.offset(), range.length());
    }

    private void read(Span span, ByteRange range, MemorySegment target) throws IOException {
        files.get(span.file()).read(span.offset() + range.offset(), target);
        bytesRead += range.length();
    }

    private static boolean shortSwap(View.Swap swap) {
        return swap.axis() == swap.shape().rank() - 1 && swap.block() < LONG_BLOCK
                && swap.first() * swap.second() * swap.block() <= LONGEST_SPAN;
    }

    /// Swaps short pieces within rows: whole spans of the original are read, and the pieces picked out of them.
    private void swapColumns(View.Swap swap, Region region, float[] target, int offset) throws IOException {
        View of = swap.of();
        long span = swap.first() * swap.second() * swap.block();
        long begin = region.columnBegin() / span * span;
        long end = Math.min(of.shape().columns(), (region.columnEnd() + span - 1) / span * span);
        int width = Math.toIntExact(end - begin);
        int columns = Math.toIntExact(region.columnCount());
        int[] places = new int[columns];
        for (int i = 0; i < columns; i++) {
            places[i] = Math.toIntExact(swap.source(region.columnBegin() + i) - begin);
        }
        // All rows at once where no more is read than asked for.
        int step = width == columns ? Math.toIntExact(region.rowCount()) : 1;
        float[] rows = new float[Math.multiplyExact(step, width)];
        int at = offset;
        for (long row = region.rowBegin(); row < region.rowEnd(); row += step) {
            read(of, new Region(row, row + step, begin, end), rows, 0);
            for (int r = 0; r < step; r++) {
                for (int i = 0; i < columns; i++) {
                    target[at++] = rows[r * width + places[i]];
                }
            }
        }
    }

    /// Goes through all rows of the original and keeps the numbers that belong into the region: right for any order of axes, and meant for the
    /// small tensors (convolutions) that need it.
    private void transpose(View of, List<Integer> order, Shape shape, Region region, float[] target, int offset) throws IOException {
        Shape from = of.shape();
        long[] strides = new long[order.size()];
        long stride = 1;
        for (int axis = shape.rank() - 1; axis >= 0; axis--) {
            strides[order.get(axis)] = stride;
            stride *= shape.dimension(axis);
        }
        long begin = region.rowBegin() * shape.columns() + region.columnBegin();
        long end = begin + region.elements();
        int columns = Math.toIntExact(from.columns());
        float[] row = new float[columns];
        for (long r = 0; r < from.rows(); r++) {
            long base = 0;
            long rest = r;
            for (int axis = from.rank() - 2; axis >= 0; axis--) {
                base += rest % from.dimension(axis) * strides[axis];
                rest /= from.dimension(axis);
            }
            long last = base + (columns - 1) * strides[from.rank() - 1];
            if (last < begin || base >= end) {
                continue;
            }
            read(of, Region.rows(from, r, r + 1), row, 0);
            for (int c = 0; c < columns; c++) {
                long at = base + c * strides[from.rank() - 1];
                if (at >= begin && at < end) {
                    target[offset + (int) (at - begin)] = row[c];
                }
            }
        }
    }

    @Override
    public void close() {
        for (Memory memory : planeMemory) {
            memory.close();
        }
        window.close();
    }

    /// Native memory that grows when more is asked for.
    private static final class Memory implements AutoCloseable {
        private Arena arena = Arena.ofConfined();
        private MemorySegment segment = MemorySegment.NULL;

        // The arena is kept beside the segment and closed with this object.
        @SuppressWarnings("MustBeClosedChecker")
        MemorySegment take(long bytes) {
            if (segment.byteSize() < bytes) {
                arena.close();
                arena = Arena.ofConfined();
                segment = arena.allocate(Math.max(bytes, 64), 64);
            }
            return segment.asSlice(0, bytes);
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
