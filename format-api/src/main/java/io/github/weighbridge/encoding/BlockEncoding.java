package io.github.weighbridge.encoding;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/// Base of encodings that keep everything in one plane as a run of equal blocks: dense types (blocks of one) and GGML's quantised types.
/// Rows are whole numbers of blocks and lie one behind the other.
public abstract class BlockEncoding implements Encoding {
    private final String name;
    private final int codeBits;
    private final int blockColumns;
    private final int blockBytes;

    /// An encoding of blocks.
    ///
    /// @param name see [Encoding#name]
    /// @param codeBits see [Encoding#codeBits]
    /// @param blockColumns elements of a block
    /// @param blockBytes bytes of a block
    protected BlockEncoding(String name, int codeBits, int blockColumns, int blockBytes) {
        this.name = name;
        this.codeBits = codeBits;
        this.blockColumns = blockColumns;
        this.blockBytes = blockBytes;
    }

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final int codeBits() {
        return codeBits;
    }

    /// Elements of a block.
    public final int blockColumns() {
        return blockColumns;
    }

    /// Bytes of a block.
    public final int blockBytes() {
        return blockBytes;
    }

    @Override
    public final List<Plane> planes() {
        return List.of(Plane.SINGLE);
    }

    @Override
    public final Optional<String> misfit(Shape shape) {
        return shape.columns() % blockColumns == 0 ? Optional.empty()
                : Optional.of("rows of " + shape.columns() + " are no multiple of " + blockColumns);
    }

    @Override
    public final long planeBytes(int plane, Shape shape) {
        return Math.multiplyExact(shape.elements() / blockColumns, blockBytes);
    }

    @Override
    public final ByteRange planeRange(int plane, Shape shape, Region region) {
        long begin = (region.rowBegin() * shape.columns() + region.columnBegin()) / blockColumns * blockBytes;
        // A range is also asked of rows that nobody means to hold in memory.
        return new ByteRange(begin, Math.multiplyExact(region.rowCount(), region.columnCount()) / blockColumns * blockBytes);
    }

    @Override
    public final int columnUnit(Shape shape) {
        return blockColumns;
    }

    /// Whether [#decodeBlocks] works.
    protected abstract boolean canDecode();

    /// The block kernel of a recipe; empty when the encoding has no such recipe.
    protected Optional<BlockEncoder> blockEncoder(EncoderInputs inputs) {
        return Optional.empty();
    }

    /// Decodes blocks that lie one behind the other.
    ///
    /// @param source little-endian blocks
    /// @param sourceOffset byte of the first
    /// @param target receives `blocks x blockColumns` numbers
    /// @param targetOffset index of the first
    /// @param blocks number of blocks
    public abstract void decodeBlocks(MemorySegment source, long sourceOffset, float[] target, int targetOffset, int blocks);

    @Override
    public final Optional<Decoder> decoder() {
        if (!canDecode()) {
            return Optional.empty();
        }
        return Optional
                .of((_, region, planes, target, offset) -> decodeBlocks(planes[0], 0, target, offset, region.elements() / blockColumns));
    }

    @Override
    public final Optional<Encoder> encoder(EncoderInputs inputs) {
        return blockEncoder(inputs).map(kernel -> (shape, region, source, offset, planes) -> {
            int blocks = region.elements() / blockColumns;
            kernel.encode(source, offset, planes[0], 0, blocks, (int) (region.columnBegin() / blockColumns),
                    (int) (shape.columns() / blockColumns));
        });
    }

    /// Encodes blocks that lie one behind the other.
    @FunctionalInterface
    protected interface BlockEncoder {
        /// Encodes a run of blocks.
        ///
        /// @param source numbers, `blocks x blockColumns` of them
        /// @param sourceOffset index of the first
        /// @param target receives the blocks
        /// @param targetOffset byte of the first
        /// @param blocks number of blocks
        /// @param firstBlock index of the first block within its row, for recipes that weigh columns
        /// @param rowBlocks blocks of a row
        void encode(float[] source, int sourceOffset, MemorySegment target, long targetOffset, int blocks, int firstBlock, int rowBlocks);
    }

    /// The name.
    @Override
    public final String toString() {
        return name;
    }
}
