package io.github.weighbridge.gguf.encoding;

import io.github.weighbridge.encoding.BlockEncoding;
import io.github.weighbridge.encoding.Carriage;
import io.github.weighbridge.encoding.CodeReader;
import io.github.weighbridge.encoding.CodeWriter;
import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.KernelChoice;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.gguf.encoding.internal.BlockKernel;
import io.github.weighbridge.gguf.encoding.internal.BlockKernels;
import io.github.weighbridge.gguf.encoding.internal.CodeKernel;
import io.github.weighbridge.gguf.encoding.internal.ExactKernel;
import io.github.weighbridge.gguf.file.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A block type: stages bytes between memory segments and the kernels' arrays, and checks what goes in and comes out.
final class GgmlBlockEncoding extends BlockEncoding {
    /// Bytes staged at a time: with the numbers they stand for they stay within the first two levels of cache.
    private static final int STAGE_BYTES = 16 << 10;
    private static final int HALF_EXPONENT = 0x7c00;
    private static final String EXACT = "exact";

    private final BlockTraits traits;
    private final KernelChoice<BlockKernels> checks;
    private final @Nullable BlockKernel kernel;
    private final @Nullable KernelChoice<BlockKernel> choice;
    private final int stageBlocks;

    GgmlBlockEncoding(GgmlType type, BlockTraits traits, KernelChoice<BlockKernels> kernels) {
        super(type.name(), traits.codeBits(), type.blockElements(), type.blockBytes());
        this.traits = traits;
        this.checks = kernels;
        this.kernel = kernels.plain().of(type);
        BlockKernel plain = kernel;
        this.choice = plain == null ? null
                : new KernelChoice<>(plain, () -> Objects.requireNonNullElse(kernels.best().of(type), plain));
        this.stageBlocks = Math.max(1, STAGE_BYTES / type.blockBytes());
    }

    @Override
    protected boolean canDecode() {
        return kernel != null;
    }

    private KernelChoice<BlockKernel> choice() {
        if (choice == null) {
            throw new UnsupportedOperationException(name() + " cannot be decoded");
        }
        return choice;
    }

    private byte[] stage(int blocks) {
        return new byte[Math.min(blocks, stageBlocks) * blockBytes()];
    }

    @Override
    public void decodeBlocks(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int blocks) {
        KernelChoice<BlockKernel> kernels = choice();
        byte[] stage = stage(blocks);
        for (int done = 0; done < blocks; done += stageBlocks) {
            int count = Math.min(stageBlocks, blocks - done);
            long from = sourceOffset + (long) done * blockBytes();
            MemorySegment.copy(source, ValueLayout.JAVA_BYTE, from, stage, 0, count * blockBytes());
            int to = targetOffset + done * blockColumns();
            kernels.run(count, blockColumns(),
                    (decoding, i, n) -> decoding.decode(stage, i * blockBytes(), target, to + i * blockColumns(), n));
        }
    }

    @Override
    protected Optional<BlockEncoder> blockEncoder(EncoderInputs inputs) {
        // The search has one form at a time: it is slow where the compiler has seen both.
        if (inputs.method().equals(EXACT) && choice != null && choice.best() instanceof ExactKernel exact) {
            ExactKernel.Source type = sourceOf(inputs.sourceType());
            return Optional.of((source, sourceOffset, target, targetOffset, blocks, firstBlock, rowBlocks) -> encode(
                    new Numbers(source, sourceOffset, firstBlock, rowBlocks),
                    (from, _, stage, count) -> exact.encodeExact(source, from, type, stage, 0, count), target, targetOffset, 0, blocks));
        }
        if (kernel == null || !kernel.encodes() || !inputs.method().equals("plain")) {
            return Optional.empty();
        }
        float[] importance = kernel.weighing() == BlockKernel.Weighing.NONE ? null : inputs.importance().orElse(null);
        return Optional.of((source, sourceOffset, target, targetOffset, blocks, firstBlock, rowBlocks) -> {
            Numbers numbers = new Numbers(source, sourceOffset, firstBlock, rowBlocks);
            if (importance == null) {
                encode(numbers, (from, _, stage, count) -> choice().run(count, blockColumns(),
                        (encoding, i, n) -> encoding.encode(source, from + i * blockColumns(), stage, i * blockBytes(), n)), target,
                        targetOffset,
                        0, blocks);
            } else {
                encodeWeighted(numbers, importance, target, targetOffset, blocks);
            }
        });
    }

    /// Numbers to encode and where in a row they begin.
    private static final class Numbers {
        final float[] source;
        final int offset;
        final int firstBlock;
        final int rowBlocks;

        Numbers(float[] source, int offset, int firstBlock, int rowBlocks) {
            this.source = source;
            this.offset = offset;
            this.firstBlock = firstBlock;
            this.rowBlocks = rowBlocks;
        }
    }

