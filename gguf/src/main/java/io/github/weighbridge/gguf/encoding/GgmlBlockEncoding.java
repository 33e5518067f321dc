package io.github.weighbridge.gguf.encoding;

import io.github.weighbridge.encoding.BlockEncoding;
import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.CodeReader;
import io.github.weighbridge.encoding.CodeWriter;
import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.gguf.encoding.internal.BlockKernel;
import io.github.weighbridge.gguf.encoding.internal.BlockKernels;
import io.github.weighbridge.gguf.encoding.internal.CodeKernel;
import io.github.weighbridge.gguf.file.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A block type: stages bytes between memory segments and the kernels' arrays, and checks what goes in and comes out.
final class GgmlBlockEncoding extends BlockEncoding {
    /// Bytes staged at a time: with the numbers they stand for they stay within the first two levels of cache.
    private static final int STAGE_BYTES = 16 << 10;
    private static final int HALF_EXPONENT = 0x7c00;

    private final BlockTraits traits;
    private final BlockKernels kernels;
    private final @Nullable BlockKernel kernel;
    private final int stageBlocks;

    GgmlBlockEncoding(GgmlType type, BlockTraits traits, BlockKernels kernels) {
        super(type.name(), traits.codeBits(), type.blockElements(), type.blockBytes());
        this.traits = traits;
        this.kernels = kernels;
        this.kernel = kernels.of(type);
        this.stageBlocks = Math.max(1, STAGE_BYTES / type.blockBytes());
    }

    @Override
    protected boolean canDecode() {
        return kernel != null;
    }

    private BlockKernel kernel() {
        if (kernel == null) {
            throw new UnsupportedOperationException(name() + " cannot be decoded");
        }
        return kernel;
    }

    private byte[] stage(int blocks) {
        return new byte[Math.min(blocks, stageBlocks) * blockBytes()];
    }

    @Override
    public void decodeBlocks(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int blocks) {
        BlockKernel decoding = kernel();
        byte[] stage = stage(blocks);
        for (int done = 0; done < blocks; done += stageBlocks) {
            int count = Math.min(stageBlocks, blocks - done);
            long from = sourceOffset + (long) done * blockBytes();
            MemorySegment.copy(source, ValueLayout.JAVA_BYTE, from, stage, 0, count * blockBytes());
            decoding.decode(stage, 0, target, targetOffset + done * blockColumns(), count);
        }
    }

    @Override
    protected Optional<BlockEncoder> blockEncoder(EncoderInputs inputs) {
        if (kernel == null || !kernel.encodes() || !inputs.method().equals("plain")) {
            return Optional.empty();
        }
        float[] importance = kernel.weighing() == BlockKernel.Weighing.NONE ? null : inputs.importance().orElse(null);
        return Optional.of((source, sourceOffset, target, targetOffset, blocks, firstBlock, rowBlocks) -> {
            Numbers numbers = new Numbers(source, sourceOffset, firstBlock, rowBlocks);
            if (importance == null) {
                encode(numbers, null, 0, target, targetOffset, 0, blocks);
            } else {
                encodeWeighted(numbers, importance, target, targetOffset, blocks);
            }
        });
    }

    /// Numbers to encode and where in a row they begin.
    private record Numbers(float[] source, int offset, int firstBlock, int rowBlocks) {}

    /// Encodes row by row, since weights belong to columns and some recipes need to know the whole row.
    private void encodeWeighted(Numbers numbers, float[] importance, MemorySegment target, long targetOffset, int blocks) {
        int columns = Math.multiplyExact(numbers.rowBlocks, blockColumns());
        if (importance.length != columns) {
            throw new IllegalArgumentException(importance.length + " weights of importance for rows of " + columns);
        }
        boolean wholeRows = kernel().weighing() == BlockKernel.Weighing.ROW;
        if (wholeRows && (numbers.firstBlock != 0 || blocks % numbers.rowBlocks != 0)) {
            throw new IllegalArgumentException(name() + " with importance is encoded in whole rows");
        }
        for (int begin = 0; begin < blocks;) {
            int end = Math.min(blocks, begin + numbers.rowBlocks - (numbers.firstBlock + begin) % numbers.rowBlocks);
            float meanSquare = wholeRows ? meanSquare(numbers.source, numbers.offset + begin * blockColumns(), columns) : 0;
            encode(numbers, importance, meanSquare, target, targetOffset, begin, end);
            begin = end;
        }
    }

    /// In single precision and from the first element upward, as ggml sums.
    private static float meanSquare(float[] source, int from, int count) {
        float sum = 0;
        for (int i = 0; i < count; i++) {
            sum += source[from + i] * source[from + i];
        }
        return sum / count;
    }

