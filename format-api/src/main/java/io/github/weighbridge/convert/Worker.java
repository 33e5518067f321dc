package io.github.weighbridge.convert;

import io.github.weighbridge.encoding.ByteRange;
import io.github.weighbridge.encoding.CodeWriter;
import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.Encoder;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Exact;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.Piece;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// What one thread works with: its own reader and buffers.
final class Worker implements AutoCloseable {
    /// Numbers decoded and encoded in one go: with their bytes on both sides they stay in a core's second-level cache.
    private static final long TILE_ELEMENTS = 1L << 16;

    private final ConversionPlan plan;
    private final Checkpoint source;
    private final List<ByteSource> sources;
    private final List<FileChannel> channels;
    private final OptionalDouble[] maxima;
    private final EngineOptions options;
    private final ViewReader reader;
    private final Codes codes = new Codes();
    private float[] numbers = new float[(int) TILE_ELEMENTS];
    private Arena arena = Arena.ofConfined();
    private MemorySegment buffer = MemorySegment.NULL;
    private int encoderJob = -1;
    private int encoderMatrix;
    private Optional<Encoder> encoder = Optional.empty();

    Worker(ConversionPlan plan, Checkpoint source, List<ByteSource> sources, List<FileChannel> channels, OptionalDouble[] maxima,
            EngineOptions options) {
        this.plan = plan;
        this.source = source;
        this.sources = sources;
        this.channels = channels;
        this.maxima = maxima;
        this.options = options;
        this.reader = new ViewReader(sources);
    }

    void run(Task task) throws IOException, PolicyException {
        switch (task) {
            case Task.Bytes(int file, Piece piece, long begin, long end) -> bytes(file, piece, begin, end);
            case Task.Weights(int job, Region region) -> weights(job, region);
        }
    }

    private void bytes(int file, Piece piece, long begin, long end) throws IOException {
        MemorySegment bytes = switch (piece) {
            case Piece.Rendered(long _, var blob) -> blob.segment().asSlice(begin, end - begin);
            case Piece.Document(long _, long _, String name) -> read(
                    source.documents().get(name).orElseThrow(() -> new IllegalArgumentException("no document " + name)), begin,
                    end - begin);
            case Piece.Copy(long _, long _, int sourceFile, long offset) -> read(sources.get(sourceFile), offset + begin, end - begin);
            case Piece.PlaneOf _, Piece.Padding _, Piece.Late _ -> throw new IllegalArgumentException("not bytes: " + piece);
        };
        write(file, piece.offset() + begin, bytes);
    }

    private MemorySegment read(ByteSource from, long offset, long length) throws IOException {
        MemorySegment memory = buffer(length);
        from.read(offset, memory);
        return memory;
    }

    private void weights(int index, Region region) throws IOException, PolicyException {
        Job job = plan.jobs().get(index);
        StoredTensor target = job.target();
        Encoding encoding = target.encoding();
        int planes = encoding.planes().size();
        ByteRange[] ranges = new ByteRange[planes];
        long total = 0;
        for (int plane = 0; plane < planes; plane++) {
            ranges[plane] = encoding.planeRange(plane, target.shape(), region);
            total += (ranges[plane].length() + 63) / 64 * 64;
        }
        MemorySegment memory = buffer(total);
        MemorySegment[] outputs = new MemorySegment[planes];
        long at = 0;
        for (int plane = 0; plane < planes; plane++) {
            outputs[plane] = memory.asSlice(at, ranges[plane].length());
            at += (ranges[plane].length() + 63) / 64 * 64;
        }
        switch (job.mode()) {
            case COPY -> {
                for (int plane = 0; plane < planes; plane++) {
                    reader.copyBytes(job.view(), region, plane, outputs[plane]);
                }
            }
            case CARRY -> carry(job, region, outputs);
            case ENCODE -> encode(index, job, region, ranges, outputs);
        }
        for (int plane = 0; plane < planes; plane++) {
            Span span = target.planes().get(plane);
            write(span.file(), span.offset() + ranges[plane].offset(), outputs[plane]);
        }
    }

    private void carry(Job job, Region region, MemorySegment[] outputs) throws IOException, PolicyException {
        Grid grid = ViewReader.codeGrid(job.view()).orElseThrow(() -> new IllegalArgumentException(job.view() + " keeps no codes"));
        CodeWriter writer = job.target().encoding().codeWriter().orElseThrow();
        reader.readCodes(job.view(), region, grid, codes);
        try {
            writer.write(job.target().shape(), region, codes, outputs);
        } catch (ArithmeticException e) {
            throw refusal(job, region, e);
        }
    }