    /// Encodes row by row, since weights belong to columns and some recipes need to know the whole row.
    private void encodeWeighted(Numbers numbers, float[] importance, MemorySegment target, long targetOffset, int blocks) {
        int columns = Math.multiplyExact(numbers.rowBlocks, blockColumns());
        if (importance.length != columns) {
            throw new IllegalArgumentException(importance.length + " weights of importance for rows of " + columns);
        }
        boolean wholeRows = choice().plain().weighing() == BlockKernel.Weighing.ROW;
        if (wholeRows && (numbers.firstBlock != 0 || blocks % numbers.rowBlocks != 0)) {
            throw new IllegalArgumentException(name() + " with importance is encoded in whole rows");
        }
        for (int begin = 0; begin < blocks;) {
            int end = Math.min(blocks, begin + numbers.rowBlocks - (numbers.firstBlock + begin) % numbers.rowBlocks);
            float meanSquare = wholeRows ? meanSquare(numbers.source, numbers.offset + begin * blockColumns(), columns) : 0;
            encode(numbers,
                    (from, column, stage, count) -> choice().run(count, blockColumns(),
                            (encoding, i, n) -> encoding.encodeWeighted(numbers.source, from + i * blockColumns(), importance,
                                    column + i * blockColumns(), meanSquare, stage, i * blockBytes(), n)),
                    target, targetOffset, begin, end);
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

    /// Encodes some blocks.
    @FunctionalInterface
    private interface Recipe {
        /// Fills a stage.
        ///
        /// @param from index of the first number
        /// @param column of the first number within its row
        void encode(int from, int column, byte[] stage, int count);
    }

    private static ExactKernel.Source sourceOf(Optional<DenseType> type) {
        return type.map(known -> switch (known) {
            case BF16 -> ExactKernel.Source.BF16;
            case F16 -> ExactKernel.Source.F16;
            case F64, F32, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> ExactKernel.Source.F32;
        }).orElse(ExactKernel.Source.UNKNOWN);
    }

    /// Encodes blocks `begin` to `end` of those given.
    private void encode(Numbers numbers, Recipe recipe, MemorySegment target, long targetOffset, int begin, int end) {
        byte[] stage = stage(end - begin);
        for (int done = begin; done < end; done += stageBlocks) {
            int count = Math.min(stageBlocks, end - done);
            int from = numbers.offset + done * blockColumns();
            int culprit = firstNotFinite(numbers.source, from, count);
            if (culprit >= 0) {
                int block = (culprit - numbers.offset) / blockColumns();
                throw refused(numbers.firstBlock + block, numbers.rowBlocks, "there is a value of " + numbers.source[culprit]);
            }
            recipe.encode(from, (numbers.firstBlock + done) % numbers.rowBlocks * blockColumns(), stage, count);
            checkHalves(stage, count, numbers.firstBlock + done, numbers.rowBlocks);
            MemorySegment.copy(stage, 0, target, ValueLayout.JAVA_BYTE, targetOffset + (long) done * blockBytes(), count * blockBytes());
        }
    }

    private int firstNotFinite(float[] source, int from, int blocks) {
        int[] culprit = {-1};
        checks.run(blocks, blockColumns(), (kernels, i, n) -> {
            if (culprit[0] < 0) {
                culprit[0] = kernels.firstNotFinite(source, from + i * blockColumns(), n * blockColumns());
            }
        });
        return culprit[0];
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
        return traits.guest().isPresent() && kernel instanceof CodeKernel codes
                ? Optional.of((_, _, source, planes) -> write(codes, source, planes[0])) : Optional.empty();
    }

    private void write(CodeKernel kernel, Codes source, MemorySegment plane) {
        byte[] stage = new byte[blockBytes()];
        int group = guestGroup();
        float[] scales = new float[blockColumns() / group];
        int rowBlocks = source.columns() / blockColumns();
        for (int row = 0; row < source.rows(); row++) {
            for (int i = 0; i < rowBlocks; i++) {
                int column = i * blockColumns();
                for (int j = 0; j < scales.length; j++) {
                    scales[j] = source.scales()[row * source.groups() + (column + j * group) / source.groupColumns()];
                }
                kernel.writeCodes(source.codes(), row * source.columns() + column, scales, stage, 0);
                checkHalves(stage, 1, row * rowBlocks + i, rowBlocks);
                MemorySegment.copy(stage, 0, plane, ValueLayout.JAVA_BYTE, ((long) row * rowBlocks + i) * blockBytes(), stage.length);
            }
        }
    }

    private int guestGroup() {
        return ((Grid.Granularity.Group) traits.guest().orElseThrow().granularity()).size();
    }

    /// Codes among the levels move in when none of the block's own groups spans two scales. Scales of half precision round when theirs are
    /// wider; other types of scale must be the same.
    @Override
    public Carriage carries(Grid other, Shape shape) {
        if (traits.guest().isEmpty() || misfit(shape).isPresent() || other.zero() != Grid.Zero.NONE) {
            return Carriage.NO;
        }
        Grid guest = traits.guest().get();
        boolean levelsFit = switch (guest.levels()) {
            case Grid.Levels.Range range -> other.levels() instanceof Grid.Levels.Range others && range.contains(others);
            case Grid.Levels.Table table -> other.levels() instanceof Grid.Levels.Table others && table.values().equals(others.values());
        };
        long group = other.groupColumns(shape);
        if (!levelsFit || group % guestGroup() != 0 && group < shape.columns() || other.signedScale() && !guest.signedScale()) {
            return Carriage.NO;
        }
        // An outer scale is taken into those of the groups.
        if ((other.outer() ? DenseType.F32 : other.scale()).exactIn(guest.scale())) {
            return Carriage.EXACT;
        }
        return guest.scale() == DenseType.F16 ? Carriage.scalesRound(0x1p-11) : Carriage.NO;
    }
}