    /// Encodes blocks `begin` to `end` of those given; with importance, all of one row.
    private void encode(Numbers numbers, float @Nullable [] importance, float meanSquare, MemorySegment target, long targetOffset, int begin,
            int end) {
        byte[] stage = stage(end - begin);
        for (int done = begin; done < end; done += stageBlocks) {
            int count = Math.min(stageBlocks, end - done);
            int from = numbers.offset + done * blockColumns();
            int culprit = kernels.firstNotFinite(numbers.source, from, count * blockColumns());
            if (culprit >= 0) {
                int block = (culprit - numbers.offset) / blockColumns();
                throw refused(numbers.firstBlock + block, numbers.rowBlocks, "there is a value of " + numbers.source[culprit]);
            }
            if (importance == null) {
                kernel().encode(numbers.source, from, stage, 0, count);
            } else {
                int column = (numbers.firstBlock + done) % numbers.rowBlocks * blockColumns();
                kernel().encodeWeighted(numbers.source, from, importance, column, meanSquare, stage, 0, count);
            }
            checkHalves(stage, count, numbers.firstBlock + done, numbers.rowBlocks);
            MemorySegment.copy(stage, 0, target, ValueLayout.JAVA_BYTE, targetOffset + (long) done * blockBytes(), count * blockBytes());
        }
    }

    /// llama.cpp ends a run when a scale is infinite; here it is refused.
    private void checkHalves(byte[] stage, int count, int firstBlock, int rowBlocks) {
        for (int field : traits.halves()) {
            for (int i = 0; i < count; i++) {
                // The exponent lies within the upper byte.
                if ((stage[i * blockBytes() + field + 1] & HALF_EXPONENT >> 8) == HALF_EXPONENT >> 8) {
                    throw refused(firstBlock + i, rowBlocks, "its scale would pass 65504, the largest finite number of half precision");
                }
            }
        }
    }

    private ArithmeticException refused(int block, int rowBlocks, String reason) {
        long column = (long) (block % rowBlocks) * blockColumns();
        return new ArithmeticException(name() + " cannot hold columns " + column + " to " + (column + blockColumns() - 1) + " of row "
                + block / rowBlocks + " of those given: " + reason);
    }

    @Override
    public Optional<Grid> grid(Shape shape) {
        return traits.grid();
    }

    @Override
    public Optional<CodeReader> codeReader() {
        return traits.grid().isPresent() && kernel instanceof CodeKernel codes
                ? Optional.of((_, region, planes, target) -> read(codes, region, planes[0], target)) : Optional.empty();
    }

    private void read(CodeKernel kernel, Region region, MemorySegment plane, Codes target) {
        Grid grid = traits.grid().orElseThrow();
        int group = ((Grid.Granularity.Group) grid.granularity()).size();
        int rows = Math.toIntExact(region.rowCount());
        int columns = Math.toIntExact(region.columnCount());
        target.resize(rows, columns, group, grid.zero() != Grid.Zero.NONE);
        byte[] stage = new byte[blockBytes()];
        int blocks = region.elements() / blockColumns();
        for (int i = 0; i < blocks; i++) {
            MemorySegment.copy(plane, ValueLayout.JAVA_BYTE, (long) i * blockBytes(), stage, 0, stage.length);
            int element = i * blockColumns();
            kernel.readCodes(stage, 0, target.codes(), element, target.scales(), target.zeros(), element / group);
        }
    }

    @Override
    public Optional<CodeWriter> codeWriter() {
        return traits.single().isPresent() && kernel instanceof CodeKernel codes
                ? Optional.of((_, _, source, planes) -> write(codes, source, planes[0])) : Optional.empty();
    }

    private void write(CodeKernel kernel, Codes source, MemorySegment plane) {
        byte[] stage = new byte[blockBytes()];
        int rowBlocks = source.columns() / blockColumns();
        for (int row = 0; row < source.rows(); row++) {
            for (int i = 0; i < rowBlocks; i++) {
                int column = i * blockColumns();
                float scale = source.scales()[row * source.groups() + column / source.groupColumns()];
                kernel.writeCodes(source.codes(), row * source.columns() + column, scale, stage, 0);
                checkHalves(stage, 1, row * rowBlocks + i, rowBlocks);
                MemorySegment.copy(stage, 0, plane, ValueLayout.JAVA_BYTE, ((long) row * rowBlocks + i) * blockBytes(), stage.length);
            }
        }
    }

    /// Integers among the levels move in when no block spans two scales; scales round to half precision when their type is wider.
    @Override
    public Carriage carries(Grid other, Shape shape) {
        if (traits.single().isEmpty() || !(other.levels() instanceof Grid.Levels.Range range) || !traits.single().get().contains(range)
                || other.zero() != Grid.Zero.NONE || misfit(shape).isPresent()) {
            return Carriage.NO;
        }
        long group = other.groupColumns(shape);
        if (group % blockColumns() != 0 && group < shape.columns()) {
            return Carriage.NO;
        }
        return other.scale().exactIn(DenseType.F16) ? Carriage.EXACT : Carriage.scalesRound(0x1p-11);
    }
}