    private void encode(int index, Job job, Region region, ByteRange[] ranges, MemorySegment[] outputs)
            throws IOException, PolicyException {
        Encoding encoding = job.target().encoding();
        Shape shape = job.target().shape();
        MemorySegment[] tile = new MemorySegment[outputs.length];
        for (Region part : parts(job, region)) {
            Encoder kernel = encoder(index, job, part.rowBegin());
            int elements = part.elements();
            if (numbers.length < elements) {
                numbers = new float[elements];
            }
            reader.read(job.view(), part, numbers, 0);
            for (int plane = 0; plane < tile.length; plane++) {
                ByteRange range = encoding.planeRange(plane, shape, part);
                tile[plane] = outputs[plane].asSlice(range.offset() - ranges[plane].offset(), range.length());
            }
            try {
                kernel.encode(shape, part, numbers, 0, tile);
            } catch (ArithmeticException e) {
                throw refusal(job, part, e);
            }
        }
    }

    /// The tiles of a region. Where matrices of a stack have weights of their own, none spans two of them.
    private static List<Region> parts(Job job, Region region) {
        if (job.importance().isEmpty() || job.importance().get().matrices() == 1) {
            return Task.regions(job, region, TILE_ELEMENTS);
        }
        long rows = matrixRows(job);
        List<Region> parts = new ArrayList<>();
        for (long row = region.rowBegin(); row < region.rowEnd();) {
            long end = Math.min(region.rowEnd(), (row / rows + 1) * rows);
            parts.addAll(Task.regions(job, new Region(row, end, region.columnBegin(), region.columnEnd()), TILE_ELEMENTS));
            row = end;
        }
        return parts;
    }

    /// Rows of one of the matrices that a tensor stacks.
    private static long matrixRows(Job job) {
        Shape shape = job.target().shape();
        return shape.rank() < 3 ? shape.rows() : shape.dimension(shape.rank() - 2);
    }

    /// The encoder of a row: one for the job, or where matrices have weights of their own, one for each of them.
    private Encoder encoder(int index, Job job, long row) {
        int matrix = job.importance().isPresent() && job.importance().get().matrices() > 1 ? (int) (row / matrixRows(job)) : 0;
        if (encoderJob != index || encoderMatrix != matrix) {
            encoder = job.target().encoding()
                    .encoder(new EncoderInputs(job.method(), maxima[index], job.importance().map(weights -> weights.weights(matrix)),
                            Exact.denseType(job.view())));
            encoderJob = index;
            encoderMatrix = matrix;
        }
        return encoder.orElseThrow(
                () -> new IllegalArgumentException(job.target().encoding().name() + " is not encoded by " + job.method()));
    }

    private static PolicyException refusal(Job job, Region part, ArithmeticException e) {
        return new PolicyException(job.target().name() + " cannot be " + job.target().encoding().name() + ": " + e.getMessage() + " (rows "
                + part.rowBegin() + " to " + (part.rowEnd() - 1) + ")");
    }

    /// Largest absolute value of a job's numbers.
    double maximum(Job job) throws IOException {
        float maximum = 0;
        Shape shape = job.target().shape();
        for (Region part : Task.regions(job, Region.all(shape), TILE_ELEMENTS)) {
            int elements = part.elements();
            if (numbers.length < elements) {
                numbers = new float[elements];
            }
            reader.read(job.view(), part, numbers, 0);
            for (int i = 0; i < elements; i++) {
                maximum = Math.max(maximum, Math.abs(numbers[i]));
            }
        }
        return maximum;
    }

    private void write(int file, long offset, MemorySegment bytes) throws IOException {
        FileChannel channel = channels.get(file);
        ByteBuffer view = bytes.asByteBuffer();
        long at = offset;
        while (view.hasRemaining()) {
            at += channel.write(view, at);
        }
        options.progress().accept(bytes.byteSize());
    }

    // The arena is kept beside the segment and closed with this object.
    @SuppressWarnings("MustBeClosedChecker")
    private MemorySegment buffer(long bytes) {
        if (buffer.byteSize() < bytes) {
            arena.close();
            arena = Arena.ofConfined();
            buffer = arena.allocate(Math.max(bytes, Task.COPY_BYTES), 64);
        }
        return buffer.asSlice(0, bytes);
    }

    @Override
    public void close() {
        reader.close();
        arena.close();
    }
}
