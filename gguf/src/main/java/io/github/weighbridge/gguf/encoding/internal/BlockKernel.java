package io.github.weighbridge.gguf.encoding.internal;

/// Arithmetic of one block type on Java arrays. Stateless, so safe for use by many threads.
///
/// Kernels work on arrays and not on memory segments because one call site then sees one kind of memory, which is what lets the
/// compiler keep vectors in registers. Callers see to it that there is room.
public interface BlockKernel {
    /// What a recipe makes of the weights of an importance matrix.
    enum Weighing {
        /// It has no use for them.
        NONE,
        /// It weighs the columns of a block.
        BLOCK,
        /// It also needs to know the mean square of the row.
        ROW
    }

    /// Turns blocks into numbers.
    ///
    /// @param blocks holds the blocks
    /// @param at byte of the first
    /// @param target receives the numbers
    /// @param targetOffset index of the first number
    /// @param count number of blocks
    void decode(byte[] blocks, int at, float[] target, int targetOffset, int count);

    /// Whether [#encode] works.
    default boolean encodes() {
        return false;
    }

    /// Turns numbers into blocks. Every byte of a block is written. The numbers are finite; a scale may still turn out infinite.
    ///
    /// @param source holds the numbers
    /// @param sourceOffset index of the first
    /// @param blocks receives the blocks
    /// @param at byte of the first block
    /// @param count number of blocks
    default void encode(float[] source, int sourceOffset, byte[] blocks, int at, int count) {
        throw new UnsupportedOperationException();
    }

    /// Whether [#encodeWeighted] is of use.
    default Weighing weighing() {
        return Weighing.NONE;
    }

    /// Turns numbers of one row into blocks, minding that some columns matter more.
    ///
    /// @param source holds the numbers
    /// @param sourceOffset index of the first
    /// @param importance holds the weights of the row's columns
    /// @param column of the first number, which is the index of its weight
    /// @param meanSquare of the whole row, for recipes of [Weighing#ROW]
    /// @param blocks receives the blocks
    /// @param at byte of the first block
    /// @param count number of blocks
    default void encodeWeighted(float[] source, int sourceOffset, float[] importance, int column, float meanSquare, byte[] blocks, int at,
            int count) {
        throw new UnsupportedOperationException();
    }
}
