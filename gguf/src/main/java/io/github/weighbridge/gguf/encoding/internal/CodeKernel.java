package io.github.weighbridge.gguf.encoding.internal;

/// Takes codes out of single blocks of one type and puts them in. Stateless, so safe for use by many threads.
public interface CodeKernel {
    /// Takes a block apart.
    ///
    /// @param block holds the block
    /// @param at its first byte
    /// @param codes receives a level for each element, or its index where levels come from a table
    /// @param codesOffset index of the first
    /// @param scales receives a scale for each group
    /// @param zeros receives for each group what is added, where the type has that
    /// @param scaleOffset index of the first in both
    void readCodes(byte[] block, int at, byte[] codes, int codesOffset, float[] scales, float[] zeros, int scaleOffset);

    /// Puts a block together, where the type takes codes from elsewhere.
    ///
    /// @param codes holds a level, or its index, for each element
    /// @param codesOffset index of the first
    /// @param scales holds a scale for each group that can have its own; each is rounded to the type of scales
    /// @param block receives the block, every byte of it
    /// @param at its first byte
    default void writeCodes(byte[] codes, int codesOffset, float[] scales, byte[] block, int at) {
        throw new UnsupportedOperationException();
    }
}
